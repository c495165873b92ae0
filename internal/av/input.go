package av

// #include "native.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// InputOptions say how an input is opened; the zero value serves for files.
type InputOptions struct {
	// Format forces a demuxer or device ("v4l2", "x11grab", "lavfi", "mpegts").
	Format string
	// Options are libavformat's, passed on as they are. An unknown one is an error.
	Options map[string]string
	// LowDelay keeps libavformat from buffering and from probing for seconds.
	LowDelay bool
	// Timeout is how long opening, and each ReadPacket, may wait for data; 0 is for ever.
	Timeout time.Duration
	// ReadFrom, when set, supplies the bytes and the url is only a name. Its Read must
	// return soon after ctx ends: libav cannot interrupt it.
	ReadFrom io.Reader
	// VerifyPeers refuses servers whose certificates the system does not trust, as syscall.EIO.
	// libavformat 61 does so for what goes through its AVIOContexts, which RTSP and DASH's
	// segments do not.
	VerifyPeers bool
	// StreamOnly refuses playlists and descriptions of sessions, with ErrPlaylist: who sends them
	// would choose what is opened. It is for protocols without TLS, VerifyPeers has no effect then,
	// and for inputs without Format.
	StreamOnly bool
	// AllStreams: packets of every picture and sound stream are read, not only of the best
	// two; Streams lists them.
	AllStreams bool
}

// Stream describes one elementary stream of an input.
type Stream struct {
	Index    int
	Codec    string         // libavcodec's name, for example "h264", "pcm_s16le"
	TimeBase media.Rational // seconds per unit
	Start    time.Duration  // PTS of the first packet; 0 when not known
	Duration time.Duration  // 0 when not known (live)
	// BitrateBPS is what the container says; 0 when it says nothing.
	BitrateBPS int

	Width, Height int            // video, as coded, before rotation
	FPS           media.Rational // video; average, or guessed; not set when unknown
	SAR           media.Rational // video; not set means square
	Rotation      int            // video: degrees clockwise that bring it upright (0, 90, 180, 270)
	PixelFormat   string         // video, libav's name
	Color         media.ColorInfo

	SampleRateHz, Channels int // audio

	saidSAR media.Rational // what the container says of SAR, not the codec
	apart   apart          // what becomes of transparency that lies beside the pictures
	params  *astiav.CodecParameters
	codec   *astiav.Codec
}

// maxFPS is the highest rate that is believed. Of streams without a regular one libavformat
// guesses their time base: 1000 of Matroska's, 90000 of MPEG's.
const maxFPS = 300

// Input is an open demuxer.
type Input struct {
	ctx       *astiav.FormatContext
	io        *astiav.IOContext
	interrupt *astiav.IOInterrupter
	stop      func() bool // ends the watch on the context
	watchdog  *time.Timer
	timeout   time.Duration
	timedOut  atomic.Bool
	cancelled func() error // the context's error
	readErr   error        // what ReadFrom failed with
	where     string
	nonblock  bool
	done      <-chan struct{}

	video, audio *Stream
	all          []*Stream // with AllStreams
	duration     time.Duration
	start        time.Duration
}

// OpenInput opens url and finds its streams. ctx governs the input's whole life:
// when it ends, every blocking call returns within a fraction of a second with
// ctx's error (or io.EOF for devices that only notice the end). Errors name the
// host or the file, never the whole URL.
func OpenInput(ctx context.Context, url string, opt InputOptions) (*Input, error) {
	in := &Input{where: Where(url), timeout: opt.Timeout, cancelled: ctx.Err, done: ctx.Done()}
	in.interrupt = astiav.NewIOInterrupter()
	in.stop = context.AfterFunc(ctx, in.interrupt.Interrupt)
	in.watchdog = time.AfterFunc(math.MaxInt64, func() {
		in.timedOut.Store(true)
		in.interrupt.Interrupt()
	})
	in.watchdog.Stop()
	if err := in.open(url, opt); err != nil {
		in.Close()
		return nil, fmt.Errorf("av: open %s: %w", in.where, err)
	}
	return in, nil
}

