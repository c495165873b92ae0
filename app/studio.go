package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/app/document"
	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/assets"
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/record"
	"crosspoint.studio/crosspoint/scenes"
)

// demoName stands for the embedded show wherever a show file is asked for.
const demoName = "demo"

// loadShow reads a show file or the demo, and checks it: what is wrong is said to
// the console, every mistake on a line; only mistakes that leave no show end it.
func loadShow(c *console, path string) (*scenes.Show, error) {
	raw, err := readShow(path)
	if err != nil {
		return nil, err
	}
	show, err := scenes.Parse(raw)
	if err != nil {
		var invalid *scenes.InvalidError
		if errors.As(err, &invalid) {
			for _, m := range invalid.Mistakes {
				fmt.Fprintf(c.err, "%s: %s\n", path, m)
			}
			return nil, fmt.Errorf("%s is not a show that can be opened; nothing was changed", path)
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, m := range scenes.Validate(raw, newCatalog()) {
		fmt.Fprintf(c.err, "%s: %s\n", path, m)
	}
	return show, nil
}

func readShow(path string) ([]byte, error) {
	if path == demoName {
		return assets.Demo, nil
	}
	raw, err := os.ReadFile(path)
	var why *fs.PathError
	switch {
	case err == nil:
		return raw, nil
	case errors.Is(err, fs.ErrNotExist):
		err = errors.New("there is no such file")
	case errors.Is(err, syscall.EISDIR):
		err = errors.New("it is a folder")
	case errors.As(err, &why):
		err = why.Err // the name has been said
	}
	return nil, fmt.Errorf("the show %s cannot be read: %w", path, err)
}

// baseDir is what relative paths in the show are relative to.
func baseDir(path string) string {
	if path == demoName {
		return "."
	}
	return filepath.Dir(path)
}

// folderMade is how long the start waits for the folder of recordings to be made. It is only so
// that the first recording finds it: on a disk that answers later it is made all the same.
const folderMade = time.Second

// recordDir is where recordings without a path go; it is made when it does not
// exist (what keeps it from being made, the recorder says when it starts).
func recordDir() string {
	dir, err := record.VideosDir()
	if err != nil {
		return "."
	}
	makeFolder(dir, os.MkdirAll)
	return dir
}

// makeFolder makes a folder whose disk may not answer; see recordDir.
func makeFolder(dir string, mkdirAll func(string, fs.FileMode) error) {
	_, _ = supervise.InTime(context.Background(), folderMade, func() error { return mkdirAll(dir, 0o755) })
}

// newEngine builds an engine for a show whose relative paths start at dir, on a GPU
// thread of its own; close ends the thread after Run has returned.
func newEngine(c *console, dir string, opt engine.Options) (e *engine.Engine, closeGPU func(), err error) {
	thread, err := gpu.OpenWhenNeeded()
	if err != nil {
		return nil, nil, fmt.Errorf("%w; install Mesa's OpenGL (llvmpipe needs no graphics card)", err)
	}
	opt.Thread, opt.Log = thread, c.log
	if opt.SourceKinds == nil {
		opt.SourceKinds = sourceKinds()
	}
	if opt.OutputKinds == nil {
		opt.OutputKinds = outputKinds()
	}
	opt.BaseDir = dir
	if opt.RecordDir == "" {
		opt.RecordDir = recordDir()
	}
	if opt.StateDir == "" && !opt.Clock.Virtual() {
		// Without one a crash is not made up for; that is no reason not to run.
		opt.StateDir, _ = document.StateDir()
	}
	opt.UserAgent = "Crosspoint/" + Version
	opt.Secret = c.secret
	e, err = engine.New(opt)
	if err != nil {
		thread.Close()
		return nil, nil, err
	}
	return e, thread.Close, nil
}

// readCommands reads a command list: one JSON object a line; blank lines and lines
// that begin with # are passed over.
func readCommands(path string, fps media.Rational) ([]engine.Timed, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the command list cannot be read: %w", err)
	}
	var out []engine.Timed
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		t, err := engine.ParseTimed(line, fps)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, n, err)
		}
		out = append(out, t)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Tick < out[j].Tick })
	return out, nil
}

// recordingTo adds a recording of the first rendition to file; its id is returned.
func recordingTo(show *scenes.Show, file string) (*scenes.Show, string, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, "", err
	}
	container := strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
	switch container {
	case "mkv", "mp4", "mov", "ts":
	default:
		return nil, "", fmt.Errorf("%s: the name of a recording ends in .mkv, .mp4, .mov or .ts", file)
	}
	switch there, answered := supervise.InTime(context.Background(), supervise.DiskAnswers, func() bool { _, err := os.Stat(abs); return err == nil }); {
	case !answered:
		return nil, "", fmt.Errorf("the disk of %s does not answer: record somewhere else", file)
	case there:
		return nil, "", fmt.Errorf("%s exists already and is never overwritten", file)
	}
	if len(show.Renditions) == 0 {
		return nil, "", errors.New("the show has no rendition to record with")
	}
	settings, err := json.Marshal(map[string]string{"path": abs, "container": container})
	if err != nil {
		return nil, "", err
	}
	id := show.FreshID("command-line")
	show, err = show.SetRecording(scenes.Recording{ID: id, Name: scenes.FitName(filepath.Base(file), ""), Rendition: show.Renditions[0].ID, Settings: settings})
	return show, id, err
}

// rehearsal is what stands for the built-in receiver in a destination's settings.
const rehearsal = "rehearsal:"

// wantsRehearsal reports whether some destination points at the built-in receiver.
func wantsRehearsal(show *scenes.Show) bool {
	for _, d := range show.Destinations {
		var s struct {
			URL string `json:"url"`
		}
		if json.Unmarshal(d.Settings, &s) == nil && s.URL == rehearsal {
			return true
		}
	}
	return false
}

// withRehearsal wraps the output kinds so that the url "rehearsal:" becomes the
// receiver's for that protocol. The show itself keeps saying "rehearsal:".
func withRehearsal(kinds map[string]outputs.Kind, urls map[string]string) map[string]outputs.Kind {
	for name, url := range urls {
		k, ok := kinds[name]
		if !ok {
			continue
		}
		inner := k.New
		k.New = func(raw json.RawMessage, opt outputs.Options) (outputs.Output, error) {
			var s map[string]json.RawMessage
			var to string
			if json.Unmarshal(raw, &s) == nil && json.Unmarshal(s["url"], &to) == nil && to == rehearsal {
				s["url"], _ = json.Marshal(url) // a string always marshals
				replaced, err := json.Marshal(s)
				if err != nil {
					return nil, err
				}
				raw = replaced
				if opt.Secret == "" && name == "rtmp" {
					opt.Secret = "rehearsal"
				}
			}
			return inner(raw, opt)
		}
		kinds[name] = k
	}
	return kinds
}
