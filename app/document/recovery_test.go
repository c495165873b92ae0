package document

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/scenes"
)

func TestAutosaveTimes(t *testing.T) {
	dir := t.TempDir()
	path := showFile(t, dir, "one")
	synctest.Test(t, func(t *testing.T) {
		s := start(t, filepath.Join(dir, "state"))
		must(t, s.Open(path))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.Run(ctx) }()
		kept := func() string {
			synctest.Wait()
			r, err := readRecovery(s.file)
			if errors.Is(err, os.ErrNotExist) {
				return ""
			}
			must(t, err)
			show, err := scenes.Parse(r.Show)
			must(t, err)
			return show.Name
		}
		time.Sleep(40 * time.Second)
		if got := kept(); got != "" {
			t.Errorf("an unchanged show was kept: %q", got)
		}
		s.stage.rename(t, "first edit")
		time.Sleep(2 * time.Second)
		if got := kept(); got != "first edit" {
			t.Errorf("2 s after an edit %q is kept", got)
		}
		// An edit a second, without a pause.
		begin := time.Now()
		for n := range 29 {
			s.stage.rename(t, strconv.Itoa(n))
			time.Sleep(time.Second)
		}
		if got := kept(); got != "first edit" {
			t.Errorf("%v into edits without a pause %q is kept", time.Since(begin), got)
		}
		for n := range 4 {
			s.stage.rename(t, strconv.Itoa(100+n))
			time.Sleep(time.Second)
		}
		if got := kept(); got == "first edit" {
			t.Errorf("after %v of edits without a pause nothing newer is kept", time.Since(begin))
		}
		must(t, s.Save())
		if got := kept(); got != "" {
			t.Errorf("after a save %q is kept", got)
		}
		s.stage.rename(t, "again")
		time.Sleep(2 * time.Second)
		s.stage.rename(t, "103")
		time.Sleep(2 * time.Second)
		if got := kept(); got != "" {
			t.Errorf("after an edit was taken back %q is kept", got)
		}
		cancel()
		<-done
		s.Close()
	})
}

// Work that could not be kept is kept when its disk is back, without another edit, and what an
// earlier run has kept is not given up before.
func TestAutosaveTriesAgain(t *testing.T) {
	dir := t.TempDir()
	path := showFile(t, dir, "one")
	state := filepath.Join(dir, "state")
	s := start(t, state)
	must(t, s.Open(path))
	s.stage.rename(t, "of before")
	if !s.keep() {
		t.Fatal("it is not kept")
	}
	s.crash(t)
	synctest.Test(t, func(t *testing.T) {
		s := start(t, state)
		must(t, s.Begin(path))
		must(t, os.MkdirAll(filepath.Join(s.file, "full"), 0o700)) // no file can take this one's place
		must(t, s.Recover())
		if left, _ := filepath.Glob(filepath.Join(state, "recovery", "*.json")); len(left) != 2 {
			t.Errorf("of what the earlier run has kept there is %q", left)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.Run(ctx) }()
		time.Sleep(time.Minute)
		if s.Info().Unkept == nil {
			t.Error("what cannot be kept is not said")
		}
		must(t, os.RemoveAll(s.file))
		time.Sleep(again + look)
		synctest.Wait()
		if err := s.Info().Unkept; err != nil {
			t.Errorf("its disk is back, and it is said that %v", err)
		}
		if r, err := readRecovery(s.file); err != nil || !strings.Contains(string(r.Show), "of before") {
			t.Errorf("its disk is back, and there is %v", err)
		}
		cancel()
		<-done
		s.Close()
	})
}

func TestRecoveryAfterACrash(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	path := showFile(t, dir, "one")
	s := start(t, state)
	must(t, s.Open(path))
	s.stage.rename(t, "unsaved")
	s.keep()
	beside := start(t, state)
	if r, ok := beside.Recovery(); ok {
		t.Errorf("work of a program that runs is offered: %+v", r)
	}
	beside.Close()
	s.crash(t)

	s = start(t, state)
	r, ok := s.Recovery()
	if !ok || r.Path != path || r.Name != "one.json" || time.Since(r.Time) > time.Minute {
		t.Fatalf("after a crash is offered %+v, %v", r, ok)
	}
	must(t, s.Begin(path))
	must(t, s.Recover())
	if got := s.Info(); got.Path != path || !got.Dirty || s.stage.State().Show.Name != "unsaved" || s.stage.base != dir {
		t.Errorf("recovered: %+v, show %q in %s", got, s.stage.State().Show.Name, s.stage.base)
	}
	if _, ok := s.Recovery(); ok {
		t.Error("recovered work is still offered")
	}
	if got := nameIn(t, path); got != "one" {
		t.Errorf("recovering wrote %q to the file", got)
	}
	s.crash(t) // again, before anything was saved

	s = start(t, state)
	if _, ok := s.Recovery(); !ok {
		t.Fatal("recovered work was lost by a second crash")
	}
	must(t, s.Recover())
	must(t, s.Save())
	if got := nameIn(t, path); got != "unsaved" {
		t.Errorf("saving recovered work wrote %q", got)
	}
	s.Close()
	s = start(t, state)
	defer s.Close()
	if r, ok := s.Recovery(); ok {
		t.Errorf("after a clean end is offered %+v", r)
	}
	if left, _ := os.ReadDir(filepath.Join(state, "recovery")); len(left) != 1 { // the lock of s
		t.Errorf("the recovery folder holds %v", left)
	}
}

