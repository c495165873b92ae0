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

// TestDamagedJournalIsRead: whatever a disk has made of a journal, the rest of it is read.
func TestDamagedJournalIsRead(t *testing.T) {
	const good = `{"path":"/a.mkv","kind":"record","part":1,"chapters":[{"At":1,"Name":"one"},{"At":2,"Name":"two"}]}`
	for _, c := range []struct {
		line     string
		chapters int // of a.mkv, afterwards
	}{
		{`{"path":"/a.mkv","from":-1,"chapters":[{"At":3}]}`, 1},
		{`{"path":"/a.mkv","from":-9223372036854775808,"chapters":[]}`, 0},
		{`{"path":"/a.mkv","from":9223372036854775807,"chapters":[{"At":3}]}`, 3},
		{`{"path":"/a.mkv","from":1,"chapters":[{"At":3}]}`, 2},
		{`{"path":"/a.mkv","from":99999999999999999999,"chapters":[{"At":3}]}`, 2},
		{`{"path":"/a.mkv","from":"-1","chapters":"none"}`, 2},
		{`{"path":"/a.mkv","from":1.5,"chapters":[{"At":3}]}`, 2},
		{`{"path":"/a.mkv","part":-1,"chapters":null}`, 2},
		{`{"path":["/a.mkv"],"settled":true}`, 2},
		{`{"path":"/a.mkv","settled":"yes"}`, 2},
		{`{"path":"/a.mkv","holds":[]}`, 2},
		{`[]`, 2},
		{`null`, 2},
		{strings.Repeat("\x00", 5000), 2},
		{good[:len(good)/2], 2},
	} {
		path := filepath.Join(t.TempDir(), "1-1.jsonl")
		if err := os.WriteFile(path, []byte(good+"\n"+c.line+"\n"+`{"path":"/b.mkv","kind":"record","part":2}`+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		jobs := readJournal(f)
		_ = f.Close() // it was for reading
		if len(jobs) != 2 || len(jobs[0].event.Chapters) != c.chapters || jobs[1].event.Path != "/b.mkv" {
			t.Errorf("%.60s: %+v, want a.mkv with %d chapters, and b.mkv", c.line, jobs, c.chapters)
		}
	}
}
