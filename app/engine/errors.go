package engine

import (
	"errors"
	"fmt"
)

// ErrStopped is returned by Do once the engine has stopped.
var ErrStopped = errors.New("the studio has stopped")

// errNothingRecords refuses what is of recordings while none runs.
var errNothingRecords = errors.New("nothing is recording")

// unknownKindError is a source or destination whose kind this program does not have.
type unknownKindError struct{ kind string }

func (e *unknownKindError) Error() string {
	return fmt.Sprintf("this version has no %q: the entry is kept as it is and does nothing", e.kind)
}
