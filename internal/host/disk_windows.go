package host

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// freeBytes is what this user may still write.
func freeBytes(dir string) (int64, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return 0, err
	}
	return int64(free), nil
}

// SameVolume: two folders are on one volume, or that is not known. One that is mounted
// into a folder is taken for its parent's.
func SameVolume(a, b string) bool {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA != nil || errB != nil || strings.EqualFold(filepath.VolumeName(a), filepath.VolumeName(b))
}
