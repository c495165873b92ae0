package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
)

// What is measured here is the recorded file: by how much a source's sound is later than
// its pictures, against what was asked for.
//
// A picture can only be shown at a tick, up to a frame after its time, which is no fault of
// the sync. So the clips run at another rate than the studio: each picture n, of PTS n/29 s,
// that is first shown at tick T was due then and not yet at the tick before. That bounds by
// how much the source's pictures are delayed, and since the two rates meet at every phase,
// a second of pictures bounds it to a millisecond.
const (
	syncFPS   = 29
	syncEvery = 2 // seconds from beep to beep: -500 and +500 ms are not the same
	syncLimit = 5 * time.Millisecond
)

// syncBounds are what the pictures of camera in r within around of time at say of the delay
// from PTS to the studio's time there: what most of them agree on, and how many of how many
// do. A busy machine makes single pictures late. Where the queue is on its way to another
// length, so is the delay, by up to what the resampler does.
func syncBounds(r *testkit.Reading, camera uint8, at, from, to time.Duration) (least, most time.Duration, agree, pictures int) {
	frame := time.Second / fps
	type edge struct {
		at   time.Duration
		step int
	}
	for _, ppm := range []int{0, -500, 500, -1000, 1000, -1500, 1500, -2000, 2000, -2500, 2500, -3000, 3000, -3500, 3500} {
		var edges []edge
		pictures = 0
		for i := 1; i < len(r.Pictures); i++ {
			p, before := r.Pictures[i], r.Pictures[i-1].Code
			if p.PTS < from || p.PTS > to || !p.Code.OK || p.Code.Camera != camera || !before.OK || before.Camera != camera || p.Code.Number != before.Number+1 {
				continue
			}
			pts := media.TickTime(int64(p.Code.Number), media.NewRational(syncFPS, 1))
			// A tick shows the newest picture that is not more than a quarter of a frame early.
			shown := p.PTS - pts + frame/4 - (p.PTS-at)*time.Duration(ppm)/1_000_000
			edges = append(edges, edge{shown - frame, 1}, edge{shown, -1})
			pictures++
		}
		slices.SortFunc(edges, func(a, b edge) int { return int(a.at - b.at) })
		in, enough := 0, agree
		if ppm != 0 { // a line that is not level has to fit nearly all: late pictures lie on lines as well
			enough = max(agree, pictures*9/10)
		}
		for i, e := range edges {
			if in += e.step; in > enough && i+1 < len(edges) {
				enough, agree, least, most = in, in, e.at, edges[i+1].at
			}
		}
	}
	return least, most, agree, pictures
}

// syncError checks that the sound of r between from and to is later than its pictures by the
// delay: every beep against the pictures around it.
func syncError(t testing.TB, r *testkit.Reading, camera uint8, from, to, delay time.Duration) {
	t.Helper()
	if n, unclear := syncMeasure(t, r, camera, from, to, delay); len(unclear) > 0 {
		t.Error(strings.Join(unclear, "\n"))
	} else if n == 0 {
		t.Errorf("%s, delay %v: no beep between %v and %v", r.Name, delay, from, to)
	}
}

// syncMeasure is syncError where pictures may be so uneven that nothing can be measured: it
// returns how many beeps could be, and what is said of the others.
func syncMeasure(t testing.TB, r *testkit.Reading, camera uint8, from, to, delay time.Duration) (measured int, unclear []string) {
	t.Helper()
	const period, around = syncEvery * time.Second, time.Second
	const enough = syncFPS / 2
	for _, b := range r.Beeps {
		if b < from || b > to {
			continue
		}
		what := fmt.Sprintf("%s, delay %v, beep at %v", r.Name, delay, b)
		least, most, agree, pictures := syncBounds(r, camera, b, b-around, min(b+around, to))
		shown, slack := (least+most)/2, (most-least)/2
		if agree < enough || agree < pictures*3/4 || slack > syncLimit/2 {
			unclear = append(unclear, fmt.Sprintf("%s: %d of %d pictures are shown %v to %v after their time: not one delay", what, agree, pictures, least, most))
			continue
		}
		measured++
		off := (b - shown - delay) % period
		if off > period/2 {
			off -= period
		} else if off < -period/2 {
			off += period
		}
		t.Logf("%s: sound %v late, within %v", what, off.Round(10*time.Microsecond), slack.Round(10*time.Microsecond))
		if off.Abs()+slack > syncLimit {
			t.Errorf("%s: sound is %v too late, known within %v; want at most %v", what, off, slack, syncLimit)
		}
	}
	return measured, unclear
}

var syncDelays = []int{-500, 0, 500}

// recorded renders a show with one source on the virtual clock and reads its recording.
func recorded(t testing.TB, name string, source object, seconds int) *testkit.Reading {
	t.Helper()
	path := filepath.Join(t.TempDir(), "show.mkv")
	doc := document(t, 320, 180, fps, object{
		"sources": []object{source}, "scenes": []object{{"id": "s", "layers": []object{{"source": source["id"]}}}},
		"recordings": []object{{"id": "rec", "settings": object{"path": path}}},
		"start":      object{"program": "s"},
	})
	s := openStudio(t, doc, engine.Options{Clock: media.NewVirtualClock(), Ticks: int64(seconds * fps),
		Commands: []engine.Timed{{Command: engine.StartRecording{}}}}, nil)
	s.begin()
	s.await(5 * time.Minute)
	return testkit.Read(t, name, path)
}

