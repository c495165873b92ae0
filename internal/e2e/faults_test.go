package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// TestFaultyDestinations: one destination is killed, one frozen and thawed, three are
// refused. The operator is told each in a sentence; the healthy destination and the
// recording show nothing of it.
func TestFaultyDestinations(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { faultyDestinations(a) })
}

func faultyDestinations(t testing.TB) {
	const (
		length = 20 * time.Second
		ticks  = int64(length/time.Second) * fps
		wrong  = "not the passphrase of theirs"
		key    = "secret-stream-key"
	)
	good, doomed := testkit.StartNginx(t), testkit.StartNginx(t)
	frozen, locked := testkit.StartSRT(t, ""), testkit.StartSRT(t, srtPass)
	file := filepath.Join(t.TempDir(), "show.mkv")
	list := changes(ticks)
	destination := func(id, kind, url, credential string) object {
		return object{"id": id, "kind": kind, "settings": object{"url": url}, "credential": credential}
	}
	doc := document(t, 640, 360, fps, object{
		"sources": cameras(4), "scenes": cameraScenes(4), "transition": object{"kind": "mix", "frames": mixFrames},
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 1500}}},
		"destinations": []object{
			destination("healthy", "rtmp", good.URL("live"), "key"),
			destination("killed", "rtmp", doomed.URL("live"), "key"),
			destination("frozen", "srt", frozen.URL(), ""),
			destination("denied", "rtmp", good.URL("deny"), "key"),
			destination("unknown", "rtmp", good.URL("nosuchapplication"), "key"),
			destination("locked", "srt", locked.URL(), "wrong"),
		},
		"recordings": []object{{"id": "file", "settings": object{"path": file}}},
		"start":      object{"program": "s1", "preview": "s2"},
	})
	s := openStudio(t, doc, engine.Options{
		Ticks:    ticks,
		Commands: append([]engine.Timed{{Command: engine.GoLive{}}, {Command: engine.StartRecording{}}}, commandsOf(list)...),
	}, map[string]string{"key": key, "wrong": wrong})
	s.begin()
	for _, id := range []string{"healthy", "killed", "frozen", "file"} {
		testkit.Eventually(t, 10*time.Second, id+" is not live", func() bool { return s.seen.was(id, "live") })
	}
	s.awaitTick(5 * fps)
	doomed.Kill()
	frozen.Freeze()
	s.seen.forget("frozen")
	s.awaitTick(11 * fps)
	killed, denied, unknown, refused := s.destination("killed"), s.destination("denied"), s.destination("unknown"), s.destination("locked")
	if !s.seen.was("frozen", "degraded") && !s.seen.was("frozen", "waiting") {
		t.Errorf("six seconds after its far end froze, nothing is known of it:\n\t%s", s.seen.story("frozen"))
	}
	frozen.Thaw()
	s.seen.forget("frozen")
	s.await(length + 30*time.Second)
	back := s.seen.was("frozen", "live")
	for _, id := range []string{"healthy", "killed", "frozen", "denied", "unknown", "locked", "file"} {
		t.Logf("%s:\n\t%s", id, s.seen.story(id))
	}
	if !back {
		t.Error("the destination that was thawed is not live again")
	}
	for _, d := range []struct {
		what    string
		state   engine.DestinationState
		allowed []string
	}{
		{"the killed destination", killed, []string{"waiting", "connecting", "resolving", "handshaking"}},
		{"the destination that denies", denied, []string{"failed", "waiting", "connecting", "resolving", "handshaking"}},
		{"the unknown application", unknown, []string{"failed", "waiting", "connecting", "resolving", "handshaking"}},
		{"the wrong passphrase", refused, []string{"failed"}},
	} {
		is := d.state.Report.State.String()
		allowed := false
		for _, a := range d.allowed {
			allowed = allowed || a == is
		}
		if !allowed {
			t.Errorf("%s is %q, want one of %q", d.what, is, d.allowed)
		}
		sentence(t, d.what, d.state.Problem, key, wrong)
	}
	for _, id := range []string{"healthy", "file"} {
		if d := s.destination(id); d.Dropped != 0 || d.Reconnects != 0 {
			t.Errorf("%s: %d packets dropped, %d reconnects; the others' faults are none of its", id, d.Dropped, d.Reconnects)
		}
	}
	kept := s.undisturbed()
	judgeProgramme(t, s.truth, list, ticks, kept)
	// The one that is thawed connects anew some time after that, and so that it need not
	// wait for the next, a keyframe is made for it: one, which all of one encode get.
	w := wants{firstBy: 2 * gop, lastFrom: ticks - 1, flashes: 4, extraKeys: everyTick(ticks)[11*fps:], disturbed: !kept, notEncoded: s.notEncoded()}
	healthy := judge(t, s.truth, "rtmp", good.Recorded(key), w)
	w.firstBy = 0
	judge(t, s.truth, "file", file, w)
	if healthy != nil {
		if extra, _ := healthy.ExtraKeyframes(gop); len(extra) > int(s.destination("frozen").Reconnects) {
			t.Errorf("%d extra keyframes at %v for %d reconnects", len(extra), extra, s.destination("frozen").Reconnects)
		}
	}
	if got := media.TickTime(s.tapped.Load()+1, s.truth.FPS); got != length {
		t.Errorf("the show lasted %v, want %v", got, length)
	}
}
