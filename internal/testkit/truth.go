package testkit

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// Truth is what was on programme at every tick, before encoding: Tap is meant for
// engine.Options.Tap. What destinations received is held against it.
type Truth struct {
	FPS media.Rational

	mu    sync.Mutex
	codes []Code     // guarded by mu; by tick
	beeps BeepFinder // guarded by mu; studio time
}

// NewTruth makes an empty one.
func NewTruth(fps media.Rational) *Truth { return &Truth{FPS: fps, codes: make([]Code, 0, 4096)} }

// Tap takes a tick's picture and sound.
func (tr *Truth) Tap(tick int64, f *media.Frame, samples []float32) {
	c := ReadCode(f)
	from := media.TimeOf(media.SampleAt(tick, tr.FPS, media.SampleRateHz), media.Rational{Num: 1, Den: media.SampleRateHz})
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.codes = append(tr.codes, c)
	tr.beeps.Take(samples, from)
}

// Codes are the ticks so far; the slice is the caller's.
func (tr *Truth) Codes() []Code {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.Clone(tr.codes)
}

// Beeps are the beeps so far, in studio time.
func (tr *Truth) Beeps() []time.Duration {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.Clone(tr.beeps.Beeps)
}

// Verdict is what a received stream is worth.
type Verdict struct {
	Name string
	// First and Last are the ticks of its first and last picture.
	First, Last int64
	// Missing are ticks between them that did not arrive, Wrong what is there instead
	// of the tick's picture. Both have at most complaintLimit elements; the counts are
	// whole.
	Missing           []int64
	Wrong             []string
	Lost, Differences int
	// Jitter is the most by which a picture's time is off its tick's.
	Jitter time.Duration
	// Keyframes are their ticks.
	Keyframes []int64
	// Offsets are, for every flash of FlashCamera, how much later the beep begins. Unclear are
	// the flashes that say nothing of it: the programme itself, or what arrived of it, does
	// not show how they begin, because of a cut or since pictures are missing.
	Offsets []time.Duration
	Unclear int
	Sound   time.Duration // length

	gone map[int64]bool // all of what Missing begins to list
}

const complaintLimit = 12

// FlashCamera is the camera whose flashes are measured: the one whose sound is in the
// mix.
const FlashCamera = 1

// Judge finds out which ticks the pictures of r are.
func (tr *Truth) Judge(r *Reading) (*Verdict, error) {
	codes := tr.Codes()
	v := &Verdict{Name: r.Name, Sound: r.SoundTo - r.SoundFrom, gone: map[int64]bool{}}
	first := slices.IndexFunc(r.Pictures, func(p Picture) bool { return p.Code.OK })
	if first < 0 {
		return nil, fmt.Errorf("%s: no picture of %d has a counter", r.Name, len(r.Pictures))
	}
	at := slices.IndexFunc(codes, func(c Code) bool {
		w := r.Pictures[first].Code
		return c.OK && c.Camera == w.Camera && c.Number == w.Number
	})
	if at < 0 {
		return nil, fmt.Errorf("%s: camera %d's picture %d was never on programme", r.Name, r.Pictures[first].Code.Camera, r.Pictures[first].Code.Number)
	}
	// Studio time of the stream's time zero.
	zero := media.TickTime(int64(at), tr.FPS) - r.Pictures[first].PTS
	next := int64(0)
	for i, p := range r.Pictures {
		tick := media.UnitsIn(p.PTS+zero, tr.FPS.Inv())
		v.Jitter = max(v.Jitter, (p.PTS + zero - media.TickTime(tick, tr.FPS)).Abs())
		if i == 0 {
			v.First, next = tick, tick
		}
		for ; next < tick; next++ {
			v.Lost++
			v.gone[next] = true
			if len(v.Missing) < complaintLimit {
				v.Missing = append(v.Missing, next)
			}
		}
		switch {
		case tick < next:
			v.wrong("picture %d: a second one for tick %d", i, tick)
			continue
		case tick >= int64(len(codes)):
			v.wrong("picture %d: tick %d was never made", i, tick)
		case tick >= 0:
			v.compare(tick, codes[tick], p.Code)
		default:
			v.wrong("picture %d: it is %v older than the show", i, -p.PTS-zero)
		}
		next = tick + 1
		if p.Keyframe {
			v.Keyframes = append(v.Keyframes, tick)
		}
	}
	v.Last = next - 1
	v.offsets(r, codes, zero, tr.FPS)
	return v, nil
}

