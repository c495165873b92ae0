package av

// #include "native.h"
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"syscall"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// VideoEncoderOptions describe one rendition's coding.
type VideoEncoderOptions struct {
	// Encoder is a name of the table, or "auto" (also ""): hardware when a trial
	// succeeds, else software. Hardware asked for by name falls back too; Note says so.
	Encoder string
	// Codec is what "auto" has to produce; not set means H.264.
	Codec         media.Codec
	Width, Height int            // even
	FPS           media.Rational // frames per second; its inverse is the track's time base
	BitrateBPS    int
	GOP           int    // frames from keyframe to keyframe; 0 means two seconds
	Preset        string // the encoder's own; "" is one that suits live work
	BFrames       int    // -1: the preset's; 0: none
	Threads       int    // 0: the encoder's choice
	// Repeatable: the same pictures give the same packets, on every machine and however
	// busy it is. The rate is kept on average only, because x264's control of a VBV looks
	// at how far its other threads have come, and Threads is not the caller's to choose.
	Repeatable bool
	Color      media.ColorInfo
	// Format is what most frames will have, so that they need no conversion: I420
	// (also when not set) or NV12. Software encoders take both.
	Format media.PixelFormat
}

func (o VideoEncoderOptions) withDefaults() VideoEncoderOptions {
	if o.Codec == "" {
		o.Codec = media.H264
	}
	o.Color = orDefault(o.Color)
	if o.GOP == 0 && o.FPS.IsSet() {
		o.GOP = int((2*o.FPS.Num + o.FPS.Den - 1) / o.FPS.Den)
	}
	if o.Format == 0 {
		o.Format = media.I420
	}
	if o.Repeatable {
		o.Threads = 1
	}
	return o
}

func (o VideoEncoderOptions) check() error {
	switch {
	case o.Width < 16 || o.Height < 16 || o.Width%2 != 0 || o.Height%2 != 0:
		return fmt.Errorf("av: encode: the size %dx%d must be even and at least 16x16", o.Width, o.Height)
	case !o.FPS.IsSet():
		return errors.New("av: encode: the frame rate is not set")
	case o.BitrateBPS < 10_000:
		return fmt.Errorf("av: encode: a bitrate of %d b/s is too low", o.BitrateBPS)
	case o.Preset != "" && !KnownPreset(o.Preset):
		return fmt.Errorf("av: encode: no encoder has a preset %q", o.Preset)
	case o.GOP < 1:
		return fmt.Errorf("av: encode: a keyframe every %d frames", o.GOP)
	}
	return nil
}

// VideoEncoder makes packets of frames. Time stamps are frame numbers.
type VideoEncoder struct {
	opt    VideoEncoderOptions
	row    Encoder
	ctx    *astiav.CodecContext
	track  media.Track
	note   string
	format media.PixelFormat // of the pictures in memory that it is given

	pkt     *astiav.Packet
	ref     *astiav.Frame   // the reference that goes to the encoder
	memory  []*astiav.Frame // pictures copied to; reused once the encoder has let go
	scaler  Scaler
	from    image.Point      // size of the newest picture that was scaled
	flat    *media.FramePool // for pictures that are converted before they are deepened
	upload  *surfaces
	lastPTS int64
	lastGOP int64 // grid index of the newest forced keyframe
	started bool
}

// NewVideoEncoder opens an encoder. Its Track is complete at once.
func NewVideoEncoder(opt VideoEncoderOptions) (*VideoEncoder, error) {
	opt = opt.withDefaults()
	if err := opt.check(); err != nil {
		return nil, err
	}
	var rows []Encoder
	var named *Encoder
	for _, row := range Encoders() {
		if row.Name == opt.Encoder {
			named = &row
			opt.Codec = row.Codec
		}
	}
	if named == nil && opt.Encoder != "auto" && opt.Encoder != "" {
		return nil, fmt.Errorf("av: no encoder %q", opt.Encoder)
	}
	switch {
	case named != nil && !named.Hardware:
		rows = []Encoder{*named}
	default: // hardware first; for one asked for by name only that one
		for _, row := range Encoders() {
			if row.Codec == opt.Codec && row.Hardware && (named == nil || row.Name == named.Name) {
				rows = append(rows, row)
			}
		}
		for _, row := range Encoders() {
			if row.Codec == opt.Codec && !row.Hardware {
				rows = append(rows, row)
			}
		}
	}
	var failed []string
	var last error
	for _, row := range rows {
		if row.Hardware {
			if last = trial(row, opt); last != nil {
				failed = append(failed, row.Name)
				continue
			}
		}
		e, err := openVideoEncoder(row, opt)
		if err != nil {
			last = err
			failed = append(failed, row.Name)
			continue
		}
		switch {
		case named != nil && row.Name != named.Name:
			e.note = fmt.Sprintf("encoding with %s: %s does not work here (%s)", row.Title, named.Title, noEncoder(*named, last))
		case len(failed) > 0:
			e.note = fmt.Sprintf("encoding with %s: no hardware encoder opens (%s)", row.Title, strings.Join(failed, ", "))
		}
		return e, nil
	}
	return nil, last
}

