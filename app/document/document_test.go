package document

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/scenes"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }

func TestSaveAndSaveAs(t *testing.T) {
	dir := t.TempDir()
	s := start(t, filepath.Join(dir, "state"))
	defer s.Close()
	must(t, s.New("empty", scenes.Default().Canvas))
	if got := s.Info(); got.Path != "" || got.Name != "Untitled" || got.Dirty || got.ReadOnly != "" {
		t.Errorf("a new show: %+v", got)
	}
	if err := s.Save(); !errors.Is(err, ErrNoPath) {
		t.Errorf("Save of a show without a file: %v", err)
	}
	s.stage.rename(t, "Evening")
	if !s.Info().Dirty {
		t.Error("an edited show is not dirty")
	}
	must(t, s.SaveAs(filepath.Join(dir, "evening")))
	path := filepath.Join(dir, "evening.json")
	if got := s.Info(); got.Path != path || got.Name != "evening.json" || got.Dirty {
		t.Errorf("after SaveAs: %+v", got)
	}
	s.stage.rename(t, "Late evening")
	must(t, s.Save())
	if got := nameIn(t, path); got != "Late evening" {
		t.Errorf("the file has %q", got)
	}
	if got := nameIn(t, path+".bak"); got != "Evening" {
		t.Errorf("the file before has %q", got)
	}
	s.stage.rename(t, "x")
	s.stage.rename(t, "Late evening")
	if s.Info().Dirty {
		t.Error("an edit and its undo left the show dirty")
	}
	must(t, os.WriteFile(path, []byte(`{"format": 1, "name": "by hand"}`), 0o600))
	s.stage.rename(t, "mine")
	if err := s.Save(); !errors.Is(err, ErrChanged) || nameIn(t, path) != "by hand" {
		t.Errorf("Save over a file that another program changed: %v; it has %q", err, nameIn(t, path))
	}
	must(t, s.SaveAs(path))
	if got := nameIn(t, path); got != "mine" {
		t.Errorf("SaveAs under the same name left %q", got)
	}
	must(t, os.Remove(path))
	must(t, s.Save())
	if got := nameIn(t, path); got != "mine" {
		t.Errorf("Save of a file that was removed wrote %q", got)
	}
}

// What the command line adds runs, and is in no file: neither in the show's nor in what is
// kept for recovery.
func TestTheCommandLinesRecordingIsNotOfTheShow(t *testing.T) {
	dir := t.TempDir()
	s := start(t, filepath.Join(dir, "state"))
	defer s.Close()
	path := showFile(t, dir, "one")
	s.stage.record = "/tmp/take.mkv"
	must(t, s.Open(path))
	if n := len(s.stage.State().Show.Recordings); n != 1 || s.Info().Dirty {
		t.Errorf("opened: %d recordings run, %+v", n, s.Info())
	}
	s.stage.rename(t, "two")
	if !s.Info().Dirty {
		t.Error("an edit is no change")
	}
	s.Manager.keep()
	kept, err := os.ReadFile(s.Manager.file)
	if err != nil || strings.Contains(string(kept), "flag") || !strings.Contains(string(kept), "two") {
		t.Errorf("kept for recovery, %v:\n%s", err, kept)
	}
	must(t, s.Save())
	written, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(written), "flag") || nameIn(t, path) != "two" {
		t.Errorf("the file, %v:\n%s", err, written)
	}
	if n := len(s.stage.State().Show.Recordings); n != 1 || s.Info().Dirty {
		t.Errorf("saved: %d recordings run, %+v", n, s.Info())
	}
	must(t, s.Open(path))
	if n := len(s.stage.State().Show.Recordings); n != 0 || s.Info().Dirty {
		t.Errorf("opened again: %d recordings run, %+v", n, s.Info())
	}
}

func TestAFailedSaveChangesNothing(t *testing.T) {
	dir := t.TempDir()
	s := start(t, filepath.Join(dir, "state"))
	defer s.Close()
	path := showFile(t, dir, "one")
	must(t, s.Open(path))
	s.stage.rename(t, "two")
	if err := s.SaveAs(filepath.Join(dir, "no", "such", "folder.json")); err == nil || !strings.Contains(err.Error(), "was not saved") {
		t.Errorf("SaveAs into nowhere: %v", err)
	}
	if got := s.Info(); got.Path != path || !got.Dirty {
		t.Errorf("after a failed SaveAs: %+v", got)
	}
	must(t, s.Save())
	if got := nameIn(t, path); got != "two" {
		t.Errorf("Save after a failed SaveAs wrote %q", got)
	}
}

