package av

// #include "deinterlace.h"
// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// VideoDecoderOptions say how pictures are decoded.
type VideoDecoderOptions struct {
	// Threads is how many pictures are worked on at once; 0 is as many as there are
	// processors and one more. Each holds a picture, and one more packet has to come before
	// the first is done.
	Threads int
	// LowDelay decodes each packet at once: threads work on slices of one picture
	// instead of on several pictures.
	LowDelay bool
	// Hardware is "auto", "off" (also ""), or a device type of libav ("vaapi",
	// "cuda", "qsv", "videotoolbox", "d3d11va"). What does not open falls back to
	// software; Note says so.
	Hardware string
	// Canvas is the colour that frames are converted to; not set means media.Rec709.
	Canvas media.ColorInfo
	// Deinterlace makes whole pictures of those that are flagged as interlaced: one of each
	// field where Rate, the pictures a second that are shown, is not below the fields a
	// second, else one of each frame.
	Deinterlace bool
	Rate        media.Rational
}

const (
	// playingThreads is how many threads decode up to playingPixels a second (1080p60): at
	// that size one processor of today keeps up, and the rest is for seeking. A source that
	// waits has a picture for each of them in memory.
	playingThreads = 4
	playingPixels  = 1920 * 1080 * 60
	// One thread plays H.264 of up to lightPixels a second (1080p30) and lightBPS: at 8 Mb/s that is a fifth
	// of a processor of 2024. With two it is 5 % more work and 10 to 20 MB more memory.
	lightPixels = 1920 * 1080 * 30
	lightBPS    = 20_000_000
)

// maxPixels bounds what is decoded to the size of the largest canvas: libavcodec's own bound is four
// times that, and a decoder and what waits behind it hold some fifty pictures, so that a few kB
// of a stream could take all memory there is.
const maxPixels = 8192 * 8192

// PlayingThreads is how many threads should decode in's pictures for being watched from its beginning
// on, and for being sought in, where a whole group of pictures is decoded at once; 0, as many as
// libavcodec thinks good, for what is larger or faster than 1080p60.
func PlayingThreads(in *Input) (playing, sought int) {
	s := in.video
	rate := 60.0
	if s.FPS.IsSet() {
		rate = s.FPS.Float()
	}
	pixels := float64(s.Width) * float64(s.Height) * rate
	if pixels > playingPixels*1.01 {
		return 0, 0
	}
	sought = min(playingThreads, runtime.NumCPU())
	bps := int64(s.BitrateBPS)
	if bps == 0 {
		bps = in.ctx.BitRate() // of the whole file, by its size
	}
	if s.Codec == "h264" && pixels <= lightPixels*1.01 && 0 < bps && bps <= lightBPS {
		return 1, sought
	}
	return sought, sought
}

// RenderingThreads is how many threads should decode in's pictures as fast as they are taken by
// what encodes them: half of the processors where one thread would do to play them, else as many as
// libavcodec thinks good (0).
func RenderingThreads(in *Input) int {
	if playing, _ := PlayingThreads(in); playing == 1 {
		return max(runtime.NumCPU()/2, 1)
	}
	return 0
}

// VideoDecoder turns packets into frames on the canvas's terms: I420 or NV12 in its
// colour, by reference where the stream has that already; RGBA (not premultiplied)
// where the stream has alpha; turned upright; sample aspect ratio in Frame.SAR.
type VideoDecoder struct {
	stream  *Stream
	opt     VideoDecoderOptions
	ctx     *astiav.CodecContext
	device  *astiav.HardwareDeviceContext
	hwName  string
	frames  *framePool
	convert converter
	deint   deinterlacer
	woven   bool              // the container says that the pictures are interlaced
	matrix  astiav.ColorSpace // of the stream, for pictures that say nothing
	note    string
	skip    atomic.Bool
	skipped bool // what the context is set to
	number  int64
	last    time.Duration
	step    time.Duration
	damaged int64
}