func (v *Verdict) wrong(format string, args ...any) {
	v.Differences++
	if len(v.Wrong) < complaintLimit {
		v.Wrong = append(v.Wrong, fmt.Sprintf(format, args...))
	}
}

// compare holds a received picture against the tick's. A mix of two is hard to read
// either way; coding may bring one over the line.
func (v *Verdict) compare(tick int64, want, got Code) {
	switch {
	case want.OK && !got.OK:
		v.wrong("tick %d: no counter, want camera %d's picture %d", tick, want.Camera, want.Number)
	case want.OK && (got.Camera != want.Camera || got.Number != want.Number):
		v.wrong("tick %d: camera %d's picture %d, want camera %d's picture %d", tick, got.Camera, got.Number, want.Camera, want.Number)
	case want.OK && got.Flash != want.Flash:
		v.wrong("tick %d: flash %v, want %v", tick, got.Flash, want.Flash)
	}
}

// soundStart is left out of the A/V measurement: containers cut up to two AAC packets
// at the start, and a decoder needs one to get going.
const soundStart = 100 * time.Millisecond

// offsets pairs each flash with the nearest beep; zero is studio time of r's time zero.
func (v *Verdict) offsets(r *Reading, codes []Code, zero time.Duration, fps media.Rational) {
	for i, p := range r.Pictures {
		if !p.Code.OK || !p.Code.Flash || p.Code.Camera != FlashCamera || p.PTS < r.SoundFrom+soundStart || p.PTS > r.SoundTo {
			continue
		}
		if i > 0 && r.Pictures[i-1].Code.Flash {
			continue // the same picture, repeated
		}
		if tick := media.UnitsIn(p.PTS+zero, fps.Inv()); tick > 0 && tick < int64(len(codes)) {
			before := codes[tick-1]
			if !before.OK || before.Flash || before.Camera != p.Code.Camera || before.Number+1 != p.Code.Number {
				v.Unclear++
				continue
			}
		}
		best := time.Hour
		for _, b := range r.Beeps {
			if d := b - p.PTS; d.Abs() < best.Abs() {
				best = d
			}
		}
		v.Offsets = append(v.Offsets, best)
	}
}

// Worst is the largest A/V offset, positive when the sound is late.
func (v *Verdict) Worst() time.Duration {
	var worst time.Duration
	for _, d := range v.Offsets {
		if d.Abs() > worst.Abs() {
			worst = d
		}
	}
	return worst
}

// ExtraKeyframes are those that are not on a multiple of gop ticks; missing are the
// multiples without one, between First and Last. Where the picture of a multiple has not
// arrived, the next that has stands for it.
func (v *Verdict) ExtraKeyframes(gop int64) (extra, missing []int64) {
	due := map[int64]bool{}
	for k := (v.First + gop - 1) / gop * gop; k <= v.Last; k += gop {
		stand := k
		for v.gone[stand] && stand < v.Last {
			stand++
		}
		due[stand] = true
		if !slices.Contains(v.Keyframes, stand) {
			missing = append(missing, k)
		}
	}
	for _, k := range v.Keyframes {
		if k%gop != 0 && !due[k] {
			extra = append(extra, k)
		}
	}
	return extra, missing
}

// String is the verdict in one line.
func (v *Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-6s ticks %d..%d, %d lost, %d wrong, times within %v, %d keyframes, sound %.2f s", v.Name, v.First, v.Last, v.Lost, v.Differences, v.Jitter.Round(time.Microsecond), len(v.Keyframes), v.Sound.Seconds())
	if len(v.Offsets) > 0 {
		fmt.Fprintf(&b, ", A/V offset at most %v over %d flashes", v.Worst().Round(10*time.Microsecond), len(v.Offsets))
	}
	return b.String()
}
