package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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

// keeperAtEnd is how long it waits at most, for a disk that does not answer.
const keeperAtEnd = 2 * time.Second

// keeper looks after the files of recordings: each is noted in a journal when it is begun, read
// again when it is closed, and finished and read when an earlier run of the program left
// it behind. It has one goroutine, which waits for the disk and for nothing else.
type keeper struct {
	e       *Engine
	journal *journal // nil without a state folder
	wake    chan struct{}
	ended   chan struct{}
	cancel  context.CancelFunc
	find    func(dir string, log *slog.Logger) []*leftJournal // leftBehind, but in tests

	// Of the goroutine until ended.
	left   []*leftJournal // of earlier runs, with jobs that are not done
	later  []fileJob      // to be finished as soon as nothing is recorded on their disks
	report recovery       // what has been made up for
	told   *time.Timer    // ends the sentence about that
	bad    badFiles

	mu        sync.Mutex
	jobs      []fileJob               // guarded by mu; oldest first
	closing   bool                    // guarded by mu; nothing more comes
	results   map[string]*fileResults // guarded by mu; by recording
	writing   map[string]bool         // guarded by mu; files that are being written
	interrupt context.CancelFunc      // guarded by mu; ends the finishing of a file; nil: none is being finished
}

// fileJob is one file to look after.
type fileJob struct {
	results *fileResults // of its start of the recording; nil: of an earlier run
	left    *leftJournal // the journal of the earlier run; nil: of this one
	kind    string
	finish  bool // its end was not written
	event   outputs.FileEvent
}

// killed: its program ended before it could say why the file did.
func (j fileJob) killed() bool { return j.left != nil && j.event.Problem == "" }

// fileResults are those of one start of a recording; the keeper's mu guards them.
type fileResults struct {
	good  map[int][2]time.Duration // where good parts begin and end
	state RecordingState
}

func newKeeper(e *Engine) *keeper {
	return &keeper{e: e, find: leftBehind, wake: make(chan struct{}, 1), ended: make(chan struct{}), results: map[string]*fileResults{}, writing: map[string]bool{}}
}

// start begins, with what earlier runs left behind. It does not block: the disk that kept them
// from their end may still not answer.
func (k *keeper) start() {
	ctx, cancel := context.WithCancel(context.Background())
	k.cancel = cancel
	dir := k.e.opt.StateDir
	if dir != "" {
		dir = filepath.Join(dir, "recordings")
		k.journal = newJournal(dir, k.e.log, k.e.warner("journal of recordings"))
	}
	go func() {
		defer close(k.ended)
		if dir != "" {
			k.left = k.found(dir)
		}
		removeStages(os.TempDir())
		k.recover(ctx)
		k.run(ctx)
		for _, l := range k.left { // what is not done is found at the next start
			l.release()
		}
	}()
}

// close waits for the files that are left, on the real clock not long; the recordings have
// ended or are left behind, and with lists the cut lists are written. What a disk that does not
// answer keeps from being done is left to the next start of the program: the journal that says so
// stays open, and so locked, that another show in this program does not wait for that disk as well,
// nor finishes a file that is still being written.
func (k *keeper) close(lists bool) {
	k.mu.Lock()
	k.closing = true
	k.mu.Unlock()
	k.poke()
	var limit <-chan time.Time
	if !k.e.clock.Virtual() {
		defer time.AfterFunc(checkAtEnd, k.cancel).Stop()
		limit = time.After(keeperAtEnd)
	}
	select {
	case <-k.ended:
	case <-limit:
		k.e.log.Error("recordings are left to be read again at the next start: their disk does not answer in time")
		return
	}
	k.cancel()
	for _, t := range [2]*time.Timer{k.told, k.bad.told} {
		if t != nil {
			t.Stop()
		}
	}
	k.mu.Lock()
	written := len(k.writing) == 0
	k.mu.Unlock()
	if lists && written {
		k.journal.close()
	}
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
		if k.interrupt != nil && !k.writesIn(filepath.Dir(v.Path)) {
			k.interrupt() // what is being finished may be on the disk that the new file is on
		}
		k.writing[v.Path] = true
		return
	}
	delete(k.writing, v.Path)
	k.poke() // what waited for its disk may be finished now
	if v.Removed {
		return
	}
	r.state.Files++
	r.state.Length = max(r.state.Length, v.From+v.Holds.Length)
	k.jobs = append(k.jobs, fileJob{results: r, kind: kind, finish: !v.Ended, event: v})
}

