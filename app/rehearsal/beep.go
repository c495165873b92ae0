package rehearsal

import (
	"math"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

const (
	// step is how many audio frames the envelope is measured over: 1 ms.
	step = media.SampleRateHz / 1000
	// minBeep is the least peak that counts: a fader may have lowered the sound.
	minBeep = 0.05
	// codecMS is by how much a codec makes a beep longer.
	codecMS = 5
	// quietMS is how much before a beep is quiet, but for the codec's pre-echo, which
	// may take echoMS.
	quietMS, echoMS = 30, 10
)

// beeps finds where beeps begin in mono sound at the studio's rate: sudden, the
// loudest that there is, about as short as a picture, and after quiet. Offsets are
// from the first sample. The sound has to be longer than the time from beep to beep,
// or the loudest may be something else.
func beeps(sound []float32, picture time.Duration) []time.Duration {
	shortest := int(picture.Milliseconds() / 2)
	longest := int(picture.Milliseconds()*7/5) + codecMS
	envelope := make([]float32, len(sound)/step)
	peak := float32(0)
	for i := range envelope {
		for _, v := range sound[i*step : (i+1)*step] {
			envelope[i] = max(envelope[i], v, -v)
		}
		peak = max(peak, envelope[i])
	}
	if peak < minBeep {
		return nil
	}
	var out []time.Duration
	for i := quietMS; i < len(envelope); i++ {
		if envelope[i] < peak/2 {
			continue
		}
		end := i
		for quiet := 0; end < len(envelope) && quiet < 3; end++ {
			if envelope[end] < peak/4 {
				quiet++
			} else {
				quiet = 0
			}
		}
		long := end - i - 3
		if long >= shortest && long <= longest && loudest(envelope[i-quietMS:i-echoMS]) < peak/3 {
			at := i * step
			for _, v := range sound[i*step : (i+1)*step] {
				if max(v, -v) >= peak/4 {
					break
				}
				at++
			}
			out = append(out, media.TimeOf(int64(at), media.Rational{Num: 1, Den: media.SampleRateHz}))
		}
		i = end
	}
	return out
}

func loudest(envelope []float32) float32 {
	peak := float32(0)
	for _, v := range envelope {
		peak = max(peak, v)
	}
	return peak
}

// nearest is the least distance from a flash, of which there is one every period, to a
// beep; positive when the beep is later.
func nearest(flash time.Duration, beeps []time.Duration, period time.Duration) (time.Duration, bool) {
	best, found := time.Duration(0), false
	for _, b := range beeps {
		d := b - flash
		d -= time.Duration(math.Round(d.Seconds()/period.Seconds())) * period
		if !found || d.Abs() < best.Abs() {
			best, found = d, true
		}
	}
	return best, found
}
