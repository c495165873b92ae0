package app

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// quiet makes a terminal show nothing of what is typed, until restore; what is no terminal
// is left alone.
func quiet(f *os.File) (restore func(), terminal bool, err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, false, nil // a file or a pipe
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &silent); err != nil {
		return nil, true, fmt.Errorf("the terminal would show the key: %w; give it from a file instead", err)
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }, true, nil // what worked once works
}
