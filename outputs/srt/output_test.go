package srt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/outputs"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }

const passphrase = "correct-horse-battery"

func newOutput(t testing.TB, settings map[string]any, secret string) outputs.Output {
	t.Helper()
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	o, err := New(raw, outputs.Options{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// running is an output at work.
type running struct {
	cancel context.CancelFunc
	done   chan error
}

func run(t testing.TB, o outputs.Output, feed outputs.Feed) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{cancel, make(chan error, 1)}
	go func() { r.done <- o.Run(ctx, feed) }()
	t.Cleanup(func() {
		cancel()
		_ = r.wait(t, 20*time.Second) // how it ends is for the tests that stop it
	})
	return r
}

// stop ends the output, which has to obey within the time outputs.Output promises.
func (r *running) stop(t testing.TB) error {
	t.Helper()
	r.cancel()
	return r.wait(t, 2*time.Second)
}

func (r *running) wait(t testing.TB, d time.Duration) error {
	t.Helper()
	select {
	case err := <-r.done:
		r.done <- err
		return err
	case <-time.After(d):
		t.Errorf("the output did not end within %v", d)
		return nil
	}
}

// receiver is a Server that keeps what it gets, one file a connection.
type receiver struct {
	*Server
	mu    sync.Mutex
	files []string      // guarded by mu
	ended chan struct{} // one for each connection that has been read to its end
	stop  func()
}

func newReceiver(t testing.TB, opt ServerOptions) *receiver {
	t.Helper()
	s, err := NewServer(opt)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{Server: s, ended: make(chan struct{}, 100)}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx, func(_ context.Context, c *Connection) {
			f, err := os.CreateTemp(dir, "*.ts")
			if err != nil {
				t.Error(err)
				return
			}
			defer func() {
				f.Close()
				select {
				case r.ended <- struct{}{}:
				default: // nobody asks for so many
				}
			}()
			r.mu.Lock()
			r.files = append(r.files, f.Name())
			r.mu.Unlock()
			if _, err := io.Copy(f, c); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}) // it ends with its context
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(r.stop)
	return r
}

// read waits until a connection whose far end has said goodbye is read to its end: what
// stop cuts off may still be waiting for the receiver.
func (r *receiver) read(t testing.TB) {
	t.Helper()
	select {
	case <-r.ended:
	case <-time.After(20 * time.Second):
		t.Error("the receiver does not find the end of the connection")
	}
}

func (r *receiver) url() string { return "srt://" + r.Addr().String() }

func (r *receiver) file(t testing.TB, n int) string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.files) <= n {
		t.Fatalf("%d connections, want %d", len(r.files), n+1)
	}
	return r.files[n]
}

// calm is the latency, in ms, of tests that are not about loss: the machine that runs
// them may be busy for longer than the 120 ms of SRT's default.
const calm = 600

func TestDelivers(t *testing.T) {
	for _, c := range []struct {
		name, secret, streamID string
		keyLength              int
	}{
		{"plain", "", "", 16},
		{"AES-128 and stream id", passphrase, "#!::r=live/programme,m=publish", 16},
		{"AES-256", passphrase, "", 32},
	} {
		t.Run(c.name, func(t *testing.T) {
			attempts.Run(t, 3, func(a *attempts.T) { delivers(a, c.secret, c.streamID, c.keyLength) })
		})
	}
}

func delivers(t testing.TB, secret, streamID string, keyLength int) {
	r := newReceiver(t, ServerOptions{Passphrase: secret, Check: func(id string, _ netip.AddrPort) (string, Reason) {
		if id != streamID {
			return "", RefuseNotFound
		}
		return "", 0
	}})
	feed := testkit.NewLiveFeed(t, 1)
	o := newOutput(t, map[string]any{"url": r.url(), "stream_id": streamID, "key_length": keyLength, "latency_ms": calm}, secret)
	out := run(t, o, feed)
	first := feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
	if first.AckedBytes <= 0 || first.AckedBytes > first.SentBytes {
		t.Errorf("confirmed with %d of %d bytes", first.AckedBytes, first.SentBytes)
	}
	last := feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.SentPackets > 240 })
	if last.DroppedPackets != 0 || last.State != outputs.Confirmed || last.RTT <= 0 {
		t.Errorf("report %+v", last)
	}
	if err := out.stop(t); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	r.stop()
	got := testkit.Demux(t, r.file(t, 0))
	if got.First > 2*pcrLead+200*time.Millisecond || got.Video < 2*testkit.FeedFPS || got.Audio < got.Video*2 || got.Keyframes < 2 || got.BiggestGap > 70*time.Millisecond {
		t.Errorf("received %+v", got)
	}
}

