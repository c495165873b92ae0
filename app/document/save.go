package document

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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
	raw, err := os.ReadFile(doc.path)
	if err == nil && sha256.Sum256(raw) != doc.onDisk {
		return ErrChanged
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a file that is gone is written anew
		return notSaved(err)
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
	doc := m.open()
	before := doc
	var taken string
	if doc.lock, taken = m.claim(path); taken != "" {
		return errors.New(taken)
	}
	doc.path, doc.readOnly = path, ""
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

// write saves the running show as doc and makes that the open document. The turn is
// held.
func (m *Manager) write(doc opened) error {
	show := m.show()
	if show == nil {
		return errors.New("nothing runs that could be saved")
	}
	saved, err := show.Encode()
	if err != nil {
		return notSaved(err)
	}
	if err := rebase(show, doc.base, filepath.Dir(doc.path), m.opt.Kinds).Save(doc.path); err != nil {
		return notSaved(err)
	}
	raw, err := os.ReadFile(doc.path)
	if err != nil {
		return notSaved(err)
	}
	doc.saved, doc.savedShow, doc.onDisk = saved, show, sha256.Sum256(raw)
	doc.mistakes = scenes.Validate(raw, m.opt.Kinds)
	m.mu.Lock()
	m.doc, m.firstRun, m.looked = doc, false, nil
	m.mu.Unlock()
	m.remember(doc.path)
	m.keep() // clean, unless edited meanwhile
	return nil
}

func notSaved(err error) error {
	return fmt.Errorf("the show was not saved; the file is as it was and what runs goes on: %w", err)
}
