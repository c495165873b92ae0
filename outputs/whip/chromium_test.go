package whip

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// browser is Chromium at the far end: a page that answers the offers which a WHIP
// endpoint in this process hands to it, plays what comes and tells what it sees.
type browser struct {
	http    *httptest.Server
	ready   chan struct{} // closed when the page has asked for its first offer
	offers  chan string
	answers chan string

	mu    sync.Mutex
	stats pageStats // guarded by mu
}

type pageStats struct {
	Session         int     `json:"session"`
	Codec           string  `json:"codec"`
	FramesDecoded   int     `json:"framesDecoded"`
	Width           int     `json:"width"`
	PacketsLost     int     `json:"packetsLost"`
	AudioSamples    float64 `json:"audioSamples"`
	AudioPackets    int     `json:"audioPackets"`
	KeyFramesWanted int     `json:"pli"`
	Error           string  `json:"error"`
}

const page = `<!doctype html><video id=v autoplay muted playsinline></video><script>
let session = 0;
async function one() {
  const offer = await (await fetch('/offer')).text();
  const mine = ++session, pc = new RTCPeerConnection();
  pc.ontrack = e => { v.srcObject = e.streams[0]; };
  try {
    await pc.setRemoteDescription({type: 'offer', sdp: offer});
    await pc.setLocalDescription(await pc.createAnswer());
    if (pc.iceGatheringState != 'complete') await new Promise(r => pc.onicegatheringstatechange = () => pc.iceGatheringState == 'complete' && r());
    await fetch('/answer', {method: 'POST', body: pc.localDescription.sdp});
  } catch (e) { await fetch('/stats', {method: 'POST', body: JSON.stringify({session: mine, error: '' + e})}); await fetch('/answer', {method: 'POST', body: 'error'}); }
  const timer = setInterval(async () => {
    if (mine != session) { clearInterval(timer); pc.close(); return; }
    const all = [...(await pc.getStats()).values()], find = k => all.find(s => s.type == 'inbound-rtp' && s.kind == k) || {};
    const video = find('video'), audio = find('audio'), codec = all.find(s => s.id == video.codecId) || {};
    fetch('/stats', {method: 'POST', body: JSON.stringify({session: mine, codec: codec.mimeType || '', framesDecoded: video.framesDecoded || 0, width: video.frameWidth || 0,
      packetsLost: (video.packetsLost || 0) + (audio.packetsLost || 0), audioSamples: audio.totalSamplesReceived || 0, audioPackets: audio.packetsReceived || 0, pli: video.pliCount || 0})});
  }, 200);
  setTimeout(one);
}
one();
</script>`

func startBrowser(t testing.TB) *browser {
	b := &browser{ready: make(chan struct{}), offers: make(chan string), answers: make(chan string, 1)}
	ready := sync.OnceFunc(func() { close(b.ready) })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page) // Chromium asks again
	})
	mux.HandleFunc("GET /offer", func(w http.ResponseWriter, r *http.Request) {
		ready()
		select {
		case o := <-b.offers:
			_, _ = io.WriteString(w, o)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /answer", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // judged by the publisher
		b.answers <- string(body)
	})
	mux.HandleFunc("POST /stats", func(_ http.ResponseWriter, r *http.Request) {
		var s pageStats
		if json.NewDecoder(r.Body).Decode(&s) == nil {
			b.mu.Lock()
			b.stats = s
			b.mu.Unlock()
		}
	})
	mux.HandleFunc("POST /whip", func(w http.ResponseWriter, r *http.Request) {
		offer, _ := io.ReadAll(r.Body) // judged by the browser
		select {
		case b.offers <- string(offer):
		case <-r.Context().Done():
			return
		}
		select {
		case a := <-b.answers:
			w.Header().Set("Content-Type", "application/sdp")
			w.Header().Set("Location", "/whip/1")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, a) // the publisher sees it
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("DELETE /whip/1", func(http.ResponseWriter, *http.Request) {})
	b.http = httptest.NewServer(mux)
	profile, err := os.MkdirTemp("", "whip-chromium")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--no-first-run", "--disable-dev-shm-usage",
		"--disable-background-networking", "--autoplay-policy=no-user-gesture-required", "--disable-features=WebRtcHideLocalIpsWithMdns,MediaRouter",
		"--allow-loopback-in-peer-connection", "--user-data-dir="+profile, b.http.URL+"/")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its children with it
		_ = cmd.Wait()                                      // killed
		// Children that die a little later may still write.
		for end := time.Now().Add(5 * time.Second); os.RemoveAll(profile) != nil && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		}
		b.http.CloseClientConnections()
		b.http.Close()
	})
	return b
}

func (b *browser) await(t testing.TB, within time.Duration, what string, ok func(pageStats) bool) pageStats {
	t.Helper()
	limit := time.Now().Add(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		b.mu.Lock()
		s := b.stats
		b.mu.Unlock()
		if ok(s) {
			return s
		}
		if s.Error != "" || time.Now().After(limit) {
			t.Fatalf("%s: not within %v: the browser sees %+v", what, within, s)
		}
	}
	return pageStats{}
}

// Chromium decodes what we send, H.264 and AV1 with Opus, and its feedback reaches the
// congestion control.
func TestChromiumPlays(t *testing.T) {
	b := startBrowser(t)
	select { // no publisher waits for as long as a browser may take to start
	case <-b.ready:
	case <-time.After(90 * time.Second):
		t.Fatal("the page in Chromium asks for no offer")
	}
	for i, codec := range []media.Codec{media.H264, media.AV1} {
		t.Run(string(codec), func(t *testing.T) {
			feed := newSettable(t, time.Minute)
			width := 640
			if codec != media.H264 {
				modern := modernPlayout(t, codec, time.Minute)
				modern.tracks[0].BitrateBPS = 600_000
				feed.playout, width = modern, 320
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- newOutput(t, b.http.URL+"/whip", "").Run(ctx, feed) }()
			s := b.await(t, 40*time.Second, "pictures and sound", func(s pageStats) bool {
				select {
				case err := <-done:
					t.Fatalf("Run: %v; the browser sees %+v", err, s)
				default:
				}
				return s.Session == i+1 && s.FramesDecoded >= 30 && s.AudioPackets > 20 && s.Width == width
			})
			// Transport-wide feedback confirms first; receiver reports say how much arrived.
			feed.await(t, 30*time.Second, "acknowledged", func(r outputs.Report) bool { return confirmed(r) && r.AckedBytes > 0 && r.BandwidthBPS > 0 })
			r := feed.last()
			t.Logf("the browser sees %+v; report %+v", s, r)
			if want := "video/" + map[media.Codec]string{media.H264: "H264", media.AV1: "AV1"}[codec]; s.Codec != want {
				t.Errorf("the browser decodes %s, want %s", s.Codec, want)
			}
			cancel()
			<-done
		})
	}
}
