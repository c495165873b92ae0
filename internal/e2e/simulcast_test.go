package e2e

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs/whip"
)

// layerSink counts what arrives of each track.
type layerSink struct {
	mu     sync.Mutex
	tracks []media.Track    // guarded by mu
	times  [][]media.Packet // guarded by mu; by track, without their data
	once   sync.Once        // a later connection ends too
	ended  chan struct{}
}

func (s *layerSink) Start(tracks []media.Track) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracks, s.times = tracks, make([][]media.Packet, len(tracks))
}

func (s *layerSink) Packet(p *media.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times[p.Track] = append(s.times[p.Track], media.Packet{Time: p.Time, Keyframe: p.Keyframe})
}

func (s *layerSink) End(error) { s.once.Do(func() { close(s.ended) }) }

// arrived is what has come so far: a later connection may go on.
func (s *layerSink) arrived() (tracks []media.Track, times [][]media.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tracks, slices.Clone(s.times)
}

// TestSimulcast: a WHIP destination sends two renditions at once, each encoded once, of
// which a recording uses one too; both arrive whole, on one clock, with keyframes at the
// same times.
func TestSimulcast(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { simulcast(a) })
}

func simulcast(t testing.TB) {
	const ticks = 4 * fps
	sink := &layerSink{ended: make(chan struct{})}
	server := whip.NewServer(whip.ServerOptions{
		Loopback: true, Layers: true,
		Authorize: func(string, string) error { return nil }, Accept: func(string) whip.Sink { return sink },
	})
	front := httptest.NewServer(http.StripPrefix("/whip", server))
	t.Cleanup(func() {
		server.Close()
		front.CloseClientConnections()
		front.Close()
	})
	doc := document(t, 640, 360, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "start": object{"program": "s1"},
		"renditions": []object{
			{"id": "main", "video": object{"bitrate_kbps": 1200}},
			{"id": "low", "video": object{"width": 320, "height": 180, "bitrate_kbps": 300}},
		},
		"destinations": []object{{"id": "sfu", "kind": "whip", "settings": object{"url": front.URL + "/whip/show"}, "simulcast": []string{"low"}}},
		"recordings":   []object{{"id": "file", "rendition": "low", "settings": object{"path": "low.mkv"}}},
	})
	s := openStudio(t, doc, engine.Options{Ticks: ticks, Commands: []engine.Timed{{Command: engine.GoLive{}}, {Command: engine.StartRecording{}}}}, nil)
	s.begin()
	testkit.Eventually(t, 10*time.Second, "the destination is not live", func() bool { return s.seen.was("sfu", "live") })
	if n := len(s.State().Renditions); n != 2 {
		t.Errorf("%d encodes run, want 2", n)
	}
	if d := s.destination("sfu"); d.TargetBPS < 1_500_000 || d.TargetBPS > 1_700_000 {
		t.Errorf("the destination's bitrate is %d, want that of both renditions and sound", d.TargetBPS)
	}
	s.await(30 * time.Second)
	select {
	case <-sink.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream has not ended")
	}
	if d := s.destination("sfu"); d.Dropped != 0 || d.Reconnects != 0 {
		t.Errorf("%d packets dropped, %d reconnects", d.Dropped, d.Reconnects)
	}
	tracks, times := sink.arrived()
	if len(tracks) != 3 || tracks[0].Width != 640 || tracks[1].Width != 320 || !tracks[2].Codec.IsAudio() {
		t.Fatalf("the tracks are %+v", tracks)
	}
	// The first pictures may have gone before the connection stood.
	keys := [2][]time.Duration{}
	for i, packets := range times[:2] {
		if n := len(packets); n < ticks-fps-fps/2 {
			t.Errorf("%d of %d pictures of layer %s arrived", n, ticks, tracks[i].Title)
		}
		for j := 1; j < len(packets); j++ {
			if d := packets[j].Time - packets[j-1].Time; (d - media.TickTime(1, media.NewRational(fps, 1))).Abs() > time.Millisecond {
				t.Fatalf("layer %s: %v between pictures %d and %d", tracks[i].Title, d, j-1, j)
			}
		}
		for _, p := range packets {
			if p.Keyframe {
				keys[i] = append(keys[i], p.Time.Round(time.Millisecond))
			}
		}
	}
	shared := slices.ContainsFunc(keys[0], func(at time.Duration) bool {
		return slices.ContainsFunc(keys[1], func(o time.Duration) bool { return (at - o).Abs() <= 2*time.Millisecond })
	})
	if !shared {
		t.Errorf("keyframes of the layers at %v and %v", keys[0], keys[1])
	}
}

