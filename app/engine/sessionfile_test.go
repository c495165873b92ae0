package engine

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A disk that does not take the journal of a show for a while, at its beginning and at its end,
// leaves nothing out of it; one that does not until the studio ends is given up.
func TestSessionIsWrittenWhenItsDiskIsBack(t *testing.T) {
	for _, back := range []bool{true, false} {
		dir := filepath.Join(t.TempDir(), "share")
		synctest.Test(t, func(t *testing.T) {
			var told said
			s := &session{log: slog.New(slog.DiscardHandler), warn: told.warn, named: map[string]bool{}, wake: make(chan struct{}, 1), done: make(chan struct{})}
			s.line(sessionHead{Session: 1})
			s.file(sessionFile{Path: filepath.Join(dir, "show.mkv")}, true)
			go s.run()
			synctest.Wait()
			s.line(sessionLine{At: 2, Mark: "two"})
			synctest.Wait()
			if !strings.Contains(told.last(), "cannot be written") {
				t.Errorf("the operator is told %q", told.last())
			}
			s.end(3)
			time.Sleep(2 * sessionAgain)
			synctest.Wait()
			select {
			case <-s.done:
				t.Fatal("it was given up while the studio runs")
			default:
			}
			if !back {
				s.giveUp()
				<-s.done
				return
			}
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			<-s.done
			raw, err := os.ReadFile(filepath.Join(dir, "show"+SessionExtension))
			if n := strings.Count(string(raw), "\n"); err != nil || n != 4 || !strings.Contains(string(raw), `"two"`) {
				t.Errorf("the journal is %q, %v, want four lines", raw, err)
			}
			if strings.Contains(told.last(), "cannot be written") {
				t.Errorf("it is written, and the operator is told %q", told.last())
			}
		})
	}
}

// A part of a line that was written is not left in the journal.
func TestSessionFileHasWholeLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "show"+SessionExtension)
	w := &sessionFileWriter{}
	if err := w.write(path, []byte("one\n")); err != nil {
		t.Fatal(err)
	}
	defer w.close()
	good := w.f
	bad, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	w.f = bad // which cannot be written
	if err := w.write(path, []byte("two\n")); err == nil {
		t.Error("a line went into a file that cannot be written")
	}
	_ = bad.Close() // it was for reading
	w.f = good
	if _, err := good.WriteAt([]byte("tw"), w.size); err != nil { // as far as the disk had room
		t.Fatal(err)
	}
	if err := w.write(path, []byte("two\n")); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(path); string(raw) != "one\ntwo\n" {
		t.Errorf("the journal is %q, %v", raw, err)
	}
}

// What is over of a long day's recordings is not kept.
func TestEndedSessionsAreNotKept(t *testing.T) {
	over := make(chan struct{})
	close(over)
	e := &Engine{}
	for range 100 {
		e.endSession(&session{done: over})
	}
	if n := len(e.sessions); n != 1 {
		t.Errorf("%d journals are kept, want the newest", n)
	}
	e.endSession(&session{done: make(chan struct{})})
	e.endSession(&session{done: make(chan struct{})})
	if n := len(e.sessions); n != 2 {
		t.Errorf("%d journals are kept, want the two that are being written", n)
	}
}
