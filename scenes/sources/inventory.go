package sources

import (
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/go-text/typesetting/fontscan"
)

// Fonts lists the font families that text can use: the built-in ones and the
// system's, sorted. The first scan of a machine takes seconds; its outcome is
// kept in the user's cache folder.
func Fonts() ([]string, error) {
	families := map[string]bool{"Go": true, "Go Mono": true}
	dir, err := os.UserCacheDir()
	if err != nil {
		return sortedKeys(families), err
	}
	found, err := fontscan.SystemFonts(fontQuiet{}, filepath.Join(dir, "crosspoint"))
	for _, f := range found {
		families[f.Family] = true
	}
	return sortedKeys(families), err
}

func sortedKeys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// Device is a capture device as the operator sees it.
type Device struct {
	Path string // for the "device" setting
	Name string
}

// Cameras lists the V4L2 devices of a Linux machine; elsewhere there are none.
func Cameras() []Device {
	// The pattern is a constant: it cannot be malformed.
	paths, _ := filepath.Glob("/sys/class/video4linux/video*")
	var out []Device
	for _, p := range paths {
		name, err := os.ReadFile(filepath.Join(p, "name"))
		if err != nil {
			continue // unplugged meanwhile
		}
		out = append(out, Device{Path: "/dev/" + filepath.Base(p), Name: strings.TrimSpace(string(name))})
	}
	return out
}
