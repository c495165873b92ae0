package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/host"
	"crosspoint.studio/crosspoint/outputs"
)

// checkAtEnd is how long the end of the studio waits for files to be read again; those that
// are left are read at the next start.
const checkAtEnd = time.Second

// keeper looks after the files of recordings: each is noted in a journal when it is begun, read
// again when it is closed, and finished and read when an earlier run of the program left
// it behind. It has one goroutine, which waits for the disk and for nothing else.
type keeper struct {
	e       *Engine
	journal *journal // nil without a state folder
	wake    chan struct{}
	ended   chan struct{}
	cancel  context.CancelFunc
	told    *time.Timer // ends the sentence about earlier runs; of the goroutine until ended

	mu      sync.Mutex
	jobs    []fileJob               // guarded by mu; oldest first
	closing bool                    // guarded by mu; nothing more comes
	results map[string]*fileResults // guarded by mu; by recording
	writing map[string]bool         // guarded by mu; files that are being written
}

// fileJob is one file to look after.
type fileJob struct {
	results *fileResults // of its start of the recording; nil: of an earlier run
	kind    string
	finish  bool // its end was not written
	event   outputs.FileEvent
}

// fileResults are those of one start of a recording; the keeper's mu guards them.
type fileResults struct {
	good  map[int][2]time.Duration // where good parts begin and end
	state RecordingState
}

func newKeeper(e *Engine) *keeper {
	return &keeper{e: e, wake: make(chan struct{}, 1), ended: make(chan struct{}), results: map[string]*fileResults{}, writing: map[string]bool{}}
}

// start begins, with what earlier runs left behind.
func (k *keeper) start() {
	ctx, cancel := context.WithCancel(context.Background())
	k.cancel = cancel
	var left []*leftJournal
	if dir := k.e.opt.StateDir; dir != "" {
		left = leftBehind(filepath.Join(dir, "recordings"), k.e.log)
		k.journal = newJournal(filepath.Join(dir, "recordings"), k.e.log)
	}
	go func() {
		defer close(k.ended)
		k.recover(ctx, left)
		k.run(ctx)
	}()
}

// close waits for the files that are left, on the real clock not long; the recordings have ended.
func (k *keeper) close() {
	k.mu.Lock()
	k.closing = true
	k.mu.Unlock()
	k.poke()
	if !k.e.clock.Virtual() {
		defer time.AfterFunc(checkAtEnd, k.cancel).Stop()
	}
	<-k.ended
	k.cancel()
	if k.told != nil {
		k.told.Stop()
	}
	k.journal.close()
}

func (k *keeper) poke() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// file is what a recording tells of its files; by any goroutine.
func (k *keeper) file(recording, kind string, v outputs.FileEvent) {
	k.journal.note(kind, v)
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.results[recording]
	if r == nil || v.Part == 1 && !v.Closed && len(v.Chapters) == 0 {
		r = &fileResults{good: map[int][2]time.Duration{}}
		k.results[recording] = r
	}
	if !v.Closed {
		k.writing[v.Path] = true
		return
	}
	delete(k.writing, v.Path)
	if v.Removed {
		return
	}
	r.state.Files++
	r.state.Length = max(r.state.Length, v.From+v.Holds.Length)
	k.jobs = append(k.jobs, fileJob{r, kind, !v.Ended, v})
	k.poke()
}

// state is what is known of a recording's files.
func (k *keeper) state(recording string) RecordingState {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.results[recording]; r != nil {
		return r.state
	}
	return RecordingState{}
}

// next takes the oldest job; ok is false at the end of it all.
func (k *keeper) next(ctx context.Context) (j fileJob, ok bool) {
	for {
		k.mu.Lock()
		if len(k.jobs) > 0 {
			j = k.jobs[0]
			k.jobs = slices.Delete(k.jobs, 0, 1)
			k.mu.Unlock()
			return j, ctx.Err() == nil
		}
		closing := k.closing
		k.mu.Unlock()
		if closing || ctx.Err() != nil {
			return j, false
		}
		select {
		case <-k.wake:
		case <-ctx.Done():
		}
	}
}

func (k *keeper) run(ctx context.Context) {
	for {
		j, ok := k.next(ctx)
		if !ok {
			return
		}
		if _, err := os.Stat(j.event.Path); j.event.Problem != "" && errors.Is(err, os.ErrNotExist) {
			k.journal.settled(j.event.Path)
			continue // its disk is gone, which has been said
		}
		end, c, err := k.look(ctx, j)
		if ctx.Err() != nil {
			return // the journal keeps what has not been read
		}
		if end != unfinished && end != postponed { // for which there may be room at the next start
			k.journal.settled(j.event.Path)
		}
		if errors.Is(err, outputs.ErrEmpty) {
			continue
		}
		k.judge(j, c, err)
	}
}

// ending is what was done about a file's end.
type ending int

const (
	asWritten  ending = iota + 1 // nothing was to be done
	finished                     // it has been made up for
	unfinished                   // it could not be
	postponed                    // left to the next start
)

