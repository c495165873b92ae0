package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/supervise"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
)

// spawn starts a program that is killed when the test ends, and returns how to end it
// earlier.
func spawn(t testing.TB, name string, args ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out strings.Builder
	cmd.Stderr = &out
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // killed by us, or the test sees that nothing comes
		close(ended)
	}()
	var stopped bool
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = cmd.Process.Kill() // may have ended already
		<-ended
		if t.Failed() && out.Len() > 0 {
			t.Logf("%s: %s", name, out.String())
		}
	}
	t.Cleanup(stop)
	return stop
}

// liveClip is a clip of six seconds for senders to loop.
func liveClip(t testing.TB) string {
	m := clip
	m.frames = 150
	return makeFile(t, filepath.Join(t.TempDir(), "live.mp4"), m, x264...)
}

func sendArgs(clip string, args ...string) []string {
	return append([]string{"-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", clip, "-c", "copy"}, args...)
}

// wantCamera checks that pictures of the synthetic camera came, in order.
func wantCamera(t testing.TB, sink *recorder) {
	t.Helper()
	good := 0
	for _, n := range numbers(sink.frames) {
		if n >= 0 {
			good++
		}
	}
	if good < len(sink.frames)*8/10 {
		t.Errorf("%d of %d pictures can be read", good, len(sink.frames))
	}
}

// supervised is a source that reopens as in the studio, only faster.
type supervised struct {
	src    Source
	states chan Status
}

func (s supervised) Run(ctx context.Context, sink Sink) error {
	policy := supervise.Policy{First: 50 * time.Millisecond, Factor: 1.2, Max: 300 * time.Millisecond}
	return superviseWith(ctx, policy, s.src, sink, func(st Status) {
		select {
		case s.states <- st:
		default: // nobody is interested any more
		}
	})
}

func newNetwork(t testing.TB, settings string) supervised {
	t.Helper()
	src, err := Network().New(json.RawMessage(settings), hd(640, 360, fps25))
	if err != nil {
		t.Fatal(err)
	}
	return supervised{src, make(chan Status, 1000)}
}

// pull runs a network source until so many pictures and a second of sound have come. It is for
// tests in attempts: where nobody takes them in time, packets are lost.
func pull(t testing.TB, settings string, frames int) *recorder {
	t.Helper()
	checkLeaks(t)
	return pullUnchecked(t, settings, frames)
}

// pullUnchecked is pull where the far end runs in this process: the test checks for
// leaks before it starts that.
func pullUnchecked(t testing.TB, settings string, frames int) *recorder {
	t.Helper()
	sink := newRecorder(Live, 0, frames)
	work := start(t, newNetwork(t, settings), sink)
	sink.until(t, "pictures and sound", func() bool {
		return sink.numVideo >= frames && sink.soundEnd-sink.soundAt >= time.Second
	})
	_ = work.stopSoon() // ended by us
	t.Cleanup(sink.release)
	for _, f := range sink.faults {
		t.Error(f)
	}
	wantCamera(t, sink)
	return sink
}

func TestNetworkUDP(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { overUDP(a) })
}

func overUDP(t testing.TB) {
	port := ports.Free(t)
	spawn(t, ffmpegProgram(), sendArgs(liveClip(t), "-f", "mpegts", fmt.Sprintf("udp://127.0.0.1:%d?pkt_size=1316", port))...)
	sink := pull(t, settingsOf("url", fmt.Sprintf("udp://127.0.0.1:%d", port), "hardware", "off"), 40)
	if !strings.Contains(sink.text, "640x360") || !strings.Contains(sink.text, "aac 48 kHz stereo") {
		t.Errorf("described as %q", sink.text)
	}
}

func TestNetworkTCP(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { overTCP(a) })
}

func overTCP(t testing.TB) {
	port := ports.Free(t)
	spawn(t, ffmpegProgram(), sendArgs(liveClip(t), "-f", "mpegts", fmt.Sprintf("tcp://127.0.0.1:%d?listen=1", port))...)
	pull(t, settingsOf("url", fmt.Sprintf("tcp://127.0.0.1:%d", port), "hardware", "off"), 40)
}

func TestNetworkSRTWithEncryption(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { overSRTWithEncryption(a) })
}

func overSRTWithEncryption(t testing.TB) {
	port := ports.Free(t)
	spawn(t, ffmpegProgram(), sendArgs(liveClip(t), "-f", "mpegts", fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&passphrase=rehearsal-only", port))...)
	pull(t, settingsOf("url", fmt.Sprintf("srt://127.0.0.1:%d?passphrase=rehearsal-only", port), "hardware", "off"), 40)
}

const nginxConf = `
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; master_process off; pid %[1]s/pid; error_log stderr error; worker_processes 1;
events { worker_connections 64; }
rtmp { server { listen 127.0.0.1:%[2]d; application live { live on; wait_key on; } } }
`

// startNginx starts a server of RTMP streams and returns its port.
func startNginx(t testing.TB) (port int) {
	t.Helper()
	dir, port := t.TempDir(), ports.Free(t)
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, port), 0o600); err != nil {
		t.Fatal(err)
	}
	spawn(t, "/usr/sbin/nginx", "-c", conf, "-p", dir, "-e", "stderr")
	waitForPort(t, port)
	return port
}