// twoSounds is a feed whose sound is there twice, as two tracks.
type twoSounds struct {
	*testkit.LiveFeed
	again *media.Packet
}

func (f *twoSounds) Tracks() []media.Track {
	tracks := f.LiveFeed.Tracks()
	return append(tracks[:len(tracks):len(tracks)], tracks[1])
}

func (f *twoSounds) Next(ctx context.Context) (*media.Packet, error) {
	if p := f.again; p != nil {
		f.again = nil
		return p, nil
	}
	p, err := f.LiveFeed.Next(ctx)
	if err == nil && p.Audio {
		again := *p
		again.Track = 2
		f.again = &again
	}
	return p, err
}

// TestTwoTracksOfSound: MPEG-TS carries both.
func TestTwoTracksOfSound(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { twoTracksOfSound(a) })
}

func twoTracksOfSound(t testing.TB) {
	r := newReceiver(t, ServerOptions{})
	feed := testkit.NewLiveFeed(t, 1)
	out := run(t, newOutput(t, map[string]any{"url": r.url(), "latency_ms": calm}, ""), &twoSounds{LiveFeed: feed})
	feed.Await(t, 10*time.Second, 0, func(r outputs.Report) bool { return r.State == outputs.Confirmed && r.SentPackets > 40 })
	feed.End()
	if err := out.wait(t, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	r.read(t)
	r.stop()
	probed, err := exec.CommandContext(t.Context(), testkit.Program(t, "ffprobe"), "-v", "error", "-select_streams", "a", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", r.file(t, 0)).Output()
	if err != nil {
		t.Fatal(err)
	}
	counts := strings.Fields(string(probed))
	counts = counts[len(counts)/2:] // the programme lists them as well
	if len(counts) != 2 || counts[0] != counts[1] || counts[0] == "0" {
		t.Errorf("packets of each track: %q", counts)
	}
}

// TestEndIsComplete: an orderly end brings everything to the receiver, also to one that
// keeps it for longer before it plays it.
func TestEndIsComplete(t *testing.T) {
	for _, latency := range []time.Duration{calm * time.Millisecond, 2 * time.Second} {
		t.Run(latency.String(), func(t *testing.T) {
			attempts.Run(t, 3, func(a *attempts.T) { endIsComplete(a, latency) })
		})
	}
}

func endIsComplete(t testing.TB, latency time.Duration) {
	r := newReceiver(t, ServerOptions{Latency: latency})
	feed := testkit.NewLiveFeed(t, 1)
	o := newOutput(t, map[string]any{"url": r.url(), "latency_ms": calm}, "")
	out := run(t, o, feed)
	feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.SentPackets > 100 })
	feed.End()
	if err := out.wait(t, 5*time.Second); err != nil {
		t.Errorf("ended with %v", err)
	}
	newest := feed.Await(t, time.Second, feed.Reported()-1, func(outputs.Report) bool { return true })
	sent := newest.SentPackets
	r.read(t)
	r.stop()
	got := testkit.Demux(t, r.file(t, 0))
	if n := int64(got.Video + got.Audio); n < sent {
		t.Errorf("received %d packets of at least %d", n, sent)
	}
}

