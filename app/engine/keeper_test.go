package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// TestBadFilesAreOneWarning: a bad disk's files do not bury what else is wrong, and are not
// told of for ever.
func TestBadFilesAreOneWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{log: slog.New(slog.DiscardHandler)}
		e.state.Store(&State{})
		k := newKeeper(e)
		for n := range 20 {
			k.judge(fileJob{}, outputs.FileCheck{}, fmt.Errorf("record: file%d.mkv: cannot be read", n))
			time.Sleep(badFor / 2)
		}
		w := e.warn.all()
		if len(w) != 1 || !strings.HasPrefix(w[0].Text, "20 recorded files are not good, the last: file17.mkv: cannot be read; file18") {
			t.Errorf("warnings %+v", w)
		}
		time.Sleep(badFor/2 + time.Second)
		synctest.Wait()
		if w := e.warn.all(); len(w) != 0 {
			t.Errorf("an hour later: %+v", w)
		}
		k.judge(fileJob{}, outputs.FileCheck{}, errors.New("record: new.mkv: cannot be read"))
		if w := e.warn.all(); len(w) != 1 || !strings.HasPrefix(w[0].Text, "A recorded file is not good: new.mkv: cannot be read. ") {
			t.Errorf("the next: %+v", w)
		}
		k.bad.told.Stop()
	})
}

// TestMovedFileIsNotBad: what somebody has put elsewhere before it was read is no alarm, and
// nothing is waited for.
func TestMovedFileIsNotBad(t *testing.T) {
	dir := t.TempDir()
	files := outputs.Files{Check: func(_ context.Context, path string, _ outputs.Contents) (outputs.FileCheck, error) {
		return outputs.FileCheck{}, fmt.Errorf("record: %s: cannot be opened", filepath.Base(path))
	}}
	e := &Engine{log: slog.New(slog.DiscardHandler), clock: media.NewVirtualClock(), opt: Options{OutputKinds: map[string]outputs.Kind{"record": {Files: &files}}}}
	e.state.Store(&State{})
	k := newKeeper(e)
	k.start()
	for n, path := range []string{filepath.Join(dir, "moved.mkv"), filepath.Join(dir, "disk", "gone.mkv")} {
		rec := fmt.Sprint("rec", n)
		k.file(rec, "record", outputs.FileEvent{Path: path, Part: 1})
		k.file(rec, "record", outputs.FileEvent{Path: path, Part: 1, Closed: true, Ended: true})
		within(t, "it has been looked at", func() bool { return k.state(rec).Checked == 1 })
		if got, bad := k.state(rec).Problem, n == 1; (got != "") != bad || (len(e.warn.all()) > 0) != bad {
			t.Errorf("%s: problem %q, warnings %+v", path, got, e.warn.all())
		}
	}
	k.close(true)
}

// TestKeeperGoesOnAfterAFault: a file that cannot be looked at ends neither the show nor what is
// done about others, and is not looked at again by the next start.
func TestKeeperGoesOnAfterAFault(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	folder := filepath.Join(state, "recordings")
	log := slog.New(slog.DiscardHandler)
	faulty := func(path string) bool { return strings.HasPrefix(filepath.Base(path), "faulty") }
	paths := map[string]string{}
	for _, name := range []string{"faulty of before", "good of before", "faulty", "good", "faulty end"} {
		paths[name] = filepath.Join(dir, name+".mkv")
		if err := os.WriteFile(paths[name], nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := newJournal(folder, log, untold)
	before.note("record", outputs.FileEvent{Path: paths["faulty of before"], Part: 1})
	before.note("record", outputs.FileEvent{Path: paths["good of before"], Part: 1})
	before.close()

	var looked atomic.Int32
	files := outputs.Files{
		Finish: func(_ context.Context, path string, _ []outputs.Chapter) (bool, error) {
			if faulty(path) {
				panic("a fault in the finishing of " + path)
			}
			return false, nil
		},
		Check: func(_ context.Context, path string, _ outputs.Contents) (outputs.FileCheck, error) {
			if faulty(path) {
				panic("a fault in the reading of " + path)
			}
			looked.Add(1)
			return outputs.FileCheck{}, nil
		},
	}
	newTestKeeper := func() *keeper {
		e := &Engine{log: log, clock: media.NewVirtualClock(), opt: Options{StateDir: state, OutputKinds: map[string]outputs.Kind{"record": {Files: &files}}}}
		e.state.Store(&State{})
		return newKeeper(e)
	}
	k := newTestKeeper()
	k.start()
	within(t, "what was left behind has been looked at", func() bool { return looked.Load() == 1 })
	for _, c := range []struct {
		name  string
		ended bool
	}{{"faulty", true}, {"faulty end", false}, {"good", true}} {
		k.file(c.name, "record", outputs.FileEvent{Path: paths[c.name], Part: 1})
		k.file(c.name, "record", outputs.FileEvent{Path: paths[c.name], Part: 1, Closed: true, Ended: c.ended})
	}
	within(t, "all has been looked at", func() bool {
		return k.state("faulty").Checked == 1 && k.state("faulty end").Checked == 1 && k.state("good").Checked == 1
	})
	if n := looked.Load(); n != 2 {
		t.Errorf("%d good files have been read, want 2", n)
	}
	for name, want := range map[string]string{"faulty": "faulty.mkv could not be looked at", "faulty end": "faulty end.mkv could not be looked at", "good": ""} {
		if got := k.state(name).Problem; got != want {
			t.Errorf("%s: problem %q, want %q", name, got, want)
		}
	}
	k.close(true)
	var text string
	for _, w := range k.e.warn.all() {
		text += w.Text
	}
	if want := "faulty of before.mkv, faulty.mkv, faulty end.mkv could not be looked at"; !strings.Contains(text, want) {
		t.Errorf("the operator is told %q, want %q in it", text, want)
	}
	if rest, _ := filepath.Glob(filepath.Join(folder, "*")); len(rest) != 0 {
		t.Errorf("the next start finds %q", rest)
	}

	k = newTestKeeper()
	k.find = func(string, *slog.Logger) []*leftJournal { panic("a fault in a journal") }
	k.start()
	k.file("good", "record", outputs.FileEvent{Path: paths["good"], Part: 1})
	k.file("good", "record", outputs.FileEvent{Path: paths["good"], Part: 1, Closed: true, Ended: true})
	within(t, "what is new is looked at", func() bool { return k.state("good").Checked == 1 })
	k.close(true)
	if w := k.e.warn.all(); len(w) != 1 || !strings.Contains(w[0].Text, "left to be finished could not be looked at") {
		t.Errorf("of what was left behind the operator is told %+v", w)
	}
}
