package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

// recordDir is a folder and what is recorded to its disk.
type recordDir struct {
	path string
	kbps int // 0: replays alone, which are short
}

// recordDirs are the folders of the show's recordings, of its sources' own, and of replays.
func (o Options) recordDirs() []recordDir {
	type written struct {
		folders []string
		kbps    int
	}
	var list []written
	for _, r := range o.Show.Recordings {
		w := written{folders: o.folders(r.Settings, false)}
		if v, ok := o.Show.Rendition(r.Rendition); ok {
			w.kbps = v.Video.BitrateKbps + v.Audio.BitrateKbps*max(len(r.Tracks), 1)
		}
		list = append(list, w)
	}
	iso := written{folders: o.folders(o.Show.ISO.Settings, true)}
	for _, v := range o.owns() {
		iso.kbps += v.kbps
	}
	if iso.kbps > 0 {
		list = append(list, iso)
	}
	if !o.Show.Replay.Untouched() {
		list = append(list, written{folders: o.folders(o.Show.Replay.Settings, true)[:1]})
	}
	var out []recordDir
	for _, w := range list {
		for _, dir := range w.folders {
			if slices.ContainsFunc(out, func(d recordDir) bool { return d.path == dir }) {
				continue
			}
			d := recordDir{path: dir}
			for _, also := range list {
				if slices.ContainsFunc(also.folders, func(other string) bool { return oneDisk(dir, other) }) {
					d.kbps += also.kbps
				}
			}
			out = append(out, d)
		}
	}
	return out
}

// oneDisk: two folders are one, or both are there and on one disk.
func oneDisk(a, b string) bool {
	if a == b {
		return true
	}
	for _, dir := range []string{a, b} {
		if _, err := os.Stat(dir); err != nil {
			return false
		}
	}
	return host.SameVolume(a, b)
}

// folders are where a recording with these settings goes: its own, and the second one
// that it changes over to. With made its path is a folder, which is made where it is missing:
// what is there of it is looked at.
func (o Options) folders(settings json.RawMessage, made bool) []string {
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
	if made {
		for up := filepath.Dir(dir); up != dir; up = filepath.Dir(dir) {
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				break
			}
			dir = up
		}
	} else if info, err := os.Stat(dir); (err != nil || !info.IsDir()) && !strings.HasSuffix(s.Path, "/") {
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
	f.Text = fmt.Sprintf("%.0f MB/s, %d GB free", speed/8000, free>>30)
	if d.kbps > 0 {
		f.Text += fmt.Sprintf(": %.1f hours of recording", float64(free)*8/1000/float64(d.kbps)/3600)
	}
	f.Text += "."
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
