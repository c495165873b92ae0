package document

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	soon   = 50 * time.Millisecond // for a disk that is silent: it is given up
	enough = 20 * time.Second      // for one that answers, on a busy machine
)

// impatient is a manager that gives a disk up after some time.
func impatient(t *testing.T, dir string, patience time.Duration) *Manager {
	t.Helper()
	m := New(Options{Stage: &fakeStage{}, Kinds: fakeKinds{}, Dir: filepath.Join(dir, "state"), Log: slog.New(slog.DiscardHandler), patience: patience})
	t.Cleanup(m.Close)
	return m
}

// silence puts a file in the place of path whose reading waits until the disk is brought back.
func silence(t *testing.T, path string) (back func()) {
	t.Helper()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	must(t, syscall.Mkfifo(path, 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0) // the reader waits for what is written
	must(t, err)
	return func() { must(t, f.Close()) }
}

func wantSilent(t *testing.T, what string, err error) {
	t.Helper()
	var silent *SilentDiskError
	if !errors.As(err, &silent) {
		t.Errorf("%s: %v; want that the disk does not answer", what, err)
	}
}

// TestOpenOnASilentDisk: the show that runs can be saved meanwhile, and stays.
func TestOpenOnASilentDisk(t *testing.T) {
	dir := t.TempDir()
	m := impatient(t, dir, 3*time.Second)
	mine, away := showFile(t, dir, "mine"), filepath.Join(dir, "away.json")
	must(t, m.Open(mine))
	back := silence(t, away)
	opened := make(chan error, 1)
	go func() { opened <- m.Open(away) }()
	time.Sleep(50 * time.Millisecond)
	m.opt.Stage.(*fakeStage).rename(t, "edited")
	must(t, m.Save())
	select {
	case err := <-opened:
		t.Errorf("it was given up before the save: %v", err)
	default:
	}
	wantSilent(t, "opening", <-opened)
	if got := m.Info(); got.Path != mine || got.Dirty || nameIn(t, mine) != "edited" {
		t.Errorf("then %+v is open, and the file has %q", got, nameIn(t, mine))
	}
	back()
}

// TestSaveOnASilentDisk: work is kept, the show can be saved elsewhere, and the program ends.
func TestSaveOnASilentDisk(t *testing.T) {
	dir := t.TempDir()
	m := impatient(t, dir, enough)
	mine := showFile(t, dir, "mine")
	must(t, m.Open(mine))
	back := silence(t, mine)
	m.opt.Stage.(*fakeStage).rename(t, "edited")
	m.opt.patience = soon
	err := m.Save()
	m.opt.patience = enough
	wantSilent(t, "saving", err)
	if !strings.Contains(err.Error(), "is not saved") || !m.Info().Dirty {
		t.Errorf("said %q; unsaved: %v", err, m.Info().Dirty)
	}

	m.turn = make(chan struct{}) // a save that is still waited for
	if !m.keep() {
		t.Error("work is not kept meanwhile")
	}
	if r, err := readRecovery(m.file); err != nil || !strings.Contains(string(r.Show), "edited") {
		t.Errorf("kept %s, %v", r.Show, err)
	}
	must(t, m.Discard())
	m.turn = make(chan struct{}, 1)
	m.turn <- struct{}{}

	elsewhere := filepath.Join(dir, "elsewhere.json")
	must(t, m.SaveAs(elsewhere))
	if got := m.Info(); got.Path != elsewhere || got.Dirty || nameIn(t, elsewhere) != "edited" {
		t.Errorf("saved elsewhere: %+v, %q", got, nameIn(t, elsewhere))
	}
	back()
}

// TestSavedLate: a save that was given up ends when its disk is back. Until then no other may
// write the file, and from then on it is what is saved.
func TestSavedLate(t *testing.T) {
	dir := t.TempDir()
	m := impatient(t, dir, enough)
	stage := m.opt.Stage.(*fakeStage)
	mine := showFile(t, dir, "mine")
	must(t, m.Open(mine))
	stage.rename(t, "first")
	back := silence(t, mine)
	m.opt.patience = 3 * time.Second        // for its folder, which answers, and then for the file
	wantSilent(t, "saving", m.SaveAs(mine)) // which does not ask first whether the file has changed
	late := m.late[mine]
	if late == nil {
		t.Fatal("nothing is being written")
	}
	stage.rename(t, "second")
	m.opt.patience = soon
	wantSilent(t, "saving again", m.SaveAs(mine))
	back()
	<-late
	if got := nameIn(t, mine); got != "first" {
		t.Errorf("the disk is back, and the file has %q", got)
	}
	if !m.Info().Dirty {
		t.Error("what was edited since counts as saved")
	}
	m.opt.patience = enough
	must(t, m.Save()) // the file is as this program left it
	if got := nameIn(t, mine); got != "second" || m.Info().Dirty {
		t.Errorf("saved again, the file has %q; unsaved: %v", got, m.Info().Dirty)
	}
}
