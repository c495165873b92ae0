package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/internal/atomicfile"
	"crosspoint.studio/crosspoint/scenes"
)

// StateDir is the folder of this user for what the program remembers from one run to
// the next (XDG Base Directory Specification: XDG_STATE_HOME).
func StateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "crosspoint"), nil
	}
	if runtime.GOOS == "linux" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("document: finding the state folder: %w", err)
		}
		return filepath.Join(home, ".local", "state", "crosspoint"), nil
	}
	// Other systems have one folder for all of a program's own files.
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("document: finding the state folder: %w", err)
	}
	return filepath.Join(dir, "crosspoint", "state"), nil
}

// maxRecent is how many recent files are remembered.
const maxRecent = 10

// recents is the list of files opened or saved before, in a file.
type recents struct{ path string }

func (r recents) list() []string {
	raw, err := os.ReadFile(r.path)
	var paths []string
	if err != nil || json.Unmarshal(raw, &paths) != nil {
		return nil
	}
	return paths
}

// add puts path first.
func (r recents) add(path string) error {
	paths := slices.DeleteFunc(r.list(), func(p string) bool { return p == path })
	paths = slices.Insert(paths, 0, path)
	raw, err := json.MarshalIndent(paths[:min(len(paths), maxRecent)], "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(r.path, append(raw, '\n'), 0o600)
}

// recovery is unsaved work in a file.
type recovery struct {
	// Path is the show file that the work belongs to; empty: it was never saved.
	Path string `json:"path"`
	// BaseDir is what relative paths in the show are relative to.
	BaseDir string    `json:"base_dir"`
	SavedAt time.Time `json:"saved_at"`
	// Show is the show document.
	Show json.RawMessage `json:"show"`
}

func (r recovery) write(path string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(raw, '\n'), 0o600)
}

func readRecovery(path string) (recovery, error) {
	var r recovery
	raw, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(raw, &r)
}

// saved reports whether the show file has this work: the program ended after a save, before
// it removed what it had kept. The times of the two do not tell: other work may have been
// saved since, and a tool may have touched the file.
func (r recovery) saved() bool {
	if r.Path == "" {
		return false
	}
	file, err := scenes.Load(r.Path)
	if err != nil {
		return false
	}
	work, err := scenes.Parse(r.Show)
	if err != nil {
		return false
	}
	a, errA := file.Encode()
	b, errB := work.Encode()
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// remove removes a file that may not be there.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