func TestFailures(t *testing.T) {
	secure := newReceiver(t, ServerOptions{Passphrase: passphrase})
	picky := newReceiver(t, ServerOptions{Check: func(id string, _ netip.AddrPort) (string, Reason) {
		if id != "good" {
			return "", RefuseForbidden
		}
		return "", 0
	}})
	nobody := fmt.Sprintf("srt://127.0.0.1:%d", ports.Free(t))
	taken := ports.Free(t)
	blocker, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", taken))
	if err != nil {
		t.Fatal(err)
	}
	defer blocker.Close()
	for _, c := range []struct {
		name      string
		settings  map[string]any
		secret    string
		want      string
		permanent bool
	}{
		{"wrong passphrase", map[string]any{"url": secure.url()}, "not the passphrase", "refused the passphrase", true},
		{"no passphrase", map[string]any{"url": secure.url()}, "", "asks for a passphrase", true},
		{"unwanted passphrase", map[string]any{"url": picky.url(), "stream_id": "good"}, passphrase, "uses no encryption", true},
		{"refused stream id", map[string]any{"url": picky.url(), "stream_id": "secret-key-1"}, "", "refused the stream id", true},
		{"nobody there", map[string]any{"url": nobody}, "", "nothing answers at 127.0.0.1", false},
		{"no such name", map[string]any{"url": "srt://no-such-host.invalid:9000"}, "", "no address was found for the name no-such-host.invalid", false},
		{"port taken", map[string]any{"url": fmt.Sprintf("srt://127.0.0.1:%d", taken), "mode": "listener"}, "", "in use", false},
		{"not our address", map[string]any{"url": "srt://192.0.2.1:9000", "mode": "listener"}, "", "not an address of it", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := run(t, newOutput(t, c.settings, c.secret), testkit.NewLiveFeed(t, 1))
			err := out.wait(t, 20*time.Second)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if outputs.IsPermanent(err) != c.permanent {
				t.Errorf("permanent %v, want %v: %v", outputs.IsPermanent(err), c.permanent, err)
			}
			for _, s := range []string{c.secret, "secret-key-1"} {
				if s != "" && strings.Contains(err.Error(), s) {
					t.Errorf("%q tells %q", err, s)
				}
			}
		})
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct{ settings, secret, want string }{
		{`{}`, "", "must look like"},
		{`{"url":"rtmp://a/b"}`, "", "must look like"},
		{`{"url":"srt://host"}`, "", "needs a port"},
		{`{"url":"srt://:9000"}`, "", "needs a host"},
		{`{"url":"srt://host:9000/app"}`, "", "stream id"},
		{`{"url":"srt://host:9000?passphrase=hello-there-you"}`, "", "enter it under Passphrase"},
		{`{"url":"srt://host:9000?fancy=1"}`, "", `"fancy"`},
		{`{"url":"srt://host:9000","mode":"both"}`, "", "caller, listener or rendezvous"},
		{`{"url":"srt://host:9000","latency_ms":5}`, "", "20 to 8000"},
		{`{"url":"srt://host:9000","key_length":20}`, "", "16, 24 or 32"},
		{`{"url":"srt://host:9000","local_address":"eth0"}`, "", "IP address"},
		{`{"url":"srt://host:9000","colour":"red"}`, "", "colour"},
		{`{"url":"srt://host:9000"}`, "short", "10 to 79"},
		{`{"url":"srt://host:9000"}`, strings.Repeat("x", 80), "10 to 79"},
		{`{"url":"srt://host:9000","stream_id":"` + strings.Repeat("x", 513) + `"}`, "", "512"},
	} {
		_, err := New(json.RawMessage(c.settings), outputs.Options{Secret: c.secret})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.settings, err, c.want)
		} else if strings.Contains(err.Error(), "hello-there") {
			t.Errorf("%s: the error tells the passphrase", c.settings)
		}
	}
	got, err := ParseTarget("srt://example.com:9000?mode=rendezvous&latency=300&streamid=a%20b&pbkeylen=32&adapter=127.0.0.2")
	want := Target{Mode: Rendezvous, Host: "example.com", Port: 9000, Latency: 300 * time.Millisecond, StreamID: "a b", KeyLength: 32, Local: netip.MustParseAddrPort("127.0.0.2:0")}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

// openReader is a receiver: it connects to target, or waits for its caller, and reads the stream.
// ctx ends connecting and reading.
func openReader(ctx context.Context, target Target) (*Connection, error) {
	if err := target.Check(); err != nil {
		return nil, err
	}
	conn, err := target.connect(ctx, nil)
	if err != nil {
		return nil, err
	}
	return newConnection(ctx, conn), nil
}

