package engine

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// said is what the operator has been warned of last.
type said struct {
	mu    sync.Mutex
	text  string
	times int
}

func (s *said) warn(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
	s.times++
}

func (s *said) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}

// A state folder that cannot be written for a while is said, and what happened meanwhile is in
// the journal afterwards.
func TestJournalIsWrittenWhenItsDiskIsBack(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "recordings")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // no folder can be made there
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var s said
		j := newJournal(dir, slog.New(slog.DiscardHandler), s.warn)
		j.note("record", outputs.FileEvent{Path: "/a.mkv", Part: 1, Chapters: []outputs.Chapter{{At: 1, Name: "one"}}})
		j.note("record", outputs.FileEvent{Path: "/gone.mkv", Part: 1})
		synctest.Wait()
		j.settled("/gone.mkv")
		synctest.Wait()
		if !strings.Contains(s.last(), "state folder cannot be written") {
			t.Errorf("the operator is told %q", s.last())
		}
		time.Sleep(2 * journalAgain)
		synctest.Wait()
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(journalAgain)
		synctest.Wait()
		if s.last() != "" {
			t.Errorf("it is written again, and the operator is told %q", s.last())
		}
		// Once more, under the open file.
		file := j.file
		closed, err := os.Open(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		j.file = closed // which cannot be written
		j.note("record", outputs.FileEvent{Path: "/a.mkv", Part: 1, Chapters: []outputs.Chapter{{At: 1, Name: "one"}, {At: 2, Name: "two"}}})
		j.note("record", outputs.FileEvent{Path: "/b.mkv", Part: 1})
		synctest.Wait()
		if s.last() == "" {
			t.Error("the operator is told nothing of the second time")
		}
		j.file = file
		j.note("record", outputs.FileEvent{Path: "/b.mkv", Part: 1, Closed: true, Ended: true})
		synctest.Wait()
		_ = closed.Close() // it was for reading
		j.close()
		if s.last() != "" {
			t.Errorf("at the end the operator is told %q", s.last())
		}
		f, err := os.Open(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		jobs := readJournal(f)
		if len(jobs) != 2 || jobs[0].event.Path != "/a.mkv" || len(jobs[0].event.Chapters) != 2 || jobs[1].finish {
			t.Errorf("the journal has %+v, want a.mkv with two chapters, and b.mkv closed", jobs)
		}
	})
}

// untold is a warning that nobody reads.
func untold(string) {}
