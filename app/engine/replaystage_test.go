package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestStagedReplaysOfACrashAreRemoved: those of programs that run stay.
func TestStagedReplaysOfACrashAreRemoved(t *testing.T) {
	dir := t.TempDir()
	stage := func() (string, *os.File) {
		path, lock, err := makeStage(dir)
		if err == nil {
			err = os.WriteFile(filepath.Join(path, "clip.mkv"), nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path, lock
	}
	running, lock := stage()
	defer lock.Close()
	crashed, left := stage()
	_ = left.Close() // as the end of its program does
	made, old := filepath.Join(dir, stagePrefix+"made"), filepath.Join(dir, stagePrefix+"old")
	other := filepath.Join(dir, "other")
	for _, path := range []string{made, old, other} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	day := time.Now().Add(-stageAge - time.Minute)
	if err := os.Chtimes(old, day, day); err != nil {
		t.Fatal(err)
	}
	removeStages(dir)
	for path, want := range map[string]bool{running: true, crashed: false, made: true, old: false, other: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", filepath.Base(path), err == nil, want)
		}
	}
	if _, err := os.Stat(filepath.Join(running, "clip.mkv")); err != nil {
		t.Errorf("of a program that runs: %v", err)
	}
}
