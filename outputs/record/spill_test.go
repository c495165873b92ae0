//go:build linux

package record

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/outputs"
)

// wantAll: the files together, one after the other, have every picture of the looped clip from
// the first on; exact: none twice. Where the second begins is what was told of it: it repeats
// what had not been synced, a second of real time and more on a busy machine, which at the
// speed of the feed is longer than the clip.
func wantAll(t *testing.T, exact bool, files ...outputs.FileEvent) {
	t.Helper()
	next := uint32(0)
	for i, f := range files {
		r, err := testkit.Decode(t.Context(), filepath.Base(f.Path), f.Path, nil)
		if r == nil || err != nil && i == len(files)-1 {
			t.Fatalf("%s: %v", f.Path, err)
		}
		first := uint32(math.Round(f.From.Seconds() * clipFPS))
		if first > next || exact && first != next {
			t.Fatalf("%s begins with picture %d where %d is due", f.Path, first, next)
		}
		next = first
		for _, p := range r.Pictures {
			if n := p.Code.Number; n != next%everyPicture {
				t.Fatalf("%s has picture %d where %d is due", f.Path, n, next%everyPicture)
			}
			next++
		}
	}
}

func TestSpillsWhenLow(t *testing.T) {
	first, second := mountTmpfs(t, "size=170m"), t.TempDir()
	o := newRecorder(t, map[string]any{"path": first + "/show.mkv", "spill": second, "spill_below_mb": 100})
	var e events
	o.files = e.add
	feed := testkit.NewRecordFeed(t, 8)
	rec := run(t, o, feed)
	feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
	if err := os.WriteFile(filepath.Join(first, "other"), make([]byte, 80<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	r := feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.Part == 2 })
	if want := filepath.Join(second, "show part 2.mkv"); r.Path != want || !strings.Contains(r.Warning, "running full") {
		t.Errorf("report %+v", r)
	}
	n := r.SentPackets
	feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.SentPackets > n+300 })
	feed.End()
	if err := rec.wait(t, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	files := e.closed()
	if len(files) != 2 || files[0].Problem != "" {
		t.Fatalf("files %+v", files)
	}
	wantAll(t, true, files...)
}

func TestSpillsWhenFull(t *testing.T) {
	for container := range containers {
		t.Run(container, func(t *testing.T) {
			t.Parallel() // mostly waiting
			first, second := mountTmpfs(t, "size=1m"), t.TempDir()
			o := newRecorder(t, map[string]any{"path": first + "/show." + container, "spill": second})
			o.disk = roomyDisk{realDisk{}}
			var e events
			o.files = e.add
			feed := testkit.NewRecordFeed(t, 8)
			rec := run(t, o, feed)
			r := feed.Await(t, 10*time.Second, 0, func(r outputs.Report) bool { return r.Part == 2 && r.State == outputs.Confirmed })
			if !strings.Contains(r.Warning, "is full; what was recorded so far is kept in show."+container+"; the recording goes on in "+second) {
				t.Errorf("warned %q", r.Warning)
			}
			n := r.SentPackets
			feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.SentPackets > n+200 })
			feed.End()
			if err := rec.wait(t, 20*time.Second); err != nil {
				t.Fatal(err)
			}
			files := e.closed()
			if len(files) != 2 || files[0].Problem == "" || files[0].Ended || files[1].Problem != "" || !files[1].Ended {
				t.Fatalf("files %+v", files)
			}
			wantAll(t, false, files...)
		})
	}
}

// fillingDisk has as little room in one folder as another program leaves.
type fillingDisk struct {
	disk
	dir  string
	free atomic.Int64
}

func (d *fillingDisk) Free(dir string) (int64, error) {
	if dir == d.dir {
		return d.free.Load(), nil
	}
	return d.disk.Free(dir)
}

// TestSpillsWhenNearlyFull: the file that was left has its end, and says so.
func TestSpillsWhenNearlyFull(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	o := newRecorder(t, map[string]any{"path": first + "/show.mkv", "spill": second})
	d := &fillingDisk{disk: realDisk{}, dir: first}
	d.free.Store(1 << 40)
	o.disk = d
	var e events
	o.files = e.add
	feed := testkit.NewRecordFeed(t, 8)
	rec := run(t, o, feed)
	feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
	d.free.Store(stopBelow - 1)
	feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.Part == 2 })
	feed.End()
	if err := rec.wait(t, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	files := e.closed()
	if len(files) != 2 || !strings.Contains(files[0].Problem, "show.mkv is complete") || !files[0].Ended {
		t.Fatalf("files %+v", files)
	}
	if _, err := check(t.Context(), files[0].Path, files[0].Holds); err != nil {
		t.Error(err)
	}
}

