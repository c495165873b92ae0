package record

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// below is path, relative to base unless it is absolute; a final slash, which says that it is a
// folder, stays.
func below(base, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	slash := strings.HasSuffix(filepath.ToSlash(path), "/")
	path = filepath.Join(base, path)
	if slash {
		path += string(filepath.Separator)
	}
	return path
}

// VideosDir is the user's folder for videos: XDG_VIDEOS_DIR where it is set, else what the
// desktop calls it, else Videos in the home folder. It need not exist.
func VideosDir() (string, error) {
	if dir := os.Getenv("XDG_VIDEOS_DIR"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("record: the user has no home folder; choose a folder for recordings")
	}
	dir := filepath.Join(home, "Videos")
	if config, err := os.UserConfigDir(); err == nil {
		// Desktops keep the folder's name, in the user's language, in a file of shell
		// assignments (freedesktop.org xdg-user-dirs); without one the usual name serves.
		text, err := os.ReadFile(filepath.Join(config, "user-dirs.dirs"))
		if own := userDir(string(text), home); err == nil && own != "" {
			dir = own
		}
	}
	return dir, nil
}

// userDir finds the videos folder in the text of user-dirs.dirs; empty when it names
// none, or the home folder itself, which means the same there.
func userDir(text, home string) string {
	for line := range strings.Lines(text) {
		value, ok := strings.CutPrefix(strings.TrimSpace(line), `XDG_VIDEOS_DIR="`)
		if !ok {
			continue
		}
		dir := strings.Replace(strings.TrimSuffix(value, `"`), "$HOME", home, 1)
		if filepath.IsAbs(dir) && filepath.Clean(dir) != filepath.Clean(home) {
			return filepath.Clean(dir)
		}
	}
	return ""
}

// place is the folder and the file name, without extension, to record to now.
func (o *Output) place() (dir, name string, err error) {
	name = o.now().Format(nameLayout)
	path := o.path
	if path == "" {
		path = o.baseDir
		if path == "" {
			if path, err = VideosDir(); err != nil {
				return "", "", err
			}
			if err := os.MkdirAll(path, 0o755); err != nil {
				return "", "", describe(err, path, "")
			}
		}
		return path, name, nil
	}
	if strings.HasSuffix(filepath.ToSlash(path), "/") {
		return path, name, nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path, name, nil
	}
	name = filepath.Base(path)
	if strings.EqualFold(filepath.Ext(name), o.container.extension) {
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	return filepath.Dir(path), name, nil
}

// names lists the files to try for a name: itself, then " (2)" and so on.
func (o *Output) names(dir, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(filepath.Join(dir, name+o.container.extension)) {
			return
		}
		for n := 2; n < 10000; n++ {
			if !yield(filepath.Join(dir, fmt.Sprintf("%s (%d)%s", name, n, o.container.extension))) {
				return
			}
		}
	}
}
