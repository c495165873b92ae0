package testkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// Code is what a picture's machine-readable counter says.
type Code struct {
	Camera uint8
	Number uint32
	OK     bool // false: there is none, or it is a mix of two
	Flash  bool // the synthetic camera's white box is lit
}

// ReadCode reads the counter of a picture.
func ReadCode(f *media.Frame) Code {
	c := Code{}
	c.Camera, c.Number, c.OK = framecode.Read(f)
	r := sources.FlashArea(f.Width, f.Height)
	// The middle of the box: its edges ring.
	sum, n := 0, 0
	for y := r.Min.Y + r.Dy()/4; y < r.Max.Y-r.Dy()/4; y++ {
		row := f.Planes[0].Data[y*f.Planes[0].Stride:]
		for x := r.Min.X + r.Dx()/4; x < r.Max.X-r.Dx()/4; x++ {
			sum += int(row[x])
			n++
		}
	}
	c.Flash = n > 0 && sum/n > 160
	return c
}

// Picture is one decoded picture of a received stream.
type Picture struct {
	PTS      time.Duration // on the stream's own timeline
	Keyframe bool
	Code     Code
}

// Reading is a received stream or a file, decoded to its end.
type Reading struct {
	Name     string // for messages
	Pictures []Picture
	Beeps    []time.Duration // onsets, on the stream's own timeline
	// Tracks are the onsets in every sound stream, in the container's order: Beeps is one of
	// them.
	Tracks [][]time.Duration
	// SoundFrom and SoundTo bound the decoded sound; SoundGap is the longest step
	// between two blocks of it beyond their length.
	SoundFrom, SoundTo, SoundGap time.Duration
	// Damaged counts packets that could not be decoded.
	Damaged int64
}

// beepLevel is above the cameras' tones, quantised and mixed, and far below the
// beep. A 1 kHz sine of amplitude 0.5 reaches it 70 us after its onset.
const beepLevel = 0.22

// beepRest is how long it must have been quiet before a beep: less than a second,
// more than a beep.
const beepRest = 200 * time.Millisecond

// BeepFinder finds the onsets of beeps in sound that comes in blocks.
type BeepFinder struct {
	Beeps []time.Duration
	last  time.Duration // of the last loud sample
	any   bool
}

// Take looks through interleaved studio samples, the first of which is at time at.
func (b *BeepFinder) Take(samples []float32, at time.Duration) {
	for i := 0; i+1 < len(samples); i += media.Channels {
		if v := samples[i]; v < beepLevel && v > -beepLevel {
			continue
		}
		t := at + media.TimeOf(int64(i/media.Channels), media.Rational{Num: 1, Den: media.SampleRateHz})
		if !b.any || t-b.last > beepRest {
			b.Beeps = append(b.Beeps, t)
		}
		b.last, b.any = t, true
	}
}

// Read decodes a file to its end. A file that cannot be opened or breaks off fails the
// test.
func Read(t testing.TB, name, path string) *Reading {
	t.Helper()
	r, err := Decode(t.Context(), name, path, nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

// Decode is Read with the error returned; what was decoded before it comes with it.
// see, if set, gets every picture, borrowed.
func Decode(ctx context.Context, name, path string, see func(*media.Frame)) (*Reading, error) {
	in, err := av.OpenInput(ctx, path, av.InputOptions{Timeout: 20 * time.Second, AllStreams: true})
	if err != nil {
		return nil, err
	}
	defer in.Close()
	d := &decoding{r: &Reading{Name: name}, see: see, keys: map[time.Duration]bool{}}
	if in.Video() == nil || in.Audio() == nil {
		return nil, fmt.Errorf("video %v, audio %v: both are expected", in.Video() != nil, in.Audio() != nil)
	}
	if d.video, err = av.NewVideoDecoder(in.Video(), av.VideoDecoderOptions{}); err != nil {
		return nil, err
	}
	defer d.video.Close()
	for _, st := range in.Streams() {
		if st.SampleRateHz == 0 {
			continue
		}
		tr := &track{stream: st.Index}
		if tr.decoder, err = av.NewAudioDecoder(st); err != nil {
			return nil, err
		}
		defer tr.decoder.Close()
		d.tracks = append(d.tracks, tr)
		if st.Index == in.Audio().Index {
			d.main = tr
		}
	}
	err = d.run(in)
	d.r.Beeps = d.main.beeps.Beeps
	d.r.Damaged = d.video.Damaged()
	for _, tr := range d.tracks {
		d.r.Tracks = append(d.r.Tracks, tr.beeps.Beeps)
		d.r.Damaged += tr.decoder.Damaged()
	}
	return d.r, err
}

type decoding struct {
	r      *Reading
	video  *av.VideoDecoder
	tracks []*track
	main   *track // the one of which the reading says more
	keys   map[time.Duration]bool
	heard  bool
	see    func(*media.Frame)
}

// track is one sound stream.
type track struct {
	stream  int
	decoder *av.AudioDecoder
	beeps   BeepFinder
}

func (d *decoding) run(in *av.Input) error {
	p := av.NewInputPacket()
	defer p.Free()
	for {
		err := in.ReadPacket(p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if p.Stream == in.Video().Index {
			if p.Keyframe && p.HasPTS {
				d.keys[p.PTS] = true
			}
			if err := d.send(p, d.video.Send, d.takePictures); err != nil {
				return err
			}
		}
		for _, tr := range d.tracks {
			if p.Stream != tr.stream {
				continue
			}
			if err := d.send(p, tr.decoder.Send, func() error { return d.takeSound(tr) }); err != nil {
				return err
			}
		}
	}
	if err := d.send(nil, d.video.Send, d.takePictures); err != nil {
		return err
	}
	for _, tr := range d.tracks {
		if err := d.send(nil, tr.decoder.Send, func() error { return d.takeSound(tr) }); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) send(p *av.InputPacket, send func(*av.InputPacket) error, take func() error) error {
	for {
		err := send(p)
		if err != nil && !errors.Is(err, av.ErrAgain) {
			return err
		}
		if terr := take(); terr != nil || err == nil {
			return terr
		}
	}
}

func (d *decoding) takePictures() error {
	for {
		f, err := d.video.Receive()
		if errors.Is(err, av.ErrAgain) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		d.r.Pictures = append(d.r.Pictures, Picture{PTS: f.PTS, Keyframe: d.keys[f.PTS], Code: ReadCode(f)})
		if d.see != nil {
			d.see(f)
		}
		f.Release()
	}
}

func (d *decoding) takeSound(tr *track) error {
	for {
		b, err := tr.decoder.Receive()
		if errors.Is(err, av.ErrAgain) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		tr.beeps.Take(b.Samples, b.PTS)
		if tr != d.main {
			continue
		}
		if !d.heard {
			d.r.SoundFrom, d.heard = b.PTS, true
		} else {
			d.r.SoundGap = max(d.r.SoundGap, (b.PTS - d.r.SoundTo).Abs())
		}
		d.r.SoundTo = b.PTS + b.Duration()
	}
}
