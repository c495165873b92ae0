package whip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/oggreader"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/outputs"
)

func TestMain(m *testing.M) {
	if os.Getenv(serveBench) != "" {
		benchReceiver()
		return
	}
	leaks.VerifyTestMain(m)
}

const (
	clipSeconds = 6
	clipFPS     = 30
)

// clip is six seconds of real media: H.264 baseline in several slices a picture, with
// access unit delimiters, and Opus of 20 ms.
var clip = sync.OnceValues(func() (*clipMedia, error) {
	dir, err := os.MkdirTemp("", "whip")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	video, audio := filepath.Join(dir, "v.h264"), filepath.Join(dir, "a.ogg")
	out, err := exec.Command("ffmpeg", "-v", "error",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=640x360:r=%d", clipFPS), "-f", "lavfi", "-i", "sine=f=440:r=48000",
		"-t", fmt.Sprint(clipSeconds), "-map", "0:v", "-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast",
		"-tune", "zerolatency", "-threads", "4", "-g", "30", "-bf", "0", "-pix_fmt", "yuv420p", "-b:v", "2M",
		"-bsf:v", "h264_metadata=aud=insert", "-f", "h264", video,
		"-t", fmt.Sprint(clipSeconds), "-map", "1:a", "-ac", "2", "-c:a", "libopus", "-b:a", "96k", "-frame_duration", "20",
		"-page_duration", "20000", "-f", "ogg", audio).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("make the clip: %w: %s", err, out)
	}
	c := &clipMedia{}
	b, err := os.ReadFile(video)
	if err != nil {
		return nil, err
	}
	for nal := range h264.NALUnits(b) {
		if h264.Type(nal) == h264.TypeAUD {
			c.video = append(c.video, nil)
		}
		c.video[len(c.video)-1] = h264.AppendStartCode(c.video[len(c.video)-1], nal)
	}
	f, err := os.Open(audio)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pages, _, err := oggreader.NewWith(f)
	for err == nil {
		var page []byte
		if page, _, err = pages.ParseNextPage(); err == nil && !bytes.HasPrefix(page, []byte("OpusTags")) {
			c.audio = append(c.audio, page)
		}
	}
	if !errors.Is(err, io.EOF) || len(c.video) != clipSeconds*clipFPS || len(c.audio) < clipSeconds*50 {
		return nil, fmt.Errorf("the clip has %d pictures and %d blocks of sound: %w", len(c.video), len(c.audio), err)
	}
	return c, nil
})

type clipMedia struct{ video, audio [][]byte }

func theClip(t testing.TB) *clipMedia {
	t.Helper()
	c, err := clip()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// canonical is an access unit as a receiver gets it.
func canonical(au []byte) []byte {
	var out []byte
	for nal := range h264.NALUnits(au) {
		if h264.Type(nal) != h264.TypeAUD {
			out = h264.AppendStartCode(out, nal)
		}
	}
	return out
}

// playout is a feed that plays the clip, over and over, in real time from the first
// Next on. Pictures leave their encoder videoDelay late, sound 20 ms late.
type playout struct {
	*media.PacketQueue
	tracks     []media.Track
	clip       *clipMedia
	length     time.Duration // then io.EOF
	videoDelay time.Duration
	origin     time.Duration // studio time of the first packet
	keyframes  atomic.Int64
	begin      sync.Once
	stop       chan struct{}
	done       sync.WaitGroup
	end        func() // stops playing and waits for it

	mu      sync.Mutex
	sent    []*media.Packet  // guarded by mu
	reports []outputs.Report // guarded by mu
	news    chan struct{}    // one element: reports has grown
}

func newPlayout(t testing.TB, length time.Duration) *playout {
	p := &playout{
		PacketQueue: media.NewPacketQueue(media.LiveLimits, true),
		tracks: []media.Track{
			{Codec: media.H264, TimeBase: media.Rational{Num: 1, Den: clipFPS}, FPS: media.Rational{Num: clipFPS, Den: 1}},
			{Codec: media.Opus, TimeBase: media.Rational{Num: 1, Den: 48000}, SampleRateHz: 48000, Channels: 2},
		},
		clip: theClip(t), length: length, videoDelay: 150 * time.Millisecond, origin: 1000 * time.Second,
		stop: make(chan struct{}), news: make(chan struct{}, 1),
	}
	p.end = sync.OnceFunc(func() {
		close(p.stop)
		p.done.Wait()
	})
	t.Cleanup(p.end)
	return p
}

func (p *playout) Tracks() []media.Track { return p.tracks }
func (p *playout) Queued() time.Duration { return p.Stats().Depth }
func (p *playout) RequestKeyframe()      { p.keyframes.Add(1) }

func (p *playout) Report(r outputs.Report) {
	p.mu.Lock()
	p.reports = append(p.reports, r)
	p.mu.Unlock()
	select {
	case p.news <- struct{}{}:
	default:
	}
}

func (p *playout) last() outputs.Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.reports) == 0 {
		return outputs.Report{}
	}
	return p.reports[len(p.reports)-1]
}

// played is how much of the clip has left.
func (p *playout) played() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sent) == 0 {
		return 0
	}
	return p.sent[len(p.sent)-1].Time - p.origin
}

