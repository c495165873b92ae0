package document

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/scenes"
)

// When unsaved changes are kept.
const (
	look = 500 * time.Millisecond
	// quiet after an edit: with look, they are kept within 2 s of the last one.
	quiet = 1500 * time.Millisecond
	// longest that edits without a pause are not kept.
	longest = 30 * time.Second
	// again is how long after they could not be kept that is tried again.
	again = 5 * time.Second
)

// Run keeps unsaved changes in a recovery file until ctx ends.
func (m *Manager) Run(ctx context.Context) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	var seen *scenes.Show
	var edited, calm, failed time.Time // calm: nothing was left to keep
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		if show := m.show(); show != seen {
			seen, edited = show, now
		}
		if !m.unkept() {
			m.setFailure(nil)
			calm = now
			continue
		}
		if now.Sub(edited) < quiet && now.Sub(calm) < longest || now.Sub(failed) < again {
			continue
		}
		if !m.keep() {
			failed = now
			continue
		}
		calm = now
	}
}

// unkept reports whether the recovery file is not what it should be.
func (m *Manager) unkept() bool {
	show := m.show()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.isDirty(show) {
		return m.kept != nil
	}
	return show != m.kept
}

// keep writes unsaved changes to the recovery file, or removes it when there are
// none. It reports whether nothing is left to keep. It takes no turn: what is edited while the
// disk of the show is waited for is kept too.
func (m *Manager) keep() bool {
	m.keeping.Lock()
	defer m.keeping.Unlock()
	show := m.show()
	m.mu.Lock()
	doc, dirty, kept, playing := m.doc, m.isDirty(show), m.kept, m.playing
	m.mu.Unlock()
	switch {
	case playing: // whose work it is is known when that is over
	case !dirty:
		m.forget()
	case show != kept && m.session != nil:
		raw, err := show.Encode()
		if err == nil {
			err = recovery{Path: doc.path, BaseDir: doc.base, SavedAt: time.Now(), Show: raw}.write(m.file)
		}
		failed := m.setFailure(err)
		switch {
		case err != nil && !failed:
			m.opt.Log.Warn("unsaved work cannot be kept for recovery: save the show; it is tried again every few seconds", "error", err)
		case err == nil && failed:
			m.opt.Log.Info("unsaved work is kept for recovery again")
		}
		if err != nil {
			return false
		}
		m.setKept(show)
	}
	return true
}

// setFailure notes why the last try to keep unsaved work failed, nil that it did not, and
// reports whether the one before failed.
func (m *Manager) setFailure(err error) (before bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, m.failure = m.failure != nil, err
	return before
}

// forget removes the recovery file; m.keeping is held.
func (m *Manager) forget() {
	m.setKept(nil)
	if err := remove(m.file); err != nil {
		m.opt.Log.Warn("the recovery file cannot be removed", "error", err)
	}
}

func (m *Manager) setKept(show *scenes.Show) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = show
}

// findOrphans claims recovery files whose program has ended. They stay until they are
// recovered or dropped, but for work that is in its show file.
func (m *Manager) findOrphans() []orphan {
	// The pattern is a constant: it cannot be malformed.
	files, _ := filepath.Glob(filepath.Join(m.recoveryDir(), "*.json"))
	var out []orphan
	for _, file := range files {
		l, err := acquire(file+".lock", "")
		if err != nil {
			continue // of a program that runs
		}
		r, err := readRecovery(file)
		if err == nil {
			_, err = scenes.Parse(r.Show)
		}
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) { // or another start of the program was faster
				m.setAside(file, err)
			}
			l.release()
			continue
		}
		saved, answered := inTime(m, r.saved)
		if !answered {
			m.opt.Log.Warn("whether work is saved is not known: the disk of its show does not answer", "show", r.Path)
		}
		if saved {
			if err := remove(file); err != nil {
				m.opt.Log.Warn("the recovery file of work that is saved cannot be removed", "error", err)
			}
			l.release()
			continue
		}
		out = append(out, orphan{file, l, r})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].SavedAt.After(out[j].SavedAt) })
	return out
}

