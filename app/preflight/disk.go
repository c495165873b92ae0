package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/host"
)

const (
	diskTestBytes = 64 << 20
	// diskMargin is how much faster than the recordings a disk has to be: others write too.
	diskMargin = 4
	// CONVENTIONS: amber below 5 GB, red below 1 GB.
	diskAmberBytes, diskRedBytes = 5 << 30, 1 << 30
)

// recordDir is a folder and what is recorded to it.
type recordDir struct {
	path string
	kbps int
}

// recordDirs are the folders of the show's recordings.
func (o Options) recordDirs() []recordDir {
	var out []recordDir
	for _, r := range o.Show.Recordings {
		kbps := 0
		if v, ok := o.Show.Rendition(r.Rendition); ok {
			kbps = v.Video.BitrateKbps + v.Audio.BitrateKbps*max(len(r.Tracks), 1)
		}
		for _, dir := range o.folders(r.Settings) {
			i := slices.IndexFunc(out, func(d recordDir) bool { return d.path == dir })
			if i < 0 {
				i, out = len(out), append(out, recordDir{path: dir})
			}
			out[i].kbps += kbps
		}
	}
	return out
}

// folders are where a recording with these settings goes: its own, and the second one
// that it changes over to.
func (o Options) folders(settings json.RawMessage) []string {
	var s struct {
		Path  string `json:"path"`
		Spill string `json:"spill"`
	}
	// Settings that are no object have been refused when the show was loaded.
	_ = json.Unmarshal(settings, &s)
	below := func(path string) string {
		if filepath.IsAbs(path) {
			return filepath.Clean(path)
		}
		return filepath.Join(o.RecordDir, path)
	}
	dir := below(s.Path)
	if info, err := os.Stat(dir); (err != nil || !info.IsDir()) && !strings.HasSuffix(s.Path, "/") {
		dir = filepath.Dir(dir)
	}
	if s.Spill == "" {
		return []string{dir}
	}
	return []string{dir, below(s.Spill)}
}

// disk writes a file as large as a few seconds of the show, to the platter, and looks at
// the room.
func (o Options) disk(ctx context.Context, d recordDir) Finding {
	f := Finding{Check: "disk", Subject: d.path, Verdict: NoGo}
	free, err := host.FreeBytes(d.path)
	if err != nil {
		f.Text = fmt.Sprintf("The folder cannot be used: %v. Choose another folder for recordings.", err)
		return f
	}
	if free < diskRedBytes {
		f.Text = fmt.Sprintf("Only %d MB are free: make room.", free>>20)
		return f
	}
	took, err := writeTest(ctx, d.path)
	if err != nil {
		f.Text = fmt.Sprintf("Writing fails: %v. Choose another folder for recordings.", err)
		return f
	}
	speed := float64(diskTestBytes) * 8 / 1000 / took.Seconds() // kb/s
	hours := float64(free) * 8 / 1000 / float64(max(d.kbps, 1)) / 3600
	f.Text = fmt.Sprintf("%.0f MB/s, %d GB free: %.1f hours of recording.", speed/8000, free>>30, hours)
	switch {
	case speed < diskMargin*float64(d.kbps):
		f.Text = fmt.Sprintf("The disk takes %.1f MB/s and the recordings need %.1f: choose a faster disk.", speed/8000, float64(d.kbps)/8000)
	case free < diskAmberBytes:
		f.Verdict = Caution
		f.Text += " Make room."
	default:
		f.Verdict = Go
	}
	return f
}

// writeTest is how long diskTestBytes take to reach the platter; nothing is left behind.
func writeTest(ctx context.Context, dir string) (took time.Duration, err error) {
	file, err := os.CreateTemp(dir, ".crosspoint-disk-test-*")
	if err != nil {
		return 0, err
	}
	defer func() {
		// A failure to tidy up is a failure of the disk, unless there is a better one.
		for _, cerr := range []error{file.Close(), os.Remove(file.Name())} {
			if err == nil {
				err = cerr
			}
		}
	}()
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * 7919 >> 3) // nothing that a file system packs into nothing
	}
	began := time.Now()
	for range diskTestBytes / len(block) {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if _, err := file.Write(block); err != nil {
			return 0, err
		}
	}
	if err := file.Sync(); err != nil {
		return 0, err
	}
	return max(time.Since(began), time.Millisecond), nil
}
