package testkit

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/outputs/whip"
)

// Nginx is Debian's nginx with its RTMP module. Application "live" takes streams and
// records each to Dir/KEY.flv; "deny" refuses every publisher; others are unknown.
type Nginx struct {
	*Process
	Port   int
	Dir    string
	config string
}

// StartNginx starts one and waits until it listens.
func StartNginx(t testing.TB) *Nginx {
	t.Helper()
	dir := t.TempDir()
	n := &Nginx{Port: ports.Free(t), Dir: dir}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	config := fmt.Sprintf(`load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; master_process off; worker_processes 1; %[3]s pid %[1]s/pid; error_log %[1]s/error.log notice;
events { worker_connections 64; }
rtmp { server { listen 127.0.0.1:%[2]d; chunk_size 4096;
  application live { live on; record all; record_path %[1]s; record_suffix .flv; }
  application deny { live on; deny publish all; } } }
`, dir, n.Port, user)
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	n.config = path
	n.start(t)
	return n
}

func (n *Nginx) start(t testing.TB) {
	t.Helper()
	n.Process = Start(t, nil, "/usr/sbin/nginx", "-c", n.config, "-p", n.Dir, "-e", filepath.Join(n.Dir, "error.log"))
	AwaitPort(t, n.Port)
}

// Restart kills it and starts it again at the same port. What it recorded is replaced by
// what comes now.
func (n *Nginx) Restart(t testing.TB) {
	t.Helper()
	n.Kill()
	n.start(t)
}

// URL is where an application takes streams.
func (n *Nginx) URL(app string) string { return fmt.Sprintf("rtmp://127.0.0.1:%d/%s", n.Port, app) }

// Recorded is the file that the stream of that key goes to.
func (n *Nginx) Recorded(key string) string { return filepath.Join(n.Dir, key+".flv") }

// SRTReceiver is srt-live-transmit, listening and writing what comes to File.
type SRTReceiver struct {
	*Process
	Port int
	File string
}

// StartSRT starts a receiver with a latency of 200 ms. An empty passphrase means no
// encryption.
func StartSRT(t testing.TB, passphrase string) *SRTReceiver {
	t.Helper()
	r := &SRTReceiver{Port: ports.Free(t), File: filepath.Join(t.TempDir(), "received.ts")}
	from := fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&latency=200", r.Port)
	if passphrase != "" {
		from += "&passphrase=" + passphrase
	}
	f, err := os.Create(r.File)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // the child writes it, not we
	r.Process = Start(t, func(c *exec.Cmd) { c.Stdout = f }, "srt-live-transmit", "-q", "-loglevel:fatal", from, "file://con")
	return r
}

// Finish ends the receiver in order and returns its file, which has everything then:
// while it runs, up to 4 KB are still in the receiver.
func (r *SRTReceiver) Finish() string {
	r.Signal(syscall.SIGINT)
	r.Wait(30 * time.Second)
	return r.File
}

// URL is where it listens.
func (r *SRTReceiver) URL() string { return fmt.Sprintf("srt://127.0.0.1:%d", r.Port) }

// WHIP is a WHIP server in this process, which writes each stream to Dir/KEY.mkv.
type WHIP struct {
	Dir    string
	server *whip.Server
	http   *httptest.Server

	mu      sync.Mutex
	streams map[string]*whipFile // guarded by mu
}

// StartWHIP starts one. It takes streams with the bearer token given, or any if that
// is empty.
func StartWHIP(t testing.TB, token string) *WHIP {
	t.Helper()
	w := &WHIP{Dir: t.TempDir(), streams: map[string]*whipFile{}}
	w.server = whip.NewServer(whip.ServerOptions{
		Authorize: func(_, got string) error {
			if token != "" && got != token {
				return errors.New("another token")
			}
			return nil
		},
		Accept: func(key string) whip.Sink {
			f := &whipFile{path: filepath.Join(w.Dir, key+".mkv"), ended: make(chan struct{})}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.streams[key] = f
			return f
		},
		Loopback: true,
	})
	mux := http.NewServeMux()
	mux.Handle("/whip/", w.server)
	w.http = httptest.NewServer(mux)
	w.http.Config.ReadHeaderTimeout = 5 * time.Second
	t.Cleanup(func() {
		w.server.Close()
		w.http.Close()
	})
	return w
}

// URL is the endpoint of a stream.
func (w *WHIP) URL(key string) string { return w.http.URL + "/whip/" + key }

// PLIs is how many keyframes the running stream of that key has asked for.
func (w *WHIP) PLIs(key string) int64 {
	for _, s := range w.server.Streams() {
		if s.Key == key {
			return s.KeyframesAskedFor
		}
	}
	return 0
}

// Recorded waits for the end of a stream and returns its file.
func (w *WHIP) Recorded(t testing.TB, key string) string {
	t.Helper()
	w.mu.Lock()
	f, ok := w.streams[key]
	w.mu.Unlock()
	if !ok {
		t.Fatalf("whip: no stream %q has come", key)
	}
	select {
	case <-f.ended:
	case <-time.After(30 * time.Second):
		t.Fatalf("whip: stream %q has not ended", key)
	}
	if f.err != nil {
		t.Fatalf("whip: stream %q: %v", key, f.err)
	}
	return f.path
}

// whipFile writes one stream to a file. It implements whip.Sink.
type whipFile struct {
	path  string
	muxer *av.Muxer
	err   error // the first; valid once ended is closed
	ended chan struct{}
}

func (f *whipFile) Start(tracks []media.Track) {
	f.muxer, f.err = av.NewMuxer(av.MuxerOptions{Format: "matroska", Path: f.path, Tracks: tracks, StartAtZero: true})
}

func (f *whipFile) Packet(p *media.Packet) {
	if f.err == nil {
		f.err = f.muxer.WritePacket(p)
	}
}

func (f *whipFile) End(err error) {
	if f.muxer != nil {
		if cerr := f.muxer.Close(); f.err == nil {
			f.err = cerr
		}
	}
	if f.err == nil {
		f.err = err
	}
	close(f.ended)
}
