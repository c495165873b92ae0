//go:build !linux

package priority

import "errors"

// First does nothing here; told gets the error.
func First(told func(error)) { told(errors.New("priority: threads stay as they are on this system")) }
