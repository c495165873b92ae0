package record

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/outputs"
)

// TestTracksThatChange: of a source that is recorded as it comes, each stretch is a file of its
// own with the tracks that it has, and nothing else.
func TestTracksThatChange(t *testing.T) {
	t.Parallel()
	c := testkit.ReorderedClip(t)
	for _, silent := range []bool{false, true} {
		dir := t.TempDir()
		o := newRecorder(t, map[string]any{"path": dir + "/show"})
		var e events
		o.files = e.add
		feed := newFastFeedOf(testkit.ReorderedClip(t))
		cut := -1
		for i, p := range feed.coded.Packets {
			if !p.Keyframe || p.Audio || p.PTS != 0 && p.PTS != 4*clipFPS {
				continue
			}
			q := *p
			q.Tracks = c.Tracks
			if p.PTS > 0 {
				cut = i
				if q.Tracks = []media.Track{other(c.Tracks[0]), c.Tracks[1]}; silent {
					q.Tracks = q.Tracks[:1]
				}
			}
			feed.coded.Packets[i] = &q
		}
		if silent {
			feed.coded.Packets = slices.Concat(feed.coded.Packets[:cut], slices.DeleteFunc(slices.Clone(feed.coded.Packets[cut:]), func(p *media.Packet) bool { return p.Audio }))
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

// TestAnotherEncoder: where one takes over, the file that is for its pictures begins as any other,
// with sound that misses nothing.
func TestAnotherEncoder(t *testing.T) {
	t.Parallel()
	for _, container := range []string{"mkv", "mp4"} {
		o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show." + container})
		var e events
		o.files = e.add
		feed := newFastFeedOf(testkit.ReorderedClip(t))
		tracks := []media.Track{other(feed.coded.Tracks[0]), feed.coded.Tracks[1]}
		for i, p := range feed.coded.Packets {
			if !p.Audio && p.PTS == 4*clipFPS {
				q := *p
				q.Tracks, q.Continues = tracks, true
				feed.coded.Packets[i] = &q
			}
		}
		if err := o.Run(t.Context(), feed); err != nil {
			t.Fatal(err)
		}
		files := e.closed()
		if len(files) != 2 || files[1].From != 4*time.Second || files[1].Holds.SoundFrom != nil {
			t.Fatalf("files %+v", files)
		}
		wantPictures(t, files, upTo(0, everyPicture))
		_, cut := recordClipOf(t, testkit.ReorderedClip(t), map[string]any{"path": t.TempDir() + "/show." + container}, func(o *Output) { o.Split(4 * time.Second) })
		for i, f := range files {
			if _, err := check(t.Context(), f.Path, f.Holds); err != nil {
				t.Error(err)
			}
			if len(cut) != 2 || !slices.Equal(f.Holds.Packets, cut[i].Holds.Packets) {
				t.Errorf("%s: %+v, cut by command %+v", container, f.Holds, cut)
			}
		}
	}
}

// other is track with parameter sets that are different to look at: filler comes behind them.
func other(track media.Track) media.Track {
	track.Extradata = slices.Concat(track.Extradata, []byte{0, 0, 0, 1, 0x0c, 0xff})
	return track
}

// TestTracksThatChangeBeforeTheFirstPicture: the file that was begun for others makes way for
// one that can hold them, also where the recording begins paused, and nothing is left of it.
func TestTracksThatChangeBeforeTheFirstPicture(t *testing.T) {
	t.Parallel()
	for _, from := range []time.Duration{0, 2 * time.Second} {
		o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show"})
		var e events
		o.files = e.add
		if from > 0 {
			o.Pause(0, true)
			o.control.settled(true) // as after a Run that ended paused
			o.Pause(from, false)
		}
		feed := newFastFeed(t)
		feed.coded.Tracks = slices.Clone(feed.coded.Tracks)
		tracks := slices.Clone(feed.coded.Tracks)
		feed.coded.Tracks[0] = other(feed.coded.Tracks[0])
		q := *feed.coded.Packets[0]
		q.Tracks = tracks
		feed.coded.Packets[0] = &q
		if err := o.Run(t.Context(), feed); err != nil {
			t.Fatal(err)
		}
		files := e.closed()
		files = slices.DeleteFunc(files, func(f outputs.FileEvent) bool { return f.Removed })
		left, _ := filepath.Glob(o.path + "*")
		if len(files) != 1 || files[0].Part != 1 || len(left) != 1 {
			t.Fatalf("from %v: files %+v, left %q", from, files, left)
		}
		wantPictures(t, files, upTo(uint32(from.Seconds()*clipFPS), everyPicture))
		if _, err := check(t.Context(), files[0].Path, files[0].Holds); err != nil {
			t.Error(err)
		}
	}
}

// TestPacketsOfATrackThatIsGone: what was queued of it before the change is left out.
func TestPacketsOfATrackThatIsGone(t *testing.T) {
	t.Parallel()
	o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show"})
	var e events
	o.files = e.add
	feed := newFastFeed(t)
	q := *feed.coded.Packets[0]
	q.Tracks = feed.coded.Tracks[:1]
	feed.coded.Packets[0] = &q
	if err := o.Run(t.Context(), feed); err != nil {
		t.Fatal(err)
	}
	files := slices.DeleteFunc(e.closed(), func(f outputs.FileEvent) bool { return f.Removed })
	if len(files) != 1 || !slices.Equal(files[0].Holds.Packets, []int64{everyPicture}) {
		t.Fatalf("files %+v", files)
	}
	if _, err := check(t.Context(), files[0].Path, files[0].Holds); err != nil {
		t.Error(err)
	}
}

// TestNoFileForOtherTracks: where none can be begun for them, that ends the recording with
// words and leaves nothing behind.
func TestNoFileForOtherTracks(t *testing.T) {
	t.Parallel()
	o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show"})
	feed := newFastFeed(t)
	made := 0
	o.newMuxer = func(format string, tracks []media.Track, path string) (muxer, error) {
		if made++; made == 2 {
			return nil, errors.New("no such thing")
		}
		return newMuxer(format, tracks, path)
	}
	q := *feed.coded.Packets[0]
	q.Tracks = slices.Clone(feed.coded.Tracks)
	q.Tracks[0] = other(q.Tracks[0])
	feed.coded.Packets[0] = &q
	err := o.Run(t.Context(), feed)
	if err == nil || outputs.IsPermanent(err) || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("it says %v", err)
	}
	if left, _ := filepath.Glob(o.path + "*"); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}