// What is recovered runs, also where the file that it was kept in cannot be removed.
func TestRecoveryOfAFileThatStays(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	s := start(t, state)
	must(t, s.Open(showFile(t, dir, "one")))
	s.stage.rename(t, "unsaved")
	s.keep()
	file := s.file
	s.crash(t)

	s = start(t, state)
	defer s.Close()
	must(t, os.Remove(file))
	must(t, os.MkdirAll(filepath.Join(file, "in the way"), 0o700))
	must(t, s.Recover())
	if got := s.stage.State().Show.Name; got != "unsaved" {
		t.Errorf("recovered %q", got)
	}
}

// Work that a disk has damaged hides no older work, is told of once, and is kept.
func TestWorkThatCannotBeReadIsSetAside(t *testing.T) {
	for _, c := range []struct {
		what, text string
		broken     bool // it gets another name
	}{
		{"no JSON", `{"path":"/x.json","sh`, true},
		{"nothing", ``, true},
		{"no show in it", `{}`, true},
		{"a show that is refused", `{"saved_at":"2199-01-01T00:00:00Z","show":{"format":2,"scenes":[{"id":"a","layers":[{"source":"none"}]}]}}`, true},
		{"of a newer program", `{"path":"","show":{"format":3}}`, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := t.TempDir()
			state := filepath.Join(dir, "state")
			s := start(t, state)
			must(t, s.Open(showFile(t, dir, "one")))
			s.stage.rename(t, "older")
			s.keep()
			s.crash(t)
			damaged := filepath.Join(state, "recovery", "99-99.json")
			must(t, os.WriteFile(damaged, []byte(c.text), 0o600))

			s = start(t, state)
			kept := damaged
			if c.broken {
				kept += ".broken"
			}
			if said := s.Unread(); !strings.HasPrefix(said, "Unsaved work of an earlier run cannot be read (") || !strings.HasSuffix(said, "; it stays in "+kept+".") {
				t.Errorf("the operator is told %q, want %s in it", said, kept)
			}
			if raw, err := os.ReadFile(kept); err != nil || string(raw) != c.text {
				t.Errorf("of what was damaged there is %q, %v", raw, err)
			}
			must(t, s.Recover())
			if got := s.stage.State().Show.Name; got != "older" {
				t.Errorf("recovered %q", got)
			}
			s.Close()

			s = start(t, state)
			defer s.Close()
			if said := s.Unread(); (said == "") != c.broken {
				t.Errorf("the next start tells %q", said)
			}
		})
	}
}

func TestWorkThatTheFileHasIsNotOffered(t *testing.T) {
	dir := t.TempDir()
	path := showFile(t, dir, "one")
	s := start(t, filepath.Join(dir, "state"))
	must(t, s.Open(path))
	s.stage.rename(t, "work")
	s.keep()
	file := s.file
	kept, err := os.ReadFile(file)
	must(t, err)
	must(t, s.Save())
	must(t, os.WriteFile(file, kept, 0o600)) // it had no time to remove it
	s.crash(t)
	s = start(t, filepath.Join(dir, "state"))
	defer s.Close()
	if r, ok := s.Recovery(); ok || exists(file) {
		t.Errorf("offered %+v; the file is still there: %v", r, exists(file))
	}
}

// Work that was neither recovered nor dropped is offered again, whatever happened to its
// file since.
func TestWorkIsOfferedUntilItIsAnswered(t *testing.T) {
	dir := t.TempDir()
	state, path := filepath.Join(dir, "state"), showFile(t, dir, "one")
	s := start(t, state)
	must(t, s.Open(path))
	s.stage.rename(t, "unsaved")
	s.keep()
	s.crash(t)

	later := time.Now().Add(time.Hour)
	must(t, os.Chtimes(path, later, later)) // by git, or a sync client
	s = start(t, state)
	if _, ok := s.Recovery(); !ok {
		t.Fatal("work is not offered after its file was touched")
	}
	must(t, s.Open(path)) // "Later", and other work is saved
	s.stage.rename(t, "other")
	must(t, s.Save())
	s.Close()

	s = start(t, state)
	defer s.Close()
	if _, ok := s.Recovery(); !ok {
		t.Fatal("work is not offered again after other work was saved")
	}
	must(t, s.Recover())
	if got := s.stage.State().Show.Name; got != "unsaved" || !s.Info().Dirty || nameIn(t, path) != "other" {
		t.Errorf("recovered %q, unsaved: %v; the file has %q", got, s.Info().Dirty, nameIn(t, path))
	}
}

