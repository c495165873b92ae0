package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/host"
)

// maxUnsaved is how many replays wait at most for a disk that does not take them; the
// oldest is let go for a newer one.
const maxUnsaved = 4

// saveAgain is how long after a failure a replay is tried again, and how often.
const saveAgain = 3 * time.Second

// saveLeaves is how much room a saved replay leaves on its disk: with less, recordings stop.
const saveLeaves = 50 << 20

// replaysAtEnd is how long the end of the studio waits on the real clock for replays that are
// being saved: they are nowhere else, and their disk may be slow, or not answer at all.
const replaysAtEnd = 10 * time.Second

// saver writes replays to disk on a goroutine of its own, and keeps those that fail.
type saver struct {
	warn  func(text string)
	clear func()
	again time.Duration
	free  func(dir string) (int64, error)
	atEnd time.Duration // how long close waits; 0: for as long as it takes

	mu      sync.Mutex
	jobs    []saveJob     // guarded by mu; oldest first
	asked   int           // guarded by mu; jobs so far
	dropped int           // guarded by mu; of those that waited, since all were saved last
	last    string        // guarded by mu; path of the newest saved
	problem string        // guarded by mu
	running bool          // guarded by mu
	closing bool          // guarded by mu
	wake    chan struct{} // a new job, or closing
	done    chan struct{}
}

// saveJob is a clip with where it goes.
type saveJob struct {
	clip
	folder, name, container string
	number                  int // of all jobs
}

func newSaver(warn func(string), clear func()) *saver {
	return &saver{warn: warn, clear: clear, again: saveAgain, free: host.FreeBytes, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// save hands over a job. It does not wait for the disk. Those that wait go where it goes: what
// they waited for may be another folder.
func (s *saver) save(j saveJob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.jobs) == maxUnsaved {
		s.jobs = slices.Delete(s.jobs, 0, 1)
		s.dropped++
	}
	for i := range s.jobs {
		s.jobs[i].folder, s.jobs[i].container = j.folder, j.container
	}
	s.asked++
	j.number = s.asked
	s.jobs = append(s.jobs, j)
	if !s.running {
		s.running = true
		go s.run()
	}
	s.poke()
}

func (s *saver) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *saver) run() {
	defer close(s.done)
	again := time.NewTicker(s.again)
	defer again.Stop()
	for {
		select {
		case <-s.wake:
		case <-again.C:
		}
		s.mu.Lock()
		closing := s.closing // before: what was asked for until then is tried
		s.mu.Unlock()
		if s.drain(); closing {
			return
		}
	}
}

// drain tries to write all that waits, and says when some of it cannot be.
func (s *saver) drain() {
	s.mu.Lock()
	jobs := slices.Clone(s.jobs)
	s.mu.Unlock()
	if len(jobs) == 0 {
		return
	}
	var problem error
	for _, j := range jobs {
		path, err := j.write(s.free)
		if err != nil {
			problem = err
			continue
		}
		s.mu.Lock()
		s.last = path
		s.jobs = slices.DeleteFunc(s.jobs, func(x saveJob) bool { return x.number == j.number })
		s.mu.Unlock()
	}
	s.mu.Lock()
	dropped, text := s.dropped, ""
	s.mu.Unlock()
	if problem != nil { // the warning is there when the state says that there is a problem
		text = Plain(problem.Error())
		said := fmt.Sprintf("The replay cannot be saved: %v. It is kept in memory and tried again by itself. Make room, or choose another folder: the next replay that is saved takes it there too.", problem)
		if dropped > 0 {
			said += fmt.Sprintf(" More than %d waited: the oldest had to be let go (%d).", maxUnsaved, dropped)
		}
		s.warn(said)
	}
	s.mu.Lock()
	if s.problem = text; problem == nil {
		s.dropped = 0
	}
	s.mu.Unlock()
	if problem == nil {
		s.clear()
	}
}

// close tries what still waits once more and ends. It returns how many replays are lost.
func (s *saver) close() int {
	s.mu.Lock()
	s.closing = true
	running := s.running
	s.poke()
	s.mu.Unlock()
	var limit <-chan time.Time
	if s.atEnd > 0 {
		limit = time.After(s.atEnd)
	}
	if running {
		select {
		case <-s.done:
		case <-limit:
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.jobs)
}

// state is the newest saved file, how many wait, and why.
func (s *saver) state() (last string, waiting int, problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, len(s.jobs), s.problem
}

// write makes a file that was not there before, where free says that there is room for it; half
// of one is removed again.
func (j saveJob) write(free func(dir string) (int64, error)) (string, error) {
	need := int64(saveLeaves)
	for _, p := range j.packets {
		need += int64(len(p.Data))
	}
	if n, err := free(j.folder); err == nil && n < need { // where it is not known, writing will tell
		return "", fmt.Errorf("%d MB are free on the disk of %s, too few for it and the %d that recordings need", n>>20, j.folder, saveLeaves>>20)
	}
	if err := os.MkdirAll(j.folder, 0o755); err != nil {
		return "", plainPathError(err)
	}
	for n := 1; ; n++ {
		path := filepath.Join(j.folder, j.name+"."+j.container)
		if n > 1 {
			path = filepath.Join(j.folder, fmt.Sprintf("%s (%d).%s", j.name, n, j.container))
		}
		err := j.clip.write(path, replayFormats[j.container])
		if errors.Is(err, os.ErrExist) && n < 1000 {
			continue
		}
		return path, err
	}
}

var replayFormats = map[string]string{"mkv": "matroska", "mp4": "mp4", "mov": "mov", "ts": "mpegts"}

// write muxes the clip into a new file.
func (c clip) write(path, format string) error {
	m, err := av.NewMuxer(av.MuxerOptions{Format: format, Path: path, Tracks: c.tracks, StartAtZero: true, Timecode: format != "mpegts", Created: time.Now()})
	if err != nil {
		return err
	}
	for _, p := range c.packets {
		if err = m.WritePacket(p); err != nil {
			break
		}
	}
	if err = errors.Join(err, m.Close()); err != nil {
		_ = os.Remove(path) // the error that matters is err
	}
	return err
}

func plainPathError(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("the folder %s cannot be made: %w", pe.Path, pe.Err)
	}
	return err
}

// replayPlace is where saved replays go by the show's settings.
func replayPlace(raw json.RawMessage, base string) (folder, container string) {
	var s struct{ Path, Container string }
	// Settings that cannot be read were refused when the show was.
	_ = json.Unmarshal(raw, &s)
	if replayFormats[s.Container] == "" {
		s.Container = "mkv"
	}
	if !filepath.IsAbs(s.Path) {
		s.Path = filepath.Join(base, s.Path)
	}
	return s.Path, s.Container
}

// stage writes the clip into a file of its own in dir, for playing.
func (c clip) stage(ctx context.Context, dir string, n int) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	path := filepath.Join(dir, fmt.Sprintf("replay-%d.mkv", n))
	if err := c.write(path, "matroska"); err != nil {
		return "", fmt.Errorf("the replay cannot be written: %s", Plain(err.Error()))
	}
	return path, nil
}