// busy: something is recorded on the volume of path, to which a copy of another recording
// would leave less room and less of the disk's time.
func (k *keeper) busy(path string) bool {
	k.mu.Lock()
	writing := slices.Collect(maps.Keys(k.writing))
	k.mu.Unlock()
	return slices.ContainsFunc(writing, func(other string) bool { return host.SameVolume(filepath.Dir(path), filepath.Dir(other)) })
}

// look finishes a file if it needs that, and reads it again.
func (k *keeper) look(ctx context.Context, j fileJob) (end ending, c outputs.FileCheck, err error) {
	end = asWritten
	files := k.e.opt.OutputKinds[j.kind].Files
	if files == nil {
		return end, c, nil
	}
	want := j.event.Holds
	if j.finish {
		want = outputs.Contents{} // not all that was given to it is in it
		switch {
		case files.Finish == nil:
		case k.busy(j.event.Path):
			end = postponed
			k.e.log.Info("recording will be finished at the next start, since its disk is being recorded to", "file", j.event.Path)
		default:
			switch changed, err := files.Finish(ctx, j.event.Path, j.event.Chapters); {
			case errors.Is(err, outputs.ErrEmpty):
				return end, c, err
			case err != nil:
				end = unfinished
				if ctx.Err() == nil {
					k.e.log.Warn("recording not finished", "reason", err)
				}
			case changed:
				end = finished
			}
		}
	}
	if files.Check == nil {
		return end, c, nil
	}
	c, err = files.Check(ctx, j.event.Path, want)
	return end, c, err
}

// judge notes what a check found.
func (k *keeper) judge(j fileJob, c outputs.FileCheck, err error) {
	key := "file " + j.event.Path
	if err != nil {
		k.e.log.Warn("recording is not as it was written", "file", j.event.Path, "reason", err)
		k.e.warn.set(key, fmt.Sprintf("A recorded file is not good: %v. Everything else goes on; keep the other recordings of this time.", err), k.e.state.Load().Tick)
	} else {
		k.e.log.Info("recording read again", "file", j.event.Path, "length", c.Length, "bytes", c.Bytes, "sha256", c.SHA256)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	r := j.results
	if r == nil {
		return
	}
	r.state.Checked++
	if err != nil {
		r.state.Problem = err.Error()
		return
	}
	r.good[j.event.Part] = [2]time.Duration{j.event.From, j.event.From + max(j.event.Holds.Length, c.Length)}
	r.state.GoodTo = 0
	for part := 1; ; part++ {
		g, ok := r.good[part]
		if !ok || part > 1 && g[0] > r.state.GoodTo+time.Second/10 {
			break
		}
		r.state.GoodTo = max(r.state.GoodTo, g[1])
	}
}

// tellRecovered is how long the operator is told of files of an earlier run.
const tellRecovered = 10 * time.Minute

// recoveredKey is the warning about what earlier runs left behind.
const recoveredKey = "recovered recordings"

// recover finishes and reads the files that earlier runs left behind, and says in one
// sentence how that went.
func (k *keeper) recover(ctx context.Context, left []*leftJournal) {
	var good [unfinished + 1][]string // by what was done
	var bad []string
	for _, l := range left {
		var settled []string
		for _, j := range l.jobs {
			end, c, err := k.look(ctx, j)
			if ctx.Err() != nil {
				settled = nil // all is said at the next start
				break
			}
			if end == postponed {
				continue
			}
			settled = append(settled, j.event.Path)
			if errors.Is(err, outputs.ErrEmpty) {
				k.e.log.Info("recording of an earlier run had nothing in it and was removed", "file", j.event.Path)
				continue
			}
			if err != nil {
				k.e.log.Warn("recording of an earlier run is not good", "file", j.event.Path, "reason", err)
				bad = append(bad, err.Error())
				continue
			}
			k.e.log.Info("recording of an earlier run read again", "file", j.event.Path, "finished", end == finished, "length", c.Length, "bytes", c.Bytes, "sha256", c.SHA256)
			if j.finish {
				good[end] = append(good[end], fmt.Sprintf("%s (%s)", filepath.Base(j.event.Path), clock(c.Length)))
			}
		}
		l.release(settled)
	}
	if text := recoveredText(good, bad); text != "" {
		k.e.warn.set(recoveredKey, text, k.e.state.Load().Tick)
		k.told = time.AfterFunc(tellRecovered, func() { k.e.warn.clear(recoveredKey) })
	}
}

// recoveredText is one sentence, or several when not all went alike; empty when there is
// nothing to say. good are the files that can be played, by what was done about their ends.
func recoveredText(good [unfinished + 1][]string, bad []string) string {
	var parts []string
	for end, outcome := range [...][2]string{
		finished:   {"the file has been finished and is good", "the files have been finished and are good"},
		asWritten:  {"the file is good", "the files are good"},
		unfinished: {"the file plays, but could not be finished and stays as it is", "the files play, but could not be finished and stay as they are"},
	} {
		if n := len(good[end]); n > 0 {
			parts = append(parts, "The last run of the program was cut off while it recorded "+strings.Join(good[end], ", ")+"; "+outcome[min(n, 2)-1]+".")
		}
	}
	if len(bad) > 0 {
		parts = append(parts, "Of what an earlier run recorded, this is not good: "+strings.Join(bad, "; ")+".")
	}
	return strings.Join(parts, " ")
}

// clock is a length as h:mm:ss.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
