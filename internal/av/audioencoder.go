package av

// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// AudioEncoderOptions describe one rendition's sound.
type AudioEncoderOptions struct {
	Codec      media.Codec // AAC (AAC-LC), Opus or FLAC (24 bits); not set means AAC
	BitrateBPS int         // 0: 160 kb/s for AAC, 128 kb/s for Opus; FLAC takes what it needs
	Title      string
}

// AudioEncoder makes packets of the studio's sound (48 kHz, stereo, interleaved).
type AudioEncoder struct {
	ctx    *astiav.CodecContext
	frame  *astiav.Frame
	pkt    *astiav.Packet
	track  media.Track
	size   int // audio frames in a packet
	filled int // audio frames waiting in frame
	next   int64
	begun  bool
	planar bool
	deep   bool // 24 bits, not float
}

// maxGap is how much missing sound is filled with silence: behind more the stream goes on as it
// comes, with a hole.
const maxGap = 10 * media.SampleRateHz

// NewAudioEncoder opens an encoder. Its Track is complete at once.
func NewAudioEncoder(opt AudioEncoderOptions) (*AudioEncoder, error) {
	name, rate, format := "aac", 160_000, astiav.SampleFormatFltp
	switch opt.Codec {
	case media.AAC, "":
		opt.Codec = media.AAC
	case media.Opus:
		name, rate, format = "libopus", 128_000, astiav.SampleFormatFlt
	case media.FLAC:
		name, rate, format = "flac", 0, astiav.SampleFormatS32
		opt.BitrateBPS = 0
	default:
		return nil, fmt.Errorf("av: no encoder for %s sound", opt.Codec)
	}
	if opt.BitrateBPS > 0 {
		rate = opt.BitrateBPS
	}
	codec := astiav.FindEncoderByName(name)
	if codec == nil {
		return nil, fmt.Errorf("av: open %s: this FFmpeg was built without it", name)
	}
	e := &AudioEncoder{ctx: astiav.AllocCodecContext(codec), planar: format == astiav.SampleFormatFltp, deep: format == astiav.SampleFormatS32}
	if e.deep {
		C.cp_codec_bits((*C.AVCodecContext)(e.ctx.UnsafePointer()), 24)
	}
	e.ctx.SetBitRate(int64(rate))
	e.ctx.SetSampleRate(media.SampleRateHz)
	e.ctx.SetSampleFormat(format)
	e.ctx.SetChannelLayout(astiav.ChannelLayoutStereo)
	e.ctx.SetTimeBase(astiav.NewRational(1, media.SampleRateHz))
	e.ctx.SetFlags(e.ctx.Flags().Add(astiav.CodecContextFlagGlobalHeader))
	if err := e.ctx.Open(codec, nil); err != nil {
		e.ctx.Free()
		return nil, wrap("open "+name, err)
	}
	e.size = e.ctx.FrameSize()
	e.frame, e.pkt = astiav.AllocFrame(), astiav.AllocPacket()
	e.frame.SetSampleFormat(format)
	e.frame.SetSampleRate(media.SampleRateHz)
	e.frame.SetChannelLayout(astiav.ChannelLayoutStereo)
	e.frame.SetNbSamples(e.size)
	if err := e.frame.AllocBuffer(0); err != nil {
		e.Close()
		return nil, syscall.ENOMEM
	}
	e.track = media.Track{
		Codec: opt.Codec, TimeBase: media.Rational{Num: 1, Den: media.SampleRateHz}, SampleRateHz: media.SampleRateHz,
		Channels: media.Channels, BitrateBPS: rate, Extradata: slices.Clone(e.ctx.ExtraData()), Title: opt.Title,
		Delay: int(C.cp_codec_padding((*C.AVCodecContext)(e.ctx.UnsafePointer()))),
	}
	return e, nil
}

// Track describes the stream.
func (e *AudioEncoder) Track() media.Track { return e.track }

