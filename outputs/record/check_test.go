//go:build linux

package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/outputs"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for container := range containers {
		t.Run(container, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, list := recordClip(t, map[string]any{"path": dir + "/show." + container, "split_minutes": 4.0 / 60}, func(o *Output) {
				o.Pause(time.Second, true)
				o.Pause(2*time.Second, false)
			})
			if len(list) != 2 {
				t.Fatalf("%d files", len(list))
			}
			for _, f := range list {
				c, err := files.Check(t.Context(), f.Path, f.Holds)
				if err != nil {
					t.Error(err)
				}
				raw, err := os.ReadFile(f.Path)
				if err != nil {
					t.Fatal(err)
				}
				want := sha256.Sum256(raw)
				if c.SHA256 != hex.EncodeToString(want[:]) || c.Bytes != int64(len(raw)) || (c.Length-f.Holds.Length).Abs() > 100*time.Millisecond {
					t.Errorf("%s: %+v", filepath.Base(f.Path), c)
				}
			}
		})
	}
}

func TestCheckFinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, list := recordClip(t, map[string]any{"path": dir + "/show.mkv"}, nil)
	f := list[0]
	raw, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		change     func(b []byte, holds *outputs.Contents) []byte
	}{
		{"cut", " of ", func(b []byte, _ *outputs.Contents) []byte { return b[:len(b)/2] }},
		{"no header", "cannot be opened", func(b []byte, _ *outputs.Contents) []byte { return b[200:] }},
		{"zeros in the middle", " of ", func(b []byte, _ *outputs.Contents) []byte {
			clear(b[len(b)/2 : len(b)/2+50_000])
			return b
		}},
		{"a picture short", "119 pictures of 120", func(b []byte, h *outputs.Contents) []byte {
			h.Packets[0]--
			return b
		}},
		{"more keyframes", "keyframes", func(b []byte, h *outputs.Contents) []byte {
			h.Keyframes++
			return b
		}},
		{"closer keyframes", "apart instead of", func(b []byte, h *outputs.Contents) []byte {
			h.LongestGOP /= 2
			return b
		}},
		{"another track", "2 tracks of 3", func(b []byte, h *outputs.Contents) []byte {
			h.Packets = append(h.Packets, 10)
			return b
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			holds := f.Holds
			holds.Packets = slices.Clone(holds.Packets)
			path := filepath.Join(t.TempDir(), "a.mkv")
			if err := os.WriteFile(path, c.change(slices.Clone(raw), &holds), 0o644); err != nil {
				t.Fatal(err)
			}
			want := c.want
			if c.name == "a picture short" {
				want = "120 pictures of 119"
			}
			if _, err := files.Check(t.Context(), path, holds); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := files.Check(ctx, f.Path, f.Holds); err == nil {
		t.Error("a check that was ended is good")
	}
}

// TestFinish: a file as a killed program leaves it becomes a whole one.
func TestFinish(t *testing.T) {
	t.Parallel()
	for _, container := range []string{"mkv", "mp4"} {
		t.Run(container, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "show."+container)
			feed := newFastFeedOf(testkit.ReorderedClip(t))
			mux, err := newMuxer(containers[container].format, feed.coded.Tracks, path)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range feed.coded.Packets {
				if err := mux.WritePacket(p); err != nil {
					t.Fatal(err)
				}
			}
			cut, err := os.ReadFile(path) // what is on the disk while it is written
			if err != nil {
				t.Fatal(err)
			}
			if err := mux.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, cut, 0o644); err != nil {
				t.Fatal(err)
			}
			before := testkit.Demux(t, path)
			changed, err := files.Finish(t.Context(), path, []outputs.Chapter{{At: 2 * time.Second, Name: "Goal"}})
			if err != nil || !changed {
				t.Fatalf("changed %v, %v", changed, err)
			}
			if after := testkit.Demux(t, path); after.Video != before.Video || after.Audio < before.Audio || after.Video < 110 || after.Keyframes < clipSeconds {
				t.Errorf("%+v, before it was %+v", after, before)
			}
			in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if c := in.Chapters(); len(c) != 1 || c[0].Title != "Goal" || in.Duration() < 7*time.Second {
				t.Errorf("chapters %v, lasts %v", c, in.Duration())
			}
			in.Close()
			if _, err := files.Check(t.Context(), path, outputs.Contents{}); err != nil {
				t.Error(err)
			}
			if left := onlyFile(t, filepath.Dir(path)); left != path {
				t.Errorf("left %q", left)
			}
		})
	}
	for _, name := range []string{"header.mkv", "header.mp4", "empty.mkv"} { // and nothing behind it
		path := filepath.Join(t.TempDir(), name)
		mux, err := av.NewMuxer(av.MuxerOptions{
			Format: containers[name[len(name)-3:]].format, Path: path, Tracks: newFastFeed(t).coded.Tracks, Timecode: strings.HasPrefix(name, "empty"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if changed, err := files.Finish(t.Context(), path, nil); !changed || !errors.Is(err, outputs.ErrEmpty) {
			t.Errorf("%s: changed %v, %v", name, changed, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is left", name)
		}
		if err := mux.Close(); err != nil {
			t.Fatal(err)
		}
	}
	full := filepath.Join(mountTmpfs(t, "size=50m"), "a.mkv") // of which recordings leave as much
	if err := os.WriteFile(full, []byte("all there is"), 0o644); err != nil {
		t.Fatal(err)
	}
	if changed, err := files.Finish(t.Context(), full, nil); changed || err == nil || !strings.Contains(err.Error(), "a.mkv stays as it is: finishing it takes room for 50 MB") {
		t.Errorf("on a full disk: changed %v, %v", changed, err)
	}
	path := filepath.Join(t.TempDir(), "a.mkv")
	if err := os.WriteFile(path, []byte("nothing of use"), 0o644); err != nil {
		t.Fatal(err)
	}
	if changed, err := files.Finish(t.Context(), path, nil); changed || err == nil || !strings.Contains(err.Error(), "a.mkv stays as it is") {
		t.Errorf("changed %v, %v", changed, err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "nothing of use" {
		t.Errorf("the file is %q now, %v", raw, err)
	}
}

// TestCopyOnFullDisk: a copy for which the disk is too small, also for its last page alone, is
// removed.
func TestCopyOnFullDisk(t *testing.T) {
	t.Parallel()
	const page = 4096
	_, list := recordClip(t, map[string]any{"path": t.TempDir() + "/show.mkv"}, nil)
	whole := filepath.Join(t.TempDir(), "whole.mkv")
	opt := av.RemuxOptions{Format: "matroska"}
	if err := av.Remux(t.Context(), list[0].Path, whole, opt); err != nil {
		t.Fatal(err)
	}
	pages := (fileSize(t, whole) + page - 1) / page
	for _, room := range []int64{pages / 2, pages - 1} {
		to := filepath.Join(mountTmpfs(t, fmt.Sprintf("size=%d", room*page)), "copy.mkv")
		if err := av.Remux(t.Context(), list[0].Path, to, opt); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%d pages of %d: %v", room, pages, err)
		}
		if _, err := os.Stat(to); err == nil {
			t.Errorf("%d pages of %d: the copy is left", room, pages)
		}
	}
}
