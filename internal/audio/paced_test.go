package audio

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"crosspoint.studio/crosspoint/internal/media"
)

// counted is n frames whose left sample is the frame number and right its negative, scaled
// so that every number up to 2^20 is exact.
func counted(start int64, n int) []float32 {
	b := make([]float32, 2*n)
	for i := range n {
		b[2*i] = float32(start+int64(i)+1) / (1 << 20)
		b[2*i+1] = -b[2*i]
	}
	return b
}

// number is the frame number counted put in, -1 for silence.
func number(v float32) int64 { return int64(math.Round(float64(v)*(1<<20))) - 1 }

func at(frame int64) time.Duration {
	return media.TimeOf(frame, media.Rational{Num: 1, Den: sampleRateHz})
}

func mixed(s *Strip, start int64, n int) []float32 {
	b := make([]float32, 2*n)
	s.Mix(b, start)
	return b
}

func TestOffsetPlacesToTheSample(t *testing.T) {
	for _, c := range []struct {
		name   string
		pts    time.Duration
		offset time.Duration
		first  int64 // studio sample of the first frame
	}{
		{"zero", 0, 0, 0},
		{"later", 0, at(1234), 1234},
		{"PTS far off", 26*time.Hour + at(7), -26 * time.Hour, 7},
		{"both", at(480000), at(-480000 + 799), 799},
		{"a third of a nanosecond off", time.Second / 3, -time.Second / 3, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
			if err := s.SetOffset(c.offset); err != nil {
				t.Fatal(err)
			}
			s.Write(media.AudioBlock{Samples: counted(0, 4800), PTS: c.pts})
			b := append(mixed(s, 0, 801), mixed(s, 801, 1600)...)
			for i := range 2401 {
				want := max(int64(i)-c.first, -1)
				if got := number(b[2*i]); got != want {
					t.Fatalf("studio sample %d: got source frame %d, want %d", i, got, want)
				}
			}
			if st := s.Stats(); st.Underruns != 0 || st.LateFrames != 0 {
				t.Errorf("stats: %+v, want no underruns and nothing late", st)
			}
		})
	}
}

// Whatever the sizes of the blocks written and mixed, the mix is the source.
func TestPacedIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
		var written, read int64
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			for written-read < 4096 {
				n := rapid.IntRange(1, 3000).Draw(t, "write")
				// Containers round the PTS to a millisecond.
				pts := (at(written) / time.Millisecond) * time.Millisecond
				s.Write(media.AudioBlock{Samples: counted(written, n), PTS: pts})
				written += int64(n)
			}
			n := rapid.IntRange(1, 2002).Draw(t, "read")
			b := mixed(s, read, n)
			for i := range n {
				if got := number(b[2*i]); got != read+int64(i) {
					t.Fatalf("studio sample %d: got source frame %d", read+int64(i), got)
				}
			}
			read += int64(n)
		}
	})
}

func TestGapsAndOverlaps(t *testing.T) {
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	s.Write(media.AudioBlock{Samples: counted(0, 1000)})
	s.Write(media.AudioBlock{Samples: counted(1500, 1000), PTS: at(1500)}) // 500 missing
	s.Write(media.AudioBlock{Samples: counted(2300, 1000), PTS: at(2300)}) // 200 twice
	s.Write(media.AudioBlock{Samples: counted(2400, 100), PTS: at(2400)})  // all of it twice
	b := mixed(s, 0, 3300)
	for i := range int64(3300) {
		v := b[2*i]
		switch {
		case i >= 1000+fadeFrames && i < 1500:
			if v != 0 {
				t.Fatalf("frame %d in the gap: got %v, want silence", i, v)
			}
		case i < 1000 || i >= 1500+fadeFrames:
			if number(v) != i {
				t.Fatalf("frame %d: got source frame %d", i, number(v))
			}
		case i >= 1500: // faded in
			if v < 0 || number(v) > i {
				t.Fatalf("frame %d in the fade: got %v", i, v)
			}
		}
	}
	st := s.Stats()
	if st.Gaps != 1 || st.GapFrames != 500 || st.Overlaps != 2 || st.Trimmed != 300 {
		t.Errorf("stats: %+v, want 1 gap of 500 and 2 overlaps of 300", st)
	}
}

func TestUnderrunFadesAndLateSoundIsTrimmed(t *testing.T) {
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	half := make([]float32, 2*8000)
	for i := range half {
		half[i] = 0.5
	}
	s.Write(media.AudioBlock{Samples: half[:2*1600]})
	b := append(mixed(s, 0, 1600), mixed(s, 1600, 1600)...) // all of the second is missing
	s.Write(media.AudioBlock{Samples: half[:2*3200], PTS: at(1600)})
	b = append(b, mixed(s, 3200, 1600)...)
	var last float32 = 0.5
	for i := 0; i < len(b); i += 2 {
		// A raised cosine of 240 frames over 0.5 moves by at most pi/2/240/2 a frame.
		if d := abs(b[i] - last); d > 0.0034 {
			t.Fatalf("frame %d: step of %v", i/2, d)
		}
		last = b[i]
	}
	if b[2*1599] != 0.5 || b[2*(1600+fadeFrames)] != 0 || b[2*3199] != 0 || b[2*(3200+fadeFrames)] != 0.5 {
		t.Errorf("levels around the hole: %v %v %v %v, want 0.5 0 0 0.5", b[2*1599], b[2*(1600+fadeFrames)], b[2*3199], b[2*(3200+fadeFrames)])
	}
	st := s.Stats()
	if st.Underruns != 1 || st.MissedFrames != 1600 || st.LateFrames != 1600 {
		t.Errorf("stats: %+v, want 1 underrun of 1600 frames and 1600 late", st)
	}
}

