// Package atomicfile replaces small files in one step, so that a crash or a full disk
// leaves either the old file or the new one.
//
// Threads: Write may be called by any goroutine; of two at the same path at once, one
// wins whole. Ownership: nothing is kept. What this package does not do: keep the old
// file (scenes.Show.Save does, for shows), or lock.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts data at path with that mode, making the folder (mode 0700) where it is
// missing: a temporary file beside path is brought to the disk before it gets the name.
func Write(path string, data []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	// Closed before the rename: Windows renames no open file.
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
