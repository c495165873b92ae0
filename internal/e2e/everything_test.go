package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

const (
	fps       = 30
	gop       = 2 * fps
	mixFrames = 9
	// oneFrame is the A/V offset that a viewer is owed at most.
	oneFrame = time.Second / fps
	srtPass  = "a passphrase for the test"
)

// runLength is how long the long run is.
func runLength(t testing.TB) time.Duration {
	text := os.Getenv("CROSSPOINT_E2E_SECONDS")
	if text == "" {
		return time.Minute
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 10 {
		t.Fatalf("CROSSPOINT_E2E_SECONDS is %q; it is a number from 10 on", text)
	}
	return time.Duration(n) * time.Second
}

// change is one cut or mix of the command list.
type change struct {
	tick   int64
	camera uint8 // what is on programme from then on
	mix    bool
}

// changes are cuts and mixes in turn, from camera 1 to another and back, at ticks
// that fall on no second and no keyframe.
func changes(ticks int64) (list []change) {
	others := []uint8{2, 3, 4}
	for i, tick := 0, int64(47); tick < ticks-40; i, tick = i+1, tick+67 {
		c := change{tick: tick, camera: 1, mix: i%4 >= 2}
		if i%2 == 0 {
			c.camera = others[i/2%3]
		}
		list = append(list, c)
	}
	return list
}

func commandsOf(list []change) (out []engine.Timed) {
	for _, c := range list {
		scene := fmt.Sprintf("s%d", c.camera)
		if c.mix {
			out = append(out, engine.Timed{Tick: c.tick, Command: engine.Preview{Scene: scene}}, engine.Timed{Tick: c.tick, Command: engine.AutoTake{}})
		} else {
			out = append(out, engine.Timed{Tick: c.tick, Command: engine.Cut{Scene: scene}})
		}
	}
	return out
}

// judgeProgramme checks the programme itself against the command list: every camera
// on its ticks, sound with pictures, and, when the machine kept up, none of a camera's
// pictures left out or shown twice.
func judgeProgramme(t testing.TB, tr *testkit.Truth, list []change, ticks int64, keptUp bool) {
	t.Helper()
	codes := tr.Codes()
	if int64(len(codes)) != ticks {
		t.Fatalf("the programme has %d ticks, want %d", len(codes), ticks)
	}
	on, mixing, next := uint8(1), int64(0), 0
	var offsets [256]int64
	wrong := 0
	complain := func(format string, args ...any) {
		t.Helper()
		if wrong++; wrong <= 10 {
			t.Errorf(format, args...)
		}
	}
	for tick, c := range codes {
		tick := int64(tick)
		if next < len(list) && list[next].tick == tick {
			on = list[next].camera
			if list[next].mix {
				mixing = tick + mixFrames
			}
			next++
		}
		if tick <= mixing && mixing > 0 {
			continue // a mix: two counters at once
		}
		switch {
		case !c.OK:
			complain("programme tick %d: no counter, want camera %d", tick, on)
			continue
		case c.Camera != on:
			complain("programme tick %d: camera %d, want camera %d: a cut is off its tick", tick, c.Camera, on)
			continue
		}
		if !keptUp {
			continue
		}
		// A camera's picture number and the tick keep their distance for good.
		if d := tick - int64(c.Number); offsets[c.Camera] == 0 {
			offsets[c.Camera] = d + 1
		} else if offsets[c.Camera] != d+1 {
			complain("programme tick %d: camera %d's picture %d, want %d", tick, c.Camera, c.Number, tick-offsets[c.Camera]+1)
			offsets[c.Camera] = d + 1
		}
	}
	if next != len(list) {
		t.Errorf("%d of %d changes were seen", next, len(list))
	}
	// Pictures and sound before encoding: the same beep, the same flash.
	first := slices.IndexFunc(codes, func(c testkit.Code) bool { return c.OK && c.Camera == testkit.FlashCamera })
	lag := media.TickTime(int64(first)-int64(codes[first].Number), tr.FPS)
	beeps := tr.Beeps()
	var worst time.Duration
	for _, b := range beeps {
		off := (b - lag) % time.Second
		if off > time.Second/2 {
			off -= time.Second
		}
		if off.Abs() > worst.Abs() {
			worst = off
		}
	}
	t.Logf("programme: %d ticks, %d changes, camera 1 began at tick %d, %d beeps, at most %v off their flash", len(codes), len(list), int64(first)-int64(codes[first].Number), len(beeps), worst)
	if want := int(ticks / fps); len(beeps) < want-1 || len(beeps) > want {
		t.Errorf("%d beeps in %d s", len(beeps), want)
	}
	if worst.Abs() > 2*time.Millisecond {
		t.Errorf("before encoding, sound and picture are already %v apart", worst)
	}
}

// wants is what a received stream has to be.
type wants struct {
	firstBy   int64 // its first tick is no later
	lastFrom  int64 // its last tick is no earlier
	extraKeys []int64
	flashes   int
	// disturbed: the machine did not keep up, and so notEncoded pictures may be missing.
	disturbed  bool
	notEncoded int64
}

// judge checks a received stream and returns its verdict.
func judge(t testing.TB, tr *testkit.Truth, name, path string, w wants) *testkit.Verdict {
	t.Helper()
	r := testkit.Read(t, name, path)
	v, err := tr.Judge(r)
	if err != nil {
		t.Error(err)
		return nil
	}
	t.Log(v)
	flashes := len(v.Offsets)
	if w.disturbed { // what was not shown, or not encoded, nobody can have
		w.firstBy, w.lastFrom, flashes = w.firstBy+w.notEncoded, w.lastFrom-w.notEncoded, flashes+v.Unclear+int(w.notEncoded)
	} else {
		w.notEncoded = 0
	}
	if int64(v.Lost) > w.notEncoded {
		t.Errorf("%s: %d pictures are missing, at ticks %v", name, v.Lost, v.Missing)
	}
	if v.Differences != 0 {
		t.Errorf("%s: %d pictures are not what was on programme: %q", name, v.Differences, v.Wrong)
	}
	if v.First > w.firstBy || v.Last < w.lastFrom {
		t.Errorf("%s: ticks %d..%d arrived; want from %d at the latest to %d at least", name, v.First, v.Last, w.firstBy, w.lastFrom)
	}
	if !slices.Contains(v.Keyframes, v.First) {
		t.Errorf("%s: the first picture, tick %d, is no keyframe", name, v.First)
	}
	extra, missing := v.ExtraKeyframes(gop)
	if len(missing) != 0 {
		t.Errorf("%s: there is no keyframe at ticks %v; one is due every %d", name, missing, gop)
	}
	for _, k := range extra {
		if !slices.Contains(w.extraKeys, k) {
			t.Errorf("%s: a keyframe at tick %d, which nobody asked for (asked for: %v)", name, k, w.extraKeys)
		}
	}
	if flashes < w.flashes {
		t.Errorf("%s: %d flashes with sound, want %d at least", name, len(v.Offsets), w.flashes)
	}
	if v.Worst().Abs() > oneFrame {
		t.Errorf("%s: sound and picture are up to %v apart (%v); one frame is %v", name, v.Worst(), v.Offsets, oneFrame)
	}
	// Every container rounds times to 1 ms at the worst.
	if v.Jitter > 2*time.Millisecond {
		t.Errorf("%s: picture times are up to %v off their ticks", name, v.Jitter)
	}
	if r.SoundGap > 3*time.Millisecond {
		t.Errorf("%s: the sound has a step of %v", name, r.SoundGap)
	}
	length := media.TickTime(v.Last-v.First+1, tr.FPS)
	if d := v.Sound - length; d.Abs() > 150*time.Millisecond+media.TickTime(w.notEncoded, tr.FPS) {
		t.Errorf("%s: %v of sound with %v of pictures", name, v.Sound, length)
	}
	if r.Damaged != 0 {
		t.Errorf("%s: %d packets could not be decoded", name, r.Damaged)
	}
	return v
}

// TestEverythingAtOnce: one rendition to RTMP, SRT with AES, WHIP, Matroska and MP4 at
// the same time, with cuts, mixes and a title; then every received stream and file is
// decoded and held against the programme, picture by picture.
func TestEverythingAtOnce(t *testing.T) {
	attempts.Run(t, 2, func(a *attempts.T) { everythingAtOnce(a) })
}

func everythingAtOnce(t testing.TB) {
	nginx, srt, whip := testkit.StartNginx(t), testkit.StartSRT(t, srtPass), testkit.StartWHIP(t, "token")
	dir := t.TempDir()
	ticks := media.UnitsIn(runLength(t), media.NewRational(1, fps))
	list := changes(ticks)
	doc := document(t, 1280, 720, fps, object{
		"sources": append(cameras(4), object{"id": "title", "kind": "text", "settings": object{
			"text": "Everything at once\nRTMP, SRT, WHIP and two files", "size": 40, "color": "#ffffff", "box": "#101828d0", "box_padding": 20,
			"align": "left", "valign": "middle", "width": 720, "height": 140, "max_lines": 2}}),
		"scenes": cameraScenes(4),
		"overlays": []object{{"id": "lower", "on": true, "layers": []object{
			{"source": "title", "fit": "none", "x": 64, "y": 532, "width": 720, "height": 140}}}},
		"transition": object{"kind": "mix", "frames": mixFrames},
		"renditions": []object{{"id": "main", "video": object{"width": 1280, "height": 720, "bitrate_kbps": 3000}}},
		"destinations": []object{
			{"id": "rtmp", "kind": "rtmp", "settings": object{"url": nginx.URL("live")}, "credential": "key"},
			{"id": "srt", "kind": "srt", "settings": object{"url": srt.URL(), "key_length": 32, "latency_ms": 200}, "credential": "pass"},
			{"id": "whip", "kind": "whip", "settings": object{"url": whip.URL("show")}, "credential": "token"},
		},
		"recordings": []object{
			{"id": "mkv", "settings": object{"path": filepath.Join(dir, "show.mkv")}},
			{"id": "mp4", "settings": object{"path": filepath.Join(dir, "show.mp4")}},
		},
		"start": object{"program": "s1", "preview": "s2"},
	})
	s := openStudio(t, doc, engine.Options{
		Ticks:    ticks,
		Commands: append([]engine.Timed{{Command: engine.GoLive{}}, {Command: engine.StartRecording{}}}, commandsOf(list)...),
	}, map[string]string{"key": "show", "pass": srtPass, "token": "token"})
	s.begin()
	ids := []string{"rtmp", "srt", "whip", "mkv", "mp4"}
	testkit.Eventually(t, 15*time.Second, "not every destination is live", func() bool {
		for _, id := range ids {
			if !s.seen.was(id, "live") {
				return false
			}
		}
		return true
	})
	s.awaitTick(ticks - 2*fps)
	plis := whip.PLIs("show")
	overheard := s.State()
	s.await(runLength(t) + 30*time.Second)
	for _, id := range ids {
		t.Logf("%s:\n\t%s", id, s.seen.story(id))
	}
	k := overheard.Counters
	t.Logf("tick %.1f ms (max %.1f of %.1f), compose %.1f ms; passthrough %d, rectangles %d, full %d; late %d, repeated %d", k.TickMS, k.TickMaxMS, k.BudgetMS, k.ComposeMS, k.Passthrough, k.Rects, k.Full, k.Late, k.Repeated)
	for _, r := range overheard.Renditions {
		t.Logf("encoder %s: %.1f ms a picture, %d dropped, %d b/s", r.Encoder, r.EncodeMS, r.Dropped, r.BitrateBPS)
	}
	if n := len(overheard.Renditions); n != 1 {
		t.Errorf("%d video encoders run, want one for all", n)
	}
	for _, id := range ids {
		d := s.destination(id)
		if d.Dropped != 0 || d.Reconnects != 0 {
			t.Errorf("%s: %d packets dropped, %d reconnects; want none", id, d.Dropped, d.Reconnects)
		}
	}
	kept, notEncoded := s.undisturbed(), s.notEncoded()
	judgeProgramme(t, s.truth, list, ticks, kept)

	// The WHIP server asks for keyframes when it joins (PLI). One encoder serves all,
	// so they come everywhere, at the same ticks, but never later than that.
	whipVerdict := judge(t, s.truth, "whip", whip.Recorded(t, "show"), wants{firstBy: 2 * gop, lastFrom: ticks - 1, flashes: int(ticks) / fps / 3, extraKeys: everyTick(5 * fps),
		disturbed: !kept, notEncoded: notEncoded})
	var extra []int64
	if whipVerdict != nil {
		extra, _ = whipVerdict.ExtraKeyframes(gop)
	}
	t.Logf("the WHIP server asked for %d keyframes; extra ones at ticks %v", plis, extra)
	joined := everyTick(5 * fps)
	if plis == 0 {
		joined = nil // nothing explains an extra keyframe
	}
	whole := wants{firstBy: 0, lastFrom: ticks - 1, flashes: int(ticks) / fps / 3, extraKeys: joined, disturbed: !kept, notEncoded: notEncoded}
	mkv := judge(t, s.truth, "mkv", filepath.Join(dir, "show.mkv"), whole)
	judge(t, s.truth, "mp4", filepath.Join(dir, "show.mp4"), whole)
	live := whole
	live.firstBy = 2 * gop
	judge(t, s.truth, "rtmp", nginx.Recorded("show"), live)
	judge(t, s.truth, "srt", srt.File, live)
	if mkv != nil && whipVerdict != nil {
		all, _ := mkv.ExtraKeyframes(gop)
		if int64(len(all)) > plis {
			t.Errorf("%d extra keyframes at %v for %d requests", len(all), all, plis)
		}
		for _, k := range extra {
			if !slices.Contains(mkv.Keyframes, k) {
				t.Errorf("the WHIP stream has a keyframe at tick %d that the recording has not: there is more than one encode", k)
			}
		}
	}
}

// everyTick are the ticks below n.
func everyTick(n int64) (list []int64) {
	for i := range n {
		list = append(list, i)
	}
	return list
}
