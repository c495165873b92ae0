package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
)

// picture is the newest programme picture, as far as these tests look at it.
type picture struct {
	code   atomic.Uint64
	moved  atomic.Int64 // when another picture of a camera was seen, in nanoseconds since 1970
	slate  atomic.Bool
	mean   atomic.Int64
	spread atomic.Int64
}

// tap implements engine.Options.Tap.
func (p *picture) tap(_ int64, f *media.Frame, _ []float32) {
	c := testkit.ReadCode(f)
	v := uint64(0)
	if c.OK {
		v = 1<<32 | uint64(c.Camera)<<24 | uint64(c.Number&0xffffff)
	}
	if p.code.Swap(v) != v && c.OK {
		p.moved.Store(time.Now().UnixNano())
	}
	low, high, sum, n := byte(255), byte(0), 0, 0
	for y := 0; y < f.Height; y += 3 {
		row := f.Planes[0].Data[y*f.Planes[0].Stride:]
		for x := 0; x < f.Width; x += 3 {
			low, high = min(low, row[x]), max(high, row[x])
			sum += int(row[x])
			n++
		}
	}
	p.mean.Store(int64(sum / n))
	p.spread.Store(int64(high) - int64(low))
	// Dark grey stripes: never a camera, never black.
	p.slate.Store(v == 0 && sum/n > 35 && sum/n < 60 && high-low < 30 && high != low)
}

func (p *picture) read() (camera uint8, number int64, ok bool) {
	v := p.code.Load()
	return uint8(v >> 24), int64(v & 0xffffff), v != 0
}

// awaitCamera waits until that camera's picture is on programme and moves.
func (p *picture) awaitCamera(t testing.TB, limit time.Duration, camera uint8) {
	t.Helper()
	start := int64(-1)
	testkit.Eventually(t, limit, fmt.Sprintf("camera %d is not on programme, moving", camera), func() bool {
		c, n, ok := p.read()
		if !ok || c != camera {
			start = -1
			return false
		}
		if start < 0 {
			start = n
		}
		return n > start+2
	})
}

// TestFileCutOffWhilePlaying: a media file loses its second half while it plays. Its
// last picture stands, the operator is told, and everything else goes on.
func TestFileCutOffWhilePlaying(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { fileCutOffWhilePlaying(a) })
}

func fileCutOffWhilePlaying(t testing.TB) {
	dir := t.TempDir()
	const seconds = 12
	var list, scenes []object
	files := []string{"a.mkv", "b.ts", "c.mp4"}
	for i, name := range files {
		format := map[string]string{".mkv": "matroska", ".ts": "mpegts", ".mp4": "mp4"}[filepath.Ext(name)]
		testkit.Clip{Format: format, Camera: uint8(10 + i), Seconds: seconds, Noise: true}.Write(t, filepath.Join(dir, name))
		id := fmt.Sprintf("file%d", i)
		list = append(list, object{"id": id, "kind": "file", "settings": object{"path": filepath.Join(dir, name)}})
		scenes = append(scenes, object{"id": "on" + id, "layers": []object{{"source": id}}})
	}
	doc := document(t, 320, 180, fps, object{
		"sources": append(list, cameras(1)...), "scenes": append(scenes, cameraScenes(1)...),
		"recordings": []object{{"id": "rec", "settings": object{"path": filepath.Join(dir, "show.mkv")}}},
		"start":      object{"program": "onfile0", "preview": "s1"},
	})
	var p picture
	s := openStudio(t, doc, engine.Options{Tap: p.tap, Commands: []engine.Timed{{Command: engine.StartRecording{}}}}, nil)
	s.begin()
	p.awaitCamera(t, 10*time.Second, 10)
	s.awaitTick(2 * fps)
	for _, name := range files {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() < seconds*60_000 {
			t.Fatalf("%s has %d bytes: it would be in the reader's memory already", name, info.Size())
		}
		if err := os.Truncate(path, info.Size()/2); err != nil {
			t.Fatal(err)
		}
	}
	s.awaitTick((seconds/2 + 3) * fps)
	for i, name := range files {
		id := fmt.Sprintf("file%d", i)
		s.do(engine.Cut{Scene: "on" + id})
		s.awaitTick(s.tapped.Load() + 3)
		camera, number, ok := p.read()
		v := s.source(id)
		t.Logf("%s: picture %d stands; %s; %q; problem %q; seen:\n\t%s", name, number, v.Status, v.Detail, v.Problem, s.seen.story(id))
		if !ok || camera != uint8(10+i) {
			t.Errorf("%s: its last picture does not stand (slate %v)", name, p.slate.Load())
		}
		if number < fps*2 || number > fps*(seconds-3) {
			t.Errorf("%s was cut in half and stands at picture %d of %d", name, number, fps*seconds)
		}
		if !strings.Contains(v.Detail+v.Problem, "cut off") && !strings.Contains(v.Detail+v.Problem, "damaged") {
			t.Errorf("%s: the operator is not told: %s, %q, %q", name, v.Status, v.Detail, v.Problem)
		}
	}
	s.do(engine.Cut{Scene: "s1"})
	p.awaitCamera(t, 5*time.Second, 1)
	if d := s.destination("rec"); d.Report.State.String() != "live" || d.Dropped != 0 {
		t.Errorf("the recording is %s with %d dropped", d.Report.State, d.Dropped)
	}
	s.stop()
}