// setAside keeps a recovery file that cannot be used, out of the way of older work, and notes what the
// operator is told of it. Under its new name the next start does not find it; what another version of
// the program may read, or a disk that is in order again, keeps its own.
func (m *Manager) setAside(file string, why error) {
	kept := file
	var newer *scenes.NewerFormatError
	var disk *fs.PathError
	if !errors.As(why, &newer) && !errors.As(why, &disk) {
		if err := os.Rename(file, file+".broken"); err != nil {
			m.opt.Log.Warn("a recovery file cannot be renamed", "file", filepath.Base(file), "error", err)
		} else {
			kept += ".broken"
		}
	}
	m.opt.Log.Warn("a recovery file cannot be read", "file", filepath.Base(kept), "error", why)
	m.unread = append(m.unread, fmt.Sprintf("Unsaved work of an earlier run cannot be read (%v); it stays in %s.", why, kept))
}

// Unread are sentences about unsaved work of earlier runs that cannot be read; empty where
// all can be.
func (m *Manager) Unread() string { return strings.Join(m.unread, " ") }

// Recovered describes unsaved work of an earlier run.
type Recovered struct {
	Path string // of the show file it belongs to; empty: never saved
	Name string
	Time time.Time
}

// Recovery is the newest unsaved work that an earlier run left behind. It does not
// block.
func (m *Manager) Recovery() (Recovered, bool) {
	o, ok := m.newestOrphan()
	if !ok {
		return Recovered{}, false
	}
	r := Recovered{Path: o.Path, Time: o.SavedAt, Name: filepath.Base(o.Path)}
	if o.Path == "" {
		r.Name = scenes.Untitled
		if show, err := scenes.Parse(o.Show); err == nil {
			r.Name = show.Name
		}
	}
	return r, true
}

// Recover opens what Recovery describes, as unsaved changes of its file. The errors
// are those of Open.
func (m *Manager) Recover() error {
	o, ok := m.newestOrphan()
	if !ok {
		return errors.New("there is nothing to recover")
	}
	show, err := scenes.Parse(o.Show)
	if err != nil {
		return err
	}
	var file loaded
	if o.Path != "" {
		file = m.load(o.Path)
	}
	<-m.turn
	defer m.done()
	if now, ok := m.newestOrphan(); !ok || now.path != o.path {
		return errors.New("that work has been recovered or discarded meanwhile")
	}
	var doc opened
	if o.Path != "" {
		doc = m.recovered(o.Path, file)
	}
	doc.base = o.BaseDir
	if err := m.play(show, doc); err != nil {
		return err
	}
	if o.Path != "" {
		m.remember(o.Path)
	}
	if !m.keep() { // as this run's, before the earlier run's goes
		m.releaseOrphan()
		return nil
	}
	// What is recovered runs by now; the next start offers it again.
	if err := m.dropOrphan(); err != nil {
		m.opt.Log.Warn("the file of recovered work cannot be removed", "error", err)
	}
	return nil
}

// newestOrphan is the work that is offered, if there is any.
func (m *Manager) newestOrphan() (o orphan, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.orphans) == 0 {
		return orphan{}, false
	}
	return m.orphans[0], true
}

// recovered claims the file of recovered work, as far as it is still one. The turn is held.
func (m *Manager) recovered(path string, file loaded) opened {
	if file.err != nil {
		// The file is gone or broken; saving to it must be the operator's decision.
		m.opt.Log.Warn("the file of recovered work cannot be read: it has to be saved under a name", "error", file.err)
		return opened{}
	}
	doc := m.opened(path, file)
	doc.saved = file.again
	return doc
}

// DropRecovery removes what Recovery describes, if there is anything.
func (m *Manager) DropRecovery() error {
	<-m.turn
	defer m.done()
	if _, any := m.newestOrphan(); !any {
		return nil
	}
	return m.dropOrphan()
}

// Discard removes what this run has kept of its unsaved changes; until the next edit
// nothing is kept again, so closing after it leaves nothing behind.
func (m *Manager) Discard() error {
	m.keeping.Lock()
	defer m.keeping.Unlock()
	m.setKept(m.show())
	return remove(m.file)
}

// dropOrphan removes the newest orphan. The turn is held.
func (m *Manager) dropOrphan() error {
	o, _ := m.newestOrphan()
	err := remove(o.path)
	m.releaseOrphan()
	return err
}

// releaseOrphan leaves the newest orphan to the next start, if it is still there. The turn is held.
func (m *Manager) releaseOrphan() {
	m.mu.Lock()
	o := m.orphans[0]
	m.orphans = m.orphans[1:]
	m.mu.Unlock()
	o.lock.release()
}
