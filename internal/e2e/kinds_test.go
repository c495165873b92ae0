package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// datagrams writes what comes to a port into a file, until the test ends or done is
// called.
func datagrams(t testing.TB, path string) (port int, done func()) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadBuffer(4 << 20) // the kernel may give less
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer f.Close()
		buf := make([]byte, 2000)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			if _, err := f.Write(buf[:n]); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	done = func() {
		conn.Close()
		<-ended
	}
	t.Cleanup(done)
	return conn.LocalAddr().(*net.UDPAddr).Port, done
}

// TestOtherKinds: MPEG-TS over UDP, a file, and a program beside a pipe whose reader never
// reads and a virtual camera that is not there: the last two say what is wrong with them, and
// every picture of the programme is in the first three.
func TestOtherKinds(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { otherKinds(a) })
}

func otherKinds(t testing.TB) {
	const ticks = 6 * fps
	dir := t.TempDir()
	stuck := filepath.Join(dir, "stuck")
	if err := syscall.Mkfifo(stuck, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(stuck, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	port, received := datagrams(t, filepath.Join(dir, "udp.ts"))
	doc := document(t, 640, 360, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1),
		"renditions": []object{{"id": "main", "video": object{"width": 640, "height": 360, "bitrate_kbps": 1500}}},
		"destinations": []object{
			{"id": "udp", "kind": "udp", "settings": object{"url": fmt.Sprintf("udp://127.0.0.1:%d", port)}},
			{"id": "file", "kind": "pipe", "settings": object{"path": filepath.Join(dir, "file.ts")}},
			{"id": "program", "kind": "pipe", "settings": object{"command": `ffmpeg -v error -i - -c copy "` + filepath.Join(dir, "program.mkv") + `"`}},
			{"id": "stuck", "kind": "pipe", "settings": object{"path": stuck}},
			{"id": "camera", "kind": "camera", "settings": object{"device": "/dev/video-of-no-machine"}},
		},
		"start": object{"program": "s1"},
	})
	s := openStudio(t, doc, engine.Options{Ticks: ticks, Commands: []engine.Timed{{Command: engine.GoLive{}}}}, nil)
	s.begin()
	testkit.Eventually(t, 15*time.Second, "the pipe that nobody reads is not said to be stuck", func() bool { return s.seen.was("stuck", "degraded") })
	s.awaitTick(ticks - fps)
	if c := s.destination("camera"); c.Report.State.String() != "failed" || !strings.Contains(c.Problem, "there is no device") {
		t.Errorf("the camera is %v: %q", c.Report.State, c.Problem)
	}
	udp := s.destination("udp")
	if udp.Report.State.String() != "sending" || udp.Uptime != 0 {
		t.Errorf("UDP is %v for %v; nobody acknowledges it", udp.Report.State, udp.Uptime)
	}
	s.await(40 * time.Second)
	received()
	for _, id := range []string{"udp", "file", "program"} {
		if d := s.destination(id); d.Dropped != 0 || d.Reconnects != 0 {
			t.Errorf("%s: %d packets dropped, %d reconnects", id, d.Dropped, d.Reconnects)
		}
	}
	whole := wants{firstBy: gop, lastFrom: ticks - 1, flashes: 2, disturbed: !s.undisturbed(), notEncoded: s.notEncoded()}
	judge(t, s.truth, "udp", filepath.Join(dir, "udp.ts"), whole)
	judge(t, s.truth, "file", filepath.Join(dir, "file.ts"), whole)
	judge(t, s.truth, "program", filepath.Join(dir, "program.mkv"), whole)
}