func TestHoldIsNoUnderrun(t *testing.T) {
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	s.Write(media.AudioBlock{Samples: counted(0, 800)})
	s.Hold()
	mixed(s, 0, 1600)
	mixed(s, 1600, 1600)
	if st := s.Stats(); st.Underruns != 0 {
		t.Errorf("underruns while held: got %d, want 0", st.Underruns)
	}
}

func TestBadSamplesAreSilence(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	bad := []float32{0.5, nan, inf, 0.25, -inf, 1e9, 0.125, -0.125}
	for _, mode := range []Mode{Paced, Live} {
		clock := media.NewVirtualClock()
		s := NewStrip(mode, clock, StripOptions{})
		s.Write(media.AudioBlock{Samples: bad})
		s.Write(media.AudioBlock{Samples: make([]float32, 2*9600), PTS: at(4)})
		m := NewMixer()
		m.Add(s)
		dst := make([]float32, 3200)
		for n := range int64(3) {
			m.MixTick(dst, n*1600)
			for i, v := range dst {
				if v != v || abs(v) > 1 {
					t.Fatalf("mode %d, sample %d: got %v", mode, i, v)
				}
			}
			if n == 0 && mode == Paced && (dst[0] != 0.5 || dst[1] != 0 || dst[2] != 0 || dst[3] != 0.25 || dst[7] != -0.125) {
				t.Errorf("good samples beside bad ones: got %v", dst[:8])
			}
		}
		if got := s.Stats().BadSamples; got != 4 {
			t.Errorf("mode %d, bad samples: got %d, want 4", mode, got)
		}
	}
}

func TestWriterWaitsAndReaderFreesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
		blocks := 0
		go func() {
			for ; blocks < 100; blocks++ {
				if err := s.WriteWait(t.Context(), media.AudioBlock{Samples: make([]float32, 2*4800), PTS: at(int64(blocks) * 4800)}); err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		if blocks != 5 { // 500 ms
			t.Fatalf("blocks of 100 ms written before the mix began: got %d, want 5", blocks)
		}
		for n := range int64(93) {
			mixed(s, n*4800, 4800)
			synctest.Wait()
		}
		if blocks != 98 {
			t.Errorf("blocks written after 93 were mixed: got %d, want 98", blocks)
		}
		if st := s.Stats(); st.Underruns != 0 || st.Dropped != 0 || st.Queued != 500*time.Millisecond {
			t.Errorf("stats: %+v", st)
		}
		s.Close()
		synctest.Wait()
		if blocks != 100 {
			t.Errorf("blocks after Close: got %d, want 100 (dropped, not waiting)", blocks)
		}
	})
}

func TestWriteWaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	err := s.WriteWait(ctx, media.AudioBlock{Samples: make([]float32, 2*sampleRateHz*2)})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}

// On a virtual clock the mix waits for its sources, so that what a slow and irregular
// writer gives is the same as what a quick one gives.
func TestWaitForMakesTheMixDeterministic(t *testing.T) {
	render := func(pace time.Duration) string {
		var sum []float32
		synctest.Test(t, func(t *testing.T) {
			s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
			if err := s.SetOffset(at(333)); err != nil {
				t.Fatal(err)
			}
			s.Set(Controls{GainDB: -3, Delay: -150 * time.Millisecond})
			go func() {
				src := noise(7, 48000)
				for n := 0; n < 48000; n += 1024 {
					time.Sleep(pace * time.Duration(n%7)) // fake time: the bubble's
					end := min(n+1024, 48000)
					if s.WriteWait(t.Context(), media.AudioBlock{Samples: src[2*n : 2*end], PTS: at(int64(n))}) != nil {
						return
					}
				}
				s.Hold()
			}()
			for n := range int64(40) {
				if err := s.WaitFor(t.Context(), (n+1)*1600); err != nil {
					t.Fatal(err)
				}
				sum = append(sum, mixed(s, n*1600, 1600)...)
			}
			if st := s.Stats(); st.Underruns != 0 || st.LateFrames != 0 {
				t.Errorf("stats: %+v", st)
			}
		})
		return digest(sum)
	}
	want := render(0)
	for _, pace := range []time.Duration{time.Millisecond, 30 * time.Millisecond} {
		if got := render(pace); got != want {
			t.Errorf("writer at a pace of %v: got %s, want %s", pace, got, want)
		}
	}
}

