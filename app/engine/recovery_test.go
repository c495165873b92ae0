package engine

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// TestDiskThatComesBack: files on a disk that is not there at a start are found at a later one;
// after a month they are forgotten.
func TestDiskThatComesBack(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	folder := filepath.Join(state, "recordings")
	log := slog.New(slog.DiscardHandler)
	disk := filepath.Join(dir, "disk")
	here, there := filepath.Join(dir, "here.mkv"), filepath.Join(disk, "there.mkv")
	j := newJournal(folder, log, untold)
	for _, path := range []string{here, there} {
		j.note("record", outputs.FileEvent{Path: path, Part: 1})
	}
	j.close()
	if err := os.WriteFile(here, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	start := func(want ...string) {
		t.Helper()
		var got []string
		for _, l := range leftBehind(folder, log) {
			for _, job := range l.jobs {
				got = append(got, job.event.Path)
				l.settle(job.event.Path)
			}
			l.note()
			l.release()
		}
		if !slices.Equal(got, want) {
			t.Fatalf("it finds %q, want %q", got, want)
		}
	}
	start(here)
	start()
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(there, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	start(there)
	if rest, _ := filepath.Glob(filepath.Join(folder, "*")); len(rest) != 0 {
		t.Errorf("journals left: %q", rest)
	}
	j = newJournal(folder, log, untold)
	j.note("record", outputs.FileEvent{Path: filepath.Join(dir, "lost", "a.mkv"), Part: 1})
	j.close()
	start()
	rest, _ := filepath.Glob(filepath.Join(folder, "*"))
	if len(rest) != 1 {
		t.Fatalf("journals %q", rest)
	}
	old := time.Now().Add(-awayFor - time.Hour)
	if err := os.Chtimes(rest[0], old, old); err != nil {
		t.Fatal(err)
	}
	start()
	if rest, _ := filepath.Glob(filepath.Join(folder, "*")); len(rest) != 0 {
		t.Errorf("journals left: %q", rest)
	}
}

// TestSettledAtOnce: what has been made up for and told is settled on the disk while the run
// goes on; one that waits for its disk stays.
func TestSettledAtOnce(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	folder := filepath.Join(state, "recordings")
	log := slog.New(slog.DiscardHandler)
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, names := range [][]string{{"a.mkv", "b.mkv"}, {"c.mkv", "later.mkv"}} {
		j := newJournal(folder, log, untold)
		for _, name := range names {
			if err := os.WriteFile(path(name), []byte("of no use"), 0o644); err != nil {
				t.Fatal(err)
			}
			closed := name == "c.mkv" // which only has to be read
			j.note("record", outputs.FileEvent{Path: path(name), Part: 1, Closed: closed, Ended: closed})
		}
		j.close()
	}
	files := outputs.Files{Finish: func(context.Context, string, []outputs.Chapter) (bool, error) { return true, nil }}
	e := &Engine{log: log, clock: media.NewVirtualClock(), opt: Options{StateDir: state, OutputKinds: map[string]outputs.Kind{"record": {Files: &files}}}}
	e.state.Store(&State{})
	for _, left := range leftBehind(folder, log) {
		if len(left.jobs) != 2 {
			t.Fatalf("left %+v", left)
		}
		left.release()
	}
	k := newKeeper(e)
	recovered := make(chan struct{})
	files.Check = func(_ context.Context, path string, _ outputs.Contents) (outputs.FileCheck, error) {
		if filepath.Base(path) == "mark.mkv" {
			close(recovered)
		}
		return outputs.FileCheck{Length: time.Second}, nil
	}
	// From the third file on the disk is recorded to.
	finish := files.Finish
	n := 0
	files.Finish = func(ctx context.Context, p string, c []outputs.Chapter) (bool, error) {
		if n++; n == 2 {
			k.file("rec", "record", outputs.FileEvent{Path: path("running.mkv"), Part: 1})
		}
		return finish(ctx, p, c)
	}
	k.start()
	// Its own job comes after those of earlier runs.
	k.file("other", "record", outputs.FileEvent{Path: path("mark.mkv"), Part: 1, Closed: true, Ended: true})
	if err := os.WriteFile(path("mark.mkv"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	<-recovered
	// What a start of the program would find now, had this one been cut off.
	names, _ := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	var found []string
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			continue // removed meanwhile
		}
		for _, j := range readJournal(f) {
			found = append(found, filepath.Base(j.event.Path))
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	own := map[string]bool{"running.mkv": true, "mark.mkv": true}
	var old []string
	for _, name := range found {
		if !own[name] {
			old = append(old, name)
		}
	}
	if len(old) != 1 || old[0] != "later.mkv" && old[0] != "b.mkv" { // the journals come in either order
		t.Errorf("the next start would look at %q again, want the one that waits", old)
	}
	k.file("rec", "record", outputs.FileEvent{Path: path("running.mkv"), Part: 1, Closed: true, Removed: true})
	k.close(true)
	if rest, _ := filepath.Glob(filepath.Join(folder, "*")); len(rest) != 0 {
		t.Errorf("journals left: %q", rest)
	}
}