// Encode takes a block of any length whose first audio frame is number firstFrame
// (0 is the studio's start) and returns the packets that became complete, also beside an error. A gap
// up to 10 s is filled with silence, a longer one is an error, once: what was begun of a packet before it
// is lost, and the stream goes on behind it. An overlap is cut. A packet's PTS is that of its
// first audio frame less Track.Delay: what the decoder gives after discarding Delay
// frames carries the numbers it was encoded with. Packet.Time is set, Made is not.
func (e *AudioEncoder) Encode(samples []float32, firstFrame int64) ([]*media.Packet, error) {
	if !e.begun {
		e.begun, e.next = true, firstFrame
	}
	var out []*media.Packet
	switch gap := firstFrame - e.next; {
	case gap > maxGap:
		e.next, e.filled = firstFrame, 0
		out, err := e.add(out, samples)
		if err == nil {
			err = fmt.Errorf("av: encode: %d audio frames are missing before %d", gap, firstFrame)
		}
		return out, err
	case gap > 0:
		var err error
		if out, err = e.add(out, make([]float32, gap*media.Channels)); err != nil {
			return out, err
		}
	case gap < 0:
		samples = samples[min(int(-gap)*media.Channels, len(samples)):]
	}
	return e.add(out, samples)
}

func (e *AudioEncoder) add(out []*media.Packet, samples []float32) ([]*media.Packet, error) {
	for len(samples) >= media.Channels {
		if e.filled == 0 {
			if err := e.frame.MakeWritable(); err != nil {
				return out, syscall.ENOMEM
			}
		}
		n := min(len(samples)/media.Channels, e.size-e.filled)
		in := (*C.float)(unsafe.Pointer(&samples[0]))
		if e.deep {
			C.cp_audio_fill24(cFrame(e.frame), in, C.int(e.filled), C.int(n), media.Channels)
		} else {
			C.cp_audio_fill(cFrame(e.frame), in, C.int(e.filled), C.int(n), media.Channels, C.int(boolInt(e.planar)))
		}
		samples = samples[n*media.Channels:]
		e.filled += n
		e.next += int64(n)
		if e.filled < e.size {
			break
		}
		var err error
		if out, err = e.send(out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// send encodes what is in e.frame, which begins e.filled before e.next.
func (e *AudioEncoder) send(out []*media.Packet) ([]*media.Packet, error) {
	e.frame.SetNbSamples(e.filled)
	e.frame.SetPts(e.next - int64(e.filled))
	e.filled = 0
	if err := e.ctx.SendFrame(e.frame); err != nil {
		return out, wrap("encode sound", err)
	}
	return e.collect(out)
}

func (e *AudioEncoder) collect(out []*media.Packet) ([]*media.Packet, error) {
	for {
		switch err := e.ctx.ReceivePacket(e.pkt); {
		case err == nil:
		case errors.Is(err, astiav.ErrEagain), errors.Is(err, astiav.ErrEof):
			return out, nil
		default:
			return out, wrap("encode sound", err)
		}
		p := &media.Packet{Audio: true, Data: e.pkt.Data(), PTS: e.pkt.Pts(), DTS: e.pkt.Pts(), Duration: int64(e.size), Keyframe: true}
		if d := e.pkt.Duration(); d > 0 {
			p.Duration = d
		}
		p.Time = media.TimeOf(p.PTS, e.track.TimeBase)
		e.pkt.Unref()
		out = append(out, p)
	}
}

// Flush ends the stream and returns the packets still inside. Only Close may follow.
func (e *AudioEncoder) Flush() ([]*media.Packet, error) {
	var out []*media.Packet
	if e.filled > 0 {
		var err error
		if out, err = e.send(out); err != nil {
			return out, err
		}
	}
	if err := e.ctx.SendFrame(nil); err != nil && !errors.Is(err, astiav.ErrEof) {
		return out, wrap("finish encoding sound", err)
	}
	return e.collect(out)
}

// Close frees the encoder.
func (e *AudioEncoder) Close() {
	e.ctx.Free()
	e.frame.Free()
	e.pkt.Free()
}