func TestNetworkRTMPFromNginx(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { rtmpFromNginx(a) })
}

func rtmpFromNginx(t testing.TB) {
	address := fmt.Sprintf("rtmp://127.0.0.1:%d/live/cam", startNginx(t))
	spawn(t, ffmpegProgram(), sendArgs(liveClip(t), "-f", "flv", address)...)
	pull(t, settingsOf("url", address, "hardware", "off"), 40)
}

func waitForPort(t testing.TB, port int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			_ = c.Close() // only its opening was of interest
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing listens on port %d: %v", port, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestNetworkTimeOfOnePictureIsDamaged: the stream goes on in the picture behind one whose time
// to be shown lies hours from its time to be decoded.
func TestNetworkTimeOfOnePictureIsDamaged(t *testing.T) {
	checkLeaks(t)
	m := clip
	m.frames = 110 // of which opening takes a second
	file := makeFile(t, filepath.Join(t.TempDir(), "reordered.mp4"), m, append(x264, "-bf", "2")...)
	for what, at := range map[string]string{"ahead": "if(eq(N,60),PTS+3600/TB,PTS)", "behind": "if(eq(N,60),PTS-3600/TB,PTS)"} {
		t.Run(what, func(t *testing.T) {
			port := ports.Free(t)
			spawn(t, ffmpegProgram(), "-v", "error", "-nostdin", "-re", "-i", file, "-c", "copy", "-bsf:v", "setts=pts='"+at+"'",
				"-output_ts_offset", "7200", "-f", "mpegts", fmt.Sprintf("tcp://127.0.0.1:%d?listen=1", port))
			sink := newRecorder(Live, 0, 0)
			work := start(t, newNetwork(t, settingsOf("url", fmt.Sprintf("tcp://127.0.0.1:%d", port), "hardware", "off")), sink)
			sink.until(t, "the pictures behind it", func() bool { return sink.numVideo >= 55 })
			_ = work.stop() // ended by us
			for i, pts := range sink.pts {
				if i > 0 && (pts-sink.pts[i-1] > time.Second || pts < sink.pts[i-1]) {
					t.Errorf("picture %d is shown %v after the one before", i, pts-sink.pts[i-1])
				}
			}
		})
	}
}

// HLS comes in segments of a second: it has to be handed on at its own pace.
func TestNetworkHLS(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { overHLS(a) })
}

func overHLS(t testing.TB) {
	dir := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	spawn(t, ffmpegProgram(), sendArgs(liveClip(t), "-f", "hls", "-hls_time", "1", "-hls_list_size", "5", filepath.Join(dir, "cam.m3u8"))...)
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if b, err := os.ReadFile(filepath.Join(dir, "cam.m3u8")); err == nil && strings.Count(string(b), ".ts") >= 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no playlist")
		}
	}
	sink := newRecorder(Live, 0, 60)
	checkLeaks(t)
	work := start(t, newNetwork(t, settingsOf("url", server.URL+"/cam.m3u8", "hardware", "off")), sink)
	sink.until(t, "pictures", func() bool { return sink.numVideo >= 50 })
	_ = work.stopSoon() // ended by us
	t.Cleanup(sink.release)
	server.CloseClientConnections()
	// From the tenth picture on, none comes more than half a second early.
	for n := 10; n < 50; n++ {
		if early := sink.pts[n] - sink.pts[10] - sink.arrived[n].Sub(sink.arrived[10]); early > 500*time.Millisecond {
			t.Fatalf("picture %d came %v early", n, early)
		}
	}
	wantCamera(t, sink)
}

func TestNetworkVanishesAndReturns(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { vanishesAndReturns(a) })
}

