package audio

import (
	"math"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// Meter is the strip's peak meter, after the fader.
func (s *Strip) Meter() Meter { return s.meter.read() }

// ClearClip resets the meter's clip latch.
func (s *Strip) ClearClip() { s.meter.clearClip() }

// StripStats describe a strip at one moment. Frames are audio frames; counts are
// since it was made.
type StripStats struct {
	Queued  time.Duration // sound waiting for the mix
	Delay   time.Duration // the operator's delay as far as it is in force
	PPM     float64       // live: how much faster than the studio the source's clock runs
	Latency time.Duration // live: queue depth by the filtered line; this is held at the target
	Silent  time.Duration // live: since something was heard; 0 while something is

	Underruns    int64         // times sound was due and not there
	MissedFrames int64         // silence in its place
	LateFrames   int64         // paced: came after they were due; not heard
	Resets       int64         // live: queue too far off, set right at once
	Steps        int64         // live: stalls and bursts seen in the arrivals
	Jumps        int64         // PTS that went on somewhere else: their sound follows on
	Jump         time.Duration // how far the last one went
	Gaps         int64         // holes in the PTS, made silence
	GapFrames    int64
	Overlaps     int64 // PTS that went back
	Trimmed      int64 // frames dropped for that
	Dropped      int64 // frames that found the queue full
	BadSamples   int64 // NaN, infinite or beyond +60 dBFS, made silence
}

// Stats is safe to call at any time.
func (s *Strip) Stats() StripStats {
	var st StripStats
	if s.mode == Live {
		st = s.live.snapshot()
	} else {
		st = s.paced.snapshot()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Delay = media.TimeOf(s.applied+s.latency, media.Rational{Num: 1, Den: sampleRateHz})
	st.MissedFrames, st.Underruns = s.missed, s.holes
	return st
}

func seconds(s float64) time.Duration {
	return time.Duration(math.Round(s * float64(time.Second)))
}
