//go:build unix

package host

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// LockFile locks an open file against every other open file, of this process and of others,
// until it is closed or its process ends. It does not wait: ErrLocked if another has it.
func LockFile(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
