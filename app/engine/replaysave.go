package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
)

// maxUnsaved is how many replays wait at most for a disk that does not take them; the
// oldest is let go for a newer one.
const maxUnsaved = 4

// saveAgain is how long after a failure a replay is tried again, and how often.
const saveAgain = 3 * time.Second

// saver writes replays to disk on a goroutine of its own, and keeps those that fail.
type saver struct {
	warn  func(text string)
	clear func()
	again time.Duration

	mu      sync.Mutex
	jobs    []saveJob     // guarded by mu
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
}

func newSaver(warn func(string), clear func()) *saver {
	return &saver{warn: warn, clear: clear, again: saveAgain, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// save hands over a job. It does not wait for the disk.
func (s *saver) save(j saveJob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.jobs) == maxUnsaved {
		s.jobs = append(s.jobs[:0], s.jobs[1:]...)
	}
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
		s.drain()
		s.mu.Lock()
		closing := s.closing
		s.mu.Unlock()
		if closing {
			return
		}
	}
}

// drain writes what waits until one fails.
func (s *saver) drain() {
	for {
		s.mu.Lock()
		if len(s.jobs) == 0 {
			s.mu.Unlock()
			return
		}
		j := s.jobs[0]
		s.mu.Unlock()
		path, err := j.write()
		s.mu.Lock()
		if err != nil {
			s.problem = Plain(err.Error())
			s.mu.Unlock()
			s.warn(fmt.Sprintf("The replay cannot be saved: %v. It is kept in memory and tried again by itself; make room, or choose another folder.", err))
			return
		}
		s.last, s.problem = path, ""
		// What was let go meanwhile was the oldest: this one, which is saved now.
		if len(s.jobs) > 0 && s.jobs[0].name == j.name {
			s.jobs = append(s.jobs[:0], s.jobs[1:]...)
		}
		s.mu.Unlock()
		s.clear()
	}
}

// close tries what still waits once more and ends.
func (s *saver) close() {
	s.mu.Lock()
	s.closing = true
	running := s.running
	s.poke()
	s.mu.Unlock()
	if running {
		<-s.done
	}
}

// state is the newest saved file, how many wait, and why.
func (s *saver) state() (last string, waiting int, problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, len(s.jobs), s.problem
}

// write makes a file that was not there before; half of one is removed again.
func (j saveJob) write() (string, error) {
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

var replayFormats = map[string]string{"mkv": "matroska", "mp4": "mp4", "ts": "mpegts"}

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
