package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"crosspoint.studio/crosspoint/internal/host"
)

// file is a recording's second handle: the first one is the muxer's.
type file interface {
	// SyncData brings what was written, by whatever handle, to the platter.
	SyncData() error
	// Gone is an error when what is written to the file reaches no file in the folder any
	// more: the file was deleted, or its volume taken away.
	Gone(dir string) error
	Close() error
}

// disk is where recordings go; tests have one that fails.
type disk interface {
	// Open opens an existing file to sync it.
	Open(path string) (file, error)
	// Free is how many bytes this user may still write in the folder.
	Free(dir string) (int64, error)
	// SyncDir makes a new file's name last.
	SyncDir(dir string) error
	Remove(path string) error
}

type realDisk struct{}

type realFile struct {
	*os.File
	volume uint64 // of its folder when it was opened; 0 is not known
}

func (realDisk) Open(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	volume, _ := volumeOf(filepath.Dir(path)) // not known, Gone sees less
	return realFile{f, volume}, nil
}

func (realDisk) Free(dir string) (int64, error) { return host.FreeBytes(dir) }

func (realDisk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

func (realDisk) Remove(path string) error { return os.Remove(path) }

// describe puts a failure of the file system into one sentence. kept is the file
// that keeps what was recorded so far, empty when there is none.
func describe(err error, dir, kept string) error {
	tail := ""
	if kept != "" {
		tail = fmt.Sprintf("; what was recorded so far is kept in %s", filepath.Base(kept))
	}
	switch {
	case errors.Is(err, errGone):
		return fmt.Errorf("record: the disk of %s was taken away%s", dir, tail)
	case errors.Is(err, errDeleted):
		return fmt.Errorf("record: the file in %s was deleted while it was recorded", dir)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("record: the disk of %s is full%s", dir, tail)
	case errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("record: this user's share of the disk of %s is used up%s", dir, tail)
	case errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("record: the file system of %s allows no larger file%s", dir, tail)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("record: the disk of %s is read-only%s", dir, tail)
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("record: the disk of %s reports a fault%s", dir, tail)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("record: the folder %s does not exist%s", dir, tail)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("record: %s is not a folder%s", dir, tail)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("record: there is no permission to write in the folder %s%s", dir, tail)
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return fmt.Errorf("record: writing in %s failed: %w%s", dir, errno, tail)
	}
	return fmt.Errorf("record: writing in %s failed: %w%s", dir, err, tail)
}
