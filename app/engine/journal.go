package engine

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/host"
	"crosspoint.studio/crosspoint/outputs"
)

// journal is a file in the state folder that knows which recorded files are being written
// and which have not been read again. It is locked while its program runs, so that
// another one knows which are left behind, and removed when nothing is. Without it
// recordings are as good, but a crash is not made up for: while it cannot be written that is
// said, and tried again. A nil journal does nothing. It is written by a goroutine of its own, within a disk's moment:
// recordings do not wait for it, nor it for the keeper, who may be reading a long file.
type journal struct {
	dir   string
	log   *slog.Logger
	warn  func(text string) // the operator, "" that all is well again
	wake  chan struct{}
	ended chan struct{}

	mu      sync.Mutex
	files   map[string]journalLine // guarded by mu; newest state of those not settled, or not written as such
	changed []string               // guarded by mu; files to write, each once
	closing bool                   // guarded by mu; nothing more comes

	// Of the goroutine.
	file  *os.File                     // nil until the first line
	noted map[string][]outputs.Chapter // what it says of files, not settled ones
	sick  bool                         // it could not be written the last time
}

// journalAgain is how long after it could not be written it is tried again.
const journalAgain = 5 * time.Second

// journalLine is one fact about a file, later ones replacing earlier ones.
type journalLine struct {
	Path    string            `json:"path"`
	Kind    string            `json:"kind,omitempty"`
	Part    int               `json:"part,omitempty"`
	Closed  bool              `json:"closed,omitempty"` // its end has been written
	Settled bool              `json:"settled,omitempty"`
	Problem string            `json:"problem,omitempty"` // why its end could not be written, by a program that went on
	Holds   *outputs.Contents `json:"holds,omitempty"`
	// Chapters take the place of those from the From-th on; nil where they are as before.
	From     int               `json:"from,omitempty"`
	Chapters []outputs.Chapter `json:"chapters,omitzero"`
}

// newJournal begins it; close ends it.
func newJournal(dir string, log *slog.Logger, warn func(string)) *journal {
	j := &journal{
		dir: dir, log: log, warn: warn, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		files: map[string]journalLine{}, noted: map[string][]outputs.Chapter{},
	}
	go j.run()
	return j
}

// note is what a recording tells of a file; v.Chapters must not change after it.
func (j *journal) note(kind string, v outputs.FileEvent) {
	if j == nil {
		return
	}
	if v.Removed {
		j.settled(v.Path)
		return
	}
	line := journalLine{Path: v.Path, Kind: kind, Part: v.Part, Chapters: v.Chapters}
	if v.Closed && v.Ended {
		line.Closed, line.Holds = true, &v.Holds
	} else if v.Closed {
		if line.Problem = v.Problem; line.Problem == "" {
			line.Problem = "its end could not be written"
		}
	}
	j.change(line)
}

// settled: there is nothing more to do about a file.
func (j *journal) settled(path string) {
	if j == nil {
		return
	}
	j.mu.Lock()
	_, known := j.files[path]
	j.mu.Unlock()
	if known {
		j.change(journalLine{Path: path, Settled: true})
	}
}

func (j *journal) change(line journalLine) {
	j.mu.Lock()
	j.files[line.Path] = line
	if !slices.Contains(j.changed, line.Path) {
		j.changed = append(j.changed, line.Path)
	}
	j.mu.Unlock()
	j.poke()
}

func (j *journal) poke() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

func (j *journal) run() {
	defer close(j.ended)
	for {
		lines, closing := j.take()
		if len(lines) > 0 {
			j.wrote(lines, j.write(lines))
		}
		if closing {
			return
		}
		var again <-chan time.Time
		if j.sick {
			again = time.After(journalAgain)
		}
		select {
		case <-j.wake:
		case <-again:
		}
	}
}

