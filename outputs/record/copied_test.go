package record

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// TestTracksThatChange: of a source that is recorded as it comes, each stretch is a file of its
// own with the tracks that it has, and nothing else.
func TestTracksThatChange(t *testing.T) {
	t.Parallel()
	c, err := reordered()
	if err != nil {
		t.Fatal(err)
	}
	for _, silent := range []bool{false, true} {
		dir := t.TempDir()
		o := newRecorder(t, map[string]any{"path": dir + "/show"})
		var e events
		o.files = e.add
		feed := newFastFeedOf(t, reordered)
		cut := -1
		for i, p := range feed.packets {
			if !p.Keyframe || p.Audio || p.PTS != 0 && p.PTS != 4*clipFPS {
				continue
			}
			q := *p
			q.Tracks = c.tracks
			if p.PTS > 0 {
				cut = i
				video := c.tracks[0]
				video.Extradata = slices.Concat(video.Extradata, []byte{0, 0, 0, 1, 0x0c, 0xff}) // filler: another one to look at
				if q.Tracks = []media.Track{video, c.tracks[1]}; silent {
					q.Tracks = q.Tracks[:1]
				}
			}
			feed.packets[i] = &q
		}
		if silent {
			feed.packets = slices.Concat(feed.packets[:cut], slices.DeleteFunc(slices.Clone(feed.packets[cut:]), func(p *media.Packet) bool { return p.Audio }))
		}
		if err := o.Run(t.Context(), feed); err != nil {
			t.Fatal(err)
		}
		files := e.closed()
		if len(files) != 2 || files[0].Holds.Length != 4*time.Second || files[1].From != 4*time.Second {
			t.Fatalf("silent %v: files %+v", silent, files)
		}
		if silent {
			if n := files[1].Holds.Packets; len(n) != 1 || n[0] != 4*clipFPS {
				t.Errorf("the second file was given %v", n)
			}
		} else {
			wantPictures(t, files, upTo(0, everyPicture))
		}
		for _, f := range files {
			if _, err := check(t.Context(), f.Path, f.Holds); err != nil {
				t.Errorf("silent %v: %v", silent, err)
			}
		}
	}
}

// TestTracksThatChangeBeforeTheFirstPicture: the file has been begun for others.
func TestTracksThatChangeBeforeTheFirstPicture(t *testing.T) {
	t.Parallel()
	o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show"})
	feed := newFastFeed(t)
	q := *feed.packets[0]
	q.Tracks = slices.Clone(feed.tracks)
	q.Tracks[0].Extradata = bytes.Repeat([]byte{1}, 5)
	feed.packets[0] = &q
	err := o.Run(t.Context(), feed)
	if err == nil || outputs.IsPermanent(err) || !strings.Contains(err.Error(), "something else") {
		t.Errorf("it says %v", err)
	}
	if left, _ := filepath.Glob(o.path + "*"); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}