func vanishesAndReturns(t testing.TB) {
	checkLeaks(t)
	port := ports.Free(t)
	clip := liveClip(t)
	args := sendArgs(clip, "-f", "mpegts", fmt.Sprintf("udp://127.0.0.1:%d?pkt_size=1316", port))
	stop := spawn(t, ffmpegProgram(), args...)
	src := newNetwork(t, settingsOf("url", fmt.Sprintf("udp://127.0.0.1:%d", port), "timeout_s", 1, "hardware", "off"))
	sink := newRecorder(Live, 0, 0)
	work := start(t, src, sink)
	sink.until(t, "pictures", func() bool { return sink.numVideo >= 10 })
	// What is said from here on is of the loss, and not of a sender that took its time.
	for len(src.states) > 0 {
		<-src.states
	}
	stop()
	for deadline := time.After(patience); ; {
		select {
		case st := <-src.states:
			if st.State != Waiting {
				continue
			}
			if !strings.Contains(st.Err.Error(), "nothing comes from udp://") {
				t.Errorf("the reason given is %v", st.Err)
			}
		case <-deadline:
			t.Fatal("the loss was not noticed")
		}
		break
	}
	sink.mu.Lock()
	before := sink.numVideo
	sink.mu.Unlock()
	spawn(t, ffmpegProgram(), args...)
	sink.until(t, "pictures again", func() bool { return sink.numVideo >= before+10 && sink.restarts > 0 })
	_ = work.stopSoon() // ended by us
	for _, f := range sink.faults {
		t.Error(f)
	}
}

func TestNetworkErrorsKeepSecrets(t *testing.T) {
	checkLeaks(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	closed := ports.Free(t)
	for _, address := range []string{
		fmt.Sprintf("rtmp://user:geheim@127.0.0.1:%d/live/geheim", closed),
		fmt.Sprintf("rtsp://user:geheim@127.0.0.1:%d/geheim?token=geheim", closed),
		fmt.Sprintf("srt://127.0.0.1:%d?passphrase=geheimgeheim&connect_timeout=300", closed),
		strings.Replace(server.URL, "://", "://user:geheim@", 1) + "/geheim/cam.m3u8?key=geheim",
		"http://[geheim/x",
	} {
		src, err := Network().New(json.RawMessage(settingsOf("url", address, "timeout_s", 2)), hd(640, 360, fps25))
		if err == nil {
			err = src.Run(t.Context(), newRecorder(Live, 0, 0))
		}
		if err == nil {
			t.Errorf("%s opened", address)
		} else if strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "\n") {
			t.Errorf("the error tells the secret: %v", err)
		} else {
			t.Log(err)
		}
	}
	for _, address := range []string{"", "file:///etc/passwd", "cam.local", "concat:a|b", "pipe://0", "subfile://x"} {
		if _, err := Network().New(json.RawMessage(settingsOf("url", address)), Options{}); err == nil {
			t.Errorf("%q was accepted", address)
		}
	}
}

// A server that accepts and then says nothing.
func TestNetworkStopsWhileConnecting(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { stopsWhileConnecting(a) })
}

func stopsWhileConnecting(t testing.TB) {
	checkLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // ends with the test
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"rtmp", "rtsp", "http", "tcp"} {
		src, err := Network().New(json.RawMessage(settingsOf("url", scheme+"://"+l.Addr().String()+"/x")), hd(640, 360, fps25))
		if err != nil {
			t.Fatal(err)
		}
		work := start(t, src, newRecorder(Live, 0, 0))
		c, err := l.Accept() // it is under way
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() }) // ends with the test
		if scheme != "tcp" {                // of which the server speaks first
			if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := work.stopSoon(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: ended with %v", scheme, err)
		}
	}
}

// xvfb starts a display with a window of known colours and returns its name.
func xvfb(t testing.TB) string {
	t.Helper()
	display := ":" + strconv.Itoa(100+rand.IntN(20000))
	spawn(t, "Xvfb", display, "-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset")
	socket := "/tmp/.X11-unix/X" + display[1:]
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close() // only its opening was of interest
			return display
		}
		if time.Now().After(deadline) {
			t.Fatal("Xvfb does not start")
		}
	}
}

func TestScreenConforms(t *testing.T) {
	display := xvfb(t)
	conforms(t, Screen(), settingsOf("display", display), hd(640, 360, fps25), 10, 0)
	attempts.Run(t, 3, func(a *attempts.T) { regionAtItsRate(a, display) })
	for what, settings := range map[string]string{
		"cannot be opened": settingsOf("display", ":65000"),
		"region":           settingsOf("display", display, "x", 700, "width", 640, "height", 480),
	} {
		src, err := Screen().New(json.RawMessage(settings), hd(640, 360, fps25))
		if err != nil {
			t.Fatal(err)
		}
		if err := src.Run(t.Context(), newRecorder(Live, 0, 0)); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v; want %q in it", settings, err, what)
		}
	}
}

