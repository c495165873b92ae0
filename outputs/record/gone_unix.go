//go:build unix

package record

import (
	"errors"
	"os"
	"syscall"
)

// errGone and errDeleted: writing to the open file goes on without an error, and into the void.
var (
	errGone    = errors.New("the disk is gone")
	errDeleted = errors.New("the file was deleted")
)

// volumeOf is the number of the volume that a folder is on.
func volumeOf(dir string) (uint64, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Dev), nil //nolint:unconvert // other types on other systems
}

// Gone says whether a name in the folder still leads to where the file is: a volume that was
// taken away with the file open swallows what is written to it. A file that was given
// another name is well. (Only the folder's volume is compared with what it was:
// overlay file systems give files and folders different ones.)
func (f realFile) Gone(dir string) error {
	var file syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &file); err != nil {
		return err
	}
	if file.Nlink == 0 {
		return errDeleted
	}
	switch volume, err := volumeOf(dir); {
	case errors.Is(err, os.ErrNotExist):
		return errGone
	case err != nil:
		return err
	case f.volume != 0 && volume != f.volume:
		return errGone
	}
	return nil
}