// writesIn: some file in the folder dir is being written; mu is held.
func (k *keeper) writesIn(dir string) bool {
	for path := range k.writing {
		if filepath.Dir(path) == dir {
			return true
		}
	}
	return false
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

// next takes the oldest job, or one that has waited for its disk; ok is false at the end of
// it all.
func (k *keeper) next(ctx context.Context) (j fileJob, waited, ok bool) {
	for {
		k.mu.Lock()
		if len(k.jobs) > 0 {
			j = k.jobs[0]
			k.jobs = slices.Delete(k.jobs, 0, 1)
			k.mu.Unlock()
			return j, false, ctx.Err() == nil
		}
		closing := k.closing
		k.mu.Unlock()
		for i, j := range k.later {
			if !k.waits(j) {
				k.later = slices.Delete(k.later, i, i+1)
				return j, true, ctx.Err() == nil
			}
		}
		if closing || ctx.Err() != nil {
			return j, false, false
		}
		select {
		case <-k.wake:
		case <-ctx.Done():
		}
	}
}

func (k *keeper) run(ctx context.Context) {
	for {
		j, waited, ok := k.next(ctx)
		if !ok {
			return
		}
		k.guarded(j, func() { k.work(ctx, j, waited) })
	}
}

// work looks after one file, which has waited for its disk or is new.
func (k *keeper) work(ctx context.Context, j fileJob, waited bool) {
	if _, err := os.Stat(j.event.Path); errors.Is(err, os.ErrNotExist) && (waited || j.event.Problem != "") {
		k.settle(j) // its disk is gone, which has been said, or somebody has moved it
		return
	}
	if j.kind == sessionKind {
		k.recoverLists(j)
		return
	}
	if j.moved() {
		k.e.log.Info("recording is not read again: it has been moved or deleted", "file", j.event.Path)
		k.settle(j)
		k.note(j, func(*fileResults) {})
		return
	}
	end, c, err := k.look(ctx, j)
	if ctx.Err() != nil {
		return // the journal keeps what has not been read
	}
	if end == postponed {
		at := len(k.later)
		if waited { // given way, it keeps its turn
			at = 0
		}
		k.later = slices.Insert(k.later, at, j)
		k.e.log.Info("recording will be finished when its disk is not recorded to", "file", j.event.Path)
	}
	switch {
	case waited:
		if end != postponed {
			k.recovered(j, end, c, err)
		}
		return
	case end != unfinished && end != postponed: // for which there may be room at the next start
		k.settle(j)
	}
	if errors.Is(err, outputs.ErrEmpty) {
		return
	}
	k.judge(j, c, err)
	if end == finished {
		k.recovered(j, end, c, err)
	}
}

// settle: there is nothing more to do about a file.
func (k *keeper) settle(j fileJob) {
	if j.left == nil {
		k.journal.settled(j.event.Path)
		return
	}
	j.left.settle(j.event.Path)
}

// ending is what was done about a file's end.
type ending int

const (
	asWritten  ending = iota + 1 // nothing was to be done
	finished                     // it has been made up for
	unfinished                   // it could not be
	postponed                    // its disk is being recorded to
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
		if files.Finish != nil {
			if end, err = k.finish(ctx, files, j); errors.Is(err, outputs.ErrEmpty) {
				return end, c, err
			}
		}
	}
	if files.Check == nil {
		return end, c, nil
	}
	c, err = files.Check(ctx, j.event.Path, want)
	return end, c, err
}

// finish makes up for a file's end. A recording that begins meanwhile goes first. The
// error is ErrEmpty.
func (k *keeper) finish(ctx context.Context, files *outputs.Files, j fileJob) (ending, error) {
	for ctx.Err() == nil {
		try, cancel := context.WithCancel(ctx)
		k.mu.Lock()
		k.interrupt = cancel
		k.mu.Unlock()
		busy := k.busy(j.event.Path)
		var changed bool
		var err error
		if !busy {
			changed, err = files.Finish(try, j.event.Path, j.event.Chapters)
		}
		interrupted := try.Err() != nil
		k.mu.Lock()
		k.interrupt = nil
		k.mu.Unlock()
		cancel()
		switch {
		case busy:
			return postponed, nil
		case errors.Is(err, outputs.ErrEmpty):
			return asWritten, err
		case err == nil && changed:
			return finished, nil
		case err == nil:
			return asWritten, nil
		case interrupted: // or it was, on another disk
			continue
		}
		k.e.log.Warn("recording not finished", "reason", err)
		return unfinished, nil
	}
	return unfinished, nil
}

// moved: the file is not there any more, and its folder is.
func (j fileJob) moved() bool {
	_, err := os.Stat(j.event.Path)
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	_, err = os.Stat(filepath.Dir(j.event.Path))
	return err == nil
}

// judge notes what a check found.
func (k *keeper) judge(j fileJob, c outputs.FileCheck, err error) {
	if err != nil {
		k.e.log.Warn("recording is not as it was written", "file", j.event.Path, "reason", err)
		k.bad.add(k.e, err)
	} else {
		k.e.log.Info("recording read again", "file", j.event.Path, "length", c.Length, "bytes", c.Bytes, "sha256", c.SHA256)
	}
	k.note(j, func(r *fileResults) {
		if err != nil {
			r.state.Problem = Plain(err.Error())
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
	})
}

// note adds a file that has been looked at to the results of its recording, if there are any.
func (k *keeper) note(j fileJob, add func(*fileResults)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := j.results; r != nil {
		r.state.Checked++
		add(r)
	}
}

// badFiles are those that are told as not good: in one sentence, and for badFor after the newest,
// so that a day's do not bury what is wrong now. Of the keeper's goroutine.
type badFiles struct {
	reasons []string // of the newest badShown
	count   int
	at      time.Time
	told    *time.Timer
}

const (
	badFor   = time.Hour
	badShown = 3
	// badKey is the warning about them.
	badKey = "recorded files"
)

func (b *badFiles) add(e *Engine, err error) {
	if time.Since(b.at) >= badFor {
		b.reasons, b.count = nil, 0
	}
	b.at = time.Now()
	b.count++
	b.reasons = append(b.reasons, Plain(err.Error()))
	if len(b.reasons) > badShown {
		b.reasons = slices.Delete(b.reasons, 0, 1)
	}
	what := "A recorded file is not good"
	if b.count > 1 {
		what = fmt.Sprintf("%d recorded files are not good", b.count)
	}
	if b.count > badShown {
		what += ", the last"
	}
	if b.told != nil {
		b.told.Stop()
	}
	e.warn.set(badKey, fmt.Sprintf("%s: %s. Everything else goes on; keep the other recordings of this time.", what, strings.Join(b.reasons, "; ")), e.state.Load().Tick)
	b.told = time.AfterFunc(badFor, func() { e.warn.clear(badKey) })
}
