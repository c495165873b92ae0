package ui

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// recordingFacts is a recording's line of numbers: time, size, room on the disk.
func recordingFacts(d engine.DestinationState) string {
	switch {
	case d.Finishing && d.Queue < time.Second:
		return "its file is being closed"
	case d.Finishing:
		return fmt.Sprintf("%.0f s still to be written", d.Queue.Seconds())
	case !d.Started:
		return "RECORDING  ·  rendition " + d.Rendition
	}
	length := d.Uptime
	if d.Report.Length > 0 { // without its pauses
		length = d.Report.Length
	}
	parts := []string{clockText(length), sizeText(d.Report.SentBytes)}
	if d.Report.Part > 1 {
		parts = append(parts, fmt.Sprintf("part %d", d.Report.Part))
	}
	if d.Report.Room > 0 {
		parts = append(parts, "room for "+roomText(d.Report.Room))
	}
	if d.Dropped > 0 {
		parts = append(parts, "dropped "+countText(d.Dropped))
	}
	return strings.Join(parts, "  ·  ")
}

// goodText is up to when the files of a recording have been read again and found good;
// empty while that is nothing.
func goodText(d engine.DestinationState) string {
	switch r := d.Recording; {
	case r.Problem != "" && r.GoodTo > 0:
		return "GOOD UP TO " + clockText(r.GoodTo) + " ONLY"
	case r.Problem != "":
		return "NOT GOOD"
	case r.GoodTo > 0:
		return "good up to " + clockText(r.GoodTo)
	}
	return ""
}

// recordingRow is what can be done with a recording that runs, and up to when it is good.
type recordingRow struct {
	box
	pause, part, mark *button
	good              *label
	paused            bool // as shown: what was asked for last
}

func newRecordingRow(d *desk, id func() string) *recordingRow {
	r := &recordingRow{good: newLabel("", textSmall, colDim)}
	r.pause = newButton(d, "Resume", textSmall, func() {
		paused := !r.paused // said: a press never does the opposite of what its button says
		d.send(&engine.PauseRecording{Recordings: []string{id()}, Paused: &paused})
	}).hint("Leave out what comes, until it goes on (P: all)")
	r.part = newButton(d, "New file", textSmall, func() { d.send(&engine.SplitRecording{Recordings: []string{id()}}) }).hint("Go on in a new file; no picture is lost (N: all)")
	r.mark = newButton(d, "Mark", textSmall, func() { d.send(&engine.SetMark{}) }).hint("Make this moment a chapter (C)")
	r.add(r.pause, r.part, r.mark, r.good)
	r.arrange = func(s fyne.Size) {
		x := float32(0)
		for _, b := range []*button{r.pause, r.part, r.mark} {
			place(b, x, 0, b.min.Width, rowHeight)
			x += b.min.Width + 3
		}
		r.good.place(x+gap, 0, max(s.Width-x-gap, 1), rowHeight)
	}
	r.ExtendBaseWidget(r)
	return r
}

func (r *recordingRow) update(d engine.DestinationState) {
	if r.paused = d.Paused; r.paused {
		r.pause.look("Resume", colAmber, colInk)
	} else {
		r.pause.look("Pause", colControl, colText)
	}
	ink := colDim
	if d.Recording.Problem != "" {
		ink = colBad
	}
	r.good.set(goodText(d), ink)
}

// records reports whether something is being recorded.
func (p *outputsPanel) records() bool { return p.desk.state != nil && p.desk.state.Recording }

// splits reports whether something is being recorded that can go on in a new file: the
// recordings, or sources on their own, which are not paused.
func (p *outputsPanel) splits() bool {
	return p.records() || p.desk.state != nil && p.desk.state.RecordingISO()
}

// pausedAll reports whether everything that is recorded was told to pause.
func pausedAll(s *engine.State) bool {
	for _, r := range s.Recordings {
		if r.Started && !r.Paused {
			return false
		}
	}
	return s.Recording
}

// pauseAll pauses every recording, or lets all go on when all are paused.
func (p *outputsPanel) pauseAll() {
	paused := !pausedAll(p.desk.state)
	p.desk.send(&engine.PauseRecording{Paused: &paused})
}

// measures reports whether Machine's room is that of a recording: it goes to RecordDir or a
// folder in it. Another folder may be on another disk.
func (d *desk) measures(show *scenes.Show, id string) bool {
	var set struct{ Path string }
	if v, ok := show.Recording(id); ok && len(v.Settings) > 0 && json.Unmarshal(v.Settings, &set) != nil {
		return false
	}
	dir, path := d.services.RecordDir, set.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	in, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(in)
}

// roomFor is how long a disk lasts at a bitrate; 0 is not known.
func roomFor(free, bps int64) time.Duration {
	if free <= 0 || bps <= 0 {
		return 0
	}
	return time.Duration(float64(free) * 8 / float64(bps) * float64(time.Second))
}

// roomText is a time that is only roughly known.
func roomText(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
	case d >= time.Hour:
		return fmt.Sprintf("%d h %02d min", int(d/time.Hour), int(d/time.Minute)%60)
	}
	return fmt.Sprintf("%d min", int(d/time.Minute))
}

// sizeText is a size in bytes in words.
func sizeText(bytes int64) string {
	switch {
	case bytes >= 10e9:
		return fmt.Sprintf("%.0f GB", float64(bytes)/1e9)
	case bytes >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	}
	return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
}

// millisText is a short time in ms.
func millisText(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

func fileName(path string) string { return filepath.Base(path) }

// openFile shows a file in the program that the system has for it.
func (d *desk) openFile(path string) {
	if err := fyne.CurrentApp().OpenURL(fileURL(path)); err != nil {
		d.sender.failed("No program of this system opened " + fileName(path) + "; the file is in " + filepath.Dir(path) + ".")
	}
}

func fileURL(path string) *url.URL {
	return &url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
}