// TestFullRightAfterASplit: the file before the one that fails, which still waits for sound,
// keeps its own chapters.
func TestFullRightAfterASplit(t *testing.T) {
	o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show.mkv", "spill": t.TempDir(), "split_minutes": 4.0 / 60})
	made := 0
	o.newMuxer = func(format string, tracks []media.Track, path string) (muxer, error) {
		m, err := newMuxer(format, tracks, path)
		if made++; made == 2 {
			m = &faultyMuxer{muxer: m, after: clipFPS * 3 / 2, err: syscall.ENOSPC}
		}
		return m, err
	}
	var e events
	o.files = e.add
	o.Mark(outputs.Mark{At: 3 * time.Second, Name: "a"})
	o.Mark(outputs.Mark{At: 4500 * time.Millisecond, Name: "b"})
	feed := newFastFeed(t)
	for i, p := range feed.coded.Packets { // pictures decoded long before they are shown
		if q := *p; !p.Audio {
			q.DTS -= media.UnitsIn(2*time.Second, feed.coded.Tracks[p.Track].TimeBase)
			feed.coded.Packets[i] = &q
		}
	}
	feed.sort()
	if err := o.Run(t.Context(), feed); err != nil {
		t.Fatal(err)
	}
	files := e.closed()
	if len(files) != 3 || files[1].Problem == "" {
		t.Fatalf("files %+v", files)
	}
	for i, want := range []outputs.Chapter{{At: 3 * time.Second, Name: "a"}, {At: 500 * time.Millisecond, Name: "b"}} {
		if got := files[i].Chapters; len(got) != 2 || got[1] != want {
			t.Errorf("part %d has %+v, want %+v", i+1, got, want)
		}
	}
}

// TestFullRightAfterAPause: the file on the second disk has pictures of before the pause, and says
// what it leaves out.
func TestFullRightAfterAPause(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	o := newRecorder(t, map[string]any{"path": first + "/show.mkv", "spill": second})
	made := 0
	o.newMuxer = func(format string, tracks []media.Track, path string) (muxer, error) {
		m, err := newMuxer(format, tracks, path)
		if made++; made == 1 {
			m = &faultyMuxer{muxer: m, after: 2*(clipFPS+47) + 20, err: syscall.ENOSPC} // soon after it goes on
		}
		return m, err
	}
	var e events
	o.files = e.add
	o.Pause(2*time.Second, true)
	o.Pause(3*time.Second, false)
	if err := o.Run(t.Context(), newFastFeed(t)); err != nil {
		t.Fatal(err)
	}
	var begun time.Duration
	var left []outputs.Pause
	for _, v := range e.list {
		switch {
		case filepath.Dir(v.Path) != second:
		case v.Begun:
			begun = v.First
		case v.Left != nil:
			left = append(left, *v.Left)
		}
	}
	if want := (outputs.Pause{From: 2 * time.Second, Until: 3 * time.Second}); begun >= 2*time.Second || len(left) != 1 || left[0] != want {
		t.Errorf("the second file begins with %v and leaves out %v, want %v", begun, left, want)
	}
}

// TestDiskTakenAway: the volume goes while it is written to, as when a cable is pulled and
// the kernel keeps the file open.
func TestDiskTakenAway(t *testing.T) {
	for _, spill := range []bool{false, true} {
		t.Run(fmt.Sprint("second folder ", spill), func(t *testing.T) {
			first, second := t.TempDir(), t.TempDir()
			if err := syscall.Mount("tmpfs", first, "tmpfs", 0, "size=200m"); err != nil {
				t.Fatal(err)
			}
			root, err := os.Open(first) // the way to the files afterwards
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			settings := map[string]any{"path": first + "/show.mkv", "spill_below_mb": 100}
			if spill {
				settings["spill"] = second
			}
			feed := testkit.NewRecordFeed(t, 8)
			o := newRecorder(t, settings)
			var e events
			o.files = e.add
			rec := run(t, o, feed)
			feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
			if err := syscall.Unmount(first, syscall.MNT_DETACH); err != nil {
				t.Fatal(err)
			}
			if !spill {
				if err := rec.wait(t, 20*time.Second); err == nil || !outputs.IsPermanent(err) || !strings.Contains(err.Error(), "was taken away; what was recorded") {
					t.Errorf("got %v", err)
				}
				return
			}
			r := feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.Part == 2 && r.State == outputs.Confirmed })
			if !strings.Contains(r.Warning, "was taken away") {
				t.Errorf("warned %q", r.Warning)
			}
			feed.End()
			if err := rec.wait(t, 20*time.Second); err != nil {
				t.Fatal(err)
			}
			files := e.closed()
			if len(files) != 2 || files[1].Path != filepath.Join(second, "show part 2.mkv") {
				t.Fatalf("files %+v", files)
			}
			files[0].Path = fmt.Sprintf("/proc/self/fd/%d/show.mkv", root.Fd())
			wantAll(t, false, files...)
		})
	}
}

// TestFirstDiskRefuses: the recording begins on the second one.
func TestFirstDiskRefuses(t *testing.T) {
	first, second := mountTmpfs(t, "size=60m,ro"), t.TempDir()
	feed := newFastFeed(t)
	o := newRecorder(t, map[string]any{"path": first + "/show.mkv", "spill": second})
	if err := o.Run(t.Context(), feed); err != nil {
		t.Fatal(err)
	}
	if last := feed.reports[len(feed.reports)-1]; last.Path != second+"/show.mkv" || !strings.Contains(last.Warning, "recording in "+second+" instead") {
		t.Errorf("report %+v", last)
	}
}

func TestDeletedFile(t *testing.T) {
	dir := t.TempDir()
	feed := testkit.NewRecordFeed(t, 1)
	rec := run(t, newRecorder(t, map[string]any{"path": dir + "/show.mkv"}), feed)
	feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
	if err := os.Rename(dir+"/show.mkv", dir+"/named.mkv"); err != nil {
		t.Fatal(err)
	}
	feed.Await(t, 15*time.Second, feed.Reported(), testkit.InState(outputs.Confirmed)) // goes on
	if err := os.Remove(dir + "/named.mkv"); err != nil {
		t.Fatal(err)
	}
	if err := rec.wait(t, 20*time.Second); err == nil || !strings.Contains(err.Error(), "was deleted while it was recorded") {
		t.Errorf("got %v", err)
	}
}
