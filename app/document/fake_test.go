package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// fakeStage is an engine without pictures.
type fakeStage struct {
	state  atomic.Pointer[engine.State]
	base   string
	plays  int
	refuse error
	record string // a file for the command line's recording of the next show; empty: none
}

func (s *fakeStage) State() *engine.State { return s.state.Load() }

func (s *fakeStage) Play(show *scenes.Show, base string) (added []string, err error) {
	if s.refuse != nil {
		return nil, s.refuse
	}
	if s.record != "" {
		if show, err = show.SetRecording(scenes.Recording{ID: "flag", Settings: json.RawMessage(`{"path":"` + s.record + `"}`)}); err != nil {
			return nil, err
		}
		s.record, added = "", []string{"flag"}
	}
	s.plays, s.base = s.plays+1, base
	s.set(func(n *engine.State) { *n = engine.State{Show: show} })
	return added, nil
}

func (s *fakeStage) set(change func(*engine.State)) {
	var n engine.State
	if now := s.state.Load(); now != nil {
		n = *now
	}
	change(&n)
	n.Revision++
	s.state.Store(&n)
}

// edit makes an edit as a command would.
func (s *fakeStage) edit(t *testing.T, edit func(*scenes.Show) (*scenes.Show, error)) {
	t.Helper()
	show, err := edit(s.State().Show)
	if err != nil {
		t.Fatal(err)
	}
	s.set(func(n *engine.State) { n.Show = show })
}

func (s *fakeStage) rename(t *testing.T, name string) {
	t.Helper()
	s.edit(t, func(v *scenes.Show) (*scenes.Show, error) { return v.SetName(name) })
}

// fakeKinds has files and recordings.
type fakeKinds struct{}

const pathSchema = `{"type":"object","properties":{"path":{"type":"string","x-picker":"file"},"title":{"type":"string"}},"additionalProperties":false}`

func (fakeKinds) SourceKinds() []string { return []string{"file", "synthetic", "text", "clock"} }
func (fakeKinds) SourceSchema(kind string) (json.RawMessage, bool) {
	if kind == "file" {
		return json.RawMessage(pathSchema), true
	}
	return json.RawMessage(`{}`), kind == "synthetic" || kind == "text" || kind == "clock"
}
func (fakeKinds) OutputKinds() []string { return []string{"record"} }
func (fakeKinds) OutputSchema(kind string) (json.RawMessage, bool) {
	return json.RawMessage(pathSchema), kind == "record"
}

// studio is a manager on a fake stage.
type studio struct {
	*Manager
	stage *fakeStage
	log   *bytes.Buffer
}

// start is a start of the program in a state folder.
func start(t *testing.T, dir string) *studio {
	t.Helper()
	s := &studio{stage: &fakeStage{}, log: &bytes.Buffer{}}
	s.Manager = New(Options{
		Stage: s.stage, Kinds: fakeKinds{}, Dir: dir, Log: slog.New(slog.NewTextHandler(s.log, nil)),
		Devices: func() (string, string) { return "/dev/video9", "Desk microphone" },
	})
	return s
}

// crash ends the program without Close: its locks go with its open files.
func (s *studio) crash(t *testing.T) {
	t.Helper()
	for _, l := range []*lock{s.session, s.doc.lock} {
		if l != nil {
			if err := l.file.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// showFile writes a show with that name.
func showFile(t *testing.T, dir, name string) string {
	t.Helper()
	show, err := scenes.Default().SetName(name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name+".json")
	if err := show.Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// nameIn is the name of the show in a file.
func nameIn(t *testing.T, path string) string {
	t.Helper()
	show, err := scenes.Load(path)
	must(t, err)
	return show.Name
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}
