//go:build !linux

package priority

import "errors"

var errUnchanged = errors.New("priority: threads stay as they are on this system")

// First does nothing here; told gets the error.
func First(told func(error)) { told(errUnchanged) }

func own() (tid, usual int, err error) { return 0, 0, errUnchanged }

func set(int, int) error { return errUnchanged }

func ask(int, int) error { return errUnchanged }
