//go:build !linux

package app

import (
	"errors"
	"os"
)

// quiet refuses a terminal, which would show the key; what is none is left alone.
func quiet(f *os.File) (restore func(), terminal bool, err error) {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil, false, nil
	}
	return nil, true, errors.New("the terminal would show the key: give it from a file, as in crosspoint key set NAME < FILE")
}
