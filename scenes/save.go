package scenes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// disk is the steps of a save that can fail; a test replaces them.
type disk struct {
	write   func(f *os.File, data []byte) error
	sync    func(f *os.File) error
	rename  func(from, to string) error
	syncDir func(dir string) error
}

var realDisk = disk{
	write:   func(f *os.File, data []byte) error { _, err := f.Write(data); return err },
	sync:    (*os.File).Sync,
	rename:  os.Rename,
	syncDir: syncDir,
}

// private is the mode of new shows and backups: addresses of network sources have passphrases in
// them.
const private fs.FileMode = 0o600

// Save writes s to path so that at every moment, whatever fails, path holds either
// the old show or the new one, whole. The old one stays as path + ".bak" (or
// ".broken" where it was no JSON, so that the last good one is not lost). A
// show of a newer format is not overwritten: *NewerFormatError. A show with
// mistakes is not written: *InvalidError. A new file is its user's alone; one that exists stays as
// readable as it is, and what keeps the old show is never more so.
func (s *Show) Save(path string) error {
	if err := s.save(path, realDisk); err != nil {
		return fmt.Errorf("scenes: saving the show: %w", err)
	}
	return nil
}

func (s *Show) save(path string, d disk) error {
	data, err := s.Encode()
	if err != nil {
		return err
	}
	if _, err := Parse(data); err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // replace the file, not the link to it
	}
	mode := modeOf(path)
	old, err := readFile(path)
	document := trimMark(old)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case bytes.Equal(old, data):
		return nil
	default:
		if root, _ := parseTree(document); formatOf(root) > Format {
			return &NewerFormatError{Format: formatOf(root)}
		}
		kept := path + ".bak"
		if !json.Valid(document) {
			kept = path + ".broken"
		}
		// A copy, not a rename: path must exist at every moment.
		if err := replace(kept, old, mode&modeOf(kept), d); err != nil {
			return fmt.Errorf("keeping the old one: %w", err)
		}
	}
	return replace(path, data, mode, d)
}

// modeOf is the mode with which path is written.
func modeOf(path string) fs.FileMode {
	if info, err := os.Stat(path); err == nil {
		return info.Mode().Perm()
	}
	return private
}

// replace puts data at path in one step: a temporary file beside it, on disk
// before it gets the name.
func replace(path string, data []byte, mode fs.FileMode, d disk) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // closed already, or the error above says more
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := d.write(f, data); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := d.sync(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil { // before the rename: Windows renames no open file
		return err
	}
	if err := d.rename(f.Name(), path); err != nil {
		return err
	}
	// The file is in place and whole. Some network file systems cannot sync a
	// folder, and after a power cut either name leads to a whole show.
	_ = d.syncDir(dir)
	return nil
}

// syncDir makes a rename durable. Windows cannot sync folders.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