func TestOpenListsEveryMistake(t *testing.T) {
	dir := t.TempDir()
	s := start(t, filepath.Join(dir, "state"))
	defer s.Close()
	good := showFile(t, dir, "good")
	must(t, s.Open(good))
	broken := filepath.Join(dir, "broken.json")
	var layers []string
	for i := range 7 {
		layers = append(layers, fmt.Sprintf(`{"source":"none%d"}`, i))
	}
	text := `{"format":1,"scenes":[{"id":"s","layers":[` + strings.Join(layers, ",") + `]}]}`
	must(t, os.WriteFile(broken, []byte(text), 0o600))
	err := s.Open(broken)
	var mistakes *MistakesError
	if !errors.As(err, &mistakes) || len(mistakes.Mistakes) != 7 || strings.Count(err.Error(), "\n$.scenes[0].layers[") != 7 {
		t.Errorf("Open: %v; want seven mistakes", err)
	}
	if got := s.Info(); got.Path != good || s.stage.plays != 1 {
		t.Errorf("a show that cannot be opened took the place of %+v", got)
	}
	if raw, _ := os.ReadFile(broken); string(raw) != text {
		t.Error("the file was changed")
	}
	newer := filepath.Join(dir, "newer.json")
	must(t, os.WriteFile(newer, []byte(`{"format": 99}`), 0o600))
	for path, want := range map[string]string{newer: "newer version", filepath.Join(dir, "none.json"): "there is no file", dir: "cannot be opened"} {
		if err := s.Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s): %v; want %q", path, err, want)
		}
	}
	if err := s.SaveAs(newer); err == nil {
		t.Error("a show of a newer format was overwritten")
	}
}

func TestUnknownKindsAndBadSettingsOpenAndAreKept(t *testing.T) {
	dir := t.TempDir()
	s := start(t, filepath.Join(dir, "state"))
	defer s.Close()
	path := filepath.Join(dir, "odd.json")
	must(t, os.WriteFile(path, []byte(`{"format":1,"sources":[
		{"id":"a","kind":"hologram","settings":{"depth":3}},
		{"id":"b","kind":"file","settings":{"paht":"x.mp4"}}]}`), 0o600))
	must(t, s.Open(path))
	if got := s.Info().Mistakes; len(got) != 2 {
		t.Errorf("mistakes: %v; want the unknown kind and the unknown setting", got)
	}
	if !strings.Contains(s.log.String(), "$.sources[0].kind") {
		t.Errorf("the log does not list them: %s", s.log)
	}
	s.stage.rename(t, "odd")
	must(t, s.Save())
	raw, err := os.ReadFile(path)
	must(t, err)
	for _, kept := range []string{"hologram", `"depth": 3`, `"paht": "x.mp4"`} {
		if !strings.Contains(string(raw), kept) {
			t.Errorf("%s is gone from the saved file:\n%s", kept, raw)
		}
	}
}

func TestNothingChangesTheShowWhileDelivering(t *testing.T) {
	dir := t.TempDir()
	s := start(t, filepath.Join(dir, "state"))
	defer s.Close()
	one, two := showFile(t, dir, "one"), showFile(t, dir, "two")
	must(t, s.Open(one))
	for _, running := range []engine.State{{Live: true}, {Recording: true}, {ISOs: []engine.DestinationState{{ID: "cam1", Started: true}}}} {
		s.stage.set(func(n *engine.State) { n.Live, n.Recording, n.ISOs = running.Live, running.Recording, running.ISOs })
		for name, change := range map[string]func() error{"Open": func() error { return s.Open(two) }, "New": func() error { return s.New("demo", scenes.Default().Canvas) }} {
			if err := change(); !errors.Is(err, ErrRunning) {
				t.Errorf("%s while live %v, recording %v, on their own %v: %v", name, running.Live, running.Recording, running.ISOs, err)
			}
		}
		s.stage.rename(t, "edited live")
		must(t, s.Save())
	}
	s.stage.set(func(n *engine.State) {
		n.Live, n.Recording, n.ISOs, n.Writing = false, false, nil, []string{"Programme"}
	})
	if err := s.Open(two); !errors.Is(err, ErrWriting) {
		t.Errorf("Open while a recording is still being written: %v", err)
	}
	s.stage.set(func(n *engine.State) { n.Writing = nil })
	s.stage.refuse = errors.New("the GPU cannot hold this canvas")
	if err := s.Open(two); err == nil || s.Info().Path != one {
		t.Errorf("Open of what cannot be played: %v; open is %s", err, s.Info().Path)
	}
	s.stage.refuse = nil
	other := start(t, filepath.Join(dir, "state"))
	defer other.Close()
	must(t, other.Open(two))
	if got := other.Info().ReadOnly; got != "" {
		t.Errorf("a file whose opening failed stayed locked: %s", got)
	}
}