// trial encodes a few frames: that an encoder opens does not mean that it works.
func trial(row Encoder, opt VideoEncoderOptions) error {
	e, err := openVideoEncoder(row, opt)
	if err != nil {
		return err
	}
	defer e.Close()
	pool := media.NewFramePool(e.format, opt.Width, opt.Height, 1)
	got := 0
	for i := range int64(4) {
		f := pool.Get()
		f.Color = opt.Color
		f.Fill(byte(60+i), 128, 128)
		pkts, err := e.Encode(f, i, i == 2)
		f.Release()
		if err != nil {
			return err
		}
		got += len(pkts)
	}
	rest, err := e.Flush()
	if err != nil {
		return err
	}
	if got+len(rest) == 0 {
		return fmt.Errorf("av: %s gave no packets", row.Name)
	}
	return nil
}

func openVideoEncoder(row Encoder, opt VideoEncoderOptions) (_ *VideoEncoder, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("av: open %s: %w", row.Name, err)
		}
	}()
	codec := astiav.FindEncoderByName(row.Name)
	if codec == nil {
		return nil, errors.New("this FFmpeg was built without it")
	}
	e := &VideoEncoder{opt: opt, row: row, format: opt.Format, scaler: Scaler{quality: Bicubic}, lastPTS: -1 << 62, lastGOP: -1}
	if row.NV12 {
		e.format = media.NV12
	}
	if row.Name == "libx265" || row.Name == "libsvtav1" || row.Deep {
		e.format = media.I420
	}
	e.ctx = astiav.AllocCodecContext(codec)
	defer func() {
		if err != nil {
			e.upload.close()
			e.ctx.Free()
		}
	}()
	e.ctx.SetWidth(opt.Width)
	e.ctx.SetHeight(opt.Height)
	e.ctx.SetPixelFormat(astiav.PixelFormat(avFormat(e.format)))
	if row.Deep {
		e.ctx.SetPixelFormat(astiav.PixelFormatYuv422P10Le)
	}
	e.ctx.SetTimeBase(astiav.NewRational(int(opt.FPS.Den), int(opt.FPS.Num)))
	e.ctx.SetFramerate(astiav.NewRational(int(opt.FPS.Num), int(opt.FPS.Den)))
	e.ctx.SetSampleAspectRatio(astiav.NewRational(1, 1))
	C.cp_codec_color((*C.AVCodecContext)(e.ctx.UnsafePointer()), C.int(avMatrix(opt.Color.Matrix)), C.int(boolInt(opt.Color.Range == media.Full)))
	if row.Device != "" {
		if e.upload, err = newSurfaces(row, opt); err != nil {
			return nil, err
		}
		e.ctx.SetPixelFormat(e.upload.format)
		e.ctx.SetHardwareFramesContext(e.upload.frames)
	}
	dict := astiav.NewDictionary()
	defer dict.Free()
	list := row.options(row.own(opt))
	// A global header gives the parameter sets now; repeating them is asked for below
	// or, where the encoder cannot, done in collect.
	list = append(list, option{"flags", "+global_header"})
	if row.Name == "libx264" {
		list = append(list, option{"flags", "+cgop+global_header"}, option{"x264-params", x264Params(opt)})
	}
	if row.Deep {
		list = append(list, option{"flags", "+qscale+global_header"})
	}
	for _, o := range list {
		if err = dict.Set(o.name, o.value, 0); err != nil {
			return nil, reason(err)
		}
	}
	if err = e.ctx.Open(codec, dict); err != nil {
		return nil, reason(err)
	}
	if left := dict.Get("", nil, astiav.NewDictionaryFlags(astiav.DictionaryFlagIgnoreSuffix)); left != nil {
		return nil, fmt.Errorf("it does not know the option %q", left.Key())
	}
	extra := e.ctx.ExtraData()
	if row.Codec == media.H264 || row.Codec == media.HEVC {
		if extra = parameterSets(row.Codec, extra); extra == nil {
			return nil, errors.New("it gives no parameter sets")
		}
	}
	e.track = media.Track{
		Codec: row.Codec, TimeBase: opt.FPS.Inv(), Width: opt.Width, Height: opt.Height, FPS: opt.FPS,
		BitrateBPS: opt.BitrateBPS, Extradata: slices.Clone(extra),
		Color: codePoints(e.ctx.ColorPrimaries(), e.ctx.ColorTransferCharacteristic(), e.ctx.ColorSpace(), e.ctx.ColorRange()),
	}
	if row.Codec == media.ProRes {
		tag := uint32(C.cp_codec_tag((*C.AVCodecContext)(e.ctx.UnsafePointer())))
		e.track.FourCC = string([]byte{byte(tag), byte(tag >> 8), byte(tag >> 16), byte(tag >> 24)})
	}
	e.pkt, e.ref = astiav.AllocPacket(), astiav.AllocFrame()
	return e, nil
}

