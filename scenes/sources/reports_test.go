package sources

import (
	"context"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
)

// reportSink notes restarts and remarks.
type reportSink struct {
	Sink
	restarts int
	remark   string
}

func (s *reportSink) Restart()           { s.restarts++ }
func (s *reportSink) Remark(text string) { s.remark = text }

// What steps at a report, and only that, begins the timeline anew; the operator is told
// until both streams have been reported.
func TestReportsFindTheStep(t *testing.T) {
	const frame, block = 40 * time.Millisecond, 20 * time.Millisecond
	for _, c := range []struct {
		name   string
		stream int
		step   time.Duration
		found  bool
	}{
		{"sound steps back", sound, -500 * time.Millisecond, true},
		{"sound steps ahead", sound, 300 * time.Millisecond, true},
		{"pictures step", pictures, 700 * time.Millisecond, true},
		{"too little to begin anew", pictures, 50 * time.Millisecond, false},
		{"nothing steps", sound, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, sink := &reports{left: reportLook}, &reportSink{}
			var found []time.Duration
			const reported = 50 // pictures
			for n := range 200 {
				at := time.Duration(n) * frame
				shift := [2]time.Duration{}
				if n >= reported {
					shift[c.stream] = c.step
				}
				look := func(stream int, dts time.Duration) {
					if d := r.look(stream, &av.InputPacket{DTS: dts, Reported: n >= reported}); d != 0 {
						found = append(found, d)
					}
				}
				look(pictures, at+shift[pictures])
				r.picture(sink, at+shift[pictures])
				look(sound, at+shift[sound])
				look(sound, at+block+shift[sound])
				if n == reported-1 && sink.remark == "" {
					t.Error("the operator is not told before the report")
				}
			}
			if sink.remark != "" {
				t.Errorf("after the report it is still said that %s", sink.remark)
			}
			if want := c.found; want != (len(found) == 1) || want && found[0] != c.step {
				t.Errorf("steps found: %v, want %v: %v", found, c.step, want)
			}
		})
	}
	var none *reports
	if none.look(sound, &av.InputPacket{DTS: time.Hour}) != 0 {
		t.Error("a source of one clock steps")
	}
	none.picture(&reportSink{}, 0)
}

// A camera that reports nothing and takes fewer pictures in the dark begins nothing anew, nor
// does one that reports and does so later.
func TestReportsLeaveRatesAlone(t *testing.T) {
	for _, reported := range []bool{false, true} {
		r := &reports{left: reportLook}
		at, steps := time.Duration(0), 0
		for n := range 300 {
			at += 33 * time.Millisecond
			if n > 100 {
				at += 170 * time.Millisecond
			}
			for stream := range r.streams {
				if r.look(stream, &av.InputPacket{DTS: at, Reported: reported}) != 0 {
					steps++
				}
			}
		}
		if steps != 0 {
			t.Errorf("reported %v: begun anew %d times", reported, steps)
		}
	}
}

// Both decoding goroutines meet where the timeline begins anew; pictures that come out of
// the decoder late are told apart.
func TestAnewBeginsOnce(t *testing.T) {
	for _, step := range []time.Duration{500 * time.Millisecond, -500 * time.Millisecond} {
		a, sink := newAnew(pictures, step, time.Minute), &reportSink{}
		done := make(chan error, 1)
		go func() { done <- a.begin(t.Context(), pictures, sink) }()
		if err := a.begin(t.Context(), sound, sink); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil || sink.restarts != 1 {
			t.Errorf("%v, %d restarts, want one", err, sink.restarts)
		}
		if late := time.Minute - step - 80*time.Millisecond; !a.before(late) || a.before(time.Minute) || a.before(time.Minute+time.Second/25) {
			t.Errorf("step of %v: %v is of the timeline before, %v and what follows are not", step, late, time.Minute)
		}
	}
	if newAnew(sound, time.Second, time.Minute).before(0) {
		t.Error("pictures are left out where the sound steps")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if newAnew(sound, time.Second, 0).begin(ctx, sound, &reportSink{}) == nil {
		t.Error("it does not end with its context")
	}
}