func TestRecentFiles(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	s := start(t, state)
	var want []string
	for i := range 12 {
		path := showFile(t, dir, fmt.Sprintf("show%02d", i))
		must(t, s.Open(path))
		want = append([]string{path}, want...)
	}
	again := want[3]
	must(t, s.Open(again))
	want = slices.Insert(slices.Delete(want, 3, 4), 0, again)[:10]
	must(t, os.Remove(want[4]))
	s.Close()
	s = start(t, state)
	defer s.Close()
	var got []string
	for i, r := range s.Recent() {
		got = append(got, r.Path)
		if r.Missing != (i == 4) {
			t.Errorf("%s is missing: %v", r.Path, r.Missing)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("recent:\n%v\nwant:\n%v", got, want)
	}
}

func TestBegin(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	path := showFile(t, dir, "mine")
	for _, step := range []struct {
		name, what, wantPath, wantName string
		first                          bool
	}{
		{"the first start ever", "", "", "Demo", true},
		{"a template", "camera", "", "My camera", false},
		{"a file", path, path, "mine.json", false},
		{"the file of last time", "", path, "mine.json", false},
		{"the demo, asked for", "demo", "", "Demo", false},
	} {
		s := start(t, state)
		must(t, s.Begin(step.what))
		got := s.Info()
		if got.Path != step.wantPath || !strings.HasPrefix(got.Name, step.wantName) || got.FirstRun != step.first || got.Dirty {
			t.Errorf("%s: %+v", step.name, got)
		}
		if step.first {
			must(t, s.New("empty", scenes.Default().Canvas))
			if s.Info().FirstRun {
				t.Errorf("%s: still the first run after a choice", step.name)
			}
		}
		s.Close()
	}
	must(t, os.WriteFile(path, []byte("{"), 0o600))
	s := start(t, state)
	defer s.Close()
	must(t, s.Begin(""))
	if got := s.Info(); got.Path != "" || got.FirstRun || !strings.Contains(s.log.String(), "mine.json") {
		t.Errorf("with a broken file of last time: %+v; log %s", got, s.log)
	}
	if err := s.Begin(path); err == nil {
		t.Error("a broken file that was asked for opened")
	}
}

// TestBeginWithoutADisk: the show of last time, and unsaved work on it, are on a disk that does
// not answer. The program starts, and the work is offered.
func TestBeginWithoutADisk(t *testing.T) {
	dir := t.TempDir()
	state, dead := filepath.Join(dir, "state"), filepath.Join(dir, "away.json")
	must(t, syscall.Mkfifo(dead, 0o600)) // whose reading waits for a writer
	raw, err := scenes.Default().Encode()
	must(t, err)
	must(t, os.MkdirAll(filepath.Join(state, "recovery"), 0o700))
	must(t, recovery{Path: dead, BaseDir: dir, SavedAt: time.Now(), Show: raw}.write(filepath.Join(state, "recovery", "1-1.json")))
	must(t, recents{filepath.Join(state, "recent.json")}.add(dead))

	log := &bytes.Buffer{}
	m := New(Options{Stage: &fakeStage{}, Kinds: fakeKinds{}, Dir: state, Log: slog.New(slog.NewTextHandler(log, nil)), patience: 2 * time.Second})
	must(t, m.Begin(""))
	if got := m.Info(); got.Path != "" || got.Name != "Demo" || got.FirstRun || strings.Count(log.String(), "does not answer") != 2 {
		t.Errorf("begun with %+v; log %s", got, log)
	}
	if r, ok := m.Recovery(); !ok || r.Path != dead {
		t.Errorf("offered %+v, %v; want the work", r, ok)
	}
	m.Close()
	w, err := os.OpenFile(dead, os.O_WRONLY, 0) // the disk comes back
	must(t, err)
	must(t, w.Close())
}

func TestTemplates(t *testing.T) {
	s := start(t, t.TempDir())
	defer s.Close()
	for _, name := range Templates() {
		must(t, s.New(name, scenes.Default().Canvas))
		show := s.stage.State().Show
		if len(show.Recordings) != 1 {
			t.Errorf("%s: %d recordings; want one", name, len(show.Recordings))
		}
	}
	show := s.stage.State().Show
	tall := scenes.Canvas{Width: 1080, Height: 1920, FPS: media.NewRational(50, 1), Color: scenes.BT709}
	must(t, s.New("empty", tall))
	got := s.stage.State().Show
	if v := got.Renditions[0].Video; got.Canvas != tall || v.Width != 1080 || v.Height != 1920 || v.BitrateKbps != 9000 {
		t.Errorf("on a canvas of its own: %+v, %+v", got.Canvas, v)
	}
	cam, _ := show.Source("camera")
	mic, _ := show.Source("microphone")
	if !strings.Contains(string(cam.Settings), "/dev/video9") || !strings.Contains(string(mic.Settings), "Desk microphone") || show.Start.Program != "wide" {
		t.Errorf("camera %s, microphone %s, programme %q", cam.Settings, mic.Settings, show.Start.Program)
	}
	if err := s.New("studio", scenes.Default().Canvas); err == nil {
		t.Error("a template that does not exist opened")
	}
	s.opt.Devices = func() (string, string) { return "", "" }
	if err := s.New("camera", scenes.Default().Canvas); err == nil || !strings.Contains(err.Error(), "no camera") {
		t.Errorf("without a camera: %v", err)
	}
}

func TestRelativePathsFollowTheFile(t *testing.T) {
	root := t.TempDir()
	s := start(t, filepath.Join(root, "state"))
	defer s.Close()
	for _, dir := range []string{"a/clips", "b"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o700))
	}
	path := filepath.Join(root, "a", "show.json")
	must(t, os.WriteFile(path, []byte(`{"format":1,"sources":[
		{"id":"near","kind":"file","settings":{"path":"clips/x.mp4","title":"clips/x.mp4"}},
		{"id":"far","kind":"file","settings":{"path":"/media/y.mp4"}},
		{"id":"odd","kind":"hologram","settings":{"path":"clips/z"}}],
		"recordings":[{"id":"rec","settings":{"path":"out/"}}]}`), 0o600))
	must(t, s.Open(path))
	if s.stage.base != filepath.Join(root, "a") {
		t.Errorf("the engine's folder is %s", s.stage.base)
	}
	settings := func(path string) string {
		show, err := scenes.Load(path)
		must(t, err)
		out := string(show.Recordings[0].Settings)
		for _, v := range show.Sources {
			out += " " + string(v.Settings)
		}
		return strings.ReplaceAll(out, root, "ROOT")
	}
	for _, c := range []struct{ to, want string }{
		{"b/show.json", `{"path":"out/"} {"path":"ROOT/a/clips/x.mp4","title":"clips/x.mp4"} {"path":"/media/y.mp4"} {"path":"clips/z"}`},
		{"show.json", `{"path":"out/"} {"path":"a/clips/x.mp4","title":"clips/x.mp4"} {"path":"/media/y.mp4"} {"path":"clips/z"}`},
		{"a/copy.json", `{"path":"out/"} {"path":"clips/x.mp4","title":"clips/x.mp4"} {"path":"/media/y.mp4"} {"path":"clips/z"}`},
	} {
		must(t, s.SaveAs(filepath.Join(root, c.to)))
		if got := settings(filepath.Join(root, c.to)); got != c.want {
			t.Errorf("saved as %s:\n%s\nwant:\n%s", c.to, got, c.want)
		}
		if s.Info().Dirty {
			t.Errorf("dirty after SaveAs %s", c.to)
		}
		s.stage.rename(t, c.to)
		must(t, s.Save())
		if got := settings(filepath.Join(root, c.to)); got != c.want {
			t.Errorf("saved again as %s:\n%s\nwant:\n%s", c.to, got, c.want)
		}
	}
}
