package host

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockedByte is far behind what is in the file, which others have to be able to read: locks
// of Windows forbid reading what they cover.
const lockedByte = 1 << 30

// LockFile locks an open file against every other open file, of this process and of others,
// until it is closed or its process ends. It does not wait: ErrLocked if another has it.
func LockFile(f *os.File) error {
	at := windows.Overlapped{Offset: lockedByte}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}
