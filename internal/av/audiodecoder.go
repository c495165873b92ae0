package av

// #include "native.h"
import "C"

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unsafe"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// AudioDecoder turns packets into blocks of the studio's format (48 kHz, stereo,
// float), whatever the stream has, also when that changes midway. One channel is heard on
// both sides at its own level; channels in no layout that can be mixed down are left out but for
// the first, or are silence, and Shape says so. Samples may be anything that the stream has, also
// not finite: who takes them makes these silence and counts them.
type AudioDecoder struct {
	stream  *Stream
	ctx     *astiav.CodecContext
	frame   *astiav.Frame
	shape   *astiav.Frame // rate, layout and format that swr is set up for
	swr     *C.SwrContext // nil: not set up, or nothing can be made of shape
	part    Part
	buf     []float32
	next    time.Duration // PTS expected of the next frame
	damaged int64
	drained bool
	changes int64
}

// perFrame is the time base of the studio's audio frames.
var perFrame = media.Rational{Num: 1, Den: media.SampleRateHz}

// longestBlock bounds a block of sound, which becomes 48 000 frames a second: of a rate of 1 Hz a
// few kB would be hours of it. A block of any codec lasts some seconds at most.
const longestBlock = time.Minute

// NewAudioDecoder opens a decoder for s.
func NewAudioDecoder(s *Stream) (*AudioDecoder, error) {
	if s == nil {
		return nil, ErrNoStream
	}
	d := &AudioDecoder{stream: s, ctx: astiav.AllocCodecContext(s.codec)}
	err := s.params.ToCodecContext(d.ctx)
	if err == nil {
		C.cp_codec_packet_timebase((*C.AVCodecContext)(d.ctx.UnsafePointer()), C.int(s.TimeBase.Num), C.int(s.TimeBase.Den))
		d.ctx.SetThreadCount(1)
		err = d.ctx.Open(s.codec, nil)
	}
	if err != nil {
		d.ctx.Free()
		return nil, fmt.Errorf("av: open the %s decoder: %w", s.Codec, reason(err))
	}
	d.frame, d.shape = astiav.AllocFrame(), astiav.AllocFrame()
	return d, nil
}

// Send is as VideoDecoder.Send.
func (d *AudioDecoder) Send(p *InputPacket) error { return send(d.ctx, p, &d.damaged) }

// Damaged counts packets that could not be decoded.
func (d *AudioDecoder) Damaged() int64 { return d.damaged }

// Part is what is heard of sound whose channels are in no layout that can be mixed down. Not set: all.
type Part uint8

// Parts.
const (
	FirstTwo Part = iota + 1 // left and right
	First                    // on both sides: the sum of an ambisonic field
	Nothing                  // silence in its place
)

// SoundShape is what a stream's sound is like before it becomes the studio's.
type SoundShape struct {
	SampleRateHz, Channels int
	Part                   Part // of the channels that is heard
}

// Shape is what the block last received was made from, and how often that has changed
// since the decoder was made; zeros before the first.
func (d *AudioDecoder) Shape() (shape SoundShape, changes int64) {
	return SoundShape{d.shape.SampleRate(), d.shape.ChannelLayout().Channels(), d.part}, d.changes
}

// Receive returns the next block. Its samples are valid until the next call.
// ErrAgain means that another packet is needed, io.EOF that the stream is over.
func (d *AudioDecoder) Receive() (media.AudioBlock, error) {
	for {
		d.frame.Unref()
		err := d.ctx.ReceiveFrame(d.frame)
		switch {
		case err == nil:
		case errors.Is(err, astiav.ErrEagain):
			return media.AudioBlock{}, ErrAgain
		case errors.Is(err, astiav.ErrEof):
			return d.rest()
		case isDamage(err):
			d.damaged++
			continue
		default:
			return media.AudioBlock{}, wrap("decode", err)
		}
		if d.frame.NbSamples() == 0 || d.frame.SampleRate() <= 0 {
			continue
		}
		if int64(d.frame.NbSamples()) > int64(d.frame.SampleRate())*int64(longestBlock/time.Second) {
			d.damaged++
			continue
		}
		b, err := d.block()
		if err != nil || len(b.Samples) > 0 {
			return b, err
		}
	}
}

