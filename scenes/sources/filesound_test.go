package sources

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// soundFile runs a file of sound alone until cond.
func soundFile(t *testing.T, settings string, what string, cond func(*recorder) bool) (Clip, *recorder, *running) {
	t.Helper()
	checkLeaks(t)
	src, err := File().New(json.RawMessage(settings), virtual(fps25))
	if err != nil {
		t.Fatal(err)
	}
	sink := newRecorder(Paced, 1000, 0)
	work := start(t, src, sink)
	sink.until(t, 10*time.Second, what, func() bool { return cond(sink) })
	return src.(Clip), sink, work
}

// Paused, a file without pictures waits: it is not read to its end, nor over and over.
func TestFileOfSoundPauses(t *testing.T) {
	blind := clip
	blind.blind = true
	path := makeFile(t, filepath.Join(t.TempDir(), "a.wav"), blind, "-c:a", "pcm_s16le")
	src, sink, work := soundFile(t, settingsOf("path", path, "loop", true, "paused", true), "the pause at the start",
		func(r *recorder) bool { return r.holds == 1 })
	if sink.hasSound {
		t.Error("sound while paused")
	}
	src.(Pauser).PauseAt(time.Second - intoPicture)
	sink.until(t, 10*time.Second, "the pause at the second beep", func() bool { return sink.holds == 2 })
	if sink.hasSound {
		t.Error("sound while paused")
	}
	src.SetPaused(false)
	sink.until(t, 10*time.Second, "sound", func() bool { return len(sink.sound) > media.SampleRateHz })
	_ = work.stop() // ended by us
	if got := beeps(sink.sound); len(got) == 0 || got[0] > 48 {
		t.Errorf("beeps at %v, want one at once", got)
	}
	for _, f := range sink.faults {
		t.Error(f)
	}
}