func (in *Input) open(url string, opt InputOptions) error {
	dict := astiav.NewDictionary()
	defer dict.Free()
	for k, v := range opt.Options {
		if err := dict.Set(k, v, 0); err != nil {
			return reason(err)
		}
	}
	var format *astiav.InputFormat
	if opt.Format != "" {
		RegisterDevices()
		if format = astiav.FindInputFormat(opt.Format); format == nil {
			return fmt.Errorf("format %q is not supported", opt.Format)
		}
	}
	in.ctx = astiav.AllocFormatContext()
	if in.ctx == nil {
		return syscall.ENOMEM
	}
	flags := in.ctx.Flags()
	if opt.LowDelay {
		flags = flags.Add(astiav.FormatContextFlagNobuffer)
		// Time ends the probing. The size is a second of 80 Mb/s: with less, sound that MPEG-TS
		// packs for 0.4 s is not found in a feed of a high bit rate.
		for _, kv := range [][2]string{{"probesize", "10000000"}, {"analyzeduration", "1000000"}} {
			if _, set := opt.Options[kv[0]]; !set {
				if err := dict.Set(kv[0], kv[1], 0); err != nil {
					return reason(err)
				}
			}
		}
	}
	if strings.HasPrefix(opt.Format, "v4l2") || opt.Format == "video4linux2" {
		// A camera that stops delivering would block in the kernel for good, out
		// of reach of the interrupter; so ask without blocking, and wait here.
		in.nonblock = true
		flags = flags.Add(astiav.FormatContextFlagNonblock)
	}
	in.ctx.SetFlags(flags)
	in.ctx.SetIOInterrupter(in.interrupt)
	switch {
	case opt.StreamOnly:
		streamOnly(in.ctx)
	case opt.VerifyPeers:
		C.cp_verify_peers(cFormat(in.ctx))
	}
	if opt.ReadFrom != nil {
		var err error
		if in.io, err = astiav.AllocIOContext(32<<10, false, in.readFrom(opt.ReadFrom), nil, nil); err != nil {
			return reason(err)
		}
		in.ctx.SetPb(in.io)
		in.ctx.SetFlags(in.ctx.Flags().Add(astiav.FormatContextFlagCustomIo))
	}
	in.arm()
	defer in.disarm()
	if err := in.ctx.OpenInput(url, format, dict); err != nil {
		in.ctx = nil // libav has freed it
		return in.why(err)
	}
	if e := dict.Get("", nil, astiav.NewDictionaryFlags(astiav.DictionaryFlagIgnoreSuffix)); e != nil {
		return fmt.Errorf("option %q is not known to this kind of input", e.Key())
	}
	if !in.nonblock { // it would spin; cameras describe their stream by themselves
		// Probing a live input takes its time even if nothing is late.
		in.armFor(in.timeout + time.Duration(in.ctx.MaxAnalyzeDuration())*time.Microsecond)
		known := in.foretell()
		if n := C.cp_find_stream_info(cFormat(in.ctx), maxPixels, unsafe.SliceData(known)); n < 0 {
			return in.why(astiav.Error(n))
		}
	}
	in.video = in.describe(astiav.MediaTypeVideo)
	in.audio = in.describe(astiav.MediaTypeAudio)
	if in.video == nil && in.audio == nil {
		return errors.New("it has neither pictures nor sound")
	}
	if opt.AllStreams {
		in.all = in.describeAll()
	}
	for _, s := range in.ctx.Streams() {
		if in.stream(s.Index()) != nil {
			continue
		}
		if (in.video == nil || s.Index() != in.video.Index) && (in.audio == nil || s.Index() != in.audio.Index) {
			s.SetDiscard(astiav.DiscardAll)
		}
	}
	microseconds := media.NewRational(1, 1_000_000) // AV_TIME_BASE
	if d, ok := timeOf(in.ctx.Duration(), microseconds); ok && d > 0 {
		in.duration = d
	}
	in.start, _ = timeOf(in.ctx.StartTime(), microseconds) // as of streams
	return nil
}

func (in *Input) readFrom(r io.Reader) astiav.IOContextReadFunc {
	return func(b []byte) (int, error) {
		n, err := r.Read(b)
		if n > 0 {
			return n, nil
		}
		if err == nil {
			return 0, astiav.ErrEagain
		}
		if !errors.Is(err, io.EOF) {
			in.readErr = err
		}
		return 0, astiav.ErrEof
	}
}

func (in *Input) arm() { in.armFor(in.timeout) }

// armFor has the watchdog bite after limit, if there is a timeout at all.
func (in *Input) armFor(limit time.Duration) {
	if in.timeout > 0 {
		in.watchdog.Reset(limit)
	}
}

func (in *Input) disarm() {
	if in.timeout > 0 {
		in.watchdog.Stop()
	}
}

// why explains a failed call: the context first, then the watchdog, then libav.
func (in *Input) why(err error) error {
	if e := in.cancelled(); e != nil {
		return e
	}
	if in.timedOut.Load() {
		return ErrTimeout
	}
	if in.readErr != nil {
		return in.readErr
	}
	return reason(err)
}