// NewVideoDecoder opens a decoder for s.
func NewVideoDecoder(s *Stream, opt VideoDecoderOptions) (*VideoDecoder, error) {
	if s == nil {
		return nil, ErrNoStream
	}
	if max(s.Width, s.Height) > media.MaxSide {
		return nil, fmt.Errorf("av: its pictures of %dx%d are too large: at most %d pixels are taken on a side", s.Width, s.Height, media.MaxSide)
	}
	if s.Width > 0 && s.Height > maxPixels/s.Width {
		return nil, fmt.Errorf("av: its pictures of %dx%d are too large: at most %d megapixels are taken", s.Width, s.Height, maxPixels/1_000_000)
	}
	d := &VideoDecoder{stream: s, opt: opt, frames: &framePool{}}
	d.convert = converter{canvas: orDefault(opt.Canvas), sar: s.saidSAR, scaler: Scaler{quality: Bicubic}}
	d.step = 40 * time.Millisecond
	if s.FPS.IsSet() {
		d.step = media.TickTime(1, s.FPS)
	}
	d.last = -d.step
	d.deint = newDeinterlacer(s, opt)
	d.matrix = s.params.ColorSpace()
	switch {
	case opt.Hardware == "" || opt.Hardware == "off":
	case s.apart == apartKept:
		d.note = "decoding in software: no device knows its transparency"
	case d.openHardware():
		return d, nil
	}
	if err := d.open(nil, 0); err != nil {
		return nil, fmt.Errorf("av: open the %s decoder: %w", s.Codec, err)
	}
	return d, nil
}

func (d *VideoDecoder) open(device *astiav.HardwareDeviceContext, format astiav.PixelFormat) error {
	ctx := astiav.AllocCodecContext(d.stream.codec)
	if err := d.stream.params.ToCodecContext(ctx); err != nil {
		ctx.Free()
		return reason(err)
	}
	d.woven = C.cp_codec_interlaced((*C.AVCodecContext)(ctx.UnsafePointer())) != 0
	tb := d.stream.TimeBase
	C.cp_codec_packet_timebase((*C.AVCodecContext)(ctx.UnsafePointer()), C.int(tb.Num), C.int(tb.Den))
	C.cp_codec_max_pixels((*C.AVCodecContext)(ctx.UnsafePointer()), maxPixels)
	ctx.SetThreadCount(d.opt.Threads)
	if d.opt.LowDelay {
		ctx.SetThreadType(astiav.ThreadTypeSlice)
		ctx.SetFlags(ctx.Flags().Add(astiav.CodecContextFlagLowDelay))
	}
	if device != nil {
		ctx.SetThreadCount(1)
		ctx.SetHardwareDeviceContext(device)
		// Frames downstream hold surfaces only until they are transferred.
		ctx.SetPixelFormatCallback(func(offered []astiav.PixelFormat) astiav.PixelFormat {
			if slices.Contains(offered, format) {
				return format
			}
			return offered[len(offered)-1] // libav lists the software format last
		})
	}
	if err := ctx.Open(d.stream.codec, nil); err != nil {
		ctx.Free()
		return reason(err)
	}
	d.ctx, d.skipped = ctx, false
	return nil
}

// preference is the order in which "auto" tries devices: the platform's own first.
var preference = [...]string{"videotoolbox", "d3d11va", "vaapi", "cuda", "qsv"}