// TestListener: a receiver comes, leaves, and comes again.
func TestListener(t *testing.T) {
	port := ports.Free(t)
	feed := testkit.NewLiveFeed(t, 1)
	o := newOutput(t, map[string]any{"url": fmt.Sprintf("srt://127.0.0.1:%d", port), "mode": "listener", "stream_id": "pgm"}, passphrase)
	run(t, o, feed)
	feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Connecting))
	target := Target{Mode: Caller, Host: "127.0.0.1", Port: uint16(port), Latency: defaultLatency, Passphrase: passphrase, KeyLength: 16, StreamID: "other"}
	if _, err := openReader(t.Context(), target); err == nil || !outputs.IsPermanent(err) {
		t.Errorf("another stream id: %v", err)
	}
	target.StreamID = "pgm"
	for n := range 2 {
		skip := feed.Reported()
		c, err := openReader(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "got.ts")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(f, c, 150_000); err != nil {
			t.Fatal(err)
		}
		c.Close()
		f.Close()
		feed.Await(t, 15*time.Second, skip, testkit.InState(outputs.Confirmed))
		if got := testkit.Demux(t, path); got.Video < testkit.FeedFPS || got.Audio < testkit.FeedFPS {
			t.Errorf("reader %d received %+v", n, got)
		}
		feed.Await(t, 10*time.Second, skip, testkit.InState(outputs.Connecting))
	}
}

func TestRendezvous(t *testing.T) {
	port := ports.Free(t)
	feed := testkit.NewLiveFeed(t, 1)
	o := newOutput(t, map[string]any{"url": fmt.Sprintf("srt://127.0.0.2:%d", port), "mode": "rendezvous", "local_address": "127.0.0.1"}, passphrase)
	run(t, o, feed)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	c, err := openReader(ctx, Target{
		Mode: Rendezvous, Host: "127.0.0.1", Port: uint16(port), Local: netip.MustParseAddrPort("127.0.0.2:0"),
		Latency: defaultLatency, Passphrase: passphrase, KeyLength: 16,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := io.CopyN(io.Discard, c, 150_000); err != nil {
		t.Errorf("received %d bytes: %v", n, err)
	}
	feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
}

// TestServerRestarts: Supervise brings the destination back when its server does.
func TestServerRestarts(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { serverRestarts(a) })
}

func serverRestarts(t testing.TB) {
	r := newReceiver(t, ServerOptions{})
	feed := testkit.NewLiveFeed(t, 1)
	o := newOutput(t, map[string]any{"url": r.url(), "latency_ms": calm}, "")
	policy := supervise.Default()
	policy.First, policy.Max = 300*time.Millisecond, time.Second
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = outputs.Supervise(ctx, outputs.SuperviseOptions{Output: o, Feed: feed, Log: slog.New(slog.DiscardHandler), Name: "test", Policy: policy}) // it ends with its context
	}()
	t.Cleanup(func() { cancel(); <-done })
	feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
	r.stop()
	lost := feed.Await(t, 10*time.Second, 0, testkit.InState(outputs.Waiting))
	if !strings.Contains(lost.Detail, "was lost") {
		t.Errorf("detail %q", lost.Detail)
	}
	skip := feed.Reported()
	again := newReceiver(t, ServerOptions{Addr: r.Addr()})
	feed.Await(t, 15*time.Second, skip, testkit.InState(outputs.Confirmed))
	feed.Await(t, 15*time.Second, skip, func(r outputs.Report) bool { return r.State == outputs.Confirmed && r.SentPackets > 100 })
	cancel()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("Supervise did not end")
	}
	again.stop()
	if got := testkit.Demux(t, again.file(t, 0)); got.First > 2*pcrLead+200*time.Millisecond || got.Video < testkit.FeedFPS || got.BiggestGap > 70*time.Millisecond {
		t.Errorf("after the restart %+v", got)
	}
}

// A refusal ends a destination for good only if it has never been live: a gateway refuses
// while it starts, or while it still knows the connection before.
func TestRefusedAfterLive(t *testing.T) {
	t.Parallel()
	var refuse atomic.Bool
	r := newReceiver(t, ServerOptions{Check: func(string, netip.AddrPort) (string, Reason) {
		if refuse.Load() {
			return "", RefuseForbidden
		}
		return "", 0
	}})
	o := newOutput(t, map[string]any{"url": r.url(), "latency_ms": calm}, "")
	feed := testkit.NewLiveFeed(t, 1)
	out := run(t, o, feed)
	feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
	out.cancel()
	_ = out.wait(t, 20*time.Second) // how it ends is for other tests
	refuse.Store(true)
	err := run(t, o, testkit.NewLiveFeed(t, 1)).wait(t, 20*time.Second)
	if err == nil || outputs.IsPermanent(err) || !strings.Contains(err.Error(), "refused the stream id") {
		t.Errorf("Run = %v, permanent %v", err, outputs.IsPermanent(err))
	}
}
