package document

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"crosspoint.studio/crosspoint/internal/host"
)

// errHeld is a lock that another open file has.
var errHeld = errors.New("held")

// lock is a claim on a name among the programs of this user. It is the operating
// system's lock on an open file, so it ends with its process, however that ends.
type lock struct {
	file *os.File
	path string
}

// holder is what a lock file says, for the operator of the other program.
type holder struct {
	PID  int    `json:"pid"`
	Path string `json:"path"`
}

// lockShow claims a show file, whose one name is real. The lock lies in the state folder, not beside the show:
// folders of shows are mailed around, and may be read-only.
func lockShow(dir, show, real string) (*lock, error) {
	sum := sha256.Sum256([]byte(real))
	l, err := acquire(filepath.Join(dir, hex.EncodeToString(sum[:12])+".lock"), show)
	if errors.Is(err, errHeld) {
		e := &LockedError{Path: show}
		e.PID = readHolder(filepath.Join(dir, hex.EncodeToString(sum[:12])+".lock")).PID
		return nil, e
	}
	return l, err
}

// acquire locks the file at path, which it makes; about is noted in it.
func acquire(path, about string) (*lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("document: making the folder of locks: %w", err)
	}
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("document: opening the lock: %w", err)
		}
		if err := host.LockFile(f); err != nil {
			_ = f.Close() // opened only to be locked
			if errors.Is(err, host.ErrLocked) {
				return nil, errHeld
			}
			return nil, fmt.Errorf("document: locking: %w", err)
		}
		// Who held it before may have removed the file between our open and our lock.
		mine, err := f.Stat()
		there, err2 := os.Stat(path)
		if err == nil && err2 == nil && os.SameFile(mine, there) {
			note, _ := json.Marshal(holder{os.Getpid(), about}) // numbers and text always marshal
			// Without the note the other program does not say which process has the file.
			_ = f.Truncate(0)
			_, _ = f.WriteAt(note, 0)
			return &lock{f, path}, nil
		}
		_ = f.Close() // of a file that has no name any more
	}
}

func readHolder(path string) holder {
	var h holder
	raw, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(raw, &h) != nil {
		return holder{}
	}
	return h
}

// release ends the claim. A nil lock is none.
func (l *lock) release() {
	if l == nil {
		return
	}
	// Removed while it is still locked; left over, the file is only litter.
	_ = os.Remove(l.path)
	_ = l.file.Close()
}

// real is the one name of a file that may be reached by several.
func real(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	if p, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(p, filepath.Base(path)) // a file yet to be made
	}
	return path
}
