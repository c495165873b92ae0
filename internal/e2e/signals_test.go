package e2e

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// TestTerminalGoesAway: what reads the program's words ends, and nothing of the show; the
// terminal is closed, and the show ends in order.
func TestTerminalGoesAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	show := write(t, filepath.Join(dir, "show.json"), document(t, 320, 180, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "start": object{"program": "s1", "preview": "s1"},
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 800}}},
	}))
	// A command that is refused is a line on stderr.
	commands := write(t, filepath.Join(dir, "list.jsonl"), []byte(`{"at": 20, "do": "preview", "scene": "nobody"}`+"\n"))
	file, stats := filepath.Join(dir, "show.mkv"), filepath.Join(dir, "stats.jsonl")
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := testkit.Start(t, func(c *exec.Cmd) { c.Env, c.Stdout, c.Stderr = environment(dir), writer, writer },
		program(t), "run", "--headless", "--record", file, "--commands", commands, "--stats", stats, show)
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	told := func() string {
		raw, _ := os.ReadFile(stats) // it is made when the show begins
		return string(raw)
	}
	testkit.Eventually(t, 30*time.Second, "it does not go on after what it had to say", func() bool {
		_, after, refused := strings.Cut(told(), "nobody")
		return p.Ended() || refused && strings.Count(after, "\n") >= 2
	})
	if p.Ended() {
		t.Fatalf("it ended with status %d when nobody read what it said", p.Wait(time.Second))
	}
	ask := syscall.SIGHUP
	if signal.Ignored(ask) { // as the program has it from this one
		ask = syscall.SIGTERM
	}
	p.Signal(ask) // by the kernel
	p.Signal(ask) // by the shell
	if status := p.Wait(20 * time.Second); status != 0 {
		t.Errorf("status %d after %v", status, ask)
	}
	if seen := testkit.Read(t, "recording", file); len(seen.Pictures) < 2*fps || seen.Damaged != 0 {
		t.Errorf("the recording has %d pictures, %d damaged", len(seen.Pictures), seen.Damaged)
	}
}

// TestSignalEndsTheWindow: Fyne ends its windows at a signal by itself, and the show behind
// them ends in order all the same: what is recorded is whole and has its cut lists.
func TestSignalEndsTheWindow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	show := write(t, filepath.Join(dir, "show.json"), document(t, 320, 180, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "start": object{"program": "s1", "preview": "s1"},
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 800}}},
	}))
	file, stats := filepath.Join(dir, "show.mkv"), filepath.Join(dir, "stats.jsonl")
	screen := testkit.StartScreen(t, 1366, 768)
	p := testkit.Start(t, func(c *exec.Cmd) {
		c.Env = append(environment(dir), "DISPLAY="+screen.Display, "HOME="+dir, "XDG_STATE_HOME="+filepath.Join(dir, "state"))
	}, program(t), "run", "--record", file, "--stats", stats, show)
	testkit.Eventually(t, 60*time.Second, "the show with a window does not run", func() bool {
		raw, _ := os.ReadFile(stats) // it is made when the show begins
		return p.Ended() || strings.Count(string(raw), "\n") >= 4
	})
	p.Signal(syscall.SIGTERM)
	if status := p.Wait(20 * time.Second); status != 0 || strings.Contains(p.Output(), "panic") {
		t.Errorf("status %d; it said %q", status, p.Output())
	}
	if seen := testkit.Read(t, "recording", file); len(seen.Pictures) < fps || seen.Damaged != 0 {
		t.Errorf("the recording has %d pictures, %d damaged", len(seen.Pictures), seen.Damaged)
	}
	for _, ext := range []string{".otio", ".edl", ".fcpxml"} {
		if _, err := os.Stat(strings.TrimSuffix(file, ".mkv") + ext); err != nil {
			t.Errorf("a cut list is missing: %v", err)
		}
	}
}

// TestProcessStopped: the time in which the process is stopped is no studio time. What is
// recorded goes on without a hole and without the pictures of that time, and it is said.
func TestProcessStopped(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { processStopped(a) })
}

func processStopped(t testing.TB) {
	const stopped = 14 * time.Second // of which 10 s would be caught up with
	dir := t.TempDir()
	show := write(t, filepath.Join(dir, "show.json"), document(t, 320, 180, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "start": object{"program": "s1", "preview": "s1"},
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 800}}},
	}))
	file, stats := filepath.Join(dir, "show.mkv"), filepath.Join(dir, "stats.jsonl")
	p := testkit.Start(t, func(c *exec.Cmd) { c.Env = environment(dir) }, program(t), "run", "--headless", "--record", file, "--stats", stats, show)
	told := func() string {
		raw, _ := os.ReadFile(stats) // it is made when the show begins
		return string(raw)
	}
	began := time.Now()
	testkit.Eventually(t, 30*time.Second, "the show does not run", func() bool { return p.Ended() || strings.Count(told(), "\n") >= 3 })
	p.Freeze()
	time.Sleep(stopped)
	p.Thaw()
	testkit.Eventually(t, 30*time.Second, "it is not said", func() bool {
		_, after, said := strings.Cut(told(), "stood still")
		return p.Ended() || said && strings.Count(after, "\n") >= 2
	})
	p.Signal(syscall.SIGTERM)
	if status := p.Wait(20 * time.Second); status != 0 {
		t.Errorf("status %d; it said %q", status, p.Output())
	}
	whole := time.Since(began)
	seen := testkit.Read(t, "recording", file)
	n := len(seen.Pictures)
	if n < 2*fps || seen.Damaged != 0 || seen.SoundGap > 50*time.Millisecond {
		t.Fatalf("the recording has %d pictures, %d damaged, and a hole of %v in its sound", n, seen.Damaged, seen.SoundGap)
	}
	if lasts := seen.Pictures[n-1].PTS - seen.Pictures[0].PTS; lasts > whole-stopped+time.Second {
		t.Errorf("the recording lasts %v of %v, %v of which the process was stopped", lasts, whole, stopped)
	}
	for i := 1; i < n; i++ {
		if step := seen.Pictures[i].PTS - seen.Pictures[i-1].PTS; step > time.Second {
			t.Errorf("picture %d comes %v behind the one before", i, step)
		}
	}
}
