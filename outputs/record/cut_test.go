//go:build linux

package record

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/outputs"
)

// fastFeed gives the clip at once, and then the end. before, if set, sees each packet first.
type fastFeed struct {
	coded  testkit.Coded
	at     int
	before func(p *media.Packet)

	mu      sync.Mutex
	reports []outputs.Report // guarded by mu
}

func newFastFeed(t *testing.T) *fastFeed {
	t.Helper()
	return newFastFeedOf(testkit.FeedClip(t))
}

func newFastFeedOf(c testkit.Coded) *fastFeed {
	// As the engine's streams: in order of decoding time, beginning with a keyframe.
	f := &fastFeed{coded: c}
	f.sort()
	f.coded.Packets = f.coded.Packets[slices.IndexFunc(f.coded.Packets, func(p *media.Packet) bool { return !p.Audio }):]
	return f
}

func (f *fastFeed) sort() {
	dts := func(p *media.Packet) time.Duration { return media.TimeOf(p.DTS, f.coded.Tracks[p.Track].TimeBase) }
	slices.SortStableFunc(f.coded.Packets, func(a, b *media.Packet) int { return int(dts(a) - dts(b)) })
}

func (f *fastFeed) Tracks() []media.Track { return f.coded.Tracks }

func (f *fastFeed) Next(ctx context.Context) (*media.Packet, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if f.at == len(f.coded.Packets) {
		return nil, io.EOF
	}
	p := f.coded.Packets[f.at]
	f.at++
	if f.before != nil {
		f.before(p)
	}
	return p, nil
}

func (f *fastFeed) Queued() time.Duration { return 0 }
func (f *fastFeed) RequestKeyframe()      {}
func (f *fastFeed) Report(r outputs.Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, r)
}

// events collects what a recorder tells of its files.
type events struct {
	mu   sync.Mutex
	list []outputs.FileEvent // guarded by mu
}

func (e *events) add(v outputs.FileEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, v)
}

// closed are the files that have been closed, by part.
func (e *events) closed() []outputs.FileEvent {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(e.list), func(v outputs.FileEvent) bool { return !v.Closed })
	slices.SortFunc(list, func(a, b outputs.FileEvent) int { return a.Part - b.Part })
	return list
}

// recordClip records the clip with settings; ask is called before it begins.
func recordClip(t *testing.T, settings map[string]any, ask func(*Output)) (*Output, []outputs.FileEvent) {
	t.Helper()
	return recordClipOf(t, testkit.FeedClip(t), settings, ask)
}

func recordClipOf(t *testing.T, c testkit.Coded, settings map[string]any, ask func(*Output)) (*Output, []outputs.FileEvent) {
	t.Helper()
	o := newRecorder(t, settings)
	var e events
	o.files = e.add
	if ask != nil {
		ask(o)
	}
	if err := o.Run(t.Context(), newFastFeedOf(c)); err != nil {
		t.Fatal(err)
	}
	return o, e.closed()
}

// wantPictures: the files' pictures, decoded, are these numbers, each file beginning at 0.
func wantPictures(t *testing.T, files []outputs.FileEvent, want []uint32) (readings []*testkit.Reading) {
	t.Helper()
	var got []uint32
	for _, f := range files {
		r := testkit.Read(t, filepath.Base(f.Path), f.Path)
		if r.Damaged > 0 {
			t.Errorf("%s: %d packets cannot be decoded", r.Name, r.Damaged)
		}
		for i, p := range r.Pictures {
			if !p.Code.OK {
				t.Fatalf("%s: picture %d cannot be read", r.Name, i)
			}
			got = append(got, p.Code.Number)
			if at := media.TickTime(int64(i), media.NewRational(clipFPS, 1)); (p.PTS - r.Pictures[0].PTS - at).Abs() > 2*time.Millisecond {
				t.Errorf("%s: picture %d is at %v, want %v", r.Name, i, p.PTS-r.Pictures[0].PTS, at)
			}
		}
		readings = append(readings, r)
	}
	if !slices.Equal(got, want) {
		t.Errorf("pictures %v, want %v", got, want)
	}
	return readings
}

// upTo are the numbers from a to before b.
func upTo(a, b uint32) (list []uint32) {
	for n := a; n < b; n++ {
		list = append(list, n)
	}
	return list
}

const everyPicture = clipFPS * clipSeconds