// regionAtItsRate: a part of a screen, at a rate that is not the canvas's.
func regionAtItsRate(t testing.TB, display string) {
	src, err := Screen().New(json.RawMessage(settingsOf("display", display, "x", 10, "y", 20, "width", 320, "height", 240, "fps", "10")), hd(640, 360, fps25))
	if err != nil {
		t.Fatal(err)
	}
	const pictures = 15
	sink := newRecorder(Live, 0, pictures)
	work := start(t, src, sink)
	sink.until(t, "pictures", func() bool { return sink.numVideo >= pictures })
	_ = work.stop() // ended by us
	defer sink.release()
	f := sink.frames[pictures-1]
	if f.Width != 320 || f.Height != 240 || f.Color.Range == 0 {
		t.Errorf("the region is %dx%d %+v", f.Width, f.Height, f.Color)
	}
	// 1.4 s; 0.6 s at the canvas's rate. A machine that stands still for a moment shifts the first or the last.
	if d := sink.pts[pictures-1] - sink.pts[0]; d < 900*time.Millisecond || d > 3*time.Second {
		t.Errorf("%d pictures at 10 fps took %v", pictures, d)
	}
}

// TestWindowIsCaptured: a window by its id, without what lies beside it.
func TestWindowIsCaptured(t *testing.T) {
	display := xvfb(t)
	spawn(t, "xmessage", "-display", display, "-geometry", "320x240+100+60", "-bg", "#ff0000", "-buttons", "", " ")
	var id string
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		tree, err := exec.Command("xwininfo", "-display", display, "-root", "-tree").Output()
		if _, line, found := strings.Cut(string(tree), "child"); err == nil && found {
			if at := strings.Index(line, "0x"); at >= 0 && strings.Contains(line, "320x240") {
				id, _, _ = strings.Cut(line[at:], " ")
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no window appeared: %v\n%s", err, tree)
		}
	}
	src, err := Screen().New(json.RawMessage(settingsOf("display", display, "window", id, "fps", "10", "cursor", false)), hd(640, 360, fps25))
	if err != nil {
		t.Fatal(err)
	}
	// It is known before it is on the screen: until then it cannot be captured, or is not painted.
	sink := newRecorder(Live, 0, 1000)
	work := start(t, supervised{src, make(chan Status, 1)}, sink)
	// Red everywhere: in BT.709, limited range, Y 63, Cr 240.
	at := [][2]int{{160, 60}, {160, 200}, {60, 160}, {300, 160}}
	sink.until(t, "a window that is red everywhere", func() bool {
		if len(sink.frames) == 0 {
			return false
		}
		f := sink.frames[len(sink.frames)-1]
		return f.Width == 320 && f.Height == 240 && !slices.ContainsFunc(at, func(p [2]int) bool {
			y := f.Planes[0].Data[p[1]*f.Planes[0].Stride+p[0]]
			return y < 60 || y > 66
		})
	})
	_ = work.stop() // ended by us
	sink.release()
}

func TestScreenAndCameraSettings(t *testing.T) {
	for _, c := range []struct {
		kind     Kind
		settings string
		ok       bool
	}{
		{Screen(), `{"width":100}`, false},
		{Screen(), `{"window":"root"}`, false},
		{Screen(), `{"fps":"0"}`, false},
		{Screen(), `{"window":"0x2c00007","fps":"29.97"}`, true},
		{Camera(), `{"device":""}`, false},
		{Camera(), `{"format":"yuv"}`, false},
		{Camera(), `{"fps":"fast"}`, false},
		{Camera(), `{"width":1920}`, false},
		{Camera(), `{"width":1920,"height":1080,"fps":"30","format":"mjpeg"}`, true},
	} {
		if _, err := c.kind.New(json.RawMessage(c.settings), Options{}); (err == nil) != c.ok {
			t.Errorf("%s %s: %v", c.kind.Name, c.settings, err)
		}
	}
	s := cameraSettings{Device: "/dev/video7", Width: 1280, Height: 720, FPS: "29.97", Format: "raw", Deinterlace: "auto"}
	in, err := s.input()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"video_size": "1280x720", "framerate": "30000/1001", "input_format": "yuyv422"}
	if fmt.Sprint(in.options.Options) != fmt.Sprint(want) {
		t.Errorf("options are %v, want %v", in.options.Options, want)
	}
}

func TestCameraThatIsNotThere(t *testing.T) {
	checkLeaks(t)
	for device, want := range map[string]string{
		"/dev/video-none": "no camera is plugged in",
		"/etc/hostname":   "is not a device",
		"/dev/null":       "camera",
	} {
		src, err := Camera().New(json.RawMessage(settingsOf("device", device)), hd(640, 360, fps25))
		if err != nil {
			t.Fatal(err)
		}
		if err := src.Run(t.Context(), newRecorder(Live, 0, 0)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q in it", device, err, want)
		} else {
			t.Log(err)
		}
	}
}

func TestMicrophoneConforms(t *testing.T) {
	conforms(t, Microphone(), `{"system":"null"}`, Options{}, 0, 300*time.Millisecond)
	src, err := Microphone().New(json.RawMessage(`{"system":"null","device":"no such microphone"}`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := src.Run(t.Context(), newRecorder(Live, 0, 0)); err == nil || !strings.Contains(err.Error(), "no such") {
		t.Errorf("a microphone that is not there: %v", err)
	}
}
