package host

import "errors"

// ErrLocked is LockFile's when another open file has the lock.
var ErrLocked = errors.New("host: another open file has the lock")