// ErrFixedBitrate: the encoder keeps the bitrate it was opened with. In FFmpeg 7.1 that is
// every one but x264 and NVENC: libx265 can be reconfigured, but libavcodec's wrapper never
// does, and its wrapper of SVT-AV1 has no way either.
var ErrFixedBitrate = errors.New("av: this encoder cannot change its bitrate while it runs")

// SetBitrate changes the bitrate, in b/s, from the next picture on: x264 and NVENC
// are reconfigured in place, with a VBV of a second of it. x264 makes no keyframe for it;
// NVENC's next picture is one, since libavcodec resets the encoder with it (nvenc.c,
// reconfig_encoder: resetEncoder and forceIDR). Others
// refuse with ErrFixedBitrate. What a Repeatable encoder makes then depends on when it was called.
func (e *VideoEncoder) SetBitrate(bps int) error {
	if e.row.Name != "libx264" && e.row.Name != "h264_nvenc" {
		return ErrFixedBitrate
	}
	if bps < 10_000 {
		return fmt.Errorf("av: encode: a bitrate of %d b/s is too low", bps)
	}
	C.cp_codec_bitrate((*C.AVCodecContext)(e.ctx.UnsafePointer()), C.int64_t(bps), C.int(boolInt(!e.opt.Repeatable)))
	return nil
}

// Track describes the stream.
func (e *VideoEncoder) Track() media.Track { return e.track }

// Name is the encoder in use, as in the table.
func (e *VideoEncoder) Name() string { return e.row.Name }

// Note says for the operator why another encoder than the one asked for is in use;
// empty otherwise.
func (e *VideoEncoder) Note() string { return e.note }

// Encode takes one picture, borrowed for the call, and returns the packets that are
// ready: none while the encoder looks ahead, sometimes several. pts is the frame
// number and must grow. Keyframes fall on multiples of GOP, and besides wherever
// forceKey says. Any format, size and colour is taken; what differs from the
// rendition's is converted, and another shape gets black bars. Packet.Time is set, Made is not.
func (e *VideoEncoder) Encode(f *media.Frame, pts int64, forceKey bool) ([]*media.Packet, error) {
	if pts <= e.lastPTS {
		return nil, fmt.Errorf("av: encode: frame %d comes after frame %d", pts, e.lastPTS)
	}
	// The grid is kept by frame number, so that dropped frames do not shift it.
	grid := floorDiv(pts, int64(e.opt.GOP))
	key := forceKey || !e.started || grid > e.lastGOP
	e.started, e.lastPTS, e.lastGOP = true, pts, grid

	frame, err := e.picture(f)
	if err != nil {
		return nil, err
	}
	defer e.ref.Unref()
	frame.SetPts(pts)
	C.cp_frame_key(cFrame(frame), C.int(boolInt(key)))
	C.cp_frame_color(cFrame(frame), C.int(avMatrix(e.opt.Color.Matrix)), C.int(boolInt(e.opt.Color.Range == media.Full)))
	if err := e.ctx.SendFrame(frame); err != nil {
		return nil, wrap("encode with "+e.row.Name, err)
	}
	return e.collect(nil)
}

// picture is a libav frame with f's content in e.ref: by reference where f already is
// what the encoder takes, else copied or converted once.
func (e *VideoEncoder) picture(f *media.Frame) (*astiav.Frame, error) {
	fits := f.Format == e.format && f.Width == e.opt.Width && f.Height == e.opt.Height && orDefault(f.Color) == e.opt.Color
	if e.row.Deep {
		return e.deepen(f, fits)
	}
	if n, ok := f.Native.(*native); ok && fits && e.upload == nil {
		if err := e.ref.Ref(n.frame); err != nil {
			return nil, wrap("encode", err)
		}
		// yuvj420p is the same planes under a name that encoders refuse.
		e.ref.SetPixelFormat(astiav.PixelFormat(avFormat(e.format)))
		return e.ref, nil
	}
	if size := image.Pt(f.Width, f.Height); size != e.from {
		// Bars that are painted fit another shape.
		e.from = size
		e.forget()
	}
	mem, fresh, err := e.free()
	if err != nil {
		return nil, err
	}
	view := media.Frame{Format: e.format, Width: e.opt.Width, Height: e.opt.Height, Color: e.opt.Color}
	view.Planes = wholePlanes(mem, e.format, e.opt.Width, e.opt.Height)
	if err := e.scaled(&view, f, !fresh); err != nil {
		return nil, err
	}
	if e.upload != nil {
		if err := e.upload.send(e.ref, mem); err != nil {
			return nil, wrap("encode with "+e.row.Name, err)
		}
		return e.ref, nil
	}
	if err := e.ref.Ref(mem); err != nil {
		return nil, wrap("encode", err)
	}
	return e.ref, nil
}

