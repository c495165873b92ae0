package engine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"crosspoint.studio/crosspoint/internal/host"
)

// Replays that are to be shown are staged as files in a folder of their own among the system's
// temporary ones, which may be memory. It has a file that is locked for as long as its program
// runs, so that a later start knows what to remove.
const (
	stagePrefix = "crosspoint-replay-"
	stageLock   = "lock"
	// stageAge is how old a folder without that file is that nobody uses.
	stageAge = 24 * time.Hour
)

// makeStage makes such a folder in dir; lock is to be closed before it is removed.
func makeStage(dir string) (path string, lock *os.File, err error) {
	if path, err = os.MkdirTemp(dir, stagePrefix); err != nil {
		return "", nil, err
	}
	lock, err = os.OpenFile(filepath.Join(path, stageLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		if err = host.LockFile(lock); err == nil {
			return path, lock, nil
		}
		_ = lock.Close() // it goes
	}
	_ = os.RemoveAll(path) // or a later start does
	return "", nil, err
}

// removeStages removes what programs that were cut off have left in dir. What cannot be
// removed is somebody else's.
func removeStages(dir string) {
	paths, _ := filepath.Glob(filepath.Join(globbed(dir), stagePrefix+"*")) // the pattern is good
	for _, path := range paths {
		lock, err := os.OpenFile(filepath.Join(path, stageLock), os.O_RDWR, 0)
		switch {
		case err == nil:
			err = host.LockFile(lock)
			_ = lock.Close() // no program takes up another's folder
			if err != nil {
				continue
			}
		case !errors.Is(err, fs.ErrNotExist):
			continue
		default:
			// A program may have just made it; an older version, which may run, has no lock.
			if info, err := os.Lstat(path); err != nil || !info.IsDir() || time.Since(info.ModTime()) < stageAge {
				continue
			}
		}
		_ = os.RemoveAll(path)
	}
}
