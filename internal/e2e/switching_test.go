package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// TestCutIsOnTheNextTick: a command from outside shows on the next tick: in the state
// that its caller reads right afterwards, in the command log, and in the picture.
func TestCutIsOnTheNextTick(t *testing.T) {
	attempts.Run(t, 3, cutIsOnTheNextTick)
}

func cutIsOnTheNextTick(t *attempts.T) {
	const cuts = 40
	doc := document(t, 320, 180, fps, object{"sources": cameras(2), "scenes": cameraScenes(2), "start": object{"program": "s1", "preview": "s2"}})
	var log bytes.Buffer
	s := openStudio(t, doc, engine.Options{CommandLog: &log}, nil)
	s.begin()
	s.awaitTick(10)
	type cut struct {
		before int64 // the last tick shown when it was asked for
		took   time.Duration
		camera uint8
	}
	var list []cut
	for i := range cuts {
		c := cut{camera: uint8(1 + (i+1)%2)}
		scene := map[uint8]string{1: "s1", 2: "s2"}[c.camera]
		c.before = s.tapped.Load()
		began := time.Now()
		s.do(engine.Cut{Scene: scene})
		c.took = time.Since(began)
		list = append(list, c)
		testkit.Eventually(t, time.Second, "the state does not say what is on programme", func() bool { return s.State().Program == scene })
		// At changing phases of the tick.
		s.awaitTick(s.tapped.Load() + 1)
		<-time.After(time.Duration(i) * time.Second / fps / cuts)
	}
	s.awaitTick(s.tapped.Load() + 2)
	late, shown := s.State().Counters.Late, s.undisturbed()
	t.Excuse(func() string {
		if late == 0 {
			return ""
		}
		return fmt.Sprintf("%d ticks were late", late)
	})
	s.stop()
	codes := s.truth.Codes()
	var applied []int64
	for line := range bytes.Lines(log.Bytes()) {
		var l struct {
			At int64  `json:"at"`
			Do string `json:"do"`
		}
		if err := json.Unmarshal(line, &l); err != nil || l.Do != "cut" {
			t.Fatalf("the command log has %q: %v", line, err)
		}
		applied = append(applied, l.At)
	}
	if len(applied) != cuts {
		t.Fatalf("the command log has %d commands, want %d", len(applied), cuts)
	}
	var worst time.Duration
	for i, c := range list {
		at := applied[i]
		// The tick after before may have been past its commands already when the cut was
		// asked for; the one after that may not.
		if at <= c.before || at > c.before+2 {
			t.Errorf("cut %d was asked for after tick %d and applied at tick %d", i, c.before, at)
		}
		if got := codes[at]; shown && (got.Camera != c.camera || !got.OK) { // a late tick shows it too
			t.Errorf("cut %d: tick %d shows camera %d, want %d", i, at, got.Camera, c.camera)
		}
		if got := codes[at-1]; got.Camera == c.camera {
			t.Errorf("cut %d: tick %d shows camera %d before the cut", i, at-1, got.Camera)
		}
		worst = max(worst, c.took)
	}
	t.Logf("%d cuts, each on the next tick; the longest Do took %v; %d late ticks", cuts, worst.Round(100*time.Microsecond), late)
	if limit := 2*time.Second/fps + 5*time.Millisecond; late == 0 && worst > limit {
		t.Errorf("a command took %v, more than a tick and what is left of another", worst)
	}
	if late != 0 && t.Stalled() == "" {
		t.Errorf("%d ticks were late, and the machine has not stalled", late)
	}
}

// TestStopLosesNothing: a recording that is ended by the operator, and one that is
// ended by the end of the program (Ctrl+C), both have every picture up to then.
func TestStopLosesNothing(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { stopLosesNothing(a) })
}

func stopLosesNothing(t testing.TB) {
	dir := t.TempDir()
	doc := document(t, 320, 180, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1),
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 800}}},
		"recordings": []object{
			{"id": "stopped", "settings": object{"path": filepath.Join(dir, "stopped.mkv")}},
			{"id": "running", "settings": object{"path": filepath.Join(dir, "running.mkv")}},
		},
		"start": object{"program": "s1", "preview": "s1"},
	})
	s := openStudio(t, doc, engine.Options{Commands: []engine.Timed{
		{Command: engine.StartRecording{}},
		{Tick: 75, Command: engine.StopRecording{Recordings: []string{"stopped"}}},
	}}, nil)
	s.begin()
	s.awaitTick(100)
	s.stop()
	end := s.tapped.Load()
	missing := int64(0)
	if !s.undisturbed() {
		missing = s.notEncoded()
	}
	// Coding out of display order may bring up to three pictures from after the stop.
	for name, last := range map[string]int64{"stopped": 74, "running": end} {
		v, err := s.truth.Judge(testkit.Read(t, name, filepath.Join(dir, name+".mkv")))
		if err != nil {
			t.Error(err)
			continue
		}
		t.Log(v)
		if v.First != 0 || int64(v.Lost) > missing || v.Differences != 0 || v.Last < last-missing || v.Last > last+3 {
			t.Errorf("%s: has ticks %d..%d with %d lost; want 0..%d", name, v.First, v.Last, v.Lost, last)
		}
	}
}
