package audio

import (
	"testing"
	"testing/synctest"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestSoundThatIsDueHasNotJumped: a source of which nothing was to come for more than a minute is heard
// where its time stamps say, once something does.
func TestSoundThatIsDueHasNotJumped(t *testing.T) {
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	s.Write(media.AudioBlock{Samples: counted(0, 4800)})
	s.Hold()
	const from = 70 * sampleRateHz
	for n := range int64(from / 4800) {
		mixed(s, n*4800, 4800)
	}
	s.Write(media.AudioBlock{Samples: counted(0, 4800), PTS: at(from)})
	b := mixed(s, from, 4800)
	if got := number(b[2*1000]); got != 1000 {
		t.Errorf("frame 1000 of what came then: got source frame %d", got)
	}
	if st := s.Stats(); st.Jumps != 0 || st.LateFrames != 0 {
		t.Errorf("stats: %+v", st)
	}
}

// TestPacedJumpFollowsOn: a source whose PTS jump by an hour, ahead and back again, is
// heard on, without a step, and it is said.
func TestPacedJumpFollowsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
		const block, hour = 1600, 3600 * sampleRateHz
		tone := Tone{LeftHz: 100, RightHz: 100, LevelDB: -6}
		go func() {
			b := make([]float32, 2*block)
			for n := range int64(90) {
				pts := n * block
				if n >= 30 {
					pts += hour
				}
				if n >= 60 {
					pts -= hour + 10*sampleRateHz // and behind where it was
				}
				tone.Fill(b, n*block)
				if s.WriteWait(t.Context(), media.AudioBlock{Samples: b, PTS: at(pts)}) != nil {
					return
				}
			}
			s.Hold()
		}()
		var troubles Troubles
		said := map[string]bool{}
		last := float32(0)
		for n := range int64(88) {
			if err := s.WaitFor(t.Context(), (n+1)*block); err != nil {
				t.Fatal(err)
			}
			b := mixed(s, n*block, block)
			peak := float32(0)
			for i := 0; i < len(b); i += 2 {
				// A tone of 100 Hz moves 0.0066 a frame; the fade of 5 ms adds to that.
				if d := abs(b[i] - last); n > 0 && d > 0.02 {
					t.Fatalf("block %d, frame %d: a step of %v", n, i/2, d)
				}
				last = b[i]
				peak = max(peak, abs(last))
			}
			if peak < 0.45 {
				t.Errorf("block %d: peak %v, it should be heard", n, peak)
			}
			said[troubles.Look(s.Stats(), media.TickTime(n, media.Rational{Num: 30, Den: 1}))] = true
		}
		for _, want := range []string{"Its time stamps jumped by 1h0m0s; its sound goes on from there.", "Its time stamps jumped by -1h0m10s; its sound goes on from there."} {
			if !said[want] {
				t.Errorf("never said %q: %v", want, said)
			}
		}
		if st := s.Stats(); st.Jumps != 2 || st.Underruns != 0 || st.Gaps+st.Overlaps != 0 {
			t.Errorf("stats: %+v", st)
		}
	})
}
