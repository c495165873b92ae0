package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
)

// TestKilledWhileRecording: the program is killed (kill -9) at random moments while it
// records to Matroska and MP4. Every file plays, from its first picture to one second
// before the kill.
func TestKilledWhileRecording(t *testing.T) {
	const runs, together = 20, 4
	bin := program(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	moments := make(chan time.Duration, runs)
	for range runs {
		moments <- 800*time.Millisecond + time.Duration(random.Int64N(int64(3200*time.Millisecond)))
	}
	close(moments)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var worst float64
	judged := 0
	for range together {
		wg.Go(func() {
			for after := range moments {
				lost, n := killOnce(t, bin, after)
				mu.Lock()
				worst, judged = max(worst, lost), judged+n
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d files judged; the most that a kill cost is %.2f s", judged, worst)
	if judged != 2*runs {
		t.Errorf("%d files of %d were judged", judged, 2*runs)
	}
}

// killOnce runs the program for a while and kills it; it returns how much of the show
// before the kill the worse of the two files lacks, in seconds, and how many
// files were judged. It may run beside others.
func killOnce(t *testing.T, bin string, after time.Duration) (lost float64, judged int) {
	dir := t.TempDir()
	show, mkv, mp4 := filepath.Join(dir, "show.json"), filepath.Join(dir, "a.mkv"), filepath.Join(dir, "b.mp4")
	commands, log := filepath.Join(dir, "commands.jsonl"), filepath.Join(dir, "log.jsonl")
	doc := document(t, 320, 180, fps, object{
		"sources": cameras(2), "scenes": cameraScenes(2),
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 800}}},
		"recordings": []object{{"id": "second", "settings": object{"path": mp4}}},
		"start":      object{"program": "s1", "preview": "s2"},
	})
	// A harmless command at every tick: the command log then says how far the show had
	// come when the program died.
	var lines bytes.Buffer
	fmt.Fprintln(&lines, `{"at": 0, "do": "start_recording", "recordings": ["second"]}`)
	for tick := range 600 {
		fmt.Fprintf(&lines, "{\"at\": %d, \"do\": \"reset_clip\"}\n", tick)
	}
	for path, content := range map[string][]byte{show: doc, commands: lines.Bytes()} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Error(err)
			return 0, 0
		}
	}
	p := testkit.Start(t, nil, bin, "run", "--headless", "--record", mkv, "--commands", commands, "--command-log", log, show)
	if !testkit.Within(20*time.Second, func() bool { return lastTick(log) >= 0 }) {
		t.Errorf("the show does not begin; the program said %q", p.Output())
		return 0, 0
	}
	<-time.After(after)
	if p.Ended() {
		t.Errorf("the program ended by itself: %q", p.Output())
		return 0, 0
	}
	p.Kill()
	tick := lastTick(log)
	for _, path := range []string{mkv, mp4} {
		name := filepath.Base(path)
		r, err := testkit.Decode(t.Context(), name, path, nil)
		if tick < fps && (err != nil || len(r.Pictures) == 0) {
			judged++ // the second that a kill may cost is all there was
			continue
		}
		if err != nil {
			t.Errorf("%s does not play, killed at tick %d: %v", name, tick, err)
			continue
		}
		for i, picture := range r.Pictures {
			if !picture.Code.OK || int64(picture.Code.Number) > tick {
				t.Errorf("%s: picture %d is not the camera's: %+v", name, i, picture.Code)
				break
			}
		}
		if len(r.Pictures) == 0 {
			t.Errorf("%s is empty, killed at tick %d", name, tick)
			continue
		}
		if n := r.Pictures[0].Code.Number; n > 1 {
			t.Errorf("%s begins with picture %d", name, n)
		}
		if r.Damaged > 1 {
			t.Errorf("%s: %d packets cannot be decoded; only the one being written may be cut", name, r.Damaged)
		}
		if r.SoundTo < media.TickTime(tick-fps, media.NewRational(fps, 1)) {
			t.Errorf("%s: sound ends at %v, killed at tick %d", name, r.SoundTo, tick)
		}
		missing := float64(tick-int64(r.Pictures[len(r.Pictures)-1].Code.Number)) / fps
		if missing > 1 {
			t.Errorf("%s lacks the last %.2f s before the kill at tick %d", name, missing, tick)
		}
		lost = max(lost, missing)
		judged++
	}
	return lost, judged
}

// lastTick is the tick of the last whole line of a command log; -1 before the first.
func lastTick(log string) int64 {
	raw, err := os.ReadFile(log)
	if err != nil {
		return -1
	}
	lines := strings.Split(string(raw), "\n")
	if len(lines) < 2 {
		return -1
	}
	var line struct {
		At int64 `json:"at"`
	}
	if json.Unmarshal([]byte(lines[len(lines)-2]), &line) != nil {
		return -1
	}
	return line.At
}
