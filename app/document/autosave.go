package document

import (
	"context"
	"errors"
	"path/filepath"
	"sort"
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
			calm = now
			continue
		}
		if now.Sub(edited) < quiet && now.Sub(calm) < longest || now.Sub(failed) < again {
			continue
		}
		select {
		case <-m.turn:
		default:
			continue // a save is under way
		}
		kept := m.keep()
		m.done()
		if !kept {
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
// none. It reports whether nothing is left to keep. The turn is held.
func (m *Manager) keep() bool {
	show := m.show()
	m.mu.Lock()
	doc, dirty, kept := m.doc, m.isDirty(show), m.kept
	m.mu.Unlock()
	switch {
	case !dirty:
		m.forget()
	case show != kept && m.session != nil:
		raw, err := show.Encode()
		if err == nil {
			err = recovery{Path: doc.path, BaseDir: doc.base, SavedAt: time.Now(), Show: raw}.write(m.file)
		}
		switch {
		case err != nil && !m.failing:
			m.opt.Log.Warn("unsaved work cannot be kept for recovery: save the show; it is tried again every few seconds", "error", err)
		case err == nil && m.failing:
			m.opt.Log.Info("unsaved work is kept for recovery again")
		}
		if m.failing = err != nil; m.failing {
			return false
		}
		m.setKept(show)
	}
	return true
}

// forget removes the recovery file. The turn is held.
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
		if err != nil {
			m.opt.Log.Warn("a recovery file cannot be read", "file", filepath.Base(file), "error", err)
			l.release()
			continue
		}
		saved, answered := inTime(m.opt.patience, r.saved)
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

// Recovered describes unsaved work of an earlier run.
type Recovered struct {
	Path string // of the show file it belongs to; empty: never saved
	Name string
	Time time.Time
}

// Recovery is the newest unsaved work that an earlier run left behind. It does not
// block.
func (m *Manager) Recovery() (Recovered, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.orphans) == 0 {
		return Recovered{}, false
	}
	o := m.orphans[0]
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
	<-m.turn
	defer m.done()
	m.mu.Lock()
	if len(m.orphans) == 0 {
		m.mu.Unlock()
		return errors.New("there is nothing to recover")
	}
	o := m.orphans[0]
	m.mu.Unlock()
	show, err := scenes.Parse(o.Show)
	if err != nil {
		return err
	}
	doc := opened{base: o.BaseDir}
	if o.Path != "" {
		saved, raw, err := load(o.Path)
		if doc, err = m.recovered(o.Path, saved, raw, err); err != nil {
			return err
		}
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

// recovered claims the file of recovered work, as far as it is still one: err is that
// of loading it.
func (m *Manager) recovered(path string, saved *scenes.Show, raw []byte, err error) (opened, error) {
	if err != nil {
		// The file is gone or broken; saving to it must be the operator's decision.
		m.opt.Log.Warn("the file of recovered work cannot be read: it has to be saved under a name", "error", err)
		return opened{}, nil
	}
	doc := m.opened(path, raw)
	doc.saved, err = saved.Encode()
	return doc, err
}

// DropRecovery removes what Recovery describes, if there is anything.
func (m *Manager) DropRecovery() error {
	<-m.turn
	defer m.done()
	m.mu.Lock()
	any := len(m.orphans) > 0
	m.mu.Unlock()
	if !any {
		return nil
	}
	return m.dropOrphan()
}

// Discard removes what this run has kept of its unsaved changes; until the next edit
// nothing is kept again, so closing after it leaves nothing behind.
func (m *Manager) Discard() error {
	<-m.turn
	defer m.done()
	m.setKept(m.show())
	return remove(m.file)
}

// dropOrphan removes the newest orphan. The turn is held.
func (m *Manager) dropOrphan() error {
	m.mu.Lock()
	o := m.orphans[0]
	m.mu.Unlock()
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
