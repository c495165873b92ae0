package engine

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit"
)

// savedClip is something to save.
func savedClip(t *testing.T) clip {
	t.Helper()
	c := testkit.ReorderedClip(t)
	return clip{tracks: c.Tracks, packets: c.Packets}
}

// testSaver is a saver that tries again only when there is something new, and the newest that
// it has warned of.
func testSaver(t *testing.T) (*saver, *atomic.Pointer[string]) {
	t.Helper()
	var told atomic.Pointer[string]
	empty := ""
	told.Store(&empty)
	s := newSaver(func(text string) { told.Store(&text) }, func() { told.Store(&empty) })
	s.again = time.Hour
	t.Cleanup(func() { s.close() })
	return s, &told
}

// wantWaiting waits until so many replays wait, and the warning is as it should be.
func wantWaiting(t *testing.T, s *saver, told *atomic.Pointer[string], want int, text string) {
	t.Helper()
	ok := testkit.Within(10*time.Second, func() bool {
		_, n, problem := s.state()
		return n == want && (problem != "") == (text != "") && strings.Contains(*told.Load(), text) && (text != "" || *told.Load() == "")
	})
	if !ok {
		_, n, problem := s.state()
		t.Fatalf("%d wait (%q), it says %q; want %d and %q", n, problem, *told.Load(), want, text)
	}
}

// TestReplaysGoToAnotherFolder: a replay whose folder cannot be written keeps no later one
// back, and goes along to the folder that is chosen then.
func TestReplaysGoToAnotherFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad, good := filepath.Join(dir, "a file"), filepath.Join(dir, "good")
	if err := os.WriteFile(bad, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s, told := testSaver(t)
	c := savedClip(t)
	s.save(saveJob{clip: c, folder: bad, name: "first", container: "mkv"})
	wantWaiting(t, s, told, 1, "cannot be saved")
	for range maxUnsaved { // one too many
		s.save(saveJob{clip: c, folder: bad, name: "more", container: "mkv"})
	}
	wantWaiting(t, s, told, maxUnsaved, "the oldest had to be let go (1)")
	s.save(saveJob{clip: c, folder: good, name: "last", container: "mkv"})
	wantWaiting(t, s, told, 0, "")
	for _, name := range []string{"last.mkv", "more.mkv", "more (2).mkv", "more (3).mkv"} {
		if _, err := os.Stat(filepath.Join(good, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestReplaysLeaveRoom: a replay is not saved where it would take the room below which
// recordings stop; it waits.
func TestReplaysLeaveRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, told := testSaver(t)
	c := savedClip(t)
	var free atomic.Int64
	free.Store(saveLeaves + 1000)
	s.free = func(string) (int64, error) { return free.Load(), nil }
	s.save(saveJob{clip: c, folder: dir, name: "one", container: "mkv"})
	wantWaiting(t, s, told, 1, "50 MB are free")
	if list, _ := filepath.Glob(filepath.Join(dir, "*")); len(list) > 0 {
		t.Errorf("it wrote %q", list)
	}
	free.Store(1 << 30)
	s.save(saveJob{clip: c, folder: dir, name: "two", container: "mkv"})
	wantWaiting(t, s, told, 0, "")
	if list, _ := filepath.Glob(filepath.Join(dir, "*.mkv")); len(list) != 2 {
		t.Errorf("it saved %q", list)
	}
}

// TestReplaysHaveTheContainerThatIsChosen: each that the window offers.
func TestReplaysHaveTheContainerThatIsChosen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, told := testSaver(t)
	c := savedClip(t)
	pictures := 0
	for _, p := range c.packets {
		if !p.Audio {
			pictures++
		}
	}
	for _, want := range []string{"mkv", "mp4", "mov", "ts"} {
		folder, container := replayPlace([]byte(`{"path":"replays","container":"`+want+`"}`), dir)
		if folder != filepath.Join(dir, "replays") || container != want {
			t.Errorf("%s: saved as %s to %s", want, container, folder)
		}
		s.save(saveJob{clip: c, folder: folder, name: "replay", container: container})
		wantWaiting(t, s, told, 0, "")
		if d := testkit.Demux(t, filepath.Join(folder, "replay."+want)); d.Video != pictures || d.Audio == 0 {
			t.Errorf("%s: %d pictures and %d packets of sound, want %d pictures", want, d.Video, d.Audio, pictures)
		}
	}
}
