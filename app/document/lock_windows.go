package document

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockedByte is far behind the note, which others have to be able to read: locks of
// Windows forbid reading what they cover.
const lockedByte = 1 << 30

// lockFile locks an open file against every other open file; errHeld if one has it.
func lockFile(f *os.File) error {
	at := windows.Overlapped{Offset: lockedByte}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	return err
}
