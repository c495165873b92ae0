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

// Cameras lists the V4L2 devices of a Linux machine that deliver pictures; elsewhere
// there are none. Path is the name below /dev/v4l/by-id where there is one, which stays
// with its camera, whatever else is plugged in.
func Cameras() []Device { return camerasIn("/sys/class/video4linux", "/dev", delivers) }

// camerasIn lists cameras by what the kernel tells in the folder class of their files in
// dev.
func camerasIn(class, dev string, delivers func(path string) bool) []Device {
	// The patterns are constants but for the folders: they cannot be malformed.
	paths, _ := filepath.Glob(filepath.Join(class, "video*"))
	links, _ := filepath.Glob(filepath.Join(dev, "v4l", "by-id", "*"))
	lasting := map[string]string{}
	for _, link := range links {
		if real, err := filepath.EvalSymlinks(link); err == nil {
			lasting[filepath.Base(real)] = link
		}
	}
	var out []Device
	for _, p := range paths {
		number := filepath.Base(p)
		name, err := os.ReadFile(filepath.Join(p, "name"))
		if err != nil || !delivers(filepath.Join(dev, number)) {
			continue // unplugged meanwhile, or the camera's second device, for metadata
		}
		d := Device{Path: filepath.Join(dev, number), Name: strings.TrimSpace(string(name))}
		if link, ok := lasting[number]; ok {
			d.Path = link
		}
		out = append(out, d)
	}
	return out
}
