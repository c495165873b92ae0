package engine

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// namedAfter is how long a journal waits for a recording of the programme to be called
// after, when there already is a file of a source.
const namedAfter = 2 * time.Second

// sessionSync is how long after its newest line, at the least, a journal is brought to the
// platter: a show's commands are seconds apart, and a recording syncs as often.
const sessionSync = time.Second

// sessionAgain is how long after it could not be written a journal is tried again.
const sessionAgain = 5 * time.Second

// run writes the journal until its end, then the cut lists. What the disk does not take is kept
// and tried again, after the end of the recordings too, until the studio ends.
func (s *session) run() {
	defer close(s.done)
	w := &sessionFileWriter{files: s.files}
	defer w.close()
	late := time.NewTimer(namedAfter)
	defer late.Stop()
	unsynced := time.NewTimer(sessionSync)
	defer unsynced.Stop()
	overdue, failing := false, false
	for {
		var again <-chan time.Time
		if failing {
			again = time.After(sessionAgain)
		}
		select {
		case <-s.wake:
		case <-again:
		case <-late.C:
			overdue = true
		case <-unsynced.C:
			w.sync()
		}
		s.mu.Lock()
		closing, last, lost := s.closing, s.last, s.lost
		if s.path == "" && (overdue || closing) {
			s.path = s.second
		}
		path := s.path
		var lines []byte
		if path != "" {
			lines = bytes.Clone(s.buf.Bytes())
		}
		s.mu.Unlock()
		if len(lines) > 0 {
			if err := w.write(path, lines); err != nil {
				failing = true
				s.warn(fmt.Sprintf("The list of cuts beside the recording cannot be written (%v). The recordings themselves go on; make room, or connect the disk: what is missing is kept, and tried again every few seconds.", err))
				if !closing || !last {
					continue
				}
				lost = true
			} else {
				s.mu.Lock()
				s.buf.Next(len(lines))
				s.mu.Unlock()
				unsynced.Reset(sessionSync)
				if failing {
					failing = false
					s.warn("")
				}
			}
		}
		if !closing {
			continue
		}
		if w.f == nil {
			return
		}
		if lost {
			s.warn(fmt.Sprintf("No cut lists were written: the disk did not take the list of cuts, %s. The recordings are as they were.", w.f.Name()))
		} else if err := WriteCutLists(w.f.Name(), CutListOptions{}); err != nil {
			// Not settled: the next start of the program tries again too.
			s.warn(fmt.Sprintf("The cut lists were not written (%v). The recordings are as they were; crosspoint cutlist %s tries again.", err, w.f.Name()))
			return
		}
		s.files.settled(w.f.Name())
		return
	}
}

// sessionFileWriter is a journal's file, of whole lines only.
type sessionFileWriter struct {
	files *journal
	f     *os.File // nil until the first line
	size  int64    // of what was written whole
}

// write adds lines, all of them or, with an error, none.
func (w *sessionFileWriter) write(path string, lines []byte) (err error) {
	if w.f == nil {
		if w.f, err = createBeside(path); err != nil {
			return err
		}
		w.files.note(sessionKind, outputs.FileEvent{Path: w.f.Name()})
	}
	// At its place: a part of them may be there from the last time.
	if _, err = w.f.WriteAt(lines, w.size); err != nil {
		_ = w.f.Truncate(w.size) // or the part is written over the next time
		return err
	}
	w.size += int64(len(lines))
	return nil
}

func (w *sessionFileWriter) sync() {
	if w.f != nil {
		_ = w.f.Sync() // only a power cut asks whether it went well, and writing goes on
	}
}

func (w *sessionFileWriter) close() {
	if w.f != nil {
		_ = w.f.Close() // every line was checked as it was written
	}
}

// createBeside makes a file that was not there before, adding a number to its name where
// it has to. It is its user's alone: the addresses of sources may have passwords in them.
func createBeside(path string) (*os.File, error) {
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	for n := 2; ; n++ {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if !os.IsExist(err) || n > 1000 {
			return f, err
		}
		path = fmt.Sprintf("%s (%d)%s", stem, n, filepath.Ext(path))
	}
}
