//go:build unix

package host

import "golang.org/x/sys/unix"

// freeBytes is what an ordinary user may still write.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// SameVolume: two folders are on one volume, or that is not known.
func SameVolume(a, b string) bool {
	var of [2]unix.Stat_t
	if unix.Stat(a, &of[0]) != nil || unix.Stat(b, &of[1]) != nil {
		return true
	}
	return of[0].Dev == of[1].Dev
}