// TestSimulcastRefusedInPart: of two servers that are offered three layers one takes the
// first and the last, the other none of them; what nobody takes is not encoded, what is taken
// flows, and each card says which.
func TestSimulcastRefusedInPart(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { simulcastRefusedInPart(a) })
}

func simulcastRefusedInPart(t testing.TB) {
	type far struct {
		id, warning string
		takes       []string
		widths      []int // of what arrives
		sink        *layerSink
	}
	fars := []*far{
		{id: "some", warning: "takes 2 of 3 renditions", takes: []string{"h", "l"}, widths: []int{640, 160}},
		{id: "none", warning: "takes no simulcast", widths: []int{640}},
	}
	var destinations []object
	for _, f := range fars {
		f.sink = &layerSink{ended: make(chan struct{})}
		server := whip.NewServer(whip.ServerOptions{
			Loopback: true, Layers: true, Take: func([]string) []string { return f.takes },
			Authorize: func(string, string) error { return nil }, Accept: func(string) whip.Sink { return f.sink },
		})
		front := httptest.NewServer(http.StripPrefix("/whip", server))
		t.Cleanup(func() {
			server.Close()
			front.CloseClientConnections()
			front.Close()
		})
		destinations = append(destinations, object{"id": f.id, "kind": "whip", "settings": object{"url": front.URL + "/whip/show"}, "simulcast": []string{"mid", "low"}})
	}
	s := openStudio(t, document(t, 640, 360, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "start": object{"program": "s1"}, "destinations": destinations,
		"renditions": []object{
			{"id": "main", "video": object{"bitrate_kbps": 1200}},
			{"id": "mid", "video": object{"width": 320, "height": 180, "bitrate_kbps": 300}},
			{"id": "low", "video": object{"width": 160, "height": 90, "bitrate_kbps": 100}},
		},
	}), engine.Options{Commands: []engine.Timed{{Command: engine.GoLive{}}}}, nil)
	s.begin()
	for _, f := range fars {
		testkit.Eventually(t, 10*time.Second, f.id+" is not live", func() bool { return s.seen.was(f.id, "live") })
	}
	s.awaitTick(s.tapped.Load() + fps)
	var encodes []string
	for _, r := range s.State().Renditions {
		encodes = append(encodes, r.ID)
	}
	slices.Sort(encodes)
	if !slices.Equal(encodes, []string{"low", "main"}) {
		t.Errorf("encoded are %q, want what somebody takes: low and main", encodes)
	}
	for _, f := range fars {
		if w := s.destination(f.id).Report.Warning; !strings.Contains(w, f.warning) {
			t.Errorf("%s: the operator reads %q, want %q", f.id, w, f.warning)
		}
	}
	s.do(engine.StopLive{})
	for _, f := range fars {
		select {
		case <-f.sink.ended:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: the stream has not ended", f.id)
		}
		tracks, times := f.sink.arrived()
		if len(tracks) != len(f.widths)+1 || !tracks[len(f.widths)].Codec.IsAudio() {
			t.Errorf("%s: the tracks are %+v", f.id, tracks)
			continue
		}
		for i, width := range f.widths {
			if got := tracks[i].Width; got != width {
				t.Errorf("%s: layer %d is %d wide, want %d", f.id, i, got, width)
			}
			if n := len(times[i]); n < fps/2 {
				t.Errorf("%s: %d pictures of layer %d arrived", f.id, n, i)
			}
		}
	}
	s.stop()
}
