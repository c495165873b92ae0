//go:build !linux

package record

// SyncData brings what was written to the platter.
func (f realFile) SyncData() error { return f.Sync() }