// take are the lines that are due.
func (j *journal) take() (lines []journalLine, closing bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, path := range j.changed {
		line := j.files[path]
		noted, known := j.noted[path]
		switch {
		case line.Settled && !known:
			delete(j.files, path)
			continue
		case line.Settled:
		case j.sick: // nobody knows how much of a line is there
			line.Chapters = append([]outputs.Chapter{}, line.Chapters...)
		default:
			for line.From < min(len(noted), len(line.Chapters)) && noted[line.From] == line.Chapters[line.From] {
				line.From++
			}
			if line.From == len(noted) && line.From == len(line.Chapters) {
				line.From, line.Chapters = 0, nil
			} else {
				line.Chapters = append([]outputs.Chapter{}, line.Chapters[line.From:]...)
			}
		}
		j.noted[path] = j.files[path].Chapters
		lines = append(lines, line)
	}
	j.changed = nil
	return lines, j.closing
}

// wrote notes whether lines are on the disk; those that are not are due again, by what is the
// newest of their files then.
func (j *journal) wrote(lines []journalLine, err error) {
	j.mu.Lock()
	for _, line := range lines {
		switch newest := j.files[line.Path]; {
		case err != nil && !slices.Contains(j.changed, line.Path):
			j.changed = append(j.changed, line.Path)
		case err == nil && line.Settled:
			delete(j.noted, line.Path)
			if newest.Settled {
				delete(j.files, line.Path)
			}
		}
	}
	j.mu.Unlock()
	was := j.sick
	j.sick = err != nil
	if j.sick {
		j.warn(fmt.Sprintf("The program's state folder cannot be written (%v). Recordings go on; but if the machine or the program fails now, "+
			"the next start does not know which files it has to finish. Make room there; it is tried again every few seconds.", err))
	}
	switch {
	case j.sick && !was:
		j.log.Warn("the journal of recordings cannot be written; a crash would not be made up for", "reason", err)
	case was && !j.sick:
		j.warn("")
		j.log.Info("the journal of recordings is written again")
	}
}

// write adds lines and brings them to the disk.
func (j *journal) write(lines []journalLine) error {
	if j.file == nil {
		if err := os.MkdirAll(j.dir, 0o700); err != nil {
			return err
		}
		f, err := os.CreateTemp(j.dir, fmt.Sprintf("%d-*.jsonl", os.Getpid()))
		if err != nil {
			return err
		}
		if err := lockJournal(f); err != nil {
			_ = f.Close() // nothing is in it
			_ = os.Remove(f.Name())
			return err
		}
		j.file = f
	}
	var text []byte
	if j.sick {
		text = append(text, '\n') // the last line may be cut
	}
	for _, line := range lines {
		raw, err := json.Marshal(line)
		if err != nil {
			return err
		}
		text = append(append(text, raw...), '\n')
	}
	if _, err := j.file.Write(text); err != nil {
		return err
	}
	return j.file.Sync()
}

// close writes what is due and gives up the journal; it stays when files have not been settled.
func (j *journal) close() {
	if j == nil {
		return
	}
	j.mu.Lock()
	j.closing = true
	j.mu.Unlock()
	j.poke()
	<-j.ended
	if j.file == nil {
		return
	}
	if len(j.files) == 0 {
		_ = os.Remove(j.file.Name()) // an empty one is found and removed at the next start
	}
	_ = j.file.Close() // every line has been synced
}

// leftJournal is the journal of a program that has ended, with the files that it did not
// settle and that still exist. It is locked until release.
type leftJournal struct {
	file    *os.File // nil once released
	jobs    []fileJob
	settled []string // there is nothing more to do about these
	noted   int      // of settled: those that the file says
	looked  bool     // every job has been looked at once, and what came of it told
	away    bool     // there are files whose folder is not there: their disk may come back
}

// awayFor is how long a journal waits for a disk that is not there.
const awayFor = 30 * 24 * time.Hour

// settle notes that a file needs nothing more.
func (l *leftJournal) settle(path string) {
	l.settled = append(l.settled, path)
	if l.looked {
		l.note()
	}
}