func TestSplitByTime(t *testing.T) {
	t.Parallel()
	for container, c := range containers {
		t.Run(container, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, files := recordClip(t, map[string]any{"path": dir + "/show", "container": container, "split_minutes": 3.0 / 60}, nil)
			if len(files) != 3 {
				t.Fatalf("%d files, want 3", len(files))
			}
			for i, name := range []string{"show", "show part 2", "show part 3"} {
				if got := filepath.Base(files[i].Path); got != name+c.extension {
					t.Errorf("part %d is %q, want %q", i+1, got, name+c.extension)
				}
				if want := time.Duration(i) * 3 * time.Second; files[i].From != want {
					t.Errorf("part %d begins at %v, want %v", i+1, files[i].From, want)
				}
			}
			readings := wantPictures(t, files, upTo(0, everyPicture))
			// Each file has sound for all of its pictures.
			for i, r := range readings {
				length := media.TickTime(int64(len(r.Pictures)), media.NewRational(clipFPS, 1))
				if late := r.SoundFrom - r.Pictures[0].PTS; late > 25*time.Millisecond {
					t.Errorf("part %d: sound begins %v after the pictures", i+1, late)
				}
				if early := length - (r.SoundTo - r.Pictures[0].PTS); early > 25*time.Millisecond && i < len(readings)-1 {
					t.Errorf("part %d: sound ends %v before the pictures", i+1, early)
				}
			}
		})
	}
}

// TestSplitLosesNoSound: together the files have every block of sound.
func TestSplitLosesNoSound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, files := recordClip(t, map[string]any{"path": dir + "/show.mkv", "split_minutes": 1.0 / 60}, nil)
	if len(files) != clipSeconds {
		t.Fatalf("%d files, want %d", len(files), clipSeconds)
	}
	blocks := map[int64]int{} // in the order of the sound
	for _, f := range files {
		in, err := av.OpenInput(t.Context(), f.Path, av.InputOptions{})
		if err != nil {
			t.Fatal(err)
		}
		first := time.Duration(-1)
		p := av.NewInputPacket()
		for in.ReadPacket(p) == nil {
			if p.Stream == in.Video().Index {
				if first < 0 {
					first = p.PTS
				}
				continue
			}
			at := f.From + p.PTS - max(first, 0)
			blocks[int64((at+10*time.Millisecond)*media.SampleRateHz/1024/time.Second)]++
		}
		p.Free()
		in.Close()
	}
	// The first block lies over the beginning, and is not the first number.
	for n := int64(1); n < clipSeconds*media.SampleRateHz/1024-2; n++ {
		if blocks[n] == 0 {
			t.Errorf("the block of sound at %.3f s is missing", float64(n)*1024/media.SampleRateHz)
		}
	}
}

func TestSplitByCommandAndSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o, files := recordClip(t, map[string]any{"path": dir + "/show.mp4"}, func(o *Output) {
		o.Split(2500 * time.Millisecond) // the next keyframe is at 3 s
		o.Split(6 * time.Second)
	})
	if len(files) != 3 || files[1].From != 3*time.Second || files[2].From != 6*time.Second {
		t.Fatalf("files %+v", files)
	}
	wantPictures(t, files, upTo(0, everyPicture))

	o.path = dir + "/small.mkv"
	o.container = containers["mkv"]
	o.splitBytes = 250_000
	var e events
	o.files = e.add
	if err := o.Run(t.Context(), newFastFeed(t)); err != nil {
		t.Fatal(err)
	}
	files = e.closed()
	if len(files) < 2 {
		t.Fatalf("%d files", len(files))
	}
	for _, f := range files {
		if size := fileSize(t, f.Path); size > 250_000 {
			t.Errorf("%s has %d bytes", filepath.Base(f.Path), size)
		}
	}
	wantPictures(t, files, upTo(0, everyPicture))
}

func TestPause(t *testing.T) {
	t.Parallel()
	for container := range containers {
		t.Run(container, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, files := recordClip(t, map[string]any{"path": dir + "/show." + container}, func(o *Output) {
				o.Pause(time.Second, true)
				o.Pause(1200*time.Millisecond, false) // the keyframe at 2 s
				o.Pause(4*time.Second, true)
				o.Pause(4*time.Second, true)
				o.Pause(6*time.Second, false)
			})
			if len(files) != 1 || files[0].Holds.Length != 5*time.Second {
				t.Fatalf("files %+v", files)
			}
			wantPictures(t, files, slices.Concat(upTo(0, clipFPS), upTo(2*clipFPS, 4*clipFPS), upTo(6*clipFPS, 8*clipFPS)))
			// Sound goes on block after block, and stays with the pictures.
			sound, gap := soundOf(t, files[0].Path)
			if gap > time.Millisecond || sound < 4900*time.Millisecond || sound > 5060*time.Millisecond {
				t.Errorf("%v of sound, the biggest hole is %v", sound, gap)
			}
		})
	}
}

// soundOf is how long the sound of a file lasts and the biggest difference between a
// block's end and the next one's beginning.
func soundOf(t *testing.T, path string) (length, gap time.Duration) {
	t.Helper()
	in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	p := av.NewInputPacket()
	defer p.Free()
	first, end := time.Duration(-1), time.Duration(-1)
	const block = 1024 * time.Second / media.SampleRateHz
	for in.ReadPacket(p) == nil {
		if p.Stream != in.Audio().Index {
			continue
		}
		if first < 0 {
			first = p.PTS
		} else if end != first+block { // the first one may be cut
			gap = max(gap, (p.PTS - end).Abs())
		}
		end = p.PTS + block
	}
	return end - first, gap
}

