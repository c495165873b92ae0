package ui

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
)

// recordingFacts is a recording's line of numbers: time, size, room on the disk.
func recordingFacts(d engine.DestinationState) string {
	if !d.Started {
		return "RECORDING  ·  rendition " + d.Rendition
	}
	parts := []string{clockText(d.Uptime), sizeText(d.Report.SentBytes)}
	if d.Report.Room > 0 {
		parts = append(parts, "room for "+roomText(d.Report.Room))
	}
	if d.Dropped > 0 {
		parts = append(parts, "dropped "+countText(d.Dropped))
	}
	return strings.Join(parts, "  ·  ")
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
