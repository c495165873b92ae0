package audio

import (
	"fmt"
	"time"
)

// troubleStays is how long a trouble is told after it was last seen.
const troubleStays = 10 * time.Second

// Troubles turns what a strip counts into one sentence for the operator. One goroutine
// owns it.
type Troubles struct {
	known  bool
	before StripStats
	text   string
	until  time.Duration
}

// Look takes a strip's statistics at studio time now and returns what is wrong with its
// sound, or was within the last 10 s; "" when nothing is. What is wrong never stops the mix:
// the sentence says so where it could be doubted.
func (t *Troubles) Look(s StripStats, now time.Duration) string {
	was := t.before
	t.before = s
	if !t.known { // what was counted before is of the past
		t.known, was = true, s
	}
	missed := lasting(s.MissedFrames - was.MissedFrames)
	switch {
	case s.Jumps > was.Jumps:
		t.tell(now, "Its time stamps jumped by %v; its sound goes on from there.", s.Jump.Round(time.Second))
	case s.BadSamples > was.BadSamples:
		t.tell(now, "It sent %d samples that are no numbers or far beyond full scale; they are silence in the mix.", s.BadSamples-was.BadSamples)
	case s.Silent >= time.Second:
		t.tell(now, "It has sent no sound for %v; the mix goes on without it.", s.Silent.Round(time.Second))
	case missed > 0:
		t.tell(now, "Its sound came too late: %v of it are silence in the mix.", missed.Round(time.Millisecond))
	case s.LateFrames > was.LateFrames:
		t.tell(now, "%v of its sound came too late and are not heard.", lasting(s.LateFrames-was.LateFrames).Round(time.Millisecond))
	case s.Dropped > was.Dropped:
		t.tell(now, "It sends sound faster than time passes; %v of it were left out.", lasting(s.Dropped-was.Dropped).Round(time.Millisecond))
	case s.Gaps > was.Gaps:
		t.tell(now, "%v are missing from its sound and are silence in the mix.", lasting(s.GapFrames-was.GapFrames).Round(time.Millisecond))
	case s.Overlaps > was.Overlaps:
		t.tell(now, "Its time stamps went back; %v of its sound were left out.", lasting(s.Trimmed-was.Trimmed).Round(time.Millisecond))
	case s.Resets > was.Resets:
		t.tell(now, "Its sound came at another pace than its clock; its queue was set right, with a short fade.")
	}
	if now >= t.until {
		t.text = ""
	}
	return t.text
}

// Tell says what somebody else saw of the sound, for 10 s from studio time now on.
func (t *Troubles) Tell(now time.Duration, text string) { t.tell(now, "%s", text) }

func (t *Troubles) tell(now time.Duration, format string, args ...any) {
	t.text, t.until = fmt.Sprintf(format, args...), now+troubleStays
}

// lasting is how long frames last.
func lasting(frames int64) time.Duration {
	return time.Duration(frames) * time.Second / sampleRateHz
}
