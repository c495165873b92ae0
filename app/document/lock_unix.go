//go:build unix

package document

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile locks an open file against every other open file; errHeld if one has it.
func lockFile(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errHeld
	}
	return err
}