// deepen is a picture of 10 bits and 4:2:2 with f's content; fits says that f is I420 of
// the right size and colour. Its values are f's times four, and its chroma rows lie
// between f's at a quarter and three quarters, where 4:2:0 has them.
func (e *VideoEncoder) deepen(f *media.Frame, fits bool) (*astiav.Frame, error) {
	if !fits {
		if e.flat == nil {
			e.flat = media.NewFramePool(media.I420, e.opt.Width, e.opt.Height, 1)
		}
		flat := e.flat.Get()
		defer flat.Release()
		flat.Color = e.opt.Color
		if err := e.scaled(flat, f, false); err != nil {
			return nil, err
		}
		f = flat
	}
	mem, _, err := e.free()
	if err != nil {
		return nil, err
	}
	C.cp_deepen(cFrame(mem), planePtr(f, 0), planePtr(f, 1), planePtr(f, 2), C.int(f.Planes[0].Stride), C.int(f.Planes[1].Stride), C.int(f.Planes[2].Stride))
	if err := e.ref.Ref(mem); err != nil {
		return nil, wrap("encode", err)
	}
	return e.ref, nil
}

// free is a picture in memory that the encoder no longer refers to; fresh: nothing has
// been written to it yet.
func (e *VideoEncoder) free() (frame *astiav.Frame, fresh bool, err error) {
	for _, f := range e.memory {
		if f.IsWritable() {
			return f, false, nil
		}
	}
	format := astiav.PixelFormat(avFormat(e.format))
	if e.row.Deep {
		format = astiav.PixelFormatYuv422P10Le
	}
	f := allocFrame(format, e.opt.Width, e.opt.Height)
	if f == nil {
		return nil, false, syscall.ENOMEM
	}
	e.memory = append(e.memory, f)
	return f, true, nil
}

// forget lets go of the pictures in memory; the encoder keeps what it still refers to.
func (e *VideoEncoder) forget() {
	for _, f := range e.memory {
		f.Free()
	}
	e.memory = nil
}

func (e *VideoEncoder) collect(out []*media.Packet) ([]*media.Packet, error) {
	for {
		switch err := e.ctx.ReceivePacket(e.pkt); {
		case err == nil:
		case errors.Is(err, astiav.ErrEagain), errors.Is(err, astiav.ErrEof):
			return out, nil
		default:
			return out, wrap("encode with "+e.row.Name, err)
		}
		p := &media.Packet{
			Data: e.pkt.Data(), PTS: e.pkt.Pts(), DTS: e.pkt.Dts(), Duration: 1,
			Keyframe: e.pkt.Flags().Has(astiav.PacketFlagKey),
		}
		e.pkt.Unref()
		p.Time = media.TimeOf(p.PTS, e.track.TimeBase)
		p.Discardable = !p.Keyframe && discardable(e.row.Codec, p.Data)
		if p.Keyframe && (e.row.Codec == media.H264 || e.row.Codec == media.HEVC) && parameterSets(e.row.Codec, p.Data) == nil {
			p.Data = slices.Concat(e.track.Extradata, p.Data)
		}
		out = append(out, p)
	}
}

// Flush ends the stream and returns the packets still inside. Only Close may follow.
func (e *VideoEncoder) Flush() ([]*media.Packet, error) {
	if err := e.ctx.SendFrame(nil); err != nil && !errors.Is(err, astiav.ErrEof) {
		return nil, wrap("finish encoding", err)
	}
	return e.collect(nil)
}

// Close frees the encoder.
func (e *VideoEncoder) Close() {
	e.ctx.Free()
	e.pkt.Free()
	e.ref.Free()
	e.forget()
	e.scaler.Close()
	e.upload.close()
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// SettingsSEI is the settings text that x264 puts into its first keyframe, or "".
func SettingsSEI(accessUnit []byte) string {
	text := ""
	nals(accessUnit, func(nal []byte) bool {
		if nalType(media.H264, nal) != h264SEI {
			return true
		}
		if i := bytes.Index(nal, []byte("options: ")); i >= 0 {
			text = string(bytes.TrimRightFunc(nal[i+len("options: "):], func(r rune) bool { return r == 0 || r >= 0x80 }))
		}
		return text == ""
	})
	return text
}
