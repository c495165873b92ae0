package engine

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// TestSettledAtOnce: what has been made up for and told is settled on the disk while the run
// goes on; one that waits for its disk stays.
func TestSettledAtOnce(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	folder := filepath.Join(state, "recordings")
	log := slog.New(slog.DiscardHandler)
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, names := range [][]string{{"a.mkv", "b.mkv"}, {"c.mkv", "later.mkv"}} {
		j := newJournal(folder, log)
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
	k.close()
	if rest, _ := filepath.Glob(filepath.Join(folder, "*")); len(rest) != 0 {
		t.Errorf("journals left: %q", rest)
	}
}
