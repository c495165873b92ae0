package av

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// endWatch sees, or refuses, what Close does to a file.
type endWatch struct {
	muxFile
	before func() error // each write and sync; its error is theirs
}

func (w *endWatch) WriteAt(b []byte, at int64) (int, error) {
	if err := w.before(); err != nil {
		return 0, err
	}
	return w.muxFile.WriteAt(b, at)
}

func (w *endWatch) Sync() error {
	if err := w.before(); err != nil {
		return err
	}
	return w.muxFile.Sync()
}

// recorded is a muxer with two seconds of pictures in it, and their number.
func recorded(t *testing.T, path, format string) (*Muxer, int) {
	t.Helper()
	ve := x264(t, VideoEncoderOptions{})
	defer ve.Close()
	packets := encoded(t, ve, 0, 60)
	m, err := NewMuxer(MuxerOptions{Format: format, Path: path, Tracks: []media.Track{ve.Track()}, StartAtZero: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if err := m.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	return m, len(packets)
}

// pictures counts what can be read of a file.
func pictures(t *testing.T, path string) (n int, err error) {
	t.Helper()
	in, err := OpenInput(t.Context(), path, InputOptions{})
	if err != nil {
		return 0, err
	}
	defer in.Close()
	p := NewInputPacket()
	defer p.Free()
	for in.ReadPacket(p) == nil {
		if !p.Corrupt {
			n++
		}
	}
	return n, nil
}

// Whatever Close is cut short at, the file plays but for its last fragment, and can be finished: it is
// copied before each of its writes, as a kill there would leave it.
func TestClosingCanBeCutShort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ format, ext string }{{"mp4", ".mp4"}, {"mov", ".mov"}, {"matroska", ".mkv"}} {
		t.Run(c.format, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "whole"+c.ext)
			m, n := recorded(t, path, c.format)
			var copies []string
			m.file = &endWatch{m.file, func() error {
				raw, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				copies = append(copies, filepath.Join(dir, fmt.Sprintf("cut%03d%s", len(copies), c.ext)))
				return os.WriteFile(copies[len(copies)-1], raw, 0o600)
			}}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			if got, err := pictures(t, path); got != n || err != nil {
				t.Errorf("the whole file has %d pictures of %d, %v", got, n, err)
			}
			if len(copies) < 3 {
				t.Fatalf("Close wrote %d times; nothing was tried", len(copies))
			}
			for i, cut := range copies {
				if got, err := pictures(t, cut); got < n/2-1 || err != nil {
					t.Errorf("cut short before write %d of %d: %d pictures of %d, %v", i, len(copies), got, n, err)
				}
				finished := cut + ".finished" + c.ext
				if err := Remux(t.Context(), cut, finished, RemuxOptions{Format: c.format}); err != nil {
					t.Errorf("cut short before write %d of %d: %v", i, len(copies), err)
				}
			}
		})
	}
}

// A disk that is full at any write of the end costs the index, not the recording.
func TestClosingOnAFullDisk(t *testing.T) {
	t.Parallel()
	for at := range 8 {
		path := filepath.Join(t.TempDir(), "full.mp4")
		m, n := recorded(t, path, "mp4")
		left := at
		m.file = &endWatch{m.file, func() error {
			if left--; left < 0 {
				return syscall.ENOSPC
			}
			return nil
		}}
		err := m.Close()
		if err == nil {
			break // Close has fewer writes than that
		}
		if got, rerr := pictures(t, path); got < n/2-1 || rerr != nil {
			t.Errorf("full at write %d (%v): %d pictures of %d, %v", at, err, got, n, rerr)
		}
	}
}
