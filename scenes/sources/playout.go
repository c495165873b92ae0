package sources

import (
	"context"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// videoOut puts a file's pictures on the source's timeline: without what lies outside
// the in and out points, and one pass after the other. Times on the file's side count
// from the in point.
type videoOut struct {
	sink   Sink
	origin time.Duration // of the in point, on the input's timeline
	from   time.Duration // where this pass starts
	out    time.Duration // the out point; 0 for none
	base   time.Duration // what makes a file's time the source's
	step   time.Duration // one picture's length

	last    *media.Frame // pushed last, retained
	before  *media.Frame // the newest that lies before where the first pass starts, until one behind it comes
	lastPTS time.Duration
	pos     time.Duration // file's time behind the picture pushed last
	count   int64
}

func newVideoOut(sink Sink, origin, from, out, step time.Duration) *videoOut {
	return &videoOut{sink: sink, origin: origin, from: from, out: out, base: -from, step: step, lastPTS: -1, pos: from}
}

func (v *videoOut) emit(ctx context.Context, f *media.Frame) error {
	at := f.PTS - v.origin
	switch {
	case v.out > 0 && at >= v.out:
		f.Release()
		return nil
	case at+v.step <= v.from:
		v.before.Release()
		v.before = f
		return nil
	}
	v.before.Release()
	v.before = nil
	// A slide that stands for long is repeated, or it would count as lost.
	pts := v.base + max(at, v.from)
	if err := v.stand(ctx, pts, max(v.step, standing)); err != nil {
		f.Release()
		return err
	}
	return v.push(ctx, f, pts)
}

// standing is how often a picture is repeated that has no successor for long.
const standing = time.Second

// push consumes f.
func (v *videoOut) push(ctx context.Context, f *media.Frame, pts time.Duration) error {
	if pts <= v.lastPTS {
		f.Release() // two pictures at one time: the first stands
		return nil
	}
	f.PTS, f.Number = pts, v.count
	v.last.Release()
	v.last = f.Retain()
	if err := v.sink.Video(ctx, f); err != nil {
		return err
	}
	v.lastPTS, v.pos = pts, pts-v.base+v.step
	v.count++
	return nil
}

func (v *videoOut) mark(ctx context.Context, it item) error {
	// Sought to behind the last picture: that one is what is there.
	if f := v.before; it.end && f != nil && v.count == 0 {
		v.before = nil
		if err := v.push(ctx, f, v.base+v.from); err != nil {
			return err
		}
	}
	if err := v.stand(ctx, v.base+it.t, v.step); err != nil {
		return err
	}
	if it.end {
		v.base += it.t
		v.from = 0
		v.pos = 0
	}
	return nil
}

// stand repeats the last picture so often up to a time, where the sound is longer or the
// next picture far away, so that whoever waits for a picture gets one.
func (v *videoOut) stand(ctx context.Context, until, every time.Duration) error {
	if v.last == nil {
		return nil
	}
	// A picture whose end is rounded away is not repeated for that.
	for v.lastPTS+every+v.step/2 < until {
		src := v.last.Retain()
		f := media.NewFrame(src.Format, src.Width, src.Height, src.Planes, func(*media.Frame) { src.Release() })
		f.Color, f.SAR = src.Color, src.SAR
		if err := v.push(ctx, f, v.lastPTS+every); err != nil {
			return err
		}
	}
	return nil
}

func (v *videoOut) close() {
	v.last.Release()
	v.before.Release()
	v.last, v.before = nil, nil
}

// audioOut does the same for sound, which it makes contiguous: gaps become silence,
// what overlaps is cut.
type audioOut struct {
	sink   Sink
	origin time.Duration
	from   time.Duration
	out    time.Duration
	base   time.Duration
	next   int64 // the next audio frame, at 48 kHz on the source's timeline
	quiet  []float32
	pos    time.Duration
	loose  bool // nothing has come in this pass
	begun  bool // something has been put on the timeline

	holds int64     // how many audio frames are held back, until it is known where a pass ends
	tail  []float32 // what is: the newest before next
}

// padding is by how much sound may be longer than the pictures without being meant to be: encoders
// fill up their last block.
const padding = 60 * time.Millisecond

// looseFrames is by how much time stamps may be off without anything being cut or
// filled: containers round them to as much as 1 ms, and encoders' first packets are
// odder than that.
const looseFrames = media.SampleRateHz / 50

// countedSound gives blocks the times that counting their frames gives, as far as their time stamps
// are those but for what containers round.
type countedSound struct {
	from   time.Duration
	frames int64 // since from
}

func (c *countedSound) place(b *media.AudioBlock) {
	at := c.from + media.TimeOf(c.frames, perFrame)
	if off := media.UnitsIn((b.PTS - at).Abs(), perFrame); c.frames == 0 || off > looseFrames {
		c.from, c.frames, at = b.PTS, 0, b.PTS
	}
	b.PTS = at
	c.frames += int64(b.Frames())
}

var perFrame = media.Rational{Num: 1, Den: media.SampleRateHz}

// newAudioOut makes one; with padded, sound that is longer than a pass by less than padding is
// left out at its end.
func newAudioOut(sink Sink, origin, from, out time.Duration, padded bool) *audioOut {
	a := &audioOut{sink: sink, origin: origin, from: from, out: out, base: -from, pos: from, quiet: make([]float32, 2048*media.Channels), loose: true}
	if padded {
		a.holds = media.UnitsIn(padding, perFrame)
	}
	return a
}

func (a *audioOut) emit(ctx context.Context, b media.AudioBlock) error {
	at := b.PTS - a.origin
	samples := b.Samples
	// The cuts at the in and the out point are exact.
	if a.out > 0 {
		room := max(0, media.UnitsIn(a.out-at, perFrame))
		samples = samples[:min(int64(len(samples)), room*media.Channels)]
	}
	target := media.UnitsIn(a.base+at, perFrame)
	late := a.next - target
	switch {
	case a.loose && late > 0, late > looseFrames:
		samples = samples[min(int64(len(samples)), late*media.Channels):]
	case late < -looseFrames || a.loose && late < 0:
		if err := a.silence(ctx, target); err != nil {
			return err
		}
	}
	if len(samples) == 0 {
		return nil
	}
	a.loose = false
	return a.push(ctx, samples)
}

// push puts samples on the end of the timeline.
func (a *audioOut) push(ctx context.Context, samples []float32) error {
	if a.holds > 0 {
		a.tail = append(a.tail, samples...)
	} else if err := a.hand(ctx, a.next, samples); err != nil {
		return err
	}
	a.begun = true
	a.next += int64(len(samples) / media.Channels)
	a.pos = media.TimeOf(a.next, perFrame) - a.base
	return a.release(ctx, a.holds)
}

// release hands over what is held back but for its last frames.
func (a *audioOut) release(ctx context.Context, keep int64) error {
	n := len(a.tail) - int(keep)*media.Channels
	if n <= 0 {
		return nil
	}
	err := a.hand(ctx, a.next-int64(len(a.tail)/media.Channels), a.tail[:n])
	a.tail = a.tail[:copy(a.tail, a.tail[n:])]
	return err
}

func (a *audioOut) hand(ctx context.Context, frame int64, samples []float32) error {
	return a.sink.Audio(ctx, media.AudioBlock{Samples: samples, PTS: media.TimeOf(frame, perFrame)})
}

// lateStart is how late the sound of a timeline may begin and the silence before it is handed
// over, in audio frames. The pictures do not wait for what is found later, and that silence
// would count as sound that came too late.
const lateStart = media.SampleRateHz / 10

// silence fills up to audio frame until.
func (a *audioOut) silence(ctx context.Context, until int64) error {
	if !a.begun && until-a.next > lateStart {
		a.next = until - looseFrames // so much of it, for what comes to begin as it is, without a fade
	}
	for a.next < until {
		n := min(until-a.next, int64(len(a.quiet)/media.Channels))
		if err := a.push(ctx, a.quiet[:n*media.Channels]); err != nil {
			return err
		}
	}
	return nil
}

func (a *audioOut) mark(ctx context.Context, it item) error {
	until := media.UnitsIn(a.base+it.t, perFrame)
	if err := a.silence(ctx, until); err != nil {
		return err
	}
	if it.upTo || it.last {
		// Whoever waits for sound up to there gets it.
		if err := a.release(ctx, 0); err != nil {
			return err
		}
	}
	if it.end {
		if n := min(a.next-until, int64(len(a.tail)/media.Channels)); n > 0 {
			a.tail = a.tail[:len(a.tail)-int(n)*media.Channels]
			a.next -= n
		}
		a.base += it.t
		a.from, a.pos, a.loose = 0, 0, true
	}
	return nil
}