func (d *AudioDecoder) block() (media.AudioBlock, error) {
	d.buf = d.buf[:0]
	pts := d.next
	if v := d.frame.Pts(); v != astiav.NoPtsValue {
		pts = media.TimeOf(v, d.stream.TimeBase)
	}
	d.next = pts + media.TimeOf(int64(d.frame.NbSamples()), media.Rational{Num: 1, Den: int64(d.frame.SampleRate())})
	// What the resampler still holds comes out first and is older by that much.
	if d.swr != nil {
		held := int64(C.swr_get_delay(d.swr, media.SampleRateHz))
		pts -= media.TimeOf(held, perFrame)
	}
	if d.swr == nil && d.part != Nothing || C.cp_swr_same(cFrame(d.frame), cFrame(d.shape)) == 0 {
		if d.swr != nil {
			if err := d.run(nil); err != nil {
				return media.AudioBlock{}, err
			}
			C.swr_free(&d.swr)
		}
		var picked C.int
		d.swr = C.cp_swr_new(cFrame(d.frame), media.SampleRateHz, &picked)
		switch {
		case d.swr == nil: // the pictures beside it are not to go with it
			d.part = Nothing
		case picked == 1:
			d.part = First
		case picked == 2:
			d.part = FirstTwo
		default:
			d.part = 0
		}
		if rate := d.shape.SampleRate(); rate > 0 && (rate != d.frame.SampleRate() || d.shape.ChannelLayout().Channels() != d.frame.ChannelLayout().Channels()) {
			d.changes++
		}
		d.shape.Unref()
		d.shape.SetSampleFormat(d.frame.SampleFormat())
		d.shape.SetSampleRate(d.frame.SampleRate())
		d.shape.SetChannelLayout(d.frame.ChannelLayout())
	}
	if d.swr == nil {
		d.fill(int(media.UnitsIn(d.next, perFrame) - media.UnitsIn(pts, perFrame)))
		return media.AudioBlock{Samples: d.buf, PTS: pts}, nil
	}
	if err := d.run(d.frame); err != nil {
		return media.AudioBlock{}, err
	}
	d.drained = false
	return media.AudioBlock{Samples: d.buf, PTS: pts}, nil
}

// fill makes d.buf frames long, with silence.
func (d *AudioDecoder) fill(frames int) {
	more := max(frames*media.Channels-len(d.buf), 0)
	at := len(d.buf)
	d.buf = slices.Grow(d.buf, more)[:at+more]
	clear(d.buf[at:])
}

// rest is what the resampler holds at the end, once.
func (d *AudioDecoder) rest() (media.AudioBlock, error) {
	if d.swr == nil || d.drained {
		return media.AudioBlock{}, io.EOF
	}
	d.drained = true
	held := int64(C.swr_get_delay(d.swr, media.SampleRateHz))
	d.buf = d.buf[:0]
	if err := d.run(nil); err != nil {
		return media.AudioBlock{}, err
	}
	if len(d.buf) == 0 {
		return media.AudioBlock{}, io.EOF
	}
	return media.AudioBlock{Samples: d.buf, PTS: d.next - media.TimeOf(held, perFrame)}, nil
}

// run appends f's samples, or with nil what is left, to d.buf.
func (d *AudioDecoder) run(f *astiav.Frame) error {
	in, frame := 0, (*C.AVFrame)(nil)
	if f != nil {
		in, frame = f.NbSamples(), cFrame(f)
	}
	room := int(C.swr_get_out_samples(d.swr, C.int(in)))
	if room <= 0 {
		return nil
	}
	at := len(d.buf)
	need := at + room*media.Channels
	if cap(d.buf) < need {
		grown := make([]float32, need, need+need/2)
		copy(grown, d.buf)
		d.buf = grown
	}
	d.buf = d.buf[:need]
	n := C.cp_swr_convert(d.swr, frame, (*C.float)(unsafe.Pointer(&d.buf[at])), C.int(room))
	if n < 0 {
		d.buf = d.buf[:at]
		return wrap("resample", astiav.Error(n))
	}
	d.buf = d.buf[:at+int(n)*media.Channels]
	return nil
}

// Flush forgets what is half decoded: after Input.Seek.
func (d *AudioDecoder) Flush() {
	C.avcodec_flush_buffers((*C.AVCodecContext)(d.ctx.UnsafePointer()))
	C.swr_free(&d.swr)
}

// Close ends the decoder.
func (d *AudioDecoder) Close() {
	d.ctx.Free()
	d.frame.Free()
	d.shape.Free()
	C.swr_free(&d.swr)
}
