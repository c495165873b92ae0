package rtmp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// shaken is a connection to a server with the handshake done by hand.
func shaken(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(append([]byte{3}, make([]byte, 1536)...)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1+2*1536)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(make([]byte, 1536)); err != nil {
		t.Fatal(err)
	}
	return c
}

// serveShort is a server with short limits: setup is that until a stream is published.
func serveShort(t *testing.T, l net.Listener, setup time.Duration, handler StreamHandler) {
	t.Helper()
	server := NewServer(ServerOptions{
		Log: discard(), SetupTimeout: setup, IdleTimeout: time.Second, MaxConns: 16,
		OnPublish: func(string, string) (StreamHandler, error) { return handler, nil },
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
}

func listenLocal(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// ends checks that the server closes c soon.
func ends(t *testing.T, c net.Conn) {
	t.Helper()
	begin := time.Now()
	_, err := io.Copy(io.Discard, c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || time.Since(begin) > 20*time.Second {
		t.Errorf("the server holds the connection: %v after %v", err, time.Since(begin))
	}
}

func TestServerEndsBadConnections(t *testing.T) {
	t.Parallel()
	l := listenLocal(t)
	serveShort(t, l, 5*time.Second, &received{closed: make(chan struct{})})
	addr := l.Addr().String()
	message := func(csid, kind byte, body string) []byte {
		head := []byte{csid, 0, 0, 0, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body)), kind, 0, 0, 0, 0}
		return append(head, body...)
	}
	bomb := "\x02\x00\x07connect\x00\x3f\xf0\x00\x00\x00\x00\x00\x00\x0a\x7f\xff\xff\xff"
	for name, send := range map[string][]byte{
		"silence after the handshake":       nil,
		"zero-length messages":              bytes.Repeat(message(4, 8, ""), 100),
		"unknown messages":                  bytes.Repeat(message(4, 99, "x"), 100),
		"a list of 2^31 values":             message(3, 20, bomb),
		"a message of 16 MB, never ended":   append([]byte{4, 0, 0, 0, 0xff, 0xff, 0xff, 9, 0, 0, 0, 0}, make([]byte, 600<<10)...),
		"too many chunk streams":            manyStreams(message),
		"sound before publishing":           bytes.Repeat(message(4, 8, "abc"), 10),
		"a chunk that changes its length":   append([]byte{4, 0, 0, 0, 0, 0, 200, 9, 0, 0, 0, 0}, append(make([]byte, 128), 0x44, 0, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0)...),
		"publish without connect or stream": message(3, 20, "\x02\x00\x07publish\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := shaken(t, addr)
			_, _ = c.Write(send) // the server may close in the middle
			ends(t, c)
		})
	}
	t.Run("no handshake", func(t *testing.T) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // the test is over
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		ends(t, c)
	})
}

func manyStreams(message func(csid, kind byte, body string) []byte) (b []byte) {
	for csid := byte(3); csid < 60; csid++ {
		b = append(b, message(csid, 8, "abc")...)
	}
	return b
}

// A publisher that falls silent is given up, and the stream is closed with a reason.
func TestServerIdleTimeout(t *testing.T) {
	t.Parallel()
	l := listenLocal(t)
	r := &received{closed: make(chan struct{})}
	serveShort(t, l, 30*time.Second, r)
	feed := newTestFeed(testTracks(t), media.LiveLimits)
	feed.q.Put(fakePicture(0, 100))
	err := newPublisher(t, "rtmp://"+l.Addr().String()+"/live", "key").Run(t.Context(), feed)
	if err == nil {
		t.Error("Run = nil")
	}
	select {
	case <-r.closed:
	case <-time.After(20 * time.Second):
		t.Fatalf("the stream is not closed; Run = %v", err)
	}
	if r.err == nil {
		t.Error("the stream is closed without a reason")
	}
}

// shakyListener fails every second Accept.
type shakyListener struct {
	net.Listener
	mu sync.Mutex
	n  int
}

func (l *shakyListener) Accept() (net.Conn, error) {
	l.mu.Lock()
	l.n++
	n := l.n
	l.mu.Unlock()
	if n%2 == 1 {
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

func TestServerSurvivesAcceptErrors(t *testing.T) {
	l := &shakyListener{Listener: listenLocal(t)}
	serveShort(t, l, 5*time.Second, &received{closed: make(chan struct{})})
	begin := time.Now()
	for range 3 {
		shaken(t, l.Addr().String())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n > 12 || time.Since(begin) > 20*time.Second {
		t.Errorf("%d tries to accept three connections, in %v", l.n, time.Since(begin))
	}
}

// Another publisher than ours: ffmpeg sends to the server.
func TestServerTakesFFmpeg(t *testing.T) {
	t.Parallel()
	server := startServer(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-f", "lavfi", "-i", "sine=r=44100",
		"-t", "3", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "1",
		"-f", "flv", "rtmp://"+server.addr+"/live/from-ffmpeg").CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	r := server.stream(0)
	<-r.closed
	if r.err != nil || r.app != "live" || r.key != "from-ffmpeg" || len(r.tracks) != 2 {
		t.Fatalf("%q %q, %d tracks, closed with %v", r.app, r.key, len(r.tracks), r.err)
	}
	var pictures, sounds, keys int
	var stream []byte
	for _, p := range r.packets {
		if p.Audio {
			sounds++
			continue
		}
		pictures++
		if p.Keyframe {
			keys++
		}
		stream = append(stream, p.Data...)
		if p.PTS < p.DTS {
			t.Fatalf("picture %d: PTS %d before DTS %d", pictures, p.PTS, p.DTS)
		}
	}
	if v := r.tracks[0]; pictures != 75 || keys != 2 || v.Width != 640 || v.Height != 360 || v.FPS.Float() != 25 {
		t.Errorf("%d pictures, %d keyframes, %+v", pictures, keys, v)
	}
	if a := r.tracks[1]; sounds < 125 || a.SampleRateHz != 44100 || a.Channels != 1 {
		t.Errorf("%d blocks of sound, %+v", sounds, a)
	}
	probe := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-f", "h264", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", "-")
	probe.Stdin = bytes.NewReader(stream)
	got, err := probe.CombinedOutput()
	if n, _ := strconv.Atoi(strings.TrimSpace(string(got))); err != nil || n != 75 {
		t.Errorf("decoding what arrived gives %s, %v; want 75 pictures and no complaint", got, err)
	}
}
