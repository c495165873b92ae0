package app

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/scenes"
)

// What reads --stats goes through its lists; none of them is ever null.
func TestStatsHaveListsOfNothing(t *testing.T) {
	show, err := scenes.Parse([]byte(`{"format":2}`))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	writeStats(&out, &engine.State{Show: show})
	var line map[string]json.RawMessage
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Sources", "Renditions", "Destinations", "Recordings", "Warnings"} {
		if got := string(line[name]); got != "[]" {
			t.Errorf("%s is %s, want []", name, got)
		}
	}
	if got, want := string(line["Monitor"]), `{"Device":"","Problem":"","LatencyMS":0,"DriftPPM":0,"Underruns":0,"Skips":0,"Dropped":0}`; got != want {
		t.Errorf("Monitor is %s, want %s", got, want)
	}
	if got, want := string(line["Show"]), `{"Name":"Untitled","Sources":[],"Scenes":[],"Overlays":[]}`; got != want {
		t.Errorf("Show is %s, want %s", got, want)
	}
}

// The commands of a show may have passwords in them: a new log of them is nobody else's to read.
func TestCommandLogIsPrivate(t *testing.T) {
	dir := t.TempDir()
	fresh, shared := filepath.Join(dir, "fresh.jsonl"), filepath.Join(dir, "shared.jsonl")
	if err := os.WriteFile(shared, []byte("of before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(shared, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{fresh: 0o600, shared: 0o644} {
		_, release, err := runOptions{commandLog: path}.options(scenes.Default())
		if err != nil {
			t.Fatal(err)
		}
		release()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want || info.Size() != 0 {
			t.Errorf("%s has mode %o and %d bytes, want %o and none", filepath.Base(path), info.Mode().Perm(), info.Size(), want)
		}
	}
}

// Headless, the monitor is played where the flag says, and the statistics say so.
func TestHeadlessMonitor(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { headlessMonitor(a) })
}

func headlessMonitor(t testing.TB) {
	dir := t.TempDir()
	show, stats := filepath.Join(dir, "show.json"), filepath.Join(dir, "stats.jsonl")
	if err := os.WriteFile(show, []byte(`{"format":2,"canvas":{"width":64,"height":64,"fps":"30"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if err := runHeadless(t.Context(), newConsole(&said, &said), show, runOptions{headless: true, length: 3 * time.Second, stats: stats, monitor: "null"}); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	written, err := os.ReadFile(stats)
	if err != nil {
		t.Fatal(err)
	}
	var last struct{ Monitor engine.MonitorState }
	for line := range bytes.Lines(written) {
		if err := json.Unmarshal(line, &last); err != nil {
			t.Fatal(err)
		}
	}
	if m := last.Monitor; m.Device == "" || m.Problem != "" || m.LatencyMS < 20 || m.LatencyMS > 250 {
		t.Errorf("the monitor is %+v, want the null device with 20 to 250 ms", m)
	}
}

// onDemand makes a new state some time after it was asked for one, as the engine does.
type onDemand struct{ began, asked time.Time }

func (d *onDemand) State() *engine.State {
	was := d.asked
	d.asked = time.Now()
	return &engine.State{Show: &scenes.Show{}, Time: was.Sub(d.began), Tick: int64(was.Sub(d.began) / time.Millisecond)}
}

// troubled is an engine that warns at odd seconds, and has two warnings at the third.
type troubled struct{ began time.Time }

func (d troubled) State() *engine.State {
	s := &engine.State{Show: &scenes.Show{}}
	second := int(time.Since(d.began) / time.Second)
	if second%2 == 1 {
		s.Warnings = []engine.Warning{{Key: "source a", Text: "a has no picture"}}
	}
	if second == 3 {
		s.Warnings = append(s.Warnings, engine.Warning{Key: "source b", Text: "b has no picture"})
	}
	return s
}

// A fault that comes again is said again, one that stays once.
func TestFaultsAreSaidAgain(t *testing.T) {
	var said bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		ended, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			report(newConsole(io.Discard, &said), troubled{time.Now()}, nil, false, ended)
		}()
		time.Sleep(3*time.Second + 2*stateAge)
		close(ended) // which looks once more
		<-done
	})
	const a, b = "crosspoint: a has no picture\n", "crosspoint: b has no picture\n"
	if got, want := said.String(), a+a+b; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// A line a second says how things are at that second, not at the one before.
func TestStatsAreFresh(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stats")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ended, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			report(newConsole(io.Discard, io.Discard), &onDemand{began: time.Now(), asked: time.Now()}, f, false, ended)
		}()
		time.Sleep(3*time.Second + stateAge + time.Millisecond)
		close(ended)
		<-done
	})
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var ticks []int64
	for line := range strings.Lines(string(raw)) {
		var l struct{ Tick int64 }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		ticks = append(ticks, l.Tick)
	}
	if len(ticks) != 4 || ticks[0] != 1000 || ticks[1] != 2000 || ticks[2] != 3000 {
		t.Errorf("lines of milliseconds %v, want 1000, 2000, 3000 and the end's", ticks)
	}
}