func (in *Input) describe(kind astiav.MediaType) *Stream {
	st, codec, err := in.ctx.FindBestStream(kind, -1, -1)
	// A cover is a picture without a time: it would neither be played nor be over, nor can it
	// be sought in.
	if err != nil || codec == nil || st.DispositionFlags().Has(astiav.DispositionFlagAttachedPic) {
		return nil
	}
	return in.describeStream(st, codec)
}

// describeAll lists the picture and sound streams, whether or not they can be decoded.
func (in *Input) describeAll() (list []*Stream) {
	for _, st := range in.ctx.Streams() {
		p := st.CodecParameters()
		if t := p.MediaType(); t == astiav.MediaTypeVideo || t == astiav.MediaTypeAudio {
			list = append(list, in.describeStream(st, astiav.FindDecoder(p.CodecID())))
		}
	}
	return list
}

func (in *Input) describeStream(st *astiav.Stream, codec *astiav.Codec) *Stream {
	p := st.CodecParameters()
	kind := p.MediaType()
	tb := rational(st.TimeBase())
	s := &Stream{
		Index: st.Index(), Codec: p.CodecID().Name(), TimeBase: tb, BitrateBPS: int(p.BitRate()),
		Width: p.Width(), Height: p.Height(), params: p, codec: codec,
	}
	s.Start, _ = timeOf(st.StartTime(), tb) // 0 is where it begins if it does not say so
	if d, ok := timeOf(st.Duration(), tb); ok && d > 0 {
		s.Duration = d
	}
	if kind == astiav.MediaTypeAudio {
		s.SampleRateHz, s.Channels = p.SampleRate(), p.ChannelLayout().Channels()
		return s
	}
	if fps := rational(in.ctx.GuessFrameRate(st, nil)); fps.Float() <= maxFPS {
		s.FPS = fps
	}
	s.SAR, s.saidSAR = rational(in.ctx.GuessSampleAspectRatio(st, nil)), rational(st.SampleAspectRatio())
	s.PixelFormat = p.PixelFormat().Name()
	s.codec, s.apart = transparent(st.Metadata(), p.CodecID(), codec, astiav.FindDecoderByName)
	full := 0
	if p.ColorRange() == astiav.ColorRangeJpeg || strings.HasPrefix(s.PixelFormat, "yuvj") {
		full = 1
	}
	s.Color = colorOf(int(p.ColorSpace()), full, p.Height())
	if m, ok := p.SideData().DisplayMatrix().Get(); ok {
		s.Rotation = (int(math.Round(m.Rotation()/90))*90%360 + 360) % 360
	}
	return s
}

// rational is libav's fraction in lowest terms; not set when it is not positive.
func rational(r astiav.Rational) media.Rational {
	if r.Num() <= 0 || r.Den() <= 0 {
		return media.Rational{}
	}
	return media.NewRational(int64(r.Num()), int64(r.Den()))
}

// Video is the best video stream, or nil. It is valid until Close.
func (in *Input) Video() *Stream { return in.video }

// Audio is the best audio stream, or nil. It is valid until Close.
func (in *Input) Audio() *Stream { return in.audio }

// Streams are the picture and sound streams in the file's order, with
// InputOptions.AllStreams; they are valid until Close.
func (in *Input) Streams() []*Stream { return in.all }

// Duration is the container's; 0 when not known.
func (in *Input) Duration() time.Duration { return in.duration }

// DurationGuessed: no container says it, it is what the file's size makes at the bit rate of its first
// packets (ADTS, MP3 without a header of its own).
func (in *Input) DurationGuessed() bool { return C.cp_duration_guessed(cFormat(in.ctx)) != 0 }

// Start is the earliest PTS of the streams, which packets and frames are not freed of.
func (in *Input) Start() time.Duration { return in.start }

// FormatName is libavformat's name of the demuxer.
func (in *Input) FormatName() string { return in.ctx.InputFormat().Name() }

// InputPacket is a packet read from an Input; reuse one for the whole input.
type InputPacket struct {
	pkt *astiav.Packet
	// Stream is the index of its stream, as in Stream.Index.
	Stream int
	// PTS and DTS are on the input's own timeline; HasPTS is false when it says none.
	PTS, DTS time.Duration
	HasPTS   bool
	HasDTS   bool
	Duration time.Duration // 0 when it says none
	Keyframe bool
	Corrupt  bool // the demuxer knows that some of it is missing
	// Reported: its PTS is by the sender's clock, which RTP's senders report (RFC 3550, 6.4.1);
	// until they do, it counts from its stream's first packet.
	Reported bool
	Size     int
}

