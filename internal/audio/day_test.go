package audio

import (
	"flag"
	"fmt"
	"math"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// dayHours is how long TestEverySampleIsInTheMix is; make soak-sound gives it a day.
var dayHours = flag.Float64("hours", min(simulatedSeconds, 60)/3600.0, "simulated hours of TestEverySampleIsInTheMix")

// A turning pointer: its side is the left, its height the right, and the angle between two
// samples is how far the source went on between them. It comes round once in spinFrames/
// spinTurns frames, and to the same samples only after spinFrames, a prime: no block that a
// source loses or repeats leaves the pointer where it was.
const (
	spinFrames = 6007
	spinTurns  = 131 // 1047 Hz
	spinLevel  = 0.5
	spinAngle  = 2 * math.Pi * spinTurns / spinFrames // from one frame to the next
)

// spinTable is one round, and a block more.
var spinTable = func() []float32 {
	t := make([]float32, 2*(spinFrames+1024))
	for i := range spinFrames + 1024 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i*spinTurns%spinFrames) / spinFrames)
		t[2*i], t[2*i+1] = float32(spinLevel*cos), float32(spinLevel*sin)
	}
	return t
}()

func spin(dst []float32, start int64) { copy(dst, spinTable[2*(start%spinFrames):]) }

// spinReader follows the pointer through the mix.
type spinReader struct {
	last  [2]float32
	begun bool
	// at is where in the source the last sample is, in frames, beginning anywhere in a turn.
	at float64
	// worst is how far a step between two samples was from a frame, in ppm.
	worst float64
}

// spinStep is how far, in ppm, a step between two samples may be from one frame: the source's
// clock and what the loop makes of the jitter. A lost frame is 1000000, and faded over 5 ms
// still 6500 in the middle of the fade.
const spinStep = 500

// take follows a block; it returns the first frame whose step is too long or too short, or -1.
func (r *spinReader) take(b []float32) int {
	// The cross product of two pointers is the sine of the angle between them.
	one := float32(spinLevel * spinLevel * math.Sin(spinAngle))
	l, h, worst, wrong := r.last[0], r.last[1], float32(0), -1
	for i := 0; i < len(b); i += 2 {
		d := abs(l*b[i+1] - h*b[i] - one)
		l, h = b[i], b[i+1]
		if d <= worst || i == 0 && !r.begun {
			continue
		}
		if worst = d; d > one*spinStep*1e-6 && wrong < 0 {
			wrong = i / 2
		}
	}
	r.last = [2]float32{l, h}
	r.worst = max(r.worst, float64(worst/one)*1e6)
	// Every step is within 500 ppm, so after a tick it is known to a frame where the pointer
	// is, and its angle says it to a thousandth.
	const turn = float64(spinFrames) / spinTurns
	at := math.Atan2(float64(h), float64(l)) / spinAngle
	if r.begun {
		near := r.at + float64(len(b)/2)
		at += turn * math.Round((near-at)/turn)
	}
	r.at, r.begun = at, true
	return wrong
}

// TestEverySampleIsInTheMix: sources whose clocks are off and whose blocks come up to 10 ms
// late, through queue, resampler, strip and bus. Each step from one sample of the mix to the
// next is one frame of the source, and at every tick the place in the source that is heard
// is where as many frames lead as have been taken from it: none is lost, none comes twice,
// and what was sent is in the mix or still queued. A picture with the PTS of what is heard is
// shown when it is heard, and every ten seconds the left alone, which is a tone of 1047 Hz, is
// looked at for everything else that is in it.
func TestEverySampleIsInTheMix(t *testing.T) {
	for i, c := range []struct {
		ppm   float64
		block int
	}{{-300, 1024}, {-50, 480}, {0, 1024}, {50, 960}, {300, 1024}} {
		if underRace && i > 0 {
			break
		}
		t.Run(fmt.Sprintf("%+v ppm, blocks of %d", c.ppm, c.block), func(t *testing.T) {
			t.Parallel()
			f := newForeign(NewSinc(), c.ppm, c.block, 10*time.Millisecond, spin)
			f.rounded = time.Millisecond // as through FLV
			f.settle()
			f.mixer = NewMixer()
			defer f.mixer.Close()
			f.mixer.Add(f.strip)
			const settle = 60 // ticks: until then it is silent, and fades in
			q := f.strip.live
			var r spinReader
			var off, queue, apart, ppm float64
			var window []float32
			heard := math.Inf(-1) // dB: the worst THD+N
			ticks := int64(*dayHours * 3600 * 30)
			for n := range ticks {
				b := f.next(t)
				if n < settle {
					continue
				}
				if i := r.take(b); i >= 0 {
					t.Fatalf("tick %d frame %d: a step is %.0f ppm off a frame", n, i, r.worst)
				}
				// The resampler stands between two frames and has taken the one behind.
				between := r.at - float64(q.loop.used.frames)
				if n == settle {
					const turn = float64(spinFrames) / spinTurns
					base := between + turn*math.Round((-sincTaps/2-between)/turn)
					r.at += base - between
					between = base
				}
				off = max(off, math.Abs(between+sincTaps/2))
				if off > 2 {
					t.Fatalf("tick %d: what is heard is %.2f frames off what was taken", n, between+sincTaps/2)
				}
				st := f.strip.Stats()
				queue = max(queue, math.Abs((st.Latency - DefaultTarget).Seconds()))
				ppm += st.PPM
				// The next sample is heard at the begin of the next tick: when is its picture shown?
				now := media.TimeOf(f.tick*f.frames, media.Rational{Num: 1, Den: sampleRateHz})
				shown, ok := f.strip.Presented(now)
				if !ok {
					t.Fatalf("tick %d: it is not known when a picture is to be shown", n)
				}
				apart = max(apart, math.Abs((f.epoch+shown-now).Seconds()+(r.at+1)/sampleRateHz))
				if n%300 < 3 {
					window = append(window, b...)
				} else if len(window) > 0 {
					db, _, _ := thdn(window, 0, sampleRateHz*spinTurns/float64(spinFrames)*(1+c.ppm*1e-6))
					heard, window = max(heard, db), window[:0]
				}
			}
			ppm /= float64(ticks - settle)
			if lost := f.sent - q.loop.used.frames - int64(q.queued()); lost != 0 {
				t.Errorf("%d of %d frames sent are neither heard nor queued", lost, f.sent)
			}
			st := f.strip.Stats()
			if st.Underruns != 0 || st.Resets != 0 || st.Steps != 0 || st.Dropped != 0 || st.Gaps != 0 || st.Jumps != 0 {
				t.Errorf("not smooth: %+v", st)
			}
			if queue > 0.010 {
				t.Errorf("queue: up to %.1f ms off its target, want at most 10", queue*1e3)
			}
			if apart > 0.005 {
				t.Errorf("picture and sound: up to %.2f ms apart, want at most 5", apart*1e3)
			}
			if !(heard < -90) {
				t.Errorf("THD+N: up to %.1f dB, want below -90", heard)
			}
			t.Logf("%.2f h, %d frames: steps within %.0f ppm of one frame, place within %.2f frames of those taken, queue within %.2f ms, picture and sound within %.3f ms, %.3f ppm found, THD+N at most %.1f dB",
				float64(ticks)/108000, f.sent, r.worst, off, queue*1e3, apart*1e3, ppm, heard)
		})
	}
}
