//go:build !linux

package sources

// delivers: V4L2 is Linux's alone.
func delivers(string) bool { return false }
