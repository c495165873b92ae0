package document

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"crosspoint.studio/crosspoint/scenes"
)

// Save writes the running show to the file it came from. The error is ErrNoPath,
// ErrChanged, why it is read-only, or what the disk says; the file is whole either
// way (scenes.Show.Save).
func (m *Manager) Save() error {
	<-m.turn
	defer m.done()
	doc := m.open()
	switch {
	case doc.path == "":
		return ErrNoPath
	case doc.readOnly != "":
		return errors.New(doc.readOnly)
	}
	if err := m.lastWrite(&doc); err != nil {
		return err
	}
	raw, answered := inTime(m, func() loaded {
		raw, err := os.ReadFile(doc.path)
		return loaded{raw: raw, err: err}
	})
	switch {
	case !answered:
		return notSavedYet(doc.path)
	case raw.err == nil && sha256.Sum256(raw.raw) != doc.onDisk:
		return ErrChanged
	case raw.err != nil && !errors.Is(raw.err, fs.ErrNotExist): // a file that is gone is written anew
		return notSaved(raw.err)
	}
	return m.write(doc)
}

// SaveAs writes the running show to path, replacing what is there (path + ".bak" keeps
// it), and goes on with that file. Without an extension it gets ".json". The error is
// *LockedError or what the disk says.
func (m *Manager) SaveAs(path string) error {
	<-m.turn
	defer m.done()
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if filepath.Ext(path) == "" {
		path += ".json"
	}
	name, answered := inTime(m, func() string { return real(path) })
	if !answered {
		return notSavedYet(path)
	}
	doc := m.open()
	if err := m.lastWrite(&opened{path: path, real: name}); err != nil {
		return err
	}
	before := doc
	var taken string
	if doc.lock, taken = m.claim(path, name); taken != "" {
		return errors.New(taken)
	}
	doc.path, doc.real, doc.readOnly = path, name, ""
	if err := m.write(doc); err != nil {
		if doc.lock != before.lock {
			doc.lock.release()
		}
		return err
	}
	if doc.lock != before.lock {
		before.lock.release()
	}
	return nil
}

// open is the open document.
func (m *Manager) open() opened {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.doc
}

// lastWrite waits for the write of doc's file that was given up before, if there is one, and
// brings doc up to date with it: two at once could leave the older show. The turn is held.
func (m *Manager) lastWrite(doc *opened) error {
	late := m.late[doc.real]
	if late == nil {
		return nil
	}
	select {
	case <-late:
	case <-time.After(m.opt.patience):
		return notSavedYet(doc.path)
	}
	delete(m.late, doc.real)
	if now := m.open(); now.real == doc.real {
		*doc = now
	}
	return nil
}

// write saves the running show as doc and makes that the open document. The turn is
// held.
func (m *Manager) write(doc opened) error {
	show := m.show()
	if show == nil {
		return errors.New("nothing runs that could be saved")
	}
	var err error
	if doc.saved, err = show.Encode(); err != nil {
		return notSaved(err)
	}
	doc.savedShow = show
	written := make(chan error, 1)
	go func() {
		err := rebase(show, doc.base, filepath.Dir(doc.path), m.opt.Kinds).Save(doc.path)
		var raw []byte
		if err == nil {
			raw, err = os.ReadFile(doc.path)
		}
		if err == nil {
			doc.onDisk, doc.mistakes = sha256.Sum256(raw), scenes.Validate(raw, m.opt.Kinds)
		}
		written <- err
	}()
	select {
	case err = <-written:
	case <-time.After(m.opt.patience):
		late := make(chan struct{})
		m.late[doc.real] = late
		go func() {
			defer close(late)
			if <-written == nil {
				m.savedLate(&doc)
			}
		}()
		return notSavedYet(doc.path)
	}
	if err != nil {
		return notSaved(err)
	}
	m.mu.Lock()
	m.doc, m.firstRun, m.looked = doc, false, nil
	m.mu.Unlock()
	m.remember(doc.path)
	m.keep() // clean, unless edited meanwhile
	return nil
}

// savedLate takes note of a save of doc that was given up and came to its end all the same.
func (m *Manager) savedLate(doc *opened) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := &m.doc; now.real == doc.real { // else it is saved elsewhere by now, or another show is open
		now.saved, now.savedShow, now.onDisk, now.mistakes = doc.saved, doc.savedShow, doc.onDisk, doc.mistakes
		m.looked = nil
	}
}

func notSaved(err error) error {
	return fmt.Errorf("the show was not saved; the file is as it was and what runs goes on: %w", err)
}

// notSavedYet: nobody knows whether what was begun will be written.
func notSavedYet(path string) error {
	return fmt.Errorf("the show is not saved: %w. What runs goes on, and changes are kept for recovery; save on another disk (Save as)", &SilentDiskError{path})
}