// await waits until the last report satisfies ok.
func (p *playout) await(t testing.TB, within time.Duration, what string, ok func(outputs.Report) bool) {
	t.Helper()
	timer := time.NewTimer(within)
	defer timer.Stop()
	for !ok(p.last()) {
		select {
		case <-p.news:
		case <-timer.C:
			t.Fatalf("after %v not %s; last report %+v", within, what, p.last())
		}
	}
}

func confirmed(r outputs.Report) bool { return r.State == outputs.Confirmed }

func (p *playout) Next(ctx context.Context) (*media.Packet, error) {
	p.begin.Do(func() { p.done.Go(p.play) })
	return p.PacketQueue.Next(ctx)
}

func (p *playout) play() {
	defer p.Close()
	start := time.Now()
	video, audio := 0, 0
	for {
		vt := media.TimeOf(int64(video), p.tracks[0].TimeBase)
		at := media.TimeOf(int64(audio)*960, p.tracks[1].TimeBase)
		vMade, aMade := vt+p.videoDelay, at+20*time.Millisecond
		if min(vt, at) >= p.length {
			return
		}
		var pkt *media.Packet
		if vMade <= aMade {
			pkt = &media.Packet{
				Data: p.clip.video[video%len(p.clip.video)], Keyframe: video%clipFPS == 0, Duration: 1,
				PTS: int64(video) + media.UnitsIn(p.origin, p.tracks[0].TimeBase), Made: p.origin + vMade, Time: p.origin + vt,
			}
			video++
		} else {
			pkt = &media.Packet{
				Track: 1, Audio: true, Data: p.clip.audio[audio%len(p.clip.audio)], Keyframe: true, Duration: 960,
				PTS: int64(audio)*960 + media.UnitsIn(p.origin, p.tracks[1].TimeBase), Made: p.origin + aMade, Time: p.origin + at,
			}
			audio++
		}
		pkt.DTS = pkt.PTS
		timer := time.NewTimer(time.Until(start.Add(pkt.Made - p.origin)))
		select {
		case <-timer.C:
		case <-p.stop:
			timer.Stop()
			return
		}
		if p.Put(pkt) {
			p.mu.Lock()
			p.sent = append(p.sent, pkt)
			p.mu.Unlock()
		}
	}
}

// of are the packets of one kind.
func of(packets []*media.Packet, audio bool) []*media.Packet {
	var out []*media.Packet
	for _, p := range packets {
		if p.Audio == audio {
			out = append(out, p)
		}
	}
	return out
}

// collector is a Sink that keeps everything.
type collector struct {
	mu      sync.Mutex
	tracks  []media.Track   // guarded by mu
	packets []*media.Packet // guarded by mu
	err     error           // guarded by mu
	ended   chan struct{}
}

func (c *collector) Start(tracks []media.Track) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tracks = tracks
}

func (c *collector) Packet(p *media.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.packets = append(c.packets, p)
}

func (c *collector) End(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	close(c.ended)
}

func (c *collector) awaitEnd(t testing.TB, within time.Duration) error {
	t.Helper()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
		t.Fatalf("the stream had not ended after %v", within)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// running has o publish feed until ctx or the test ends, and returns where its end is told.
func running(ctx context.Context, t testing.TB, o outputs.Output, feed outputs.Feed) <-chan error {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	done, ended := make(chan error, 1), make(chan struct{})
	go func() { defer close(ended); done <- o.Run(ctx, feed) }()
	t.Cleanup(func() { cancel(); <-ended })
	return done
}

const testToken = "s3cret-token"

// testServer is a Server behind HTTP whose streams go to sinks.
type testServer struct {
	*Server
	http  *httptest.Server
	sinks chan *collector
}

func newTestServer(t testing.TB, wrap func(http.Handler) http.Handler) *testServer {
	s := &testServer{sinks: make(chan *collector, 200)}
	s.Server = NewServer(ServerOptions{
		Loopback: true,
		Authorize: func(_, token string) error {
			if token != testToken {
				return errors.New("wrong token")
			}
			return nil
		},
		Accept: func(string) Sink {
			c := &collector{ended: make(chan struct{})}
			s.sinks <- c
			return c
		},
	})
	var h http.Handler = http.StripPrefix("/whip", s.Server)
	if wrap != nil {
		h = wrap(h)
	}
	s.http = httptest.NewServer(h)
	t.Cleanup(func() {
		s.Close()
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

func (s *testServer) url() string { return s.http.URL + "/whip/show" }

func newOutput(t testing.TB, url, token string) outputs.Output {
	t.Helper()
	o, err := New(fmt.Appendf(nil, `{"url": %q}`, url), outputs.Options{Secret: token, UserAgent: "Crosspoint/test"})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// answering is the address of a server in front of s that changes its answers.
func answering(t testing.TB, s *testServer, change func(string) string) string {
	t.Helper()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		room := httptest.NewRecorder()
		http.StripPrefix("/whip", s.Server).ServeHTTP(room, r)
		for k, v := range room.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(room.Code)
		body := room.Body.String()
		if r.Method == http.MethodPost {
			body = change(body)
		}
		_, _ = io.WriteString(w, body) // the client says what it misses
	}))
	t.Cleanup(front.Close)
	return front.URL + "/whip/show"
}
