package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
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

// syncBounds are what the pictures of camera in r between from and to say of the delay from
// PTS to the studio's time: what most of them agree on, and how many of how many do. A busy
// machine makes single pictures late.
func syncBounds(r *testkit.Reading, camera uint8, from, to time.Duration) (least, most time.Duration, agree, pictures int) {
	frame := time.Second / fps
	type edge struct {
		at   time.Duration
		step int
	}
	var edges []edge
	for i := 1; i < len(r.Pictures); i++ {
		p, before := r.Pictures[i], r.Pictures[i-1].Code
		if p.PTS < from || p.PTS > to || !p.Code.OK || p.Code.Camera != camera || !before.OK || before.Camera != camera || p.Code.Number != before.Number+1 {
			continue
		}
		pts := media.TickTime(int64(p.Code.Number), media.NewRational(syncFPS, 1))
		// A tick shows the newest picture that is not more than a quarter of a frame early.
		shown := p.PTS - pts + frame/4
		edges = append(edges, edge{shown - frame, 1}, edge{shown, -1})
		pictures++
	}
	slices.SortFunc(edges, func(a, b edge) int { return int(a.at - b.at) })
	in := 0
	for i, e := range edges {
		if in += e.step; in > agree && i+1 < len(edges) {
			agree, least, most = in, e.at, edges[i+1].at
		}
	}
	return least, most, agree, pictures
}

// syncError checks that the sound of r between from and to is later than its pictures by the
// delay: every beep against the pictures around it.
func syncError(t testing.TB, r *testkit.Reading, camera uint8, from, to, delay time.Duration) {
	t.Helper()
	const period, around = syncEvery * time.Second, time.Second
	n := 0
	for _, b := range r.Beeps {
		if b < from || b > to {
			continue
		}
		n++
		what := fmt.Sprintf("%s, delay %v, beep at %v", r.Name, delay, b)
		least, most, agree, pictures := syncBounds(r, camera, b-around, min(b+around, to))
		shown, slack := (least+most)/2, (most-least)/2
		if pictures < syncFPS/2 || agree < pictures*3/4 || slack > syncLimit/2 {
			t.Errorf("%s: %d of %d pictures are shown %v to %v after their time: not one delay", what, agree, pictures, least, most)
			continue
		}
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
	if n == 0 {
		t.Errorf("%s, delay %v: no beep between %v and %v", r.Name, delay, from, to)
	}
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
	s.await(time.Minute)
	return testkit.Read(t, name, path)
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

// TestSyncOfNetwork: sources on the network in real time, over UDP and SRT, one after the
// other on programme, with each delay.
func TestSyncOfNetwork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clip := func(name string, camera uint8) string {
		path := filepath.Join(dir, name)
		testkit.Clip{Format: "mpegts", FPS: media.NewRational(syncFPS, 1), Camera: camera, Seconds: 90, Every: syncEvery}.Write(t, path)
		return path
	}
	udp, srt := testkit.FreePort(t), testkit.FreePort(t)
	sendUDP(t, clip("udp.ts", 8), udp)
	testkit.Start(t, nil, testkit.Program(t, "ffmpeg"), "-v", "error", "-re", "-i", clip("srt.ts", 9),
		"-c", "copy", "-f", "mpegts", fmt.Sprintf("srt://127.0.0.1:%d?mode=listener", srt))
	path := filepath.Join(dir, "show.mkv")
	muted := object{"muted": true}
	doc := document(t, 320, 180, fps, object{
		"sources": []object{
			{"id": "udp", "kind": "network", "settings": object{"url": fmt.Sprintf("udp://127.0.0.1:%d", udp)}, "audio": muted},
			{"id": "srt", "kind": "network", "settings": object{"url": fmt.Sprintf("srt://127.0.0.1:%d", srt)}, "audio": muted},
		},
		"scenes": []object{
			{"id": "onudp", "layers": []object{{"source": "udp"}}},
			{"id": "onsrt", "layers": []object{{"source": "srt"}}},
		},
		"recordings": []object{{"id": "rec", "settings": object{"path": path}}},
		"start":      object{"program": "onudp", "preview": "onsrt"},
	})
	var p picture
	s := openStudio(t, doc, engine.Options{Tap: p.tap, Commands: []engine.Timed{{Command: engine.StartRecording{}}}}, nil)
	s.begin()
	p.awaitCamera(t, 15*time.Second, 8)
	testkit.Eventually(t, 15*time.Second, "the SRT source does not run", func() bool { return s.source("srt").Status == engine.SourceRunning })
	s.awaitTick(s.tapped.Load() + 5*fps) // how uneven they arrive is known by then
	type phase struct {
		source   string
		camera   uint8
		from, to int64
		delay    int
	}
	var phases []phase
	on, off := false, true
	for _, ph := range []phase{{source: "udp", camera: 8, delay: 0}, {source: "udp", camera: 8, delay: -500}, {source: "udp", camera: 8, delay: 500},
		{source: "srt", camera: 9, delay: 0}, {source: "srt", camera: 9, delay: -500}, {source: "srt", camera: 9, delay: 500}} {
		for _, id := range []string{"udp", "srt"} {
			mute := &off
			if id == ph.source {
				mute = &on
			}
			s.do(engine.SetStrip{Source: id, Muted: mute, DelayMS: &ph.delay})
		}
		s.do(engine.Cut{Scene: "on" + ph.source})
		// A machine that stops for a moment passes over pictures or is out of sound: then it is
		// measured anew. That the queue glides does not matter, since pictures go with it.
		for try := 1; ; try++ {
			ph.from = s.tapped.Load() + 3*fps // until then it settles
			ph.to = ph.from + (syncEvery*10+5)*fps/10
			s.awaitTick(ph.from)
			before, missed := s.source(ph.source), s.State().Counters.Late
			s.awaitTick(ph.to)
			after := s.source(ph.source)
			skipped, silent := after.Skipped-before.Skipped, after.Underruns-before.Underruns
			if try == 3 || skipped < 4 && silent == 0 && s.State().Counters.Late-missed < 4 {
				break
			}
			t.Logf("%s, delay %d ms, try %d: %d pictures skipped, %d frames of silence", ph.source, ph.delay, try, skipped, silent)
		}
		phases = append(phases, ph)
	}
	v := [2]engine.SourceState{s.source("udp"), s.source("srt")}
	s.stop()
	r := testkit.Read(t, "network", path)
	for _, ph := range phases {
		r.Name = ph.source
		at := func(tick int64) time.Duration { return media.TickTime(tick, s.truth.FPS) }
		syncError(t, r, ph.camera, at(ph.from), at(ph.to), time.Duration(ph.delay)*time.Millisecond)
	}
	for _, st := range v {
		t.Logf("%s: %.1f ppm, queue %.0f ms, %d frames of silence, %d pictures skipped, %d dropped", st.ID, st.DriftPPM, st.QueueMS, st.Underruns, st.Skipped, st.Dropped)
	}
}