// note brings what is settled to the disk at once, so that a run that is cut off does not make
// the next one read and tell of it again. A journal of which all is settled is given up.
func (l *leftJournal) note() {
	l.looked = true
	switch {
	case l.file == nil:
	case len(l.settled) == len(l.jobs) && !l.away:
		l.release()
	case l.noted < len(l.settled):
		text := []byte("\n") // the last line may be cut
		for _, path := range l.settled[l.noted:] {
			raw, err := json.Marshal(journalLine{Path: path, Settled: true})
			if err == nil {
				text = append(append(text, raw...), '\n')
			}
		}
		l.noted = len(l.settled)
		_, _ = l.file.Write(text) // behind what was read; or they are found once more
		_ = l.file.Sync()         // as above
	}
}

// release gives it up.
func (l *leftJournal) release() {
	if l.file == nil {
		return
	}
	if len(l.settled) == len(l.jobs) && !l.away {
		_ = os.Remove(l.file.Name()) // or it is found once more
	} else {
		l.note()
	}
	_ = l.file.Close() // as above
	l.file = nil
}

// lockWithin is how long a lock is waited for that may be held for a moment only: by a start
// of the program that looks at what is left behind, or by a process that this one has forked,
// which has every open file until it becomes what it is to run.
const lockWithin = 50 * time.Millisecond

// lockJournal locks a journal, unless a program that runs has it.
func lockJournal(f *os.File) (err error) {
	for begun := time.Now(); ; time.Sleep(lockWithin / 10) {
		if err = host.LockFile(f); !errors.Is(err, host.ErrLocked) || time.Since(begun) > lockWithin {
			return err
		}
	}
}

// emptyFor is for how long an empty journal may be one that a program has just made and is
// about to lock.
const emptyFor = time.Minute

// leftBehind are the journals of earlier runs.
func leftBehind(dir string, log *slog.Logger) (list []*leftJournal) {
	names, _ := filepath.Glob(filepath.Join(dir, "*.jsonl")) // the pattern is good
	for _, name := range names {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue // another start of the program was faster
		}
		if err := lockJournal(f); err != nil {
			_ = f.Close() // of a program that runs
			if !errors.Is(err, host.ErrLocked) {
				log.Warn("a journal of recordings cannot be read", "file", name, "reason", err)
			}
			continue
		}
		info, err := f.Stat()
		if err == nil && info.Size() == 0 && time.Since(info.ModTime()) < emptyFor {
			_ = f.Close() // nothing was written to it
			continue
		}
		isNew := err == nil && time.Since(info.ModTime()) < awayFor
		l := &leftJournal{file: f, jobs: readJournal(f)}
		l.jobs = slices.DeleteFunc(l.jobs, func(j fileJob) bool {
			_, err := os.Stat(j.event.Path)
			if err == nil {
				return false
			}
			_, err = os.Stat(filepath.Dir(j.event.Path))
			l.away = l.away || err != nil && isNew
			return true
		})
		if len(l.jobs) == 0 {
			l.release()
			continue
		}
		for i := range l.jobs {
			l.jobs[i].left = l
		}
		list = append(list, l)
	}
	return list
}

// readJournal are the files that are not settled, in the order in which they were begun.
func readJournal(f *os.File) (jobs []fileJob) {
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var l journalLine
		if json.Unmarshal(lines.Bytes(), &l) != nil || l.Path == "" {
			continue // the last line may be cut
		}
		i := slices.IndexFunc(jobs, func(j fileJob) bool { return j.event.Path == l.Path })
		switch {
		case l.Settled && i >= 0:
			jobs = slices.Delete(jobs, i, i+1)
			continue
		case l.Settled:
			continue
		case i < 0:
			jobs = append(jobs, fileJob{})
			i = len(jobs) - 1
		}
		j := &jobs[i]
		j.kind, j.finish = l.Kind, !l.Closed
		j.event.Path, j.event.Part, j.event.Closed, j.event.Problem = l.Path, l.Part, l.Closed, l.Problem
		if had := j.event.Chapters; l.Chapters != nil {
			from := min(max(l.From, 0), len(had)) // the line may be damaged
			j.event.Chapters = append(had[:from], l.Chapters...)
		}
		if l.Holds != nil {
			j.event.Holds = *l.Holds
		}
	}
	return jobs
}
