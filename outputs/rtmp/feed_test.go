package rtmp

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/outputs"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }

// Parameter sets of a 320x180 stream as x264 writes them, and an AAC-LC
// configuration for 48 kHz stereo.
const (
	paramSetsHex = "000000016742c00dd901419f9f0110000003001000000303c0f142a4800000000168cb83cb20"
	ascHex       = "119056e500"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testTracks(t testing.TB) []media.Track {
	return []media.Track{
		{Codec: media.H264, TimeBase: media.NewRational(1, 30), Width: 320, Height: 180, FPS: media.NewRational(30, 1), BitrateBPS: 1_000_000, Extradata: unhex(t, paramSetsHex)},
		{Codec: media.AAC, TimeBase: media.NewRational(1, 48000), SampleRateHz: 48000, Channels: 2, BitrateBPS: 128_000, Extradata: unhex(t, ascHex)},
	}
}

// testFeed is a feed over a real packet queue that remembers its reports.
type testFeed struct {
	tracks []media.Track
	q      *media.PacketQueue

	mu      sync.Mutex
	reports []outputs.Report
	changed chan struct{}
}

func newTestFeed(tracks []media.Track, limits media.QueueLimits) *testFeed {
	return &testFeed{tracks: tracks, q: media.NewPacketQueue(limits, true), changed: make(chan struct{})}
}

func (f *testFeed) Tracks() []media.Track                           { return f.tracks }
func (f *testFeed) Next(ctx context.Context) (*media.Packet, error) { return f.q.Next(ctx) }
func (f *testFeed) Queued() time.Duration                           { return f.q.Stats().Depth }
func (f *testFeed) RequestKeyframe()                                {}
func (f *testFeed) Reset()                                          { f.q.Reset() }
func (f *testFeed) Report(r outputs.Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, r)
	close(f.changed)
	f.changed = make(chan struct{})
}

// states is the states seen, without repetitions.
func (f *testFeed) states() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, r := range f.reports {
		if n := r.State.String(); len(names) == 0 || names[len(names)-1] != n {
			names = append(names, n)
		}
	}
	return strings.Join(names, " ")
}

func (f *testFeed) lastReport() outputs.Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.reports) == 0 {
		return outputs.Report{}
	}
	return f.reports[len(f.reports)-1]
}

// reported is how many reports have come.
func (f *testFeed) reported() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reports)
}

// waitState waits until a report says state.
func (f *testFeed) waitState(t testing.TB, state outputs.State, within time.Duration) outputs.Report {
	t.Helper()
	return f.waitStateAfter(t, 0, state, within)
}

// waitStateAfter does so without the first seen reports.
func (f *testFeed) waitStateAfter(t testing.TB, seen int, state outputs.State, within time.Duration) outputs.Report {
	t.Helper()
	deadline := time.After(within)
	for {
		f.mu.Lock()
		for ; seen < len(f.reports); seen++ {
			if r := f.reports[seen]; r.State == state {
				f.mu.Unlock()
				return r
			}
		}
		changed := f.changed
		f.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("no state %v within %v; states: %s", state, within, f.states())
		}
	}
}

// fakePacket makes picture n (30 a second, a keyframe every 15th) of size bytes, or
// the block of sound n (1024 audio frames).
func fakePicture(n int64, size int) *media.Packet {
	p := &media.Packet{Track: 0, Keyframe: n%15 == 0, DTS: n, PTS: n, Duration: 1, Time: media.TimeOf(n, media.NewRational(1, 30))}
	nal := byte(0x41)
	if p.Keyframe {
		nal = 0x65
	}
	p.Data = append([]byte{0, 0, 0, 1, nal}, make([]byte, size)...)
	for i := range p.Data[5:] {
		p.Data[5+i] = byte(n)%251 + 4 // no start codes inside
	}
	return p
}

func fakeSound(n int64) *media.Packet {
	return &media.Packet{
		Track: 1, Audio: true, Keyframe: true, DTS: n * 1024, PTS: n * 1024, Duration: 1024,
		Time: media.TimeOf(n*1024, media.NewRational(1, 48000)), Data: []byte(fmt.Sprintf("sound %8d", n)),
	}
}

// pump feeds fake packets at real pace, from studio time start, until ctx ends.
func (f *testFeed) pump(ctx context.Context, size int) {
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	for n, sound := int64(0), int64(0); ; n++ {
		f.q.Put(fakePicture(n, size))
		for ; len(f.tracks) > 1 && sound*1024*30 < (n+1)*48000; sound++ {
			f.q.Put(fakeSound(sound))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// received is a stream as the test server saw it.
type received struct {
	app, key string

	mu      sync.Mutex
	tracks  []media.Track
	packets []*media.Packet
	err     error
	closed  chan struct{}
}

func (r *received) Track(i int, t media.Track) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i == len(r.tracks) {
		r.tracks = append(r.tracks, t)
	}
}

func (r *received) Packet(p *media.Packet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packets = append(r.packets, p)
}

func (r *received) Closed(err error) {
	r.err = err
	close(r.closed)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// testServer accepts everything but app "deny", and the keys "bad" and "used".
type testServer struct {
	addr string

	gate    func(app string) error // decides on connect when not nil
	mu      sync.Mutex
	streams []*received
}

func startServer(t testing.TB, wrap func(net.Listener) net.Listener) *testServer {
	t.Helper()
	return startGated(t, wrap, nil)
}

func startGated(t testing.TB, wrap func(net.Listener) net.Listener, gate func(app string) error) *testServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ts := &testServer{addr: l.Addr().String(), gate: gate}
	if wrap != nil {
		l = wrap(l)
	}
	server := NewServer(ServerOptions{
		Log: discard(),
		OnConnect: func(app string) error {
			if app == "unknown" {
				return ErrUnknownApp
			}
			if ts.gate != nil {
				return ts.gate(app)
			}
			return nil
		},
		OnPublish: func(app, key string) (StreamHandler, error) {
			switch key {
			case "bad-key":
				return nil, ErrBadKey
			case "used-key":
				return nil, ErrNameInUse
			case "odd-key":
				return nil, fmt.Errorf("nothing that a publisher need know")
			}
			r := &received{app: app, key: key, closed: make(chan struct{})}
			ts.mu.Lock()
			defer ts.mu.Unlock()
			ts.streams = append(ts.streams, r)
			return r, nil
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	return ts
}

// count is how many streams there have been.
func (ts *testServer) count() int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return len(ts.streams)
}

func (ts *testServer) stream(i int) *received {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if i >= len(ts.streams) {
		return nil
	}
	return ts.streams[i]
}

// newPublisher makes an output as the engine does.
func newPublisher(t testing.TB, url, key string) *publisher {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"url": url})
	if err != nil {
		t.Fatal(err)
	}
	out, err := Kind().New(raw, outputs.Options{Secret: key, UserAgent: "Crosspoint/test"})
	if err != nil {
		t.Fatal(err)
	}
	return out.(*publisher)
}

// running has out publish feed until ctx or the test ends, and returns where its end is told.
func running(ctx context.Context, t testing.TB, out *publisher, feed *testFeed) <-chan error {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	result, ended := make(chan error, 1), make(chan struct{})
	go func() { defer close(ended); result <- out.Run(ctx, feed) }()
	t.Cleanup(func() { cancel(); <-ended })
	return result
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