func TestPausedFromTheBeginningAndSplitWhilePaused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o, files := recordClip(t, map[string]any{"path": dir + "/show.mkv"}, func(o *Output) {
		o.Pause(0, true)
		o.Pause(2*time.Second, false)
		o.Pause(4*time.Second, true)
		o.Split(5 * time.Second)
		o.Pause(6*time.Second, false)
		o.Mark(outputs.Mark{At: time.Second, Name: "too early"})
		o.Mark(outputs.Mark{At: 3 * time.Second, Name: "a"})
		o.Mark(outputs.Mark{At: 5 * time.Second, Name: "in the pause"})
		o.Mark(outputs.Mark{At: 7 * time.Second, Name: "b"})
	})
	if len(files) != 2 || files[1].From != 2*time.Second {
		t.Fatalf("files %+v", files)
	}
	wantPictures(t, files, slices.Concat(upTo(2*clipFPS, 4*clipFPS), upTo(6*clipFPS, 8*clipFPS)))
	wantChapters(t, files[0], "0s Start", "1s a")
	wantChapters(t, files[1], "0s in the pause", "1s b")
	if o.control.begin() {
		t.Error("the next try would begin paused")
	}
}

// TestPausedBeforeReorderedPictures: sound before the first picture, which comes ahead of its time
// then, is paused like it.
func TestPausedBeforeReorderedPictures(t *testing.T) {
	t.Parallel()
	for _, resumed := range []bool{false, true} {
		o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show.mkv"})
		var e events
		o.files = e.add
		o.Pause(0, true)
		if resumed {
			o.Pause(2*time.Second, false)
		}
		c := testkit.ReorderedClip(t) // from its second keyframe on, so that there is sound before that is shown
		c.Packets = slices.DeleteFunc(c.Packets, func(p *media.Packet) bool { return !p.Audio && p.Time < time.Second })
		feed := newFastFeedOf(c)
		if err := o.Run(t.Context(), feed); err != nil {
			t.Fatal(err)
		}
		f := e.closed()[0]
		if !resumed {
			if !f.Removed {
				t.Errorf("nothing was to be recorded, and the file has %+v", f.Holds)
			}
			continue
		}
		if _, err := check(t.Context(), f.Path, f.Holds); err != nil {
			t.Error(err)
		}
	}
}

// wantChapters: the event and the file itself have these.
func wantChapters(t *testing.T, f outputs.FileEvent, want ...string) {
	t.Helper()
	var told, has []string
	for _, c := range f.Chapters {
		told = append(told, c.At.Round(time.Millisecond).String()+" "+c.Name)
	}
	in, err := av.OpenInput(t.Context(), f.Path, av.InputOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for _, c := range in.Chapters() {
		has = append(has, c.At.String()+" "+c.Title)
	}
	if !slices.Equal(told, want) || !slices.Equal(has, want) {
		t.Errorf("%s: told %q, the file has %q, want %q", filepath.Base(f.Path), told, has, want)
	}
}

func TestChapters(t *testing.T) {
	t.Parallel()
	marks := []outputs.Mark{
		{At: 0, Name: "Wide", Cut: true}, {At: 1500 * time.Millisecond, Name: "Close", Cut: true}, {At: 2 * time.Second, Name: "Guest", Cut: true},
		{At: 2500 * time.Millisecond, Name: "Question"}, {At: 5 * time.Second, Name: "Wide", Cut: true}, {At: 20 * time.Second, Name: "Over"},
	}
	for _, c := range []struct {
		chapters string
		want     [2][]string
	}{
		{"marks", [2][]string{{"0s Start", "2.5s Question"}, {"0s Start", "3.999s Over"}}},
		{"cuts", [2][]string{{"0s Wide", "2s Guest", "2.5s Question"}, {"0s Guest", "1s Wide", "3.999s Over"}}},
		{"none", [2][]string{nil, nil}},
	} {
		for _, container := range []string{"mkv", "mp4"} {
			dir := t.TempDir()
			_, files := recordClip(t, map[string]any{"path": dir + "/show." + container, "split_minutes": 4.0 / 60, "chapters": c.chapters}, func(o *Output) {
				for _, m := range marks {
					o.Mark(m)
				}
			})
			if len(files) != 2 {
				t.Fatalf("%d files", len(files))
			}
			for i := range files {
				wantChapters(t, files[i], c.want[i]...)
			}
		}
	}
}

func TestSplitSettings(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		`{"split_minutes":0.001}`: "at least a second", `{"split_minutes":-1}`: "1440", `{"split_mb":3}`: "16 to",
		`{"chapters":"all"}`: "marks, cuts or none", `{"spill_below_mb":1}`: "100 to",
	} {
		if _, err := New([]byte(settings), outputs.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
}