func TestClosingKeepsWhatIsNeitherSavedNorDropped(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	s := start(t, state)
	must(t, s.New("empty", scenes.Default().Canvas))
	s.stage.rename(t, "one")
	s.Close()
	s = start(t, state)
	must(t, s.New("empty", scenes.Default().Canvas))
	s.stage.rename(t, "two")
	s.Close()

	s = start(t, state)
	var names []string
	for {
		r, ok := s.Recovery()
		if !ok {
			break
		}
		names = append(names, r.Name)
		must(t, s.DropRecovery())
	}
	if strings.Join(names, " ") != "two one" {
		t.Errorf("offered %v; want both, newest first", names)
	}
	must(t, s.New("empty", scenes.Default().Canvas))
	s.stage.rename(t, "three")
	s.keep()
	must(t, s.Discard()) // "close without saving"
	s.Close()
	s = start(t, state)
	defer s.Close()
	if r, ok := s.Recovery(); ok {
		t.Errorf("dropped work is offered: %+v", r)
	}
	if err := s.Recover(); err == nil {
		t.Error("nothing was recovered without an error")
	}
}

func TestTwoProgramsOnOneFile(t *testing.T) {
	if path := os.Getenv("CROSSPOINT_TEST_HOLD"); path != "" {
		holdLock(t, path)
		return
	}
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	path := showFile(t, dir, "one")
	link := filepath.Join(dir, "link.json")
	must(t, os.Symlink(path, link))

	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTwoProgramsOnOneFile$")
	other.Env = append(os.Environ(), "CROSSPOINT_TEST_HOLD="+path, "CROSSPOINT_TEST_STATE="+state)
	_, err := other.StdinPipe() // open, so that it waits
	must(t, err)
	stdout, err := other.StdoutPipe()
	must(t, err)
	must(t, other.Start())
	ready := make([]byte, 2)
	if _, err := stdout.Read(ready); err != nil {
		t.Fatal(err)
	}

	s := start(t, state)
	defer s.Close()
	must(t, s.Open(link))
	got := s.Info()
	if !strings.Contains(got.ReadOnly, "process "+strconv.Itoa(other.Process.Pid)) {
		t.Errorf("read-only: %q; want process %d named", got.ReadOnly, other.Process.Pid)
	}
	s.stage.rename(t, "mine")
	if err := s.Save(); err == nil || err.Error() != got.ReadOnly {
		t.Errorf("Save of what another program has open: %v", err)
	}
	if err := s.SaveAs(path); err == nil || nameIn(t, path) != "one" {
		t.Errorf("SaveAs over what another program has open: %v", err)
	}
	must(t, s.SaveAs(filepath.Join(dir, "copy.json")))
	if got := s.Info(); got.ReadOnly != "" || got.Dirty {
		t.Errorf("a copy is %+v", got)
	}

	// A lock ends with its process, however that ends.
	must(t, other.Process.Kill())
	_ = other.Wait() // it was killed; this closes the pipes
	must(t, s.Open(path))
	if got := s.Info(); got.ReadOnly != "" {
		t.Errorf("the lock of a dead process counts: %s", got.ReadOnly)
	}
	must(t, s.Open(link)) // again, by another name
	if got := s.Info(); got.ReadOnly != "" {
		t.Errorf("a program is locked out by itself: %s", got.ReadOnly)
	}
	s.stage.rename(t, "saved")
	must(t, s.Save())
	if nameIn(t, path) != "saved" {
		t.Errorf("the file has %q", nameIn(t, path))
	}
}

// holdLock is the other program: it has path open until it is killed.
func holdLock(t *testing.T, path string) {
	s := start(t, os.Getenv("CROSSPOINT_TEST_STATE"))
	must(t, s.Open(path))
	if _, err := os.Stdout.WriteString("ok"); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the test ends
}

func TestWithoutAStateFolderShowsOpenAndSave(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	must(t, os.WriteFile(state, nil, 0o600)) // a file where the folder should be
	path := showFile(t, dir, "one")
	s := start(t, state)
	defer s.Close()
	must(t, s.Begin(path))
	s.stage.rename(t, "two")
	s.keep()
	if s.Info().Unkept == nil {
		t.Error("that changes cannot be kept is not said")
	}
	must(t, s.Save())
	if got := nameIn(t, path); got != "two" || s.Info().Unkept != nil || !strings.Contains(s.log.String(), "cannot be kept") {
		t.Errorf("the file has %q; log: %s", got, s.log)
	}
}