// NewInputPacket makes an empty packet; Free it.
func NewInputPacket() *InputPacket { return &InputPacket{pkt: astiav.AllocPacket(), Stream: -1} }

// Free gives the packet's memory back.
func (p *InputPacket) Free() { p.pkt.Free() }

// ReadPacket reads the next packet of the best video or audio stream into p. It
// blocks until there is one, the input ends (io.EOF), its context ends (the context's
// error), or Timeout passes (ErrTimeout).
func (in *Input) ReadPacket(p *InputPacket) error {
	p.pkt.Unref()
	in.arm()
	defer in.disarm()
	for {
		err := in.ctx.ReadFrame(p.pkt)
		switch {
		case err == nil:
			if s := in.stream(p.pkt.StreamIndex()); s != nil {
				p.fill(s)
				return nil
			}
			p.pkt.Unref()
			continue
		case errors.Is(err, astiav.ErrEagain):
			if e := in.pause(); e != nil {
				return fmt.Errorf("av: read %s: %w", in.where, e)
			}
			continue
		case errors.Is(err, astiav.ErrEof) && in.readErr == nil && in.cancelled() == nil && !in.timedOut.Load():
			return io.EOF
		}
		return fmt.Errorf("av: read %s: %w", in.where, in.why(err))
	}
}

// pause waits 2 ms, far below a frame, for a device that has nothing yet.
func (in *Input) pause() error {
	t := time.NewTimer(2 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		if in.timedOut.Load() {
			return ErrTimeout
		}
		return nil
	case <-in.done:
		return in.cancelled()
	}
}

func (in *Input) stream(index int) *Stream {
	for _, s := range in.all {
		if s.Index == index {
			return s
		}
	}
	for _, s := range [...]*Stream{in.video, in.audio} {
		if s != nil && s.Index == index {
			return s
		}
	}
	return nil
}

func (p *InputPacket) fill(s *Stream) {
	p.Stream, p.Size = s.Index, p.pkt.Size()
	p.Keyframe, p.Corrupt = p.pkt.Flags().Has(astiav.PacketFlagKey), p.pkt.Flags().Has(astiav.PacketFlagCorrupt)
	p.Reported = reported(p.pkt)
	p.stamp(s.TimeBase)
}

// Shift adds d to the time stamps of a packet of s, as far as it has any.
func (p *InputPacket) Shift(d time.Duration, s *Stream) {
	units := media.UnitsIn(d, s.TimeBase)
	if v := p.pkt.Pts(); v != astiav.NoPtsValue {
		p.pkt.SetPts(v + units)
	}
	if v := p.pkt.Dts(); v != astiav.NoPtsValue {
		p.pkt.SetDts(v + units)
	}
	p.fill(s)
}

// ForgetPTS takes the PTS off the packet: what is decoded of it goes by its DTS.
func (p *InputPacket) ForgetPTS() {
	p.pkt.SetPts(astiav.NoPtsValue)
	p.PTS, p.HasPTS = 0, false
}

// Seek goes to the last keyframe at or before t on the input's own timeline;
// flush the decoders afterwards. Where transparency lies beside the pictures, it is one at which
// that begins anew too. It fails for live inputs.
func (in *Input) Seek(t time.Duration) error {
	in.arm()
	defer in.disarm()
	index, ts := -1, int64(t/time.Microsecond)
	if in.video != nil {
		index, ts = in.video.Index, media.UnitsIn(t, in.video.TimeBase)
	}
	err := in.ctx.SeekFrame(index, ts, astiav.NewSeekFlags(astiav.SeekFlagBackward))
	if err == nil && in.video != nil && in.video.apart == apartKept {
		err = in.seekTransparency(ts)
	}
	if err != nil {
		return fmt.Errorf("av: seek in %s to %ss: %w", in.where, strconv.FormatFloat(t.Seconds(), 'f', 3, 64), in.why(err))
	}
	return nil
}

// Close ends the input. Streams it returned must not be used to make decoders
// any more; decoders already made live on.
func (in *Input) Close() {
	in.stop()
	in.watchdog.Stop()
	if in.ctx != nil {
		in.ctx.CloseInput()
		in.ctx = nil
	}
	if in.io != nil {
		in.io.Free()
		in.io = nil
	}
	if in.interrupt != nil {
		in.interrupt.Free()
		in.interrupt = nil
	}
}