func TestWaitForAcrossAJumpDoesNotDeadlock(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range int64(200) { // 20 s; the mix wants to hear the 15th
			if s.WriteWait(ctx, media.AudioBlock{Samples: counted(n*4800, 4800), PTS: at(n * 4800)}) != nil {
				return
			}
		}
	}()
	if err := s.SetOffset(-15 * time.Second); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitFor(ctx, 1600); err != nil {
		t.Fatal(err)
	}
	if got := number(mixed(s, 0, 1600)[0]); got != 15*sampleRateHz {
		t.Errorf("first frame after the jump: got %d, want %d", got, 15*sampleRateHz)
	}
	s.Close()
	<-done
}

func TestLongGapIsSilenceOfItsLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
		go func() {
			for _, from := range []int64{0, 10 * sampleRateHz} {
				if s.WriteWait(t.Context(), media.AudioBlock{Samples: counted(from%1000, 4800), PTS: at(from)}) != nil {
					return
				}
			}
			s.Hold()
		}()
		for n := range int64(110) {
			if err := s.WaitFor(t.Context(), (n+1)*4800); err != nil {
				t.Fatal(err)
			}
			b := mixed(s, n*4800, 4800)
			if loud := b[2*4799] != 0; loud != (n == 0 || n == 100) {
				t.Fatalf("block %d: sound %v", n, loud)
			}
		}
	})
}

func TestDelayOfAPacedStrip(t *testing.T) {
	for _, c := range []struct{ set, want time.Duration }{
		{0, 0},
		{25 * time.Millisecond, 25 * time.Millisecond},
		{3 * time.Second, 3 * time.Second},
		{-100 * time.Millisecond, -100 * time.Millisecond},
		{-2 * time.Second, -200 * time.Millisecond},
		{time.Minute, 20 * time.Second},
	} {
		s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
		s.Set(Controls{Delay: c.set})
		if got := s.Stats().Delay; got != c.want {
			t.Errorf("delay %v: in force %v, want %v", c.set, got, c.want)
		}
		d := sampleAt(c.want)
		for n := int64(0); n < 21*10; n++ {
			s.Write(media.AudioBlock{Samples: counted(n*4800, 4800), PTS: at(n * 4800)})
			if n < 3 {
				continue
			}
			from := (n - 3) * 4800
			b := mixed(s, from, 4800)
			for _, i := range []int64{1000, 4799} {
				want := max(from+i-d, -1)
				if got := number(b[2*i]); got != want {
					t.Fatalf("delay %v, studio sample %d: got source frame %d, want %d", c.set, from+i, got, want)
				}
			}
		}
	}
}

func TestDelayChangesWithoutAClick(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
		tone := Tone{LeftHz: 200, RightHz: 200, LevelDB: -6}
		last := float32(0)
		for n := range int64(30) {
			s.Write(media.AudioBlock{Samples: sound(tone, n*1600, 1600), PTS: at(n * 1600)})
			if n < 8 {
				continue
			}
			if n > 10 {
				s.Set(Controls{Delay: time.Duration(rapid.IntRange(-250, 300).Draw(t, "delay")) * time.Millisecond})
			}
			b := mixed(s, (n-8)*1600, 1600)
			step, end := largestStep(last, b)
			last = end
			// The tone moves by 0.013 a frame, two overlapping fades over a swing of 1 add
			// up to 0.0066 each.
			if n > 8 && step > 0.03 {
				t.Fatalf("block %d: step of %v", n, step)
			}
		}
	})
}

func TestFlushBeginsANewTimeline(t *testing.T) {
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{})
	s.Write(media.AudioBlock{Samples: counted(0, 9600)})
	mixed(s, 0, 1600)
	s.Flush()
	s.Write(media.AudioBlock{Samples: counted(500, 9600), PTS: time.Hour})
	if pts, ok := s.First(); !ok || pts != time.Hour {
		t.Fatalf("First after Flush: got %v %v, want 1h", pts, ok)
	}
	if err := s.SetOffset(at(1600) - time.Hour); err != nil {
		t.Fatal(err)
	}
	b := mixed(s, 1600, 1600)
	if got := number(b[2*800]); got != 1300 {
		t.Errorf("frame 800 of the new timeline: got source frame %d, want 1300", got)
	}
}

// TestFlushAfterHold: what comes after a flush is waited for, though nothing was to come before
// it: a file that was paused and goes on.
func TestFlushAfterHold(t *testing.T) {
	t.Parallel()
	q := newPacedQueue()
	q.hold()
	q.flush()
	q.settle()
	done := make(chan error, 1)
	go func() { done <- q.waitFor(t.Context(), 10) }()
	select {
	case <-done:
		t.Fatal("nothing has come and nothing is waited for")
	case <-time.After(20 * time.Millisecond):
	}
	if err := q.write(t.Context(), media.AudioBlock{Samples: make([]float32, 40)}, true); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
