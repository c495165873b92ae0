package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/scenes"
)

// rssSlack is what allocators may keep: resident memory goes up and down by some 10 MB
// between rounds of 200. One picture leaked with each source would be 17 MB, one
// decoder far more.
const rssSlack = 14 << 20

// TestSourcesLeakNothing: 200 sources of several kinds are added, run, and are removed
// again while the programme goes on.
func TestSourcesLeakNothing(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { sourcesLeakNothing(a) })
}

func sourcesLeakNothing(t testing.TB) {
	clip := filepath.Join(t.TempDir(), "clip.mp4")
	testkit.Clip{Camera: 9, Seconds: 3}.Write(t, clip)
	doc := document(t, 320, 180, 60, object{"sources": cameras(1), "scenes": cameraScenes(1), "start": object{"program": "s1", "preview": "s1"}})
	s := openStudio(t, doc, engine.Options{}, nil)
	s.begin()
	s.awaitTick(5)
	const atOnce = 8
	round := func(n int) {
		t.Helper()
		ids := make([]string, atOnce)
		for i := range ids {
			ids[i] = fmt.Sprintf("extra%d-%d", n, i)
			v := scenes.Source{ID: ids[i], Name: ids[i], Settings: []byte(`{}`)}
			switch i % 4 {
			case 0:
				v.Kind, v.Settings = "file", []byte(fmt.Sprintf(`{"path":%q,"loop":true}`, clip))
			case 1:
				v.Kind, v.Settings = "synthetic", []byte(fmt.Sprintf(`{"camera":%d}`, 1+n%8))
			case 2:
				v.Kind, v.Settings = "text", []byte(fmt.Sprintf(`{"text":"round %d"}`, n))
			default:
				v.Kind = "bars"
			}
			s.do(engine.AddSource{Source: v})
		}
		// The programme looks at one of them, so that its textures are made too.
		s.do(engine.Cut{Scene: ids[n%atOnce]})
		testkit.Eventually(t, 30*time.Second, "the sources of a round do not run", func() bool {
			for _, id := range ids {
				v := s.source(id)
				if v.Status == engine.SourceFailed || v.Status == engine.SourceWaiting {
					t.Fatalf("%s (%s): %s %s", id, v.Kind, v.Status, v.Problem)
				}
				if v.Frames == 0 {
					return false
				}
			}
			return true
		})
		s.do(engine.Cut{Scene: "s1"})
		for _, id := range ids {
			s.do(engine.RemoveSource{ID: id, Cascade: true})
		}
	}
	// Pools, caches and malloc's arenas get their size: seen to take 200 sources, and to
	// stay there for 1200 more.
	for n := range 200 / atOnce {
		round(n)
	}
	before := settled(t)
	for n := range 200 / atOnce {
		round(100 + n)
	}
	after := testkit.Settles(t, before, rssSlack, 10*time.Second)
	t.Logf("before %v; after 200 sources %v", before, after)
	if n := len(s.State().Sources); n != 1 {
		t.Errorf("%d sources are left", n)
	}
	s.stop()
}

// settled measures once goroutines and files have stopped shrinking, for a second; they
// are given ten.
func settled(t testing.TB) testkit.Resources {
	t.Helper()
	now := testkit.Measure(t)
	for look, same := 0, 0; look < 50 && same < 5; look, same = look+1, same+1 {
		<-time.After(200 * time.Millisecond)
		next := testkit.Measure(t)
		if next.Goroutines < now.Goroutines || next.Files < now.Files {
			same = 0
		}
		now = next
	}
	return now
}

// rudeServer accepts connections and closes them at once.
type rudeServer struct {
	port     int
	accepted atomic.Int64
}

func newRudeServer(t testing.TB) *rudeServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rudeServer{port: l.Addr().(*net.TCPAddr).Port}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.accepted.Add(1)
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // Accept returns
		wg.Wait()
	})
	return r
}

// TestReconnectsLeakNothing: many destinations of every protocol reconnect, 200 times
// and more together, to servers that hang up or are not there.
func TestReconnectsLeakNothing(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { reconnectsLeakNothing(a) })
}

func reconnectsLeakNothing(t testing.TB) {
	const each = 20 // 64 destinations in all, which is the most
	rude := newRudeServer(t)
	nobody := ports.Free(t)
	var list []object
	for i := range each {
		list = append(list,
			object{"id": fmt.Sprintf("rtmp%d", i), "kind": "rtmp", "settings": object{"url": fmt.Sprintf("rtmp://127.0.0.1:%d/live", rude.port)}, "credential": "key"},
			object{"id": fmt.Sprintf("whip%d", i), "kind": "whip", "settings": object{"url": fmt.Sprintf("http://127.0.0.1:%d/whip/x", rude.port)}},
			object{"id": fmt.Sprintf("gone%d", i), "kind": "rtmp", "settings": object{"url": fmt.Sprintf("rtmp://127.0.0.1:%d/live", nobody)}, "credential": "key"})
	}
	// libsrt has threads of its own for every socket: fewer of them.
	for i := range 4 {
		list = append(list, object{"id": fmt.Sprintf("srt%d", i), "kind": "srt", "settings": object{"url": fmt.Sprintf("srt://127.0.0.1:%d", nobody)}})
	}
	doc := document(t, 320, 180, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "destinations": list,
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 500, "preset": "ultrafast"}}},
		"start":      object{"program": "s1", "preview": "s1"},
	})
	s := openStudio(t, doc, engine.Options{}, map[string]string{"key": "k"})
	s.begin()
	s.awaitTick(5)
	stopAll := func() {
		t.Helper()
		s.do(engine.StopLive{})
		testkit.Eventually(t, 8*time.Second, "not every destination stops", func() bool { return !s.State().Live })
	}
	reconnects := func() (n int64) {
		for _, d := range s.State().Destinations {
			n += d.Reconnects
		}
		return n
	}
	s.do(engine.GoLive{})
	testkit.Eventually(t, 15*time.Second, "nobody reconnects", func() bool { return reconnects() > 2*each })
	stopAll()
	before := settled(t)
	s.do(engine.GoLive{})
	began := time.Now()
	var n int64
	testkit.Eventually(t, 40*time.Second, "there are not 200 reconnects", func() bool { n = reconnects(); return n >= 200 })
	t.Logf("%d reconnects in %v, %d connections were hung up on", n, time.Since(began).Round(100*time.Millisecond), rude.accepted.Load())
	during := testkit.Measure(t)
	stopAll()
	after := testkit.Settles(t, before, rssSlack, 15*time.Second)
	t.Logf("before %v; live %v; after %v", before, during, after)
	if rude.accepted.Load() < 4*each {
		t.Errorf("the server that hangs up has seen %d connections", rude.accepted.Load())
	}
	if d := s.destination("rtmp0"); d.Started || d.Problem != "" {
		t.Errorf("a stopped destination is still %s: %q", d.Report.State, d.Problem)
	}
	s.stop()
}
