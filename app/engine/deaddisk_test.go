package engine

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// ended fails unless something has just taken so long by the bubble's clock.
func ended(t *testing.T, what string, began time.Time, want time.Duration) {
	t.Helper()
	if took := time.Since(began); took != want {
		t.Errorf("%s: waited %v for the disk, want %v", what, took, want)
	}
}

// TestEndDoesNotWaitForADeadDisk: cut lists, files that are read again and replays that a disk
// does not answer for are left behind; the journal still has what the next start is to do, and
// nobody else in this program takes it up.
func TestEndDoesNotWaitForADeadDisk(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	folder, file := filepath.Join(state, "recordings"), filepath.Join(dir, "show.mkv")
	if err := os.WriteFile(file, []byte("of no use"), 0o644); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	left := func() (n int) {
		for _, l := range leftBehind(folder, log) {
			n += len(l.jobs)
			l.release()
		}
		return n
	}
	synctest.Test(t, func(t *testing.T) {
		dead, reading := make(chan struct{}), make(chan struct{})
		files := outputs.Files{Check: func(context.Context, string, outputs.Contents) (outputs.FileCheck, error) {
			close(reading)
			<-dead // whatever ctx says
			return outputs.FileCheck{}, nil
		}}
		e := &Engine{log: log, clock: media.NewRealClock(), opt: Options{StateDir: state, OutputKinds: map[string]outputs.Kind{"record": {Files: &files}}}}
		e.state.Store(&State{})
		e.keeper = newKeeper(e)
		e.keeper.start()
		e.keeper.file("rec", "record", outputs.FileEvent{Path: file, Part: 1})
		e.keeper.file("rec", "record", outputs.FileEvent{Path: file, Part: 1, Closed: true, Ended: true})
		<-reading

		e.sessions = []*session{{done: dead}, {done: dead}}
		began := time.Now()
		written := e.closeSessions()
		ended(t, "cut lists", began, listsAtEnd)
		if written {
			t.Error("cut lists that are not there count as written")
		}
		began = time.Now()
		e.keeper.close(written)
		ended(t, "files", began, keeperAtEnd)
		if n := left(); n != 0 {
			t.Errorf("another show of this program would wait for %d files on that disk", n)
		}

		e.replay = newReplayer(e)
		e.replay.saver.free = func(string) (int64, error) { <-dead; return 0, nil }
		e.replay.saver.save(saveJob{folder: dir, name: "replay", container: "mkv"})
		synctest.Wait()
		began = time.Now()
		if lost := e.replay.close(); lost != 1 {
			t.Errorf("%d replays are lost, want the one", lost)
		}
		ended(t, "replays", began, replaysAtEnd)

		e.keeper.journal.close() // as the end of the program does
		if n := left(); n != 1 {
			t.Errorf("the next start finds %d files to read, want the one", n)
		}
		close(dead)
	})
}

// TestNextShowLeavesOpenFilesAlone: a file that a recording which was left behind still has open
// is not taken up by the next show of this program, which would finish it under its hands.
func TestNextShowLeavesOpenFilesAlone(t *testing.T) {
	state, file := t.TempDir(), filepath.Join(t.TempDir(), "show.mkv")
	if err := os.WriteFile(file, []byte("still growing"), 0o644); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	left := func() (n int) {
		for _, l := range leftBehind(filepath.Join(state, "recordings"), log) {
			n += len(l.jobs)
			l.release()
		}
		return n
	}
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{log: log, clock: media.NewRealClock(), opt: Options{StateDir: state}}
		e.state.Store(&State{})
		e.keeper = newKeeper(e)
		e.keeper.start()
		e.keeper.file("rec", "record", outputs.FileEvent{Path: file, Part: 1})
		synctest.Wait()
		e.keeper.close(e.closeSessions())
		if n := left(); n != 0 {
			t.Errorf("the next show would finish %d files that are being written", n)
		}
		e.keeper.journal.close() // as the end of the program does
		if n := left(); n != 1 {
			t.Errorf("the next start finds %d files to finish, want the one", n)
		}
	})
}

// TestStartDoesNotWaitForADeadDisk: the disk of a recording that was left behind still does not
// answer at the next start. The show begins, what it records is noted, and it ends in time.
func TestStartDoesNotWaitForADeadDisk(t *testing.T) {
	state, file := t.TempDir(), filepath.Join(t.TempDir(), "show.mkv")
	if err := os.WriteFile(file, []byte("of this show"), 0o644); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	synctest.Test(t, func(t *testing.T) {
		dead := make(chan struct{})
		e := &Engine{log: log, clock: media.NewRealClock(), opt: Options{StateDir: state}}
		e.state.Store(&State{})
		e.keeper = newKeeper(e)
		e.keeper.find = func(string, *slog.Logger) []*leftJournal { <-dead; return nil }
		began := time.Now()
		e.keeper.start()
		ended(t, "the start", began, 0)
		e.keeper.file("rec", "record", outputs.FileEvent{Path: file, Part: 1})
		e.keeper.file("rec", "record", outputs.FileEvent{Path: file, Part: 1, Closed: true, Ended: true})
		began = time.Now()
		e.keeper.close(true)
		ended(t, "files", began, keeperAtEnd)
		e.keeper.journal.close() // as the end of the program does
		left := leftBehind(filepath.Join(state, "recordings"), log)
		if len(left) != 1 || len(left[0].jobs) != 1 {
			t.Errorf("the next start finds %d journals, want the one of this show", len(left))
		}
		for _, l := range left {
			l.release()
		}
		close(dead)
	})
}

// TestStartDoesNotWaitForAnOutput that does not open: studio time begins, and what else was asked
// for delivers.
func TestStartDoesNotWaitForAnOutput(t *testing.T) {
	show := chainShow(t, map[string]any{"id": "d", "kind": "hangs", "settings": to("d", "")},
		map[string]any{"id": "open", "kind": "fake", "settings": to("open", "")})
	dead := make(chan struct{})
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		hangs := o.OutputKinds["fake"]
		open := hangs.New
		hangs.New = func(settings json.RawMessage, opt outputs.Options) (outputs.Output, error) {
			<-dead
			return open(settings, opt)
		}
		o.OutputKinds = maps.Clone(o.OutputKinds)
		o.OutputKinds["hangs"] = hangs
		o.Commands = []Timed{{Command: &GoLive{}}}
	})
	stop := s.live(t)
	s.until(t, "the other destination delivers", func(st *State) bool {
		return destinationOf(st, "open").Report.State == outputs.Confirmed
	})
	close(dead)
	s.until(t, "it delivers once it is open", func(st *State) bool {
		return destinationOf(st, "d").Report.State == outputs.Confirmed
	})
	stop()
}
