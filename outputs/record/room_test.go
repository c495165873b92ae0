package record

import (
	"testing"
	"time"
)

// TestRoomLeft: a disk that several recordings fill lasts as long as all of them leave it.
func TestRoomLeft(t *testing.T) {
	var m roomMeter
	start := time.Now()
	const mb = 1 << 20
	for _, c := range []struct {
		name string
		at   time.Duration
		dir  string
		free int64
		own  float64 // MB a second
		want time.Duration
	}{
		{"nothing written", 0, "/a", 1050 * mb, 0, 0},
		{"its own rate", time.Second, "/a", 1050 * mb, 1, 1000 * time.Second},
		{"three more beside it", 10 * time.Second, "/a", 1010 * mb, 1, 240 * time.Second},
		{"somebody made room", 20 * time.Second, "/a", 2050 * mb, 1, 2000 * time.Second},
		{"only the last minute counts", 75 * time.Second, "/a", 1500 * mb, 1, 145 * time.Second}, // 550 MB in 55 s
		{"another disk", 76 * time.Second, "/b", 150 * mb, 2, 50 * time.Second},
		{"less than is for use", 77 * time.Second, "/b", 40 * mb, 2, 0},
	} {
		if got := m.left(c.dir, start.Add(c.at), c.free, c.own*mb); (got - c.want).Abs() > time.Second {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestRoomWithoutPauses: a pause does not make the disk last longer than it will.
func TestRoomWithoutPauses(t *testing.T) {
	o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show.mkv"})
	feed := newFastFeed(t)
	s := newSession(t.Context(), o, feed, "", "show")
	g := &segment{path: "show.mkv", dir: "/a"}
	g.free.Store(stopBelow + 100<<20)
	g.written.Store(10 << 20)
	s.open = []*segment{g}
	s.present.Store(g)
	s.length.Store(int64(time.Second))
	s.tell(time.Now())
	if got := feed.reports[len(feed.reports)-1].Room; got != 0 {
		t.Errorf("room for %v after a second, of which nothing follows", got)
	}
	s.length.Store(int64(10 * time.Second))
	s.tell(time.Now())
	if got := feed.reports[len(feed.reports)-1].Room; (got - 100*time.Second).Abs() > time.Second {
		t.Errorf("room for %v, want 100 s", got)
	}
}