func (d *VideoDecoder) openHardware() bool {
	want := preference[:]
	if d.opt.Hardware != "auto" {
		want = []string{d.opt.Hardware}
	}
	var tried []string
	for _, name := range want {
		for _, c := range d.stream.codec.HardwareConfigs() {
			if c.HardwareDeviceType().Name() != name || !c.MethodFlags().Has(astiav.CodecHardwareConfigMethodFlagHwDeviceCtx) {
				continue
			}
			device, err := astiav.CreateHardwareDeviceContext(c.HardwareDeviceType(), "", nil, 0)
			if err != nil {
				tried = append(tried, name)
				continue
			}
			if err = d.open(device, c.PixelFormat()); err != nil {
				device.Free()
				tried = append(tried, name)
				continue
			}
			d.device, d.hwName = device, name
			d.note = "decoding with " + name
			return true
		}
	}
	d.note = "decoding in software: no device of "
	if len(tried) > 0 {
		d.note += strings.Join(tried, ", ") + " opens"
	} else {
		d.note += d.opt.Hardware + " decodes " + d.stream.Codec
	}
	return false
}

// Note says how pictures are decoded where there was a choice, and what is missing of them; empty otherwise.
func (d *VideoDecoder) Note() string {
	var notes []string
	if d.note != "" {
		notes = append(notes, d.note)
	}
	switch {
	case !d.woven:
	case d.deint.on && d.deint.fields:
		notes = append(notes, "interlaced, each field a picture")
	case d.deint.on:
		notes = append(notes, "interlaced, each two fields a picture")
	default:
		notes = append(notes, "interlaced")
	}
	if d.stream.apart == apartLost {
		notes = append(notes, "its transparency is missing: the FFmpeg on this machine is built without libvpx")
	}
	return strings.Join(notes, ", ")
}

// SetSkipNonRef leaves pictures undecoded that no other refers to. Any goroutine.
func (d *VideoDecoder) SetSkipNonRef(skip bool) { d.skip.Store(skip) }

// Damaged counts packets that could not be decoded.
func (d *VideoDecoder) Damaged() int64 { return d.damaged }

// Send hands a packet over; nil says that the stream is over. ErrAgain means that
// Receive has to be called first. A damaged packet is counted, not an error.
func (d *VideoDecoder) Send(p *InputPacket) error {
	if skip := d.skip.Load(); skip != d.skipped {
		C.cp_codec_skip((*C.AVCodecContext)(d.ctx.UnsafePointer()), C.int(boolInt(skip)))
		d.skipped = skip
	}
	return send(d.ctx, p, &d.damaged)
}

func send(ctx *astiav.CodecContext, p *InputPacket, damaged *int64) error {
	var pkt *astiav.Packet
	if p != nil {
		pkt = p.pkt
	}
	switch err := ctx.SendPacket(pkt); {
	case err == nil, errors.Is(err, astiav.ErrEof):
		return nil
	case errors.Is(err, astiav.ErrEagain):
		return ErrAgain
	case isDamage(err):
		*damaged++
		return nil
	default:
		return wrap("decode", err)
	}
}

// Receive returns the next frame in display order, which is the caller's. ErrAgain
// means that another packet is needed, io.EOF that the stream is over. PTS is on the
// input's timeline; a picture without one gets one frame more than its predecessor.
func (d *VideoDecoder) Receive() (*media.Frame, error) {
	for {
		if d.deint.graph != nil {
			n := d.frames.get()
			pts, err := d.deint.pull(n)
			if err == nil {
				return d.finish(n, pts)
			}
			d.frames.put(n)
			if !errors.Is(err, ErrAgain) {
				d.deint.close()
				return nil, err
			}
		}
		n, info, err := d.decoded()
		switch {
		case errors.Is(err, io.EOF) && d.deint.graph != nil:
			if err := d.deint.end(); err != nil {
				return nil, err
			}
			continue
		case err != nil:
			return nil, err
		}
		pts := d.pts(int64(info.pts))
		if !d.deint.wants(n, info.interlaced != 0) {
			return d.finish(n, pts)
		}
		err = d.deint.push(n, pts)
		d.frames.put(n)
		if err != nil {
			return nil, err
		}
	}
}