// sendUDP and serveTCP send a clip round and round, as a camera on the network does.
func sendUDP(t testing.TB, clip string, port int) *testkit.Process {
	return testkit.Start(t, nil, testkit.Program(t, "ffmpeg"), "-v", "error", "-re", "-stream_loop", "-1", "-i", clip,
		"-c", "copy", "-f", "mpegts", fmt.Sprintf("udp://127.0.0.1:%d?pkt_size=1316", port))
}

func serveTCP(t testing.TB, clip string, port int) *testkit.Process {
	return testkit.Start(t, nil, testkit.Program(t, "ffmpeg"), "-v", "error", "-re", "-stream_loop", "-1", "-i", clip,
		"-c", "copy", "-f", "mpegts", fmt.Sprintf("tcp://127.0.0.1:%d?listen=1", port))
}

// TestNetworkSourceVanishes: one network source falls silent and goes on, another's far
// end dies and comes back. Their last picture stands, after five seconds the slate
// shows, then the picture again; the programme never stops.
func TestNetworkSourceVanishes(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { networkSourceVanishes(a) })
}

func networkSourceVanishes(t testing.TB) {
	dir := t.TempDir()
	clip := func(name string, camera uint8) string {
		path := filepath.Join(dir, name)
		testkit.Clip{Format: "mpegts", Camera: camera, Seconds: 10}.Write(t, path)
		return path
	}
	silentClip, dyingClip := clip("silent.ts", 20), clip("dying.ts", 21)
	udp, tcp := ports.Free(t), ports.Free(t)
	silent := sendUDP(t, silentClip, udp)
	dying := serveTCP(t, dyingClip, tcp)
	doc := document(t, 320, 180, fps, object{
		"sources": append([]object{
			{"id": "silent", "kind": "network", "settings": object{"url": fmt.Sprintf("udp://127.0.0.1:%d", udp)}},
			{"id": "dying", "kind": "network", "settings": object{"url": fmt.Sprintf("tcp://127.0.0.1:%d", tcp)}},
		}, cameras(1)...),
		"scenes": append([]object{
			{"id": "onsilent", "layers": []object{{"source": "silent"}}},
			{"id": "ondying", "layers": []object{{"source": "dying"}}},
		}, cameraScenes(1)...),
		"start": object{"program": "onsilent", "preview": "ondying"},
	})
	var p picture
	s := openStudio(t, doc, engine.Options{Tap: p.tap}, nil)
	s.begin()
	is := func(id string, want engine.SourceStatus) func() bool {
		return func() bool { return s.source(id).Status == want }
	}
	p.awaitCamera(t, 15*time.Second, 20)
	s.do(engine.Cut{Scene: "ondying"})
	p.awaitCamera(t, 15*time.Second, 21)
	s.do(engine.Cut{Scene: "onsilent"})

	began := time.Now()
	silent.Freeze()
	dying.Kill()
	testkit.Eventually(t, 3*time.Second, "the silent source is not held", is("silent", engine.SourceHeld))
	t.Logf("held %v after it fell silent", time.Since(began).Round(10*time.Millisecond))
	if c, _, ok := p.read(); !ok || c != 20 {
		t.Error("the last picture of the silent source does not stand")
	}
	testkit.Eventually(t, 3*time.Second, "nothing is said of the source that died", func() bool { return s.source("dying").Problem != "" })
	sentence(t, "the source that died", s.source("dying").Problem)
	testkit.Eventually(t, 6*time.Second, "the silent source is not lost", is("silent", engine.SourceLost))
	took := time.Since(time.Unix(0, p.moved.Load()))
	t.Logf("lost %v after its last picture", took.Round(10*time.Millisecond))
	if took < 4400*time.Millisecond || took > 6500*time.Millisecond { // a live picture is shown some time after it came
		t.Errorf("lost after %v; want 5 s after its last picture came", took)
	}
	testkit.Eventually(t, time.Second, fmt.Sprintf("the slate does not show: mean %d, spread %d", p.mean.Load(), p.spread.Load()), p.slate.Load)
	s.do(engine.Cut{Scene: "ondying"})
	testkit.Eventually(t, 2*time.Second, "the slate of the source that died does not show", p.slate.Load)
	testkit.Eventually(t, time.Second, "the source that died is not lost", is("dying", engine.SourceLost))

	back := time.Now()
	silent.Thaw()
	serveTCP(t, dyingClip, tcp)
	p.awaitCamera(t, 15*time.Second, 21)
	t.Logf("the source that died is back %v after its far end", time.Since(back).Round(10*time.Millisecond))
	s.do(engine.Cut{Scene: "onsilent"})
	p.awaitCamera(t, 15*time.Second, 20)
	for _, id := range []string{"silent", "dying"} {
		testkit.Eventually(t, 3*time.Second, id+" is not running again", is(id, engine.SourceRunning))
		if v := s.source(id); v.Problem != "" {
			t.Errorf("%s runs again, yet it says %q", id, v.Problem)
		}
		t.Logf("%s:\n\t%s", id, s.seen.story(id))
	}
	st := s.State()
	k := st.Counters
	for _, v := range st.Sources {
		t.Logf("%s: %d pictures came, %d dropped, %d skipped, %d repeated", v.ID, v.Frames, v.Dropped, v.Skipped, v.Repeated)
	}
	t.Logf("%d ticks, %d late", k.Ticks, k.Late)
	if k.Ticks != st.Tick+1 && k.Ticks != st.Tick {
		t.Errorf("%d ticks were made by tick %d", k.Ticks, st.Tick)
	}
	s.stop()
}