// TestSyncOfLoop: a looped file's second and third round, of three containers, on the virtual
// clock. A round is whole periods of beeps, so that it does not matter which round a beep
// near its ends is of.
func TestSyncOfLoop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const round = 4 * time.Second
	for name, format := range map[string]string{"loop.mp4": "mp4", "loop.mkv": "matroska", "loop.ts": "mpegts"} {
		path := filepath.Join(dir, name)
		testkit.Clip{Format: format, FPS: media.NewRational(syncFPS, 1), Camera: 7, Seconds: int(round.Seconds()), Every: syncEvery, BFrames: 2}.Write(t, path)
		delays := syncDelays
		if format != "mp4" {
			delays = []int{0} // what a delay does is the same for all
		}
		for _, delay := range delays {
			r := recorded(t, name, object{"id": "f", "kind": "file", "settings": object{"path": path, "loop": true}, "audio": object{"delay_ms": delay}}, 12)
			for _, from := range []time.Duration{round, 2 * round} {
				// In the middle of the round, with a second of its pictures on either side.
				syncError(t, r, 7, from+1200*time.Millisecond, from+2800*time.Millisecond, time.Duration(delay)*time.Millisecond)
			}
		}
	}
}

// TestSyncOfReplay: five seconds of the programme are shown again by a replay source.
func TestSyncOfReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clip := filepath.Join(dir, "clip.mp4")
	testkit.Clip{FPS: media.NewRational(syncFPS, 1), Camera: 7, Seconds: 8, Every: syncEvery, BFrames: 2}.Write(t, clip)
	for _, delay := range syncDelays {
		path := filepath.Join(dir, fmt.Sprintf("show%+d.mkv", delay))
		doc := document(t, 320, 180, fps, object{
			"sources": []object{
				{"id": "f", "kind": "file", "settings": object{"path": clip}, "audio": object{"on_air": "afv"}},
				{"id": "again", "kind": "replay", "audio": object{"on_air": "afv", "delay_ms": delay}},
			},
			"scenes":     []object{{"id": "s", "layers": []object{{"source": "f"}}}, {"id": "r", "layers": []object{{"source": "again"}}}},
			"recordings": []object{{"id": "rec", "settings": object{"path": path}}},
			"start":      object{"program": "s", "preview": "r"},
		})
		s := openStudio(t, doc, engine.Options{Clock: media.NewVirtualClock(), Ticks: 12 * fps, Commands: []engine.Timed{
			{Command: engine.StartRecording{}},
			{Command: &engine.StartReplay{}},
			{Tick: fps, Command: &engine.MarkReplay{Point: "in"}},
			{Tick: 6 * fps, Command: &engine.MarkReplay{Point: "out"}},
			{Tick: 7 * fps, Command: &engine.PlayReplay{Source: "again", Speed: 1}},
			{Tick: 7 * fps, Command: &engine.Cut{}},
		}}, nil)
		s.begin()
		s.await(5 * time.Minute)
		syncError(t, testkit.Read(t, "replay", path), 7, 8200*time.Millisecond, 11800*time.Millisecond, time.Duration(delay)*time.Millisecond)
	}
}

// TestSyncOfFiles: files of three containers, and the synthetic camera, on the virtual clock.
func TestSyncOfFiles(t *testing.T) {
	dir := t.TempDir()
	for name, format := range map[string]string{"clip.mp4": "mp4", "clip.mkv": "matroska", "clip.ts": "mpegts"} {
		path := filepath.Join(dir, name)
		testkit.Clip{Format: format, FPS: media.NewRational(syncFPS, 1), Camera: 7, Seconds: 7, Every: syncEvery, BFrames: 2}.Write(t, path)
		for _, delay := range syncDelays {
			r := recorded(t, name, object{"id": "f", "kind": "file", "settings": object{"path": path}, "audio": object{"delay_ms": delay}}, 6)
			syncError(t, r, 7, time.Second, 5500*time.Millisecond, time.Duration(delay)*time.Millisecond)
		}
	}
	// The synthetic camera runs at the studio's rate and flashes every second.
	for _, delay := range append(syncDelays, 300, -300) {
		r := recorded(t, "synthetic", object{"id": "c", "kind": "synthetic", "settings": object{"camera": 1}, "audio": object{"delay_ms": delay}}, 4)
		want := time.Duration(delay) * time.Millisecond
		flashes := 0
		for i, p := range r.Pictures {
			if i == 0 || !p.Code.Flash || r.Pictures[i-1].Code.Flash || p.PTS+want < 200*time.Millisecond || p.PTS+want > 3900*time.Millisecond {
				continue
			}
			near := time.Hour
			for _, b := range r.Beeps {
				if d := b - p.PTS - want; d.Abs() < near.Abs() {
					near = d
				}
			}
			if flashes++; near.Abs() > syncLimit {
				t.Errorf("synthetic, delay %v: the beep of the flash at %v is %v off", want, p.PTS, near)
			}
		}
		if flashes < 2 {
			t.Errorf("synthetic, delay %v: %d flashes", want, flashes)
		}
	}
}