// decoded is the decoder's next picture, in memory.
func (d *VideoDecoder) decoded() (n *native, info C.cp_info, err error) {
	for {
		n = d.frames.get()
		if err := d.ctx.ReceiveFrame(n.frame); err != nil {
			d.frames.put(n)
			switch {
			case errors.Is(err, astiav.ErrEagain):
				return nil, info, ErrAgain
			case errors.Is(err, astiav.ErrEof):
				return nil, info, io.EOF
			case errors.Is(err, astiav.ErrInvaliddata):
				d.damaged++
				continue
			}
			return nil, info, wrap("decode", err)
		}
		if d.stream.apart == apartKept && n.frame.ColorSpace() == astiav.ColorSpaceUnspecified {
			// Of VP8 libvpx says none, in the place of what the container says.
			n.frame.SetColorSpace(d.matrix)
		}
		C.cp_frame_info(cFrame(n.frame), &info)
		if info.hw == 0 {
			return n, info, nil
		}
		down := d.frames.get()
		err := n.frame.TransferHardwareData(down.frame)
		if err == nil {
			C.av_frame_copy_props(cFrame(down.frame), cFrame(n.frame))
		}
		d.frames.put(n)
		if err == nil {
			return down, info, nil
		}
		d.frames.put(down)
		if e := d.fallBack(err); e != nil {
			return nil, info, e
		}
	}
}

// finish makes a frame of a picture that is as it is to be shown.
func (d *VideoDecoder) finish(n *native, pts time.Duration) (*media.Frame, error) {
	f, err := d.convert.take(n)
	if err != nil {
		return nil, err
	}
	f.PTS = pts
	f.Number = d.number
	d.number++
	return f, nil
}

// FieldStep is how long a picture lasts where each field of the stream becomes one, as far as
// the container says that it is interlaced; 0 where not.
func (d *VideoDecoder) FieldStep() time.Duration {
	if d.woven && d.deint.on && d.deint.fields {
		return d.deint.step
	}
	return 0
}

func (d *VideoDecoder) pts(v int64) time.Duration {
	t := d.last + d.step
	if v != astiav.NoPtsValue {
		t = media.TimeOf(v, d.stream.TimeBase)
	}
	d.last = t
	return t
}

// fallBack goes on in software after a device failed; pictures return with the next keyframe.
func (d *VideoDecoder) fallBack(cause error) error {
	if d.device == nil {
		return wrap("decode", cause)
	}
	d.note = fmt.Sprintf("decoding in software: %s failed: %v", d.hwName, reason(cause))
	d.closeContext()
	if err := d.open(nil, 0); err != nil {
		return fmt.Errorf("av: open the %s decoder: %w", d.stream.Codec, err)
	}
	return nil
}

// Flush forgets what is half decoded: after Input.Seek.
func (d *VideoDecoder) Flush() {
	C.avcodec_flush_buffers((*C.AVCodecContext)(d.ctx.UnsafePointer()))
	d.deint.close()
}

// Restart is Flush, and threads (as in VideoDecoderOptions) decode from here on; what a device decodes
// stays with it. After an error the decoder can only be closed.
func (d *VideoDecoder) Restart(threads int) error {
	d.Flush()
	if d.device != nil || d.opt.Threads == threads {
		return nil
	}
	d.closeContext()
	d.opt.Threads = threads
	if err := d.open(nil, 0); err != nil {
		return fmt.Errorf("av: open the %s decoder: %w", d.stream.Codec, err)
	}
	return nil
}

func (d *VideoDecoder) closeContext() {
	if d.ctx == nil {
		return
	}
	if d.device != nil {
		d.ctx.SetPixelFormatCallback(nil)
	}
	d.ctx.Free()
	d.ctx = nil
	if d.device != nil {
		d.device.Free()
		d.device = nil
	}
}

// Close ends the decoder; frames it returned stay valid.
func (d *VideoDecoder) Close() {
	d.closeContext()
	d.deint.close()
	d.convert.close()
	d.frames.close()
}