// TestMicrophoneUnplugged: the sound server of a microphone ends and comes back. The
// operator is told; the source and its sound come back by themselves.
func TestMicrophoneUnplugged(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { microphoneUnplugged(a) })
}

func microphoneUnplugged(t testing.TB) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "native")
	t.Setenv("PULSE_SERVER", "unix:"+socket)
	t.Setenv("PULSE_RUNTIME_PATH", dir)
	t.Setenv("XDG_RUNTIME_DIR", dir)
	plug := func() *testkit.Process {
		p := testkit.Start(t, nil, "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
			"-L", "module-null-sink sink_name=studio format=float32le rate=48000 channels=2",
			"-L", "module-sine sink=studio frequency=440",
			"-L", "module-native-protocol-unix auth-anonymous=1 socket="+socket)
		testkit.Eventually(t, 15*time.Second, "the sound server does not start", func() bool {
			_, err := os.Stat(socket)
			return err == nil
		})
		return p
	}
	server := plug()
	doc := document(t, 320, 180, fps, object{
		"sources": append(cameras(1), object{"id": "mic", "kind": "microphone", "settings": object{"system": "pulse"}},
			object{"id": "null", "kind": "microphone", "settings": object{"system": "null"}}),
		"scenes": cameraScenes(1), "start": object{"program": "s1", "preview": "s1"},
	})
	var p picture
	s := openStudio(t, doc, engine.Options{Tap: p.tap}, nil)
	s.begin()
	heard := func() bool {
		v := s.source("mic")
		return v.Status == engine.SourceRunning && v.Meter.PeakDB[0] > -40
	}
	testkit.Eventually(t, 15*time.Second, "the microphone is not heard", heard)
	testkit.Eventually(t, 5*time.Second, "the null microphone does not run", func() bool { return s.source("null").Status == engine.SourceRunning })
	began := time.Now()
	server.Kill()
	testkit.Eventually(t, 8*time.Second, "nothing is said of the microphone that is gone", func() bool {
		v := s.source("mic")
		return v.Status != engine.SourceRunning && v.Problem != ""
	})
	t.Logf("told %v after it was unplugged: %s", time.Since(began).Round(10*time.Millisecond), s.source("mic").Problem)
	sentence(t, "the microphone", s.source("mic").Problem)
	if s.source("null").Status != engine.SourceRunning {
		t.Error("another microphone suffers from it")
	}
	p.awaitCamera(t, 3*time.Second, 1)
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	plug()
	began = time.Now()
	testkit.Eventually(t, 20*time.Second, "the microphone is not heard again", heard)
	t.Logf("heard again %v after it was plugged in:\n\t%s", time.Since(began).Round(10*time.Millisecond), s.seen.story("mic"))
	s.stop()
}
