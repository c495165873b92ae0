package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// moment is what a run of the program had written when it was stopped dead.
type moment struct {
	dir  string // with copies of the files
	tick int64  // of the show
}

// TestKilledWhileRecording: the program is killed (kill -9) at random moments while it
// records to Matroska, MP4, and Matroska in files of a second. Every file plays, from its
// first picture to one second before the kill. A process that is frozen (SIGSTOP) has written
// exactly what it would have when killed, so that each run stands for several
// kills: what there is when it is frozen is copied, and it goes on. CROSSPOINT_LONG=1 kills
// 50 times for good.
func TestKilledWhileRecording(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { killedWhileRecording(a) })
}

func killedWhileRecording(t testing.TB) {
	runs, freezes := 4, 4
	const together = 4
	if os.Getenv("CROSSPOINT_LONG") == "1" {
		runs, freezes = 50, 1
	}
	bin := program(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	plans := make(chan []time.Duration, runs)
	for range runs {
		var waits []time.Duration // from moment to moment
		for range freezes + 1 {
			waits = append(waits, 300*time.Millisecond+time.Duration(random.Int64N(int64(3*time.Second)/int64(freezes))))
		}
		plans <- waits
	}
	close(plans)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var worst float64
	judged := 0
	for range together {
		wg.Go(func() {
			for waits := range plans {
				for _, m := range killOnce(t, bin, waits) {
					lost, n := judgeMoment(t, m)
					mu.Lock()
					worst, judged = max(worst, lost), judged+n
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d recordings at %d moments judged; the most that a kill cost is %.2f s", judged, runs*(freezes+1), worst)
	if want := 3 * runs * (freezes + 1); judged != want {
		t.Errorf("%d recordings of %d were judged", judged, want)
	}
}

// killOnce runs the program, freezes it after each wait but the last, kills it after that
// one, and starts it once more, which has to find and finish what was left behind. It may
// run beside others.
func killOnce(t testing.TB, bin string, waits []time.Duration) (moments []moment) {
	dir := t.TempDir()
	show, files := filepath.Join(dir, "show.json"), filepath.Join(dir, "files")
	commands, log := filepath.Join(dir, "commands.jsonl"), filepath.Join(dir, "log.jsonl")
	doc := document(t, 320, 180, fps, object{
		"sources": cameras(2), "scenes": cameraScenes(2),
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 800, "keyframe_seconds": 0.5}}},
		"recordings": []object{
			{"id": "second", "settings": object{"path": filepath.Join(files, "b.mp4")}},
			{"id": "third", "settings": object{"path": filepath.Join(files, "c.mkv"), "split_minutes": 1.0 / 60}},
		},
		"start": object{"program": "s1", "preview": "s2"},
	})
	// A harmless command at every tick: the command log then says how far the show had
	// come when the program died.
	var lines bytes.Buffer
	fmt.Fprintln(&lines, `{"at": 0, "do": "start_recording", "recordings": ["second", "third"]}`)
	for tick := range 900 {
		fmt.Fprintf(&lines, "{\"at\": %d, \"do\": \"reset_clip\"}\n", tick)
	}
	if err := os.Mkdir(files, 0o700); err != nil {
		t.Error(err)
		return nil
	}
	for path, content := range map[string][]byte{show: doc, commands: lines.Bytes()} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Error(err)
			return nil
		}
	}
	state := func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(dir, "state")) }
	p := testkit.Start(t, state, bin, "run", "--headless", "--record", filepath.Join(files, "a.mkv"), "--commands", commands, "--command-log", log, show)
	if !testkit.Within(20*time.Second, func() bool { return lastTick(log) >= 0 }) {
		t.Errorf("the show does not begin; the program said %q", p.Output())
		return nil
	}
	for i, wait := range waits {
		<-time.After(wait)
		// Ticks that were late come in a burst: the command log then has pictures that the encoder
		// has not had.
		testkit.Within(10*time.Second, func() bool {
			from := lastTick(log)
			<-time.After(100 * time.Millisecond)
			n := lastTick(log) - from
			return n > 0 && n <= 4 // 3 are due
		})
		if p.Ended() {
			t.Errorf("the program ended by itself: %q", p.Output())
			return nil
		}
		last := i == len(waits)-1
		if last {
			p.Kill()
		} else {
			p.Freeze()
			stopped := func() bool {
				stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
				return err == nil && strings.Contains(string(stat), ") T ")
			}
			if !testkit.Within(5*time.Second, stopped) {
				t.Error("the program does not freeze")
			}
		}
		m := moment{filepath.Join(dir, fmt.Sprint("moment", i)), lastTick(log)}
		if err := os.CopyFS(m.dir, os.DirFS(files)); err != nil {
			t.Error(err)
			return nil
		}
		moments = append(moments, m)
		if !last {
			p.Thaw()
		}
	}
	again := testkit.Start(t, state, bin, "run", "--headless", "--for", "30s", show)
	if !testkit.Within(20*time.Second, func() bool { return strings.Contains(again.Output(), "was cut off while it recorded") }) {
		t.Errorf("what the kill left behind is not found; the program said %q", again.Output())
	}
	lists := func() bool {
		for _, ext := range []string{"session", "otio", "edl", "fcpxml"} { // called after the recording that began first
			if list, _ := filepath.Glob(filepath.Join(files, "*."+ext)); len(list) != 1 {
				return false
			}
		}
		return true
	}
	if moments[len(moments)-1].tick > 2*fps && !testkit.Within(20*time.Second, lists) {
		t.Errorf("the cut lists are not written; the program said %q", again.Output())
	}
	again.Kill()
	if strings.Contains(again.Output(), "not good") {
		t.Errorf("the program said %q", again.Output())
	}
	for _, name := range []string{"a.mkv", "b.mp4"} { // whole now: the length is known, and nothing is lost
		was, err := testkit.Decode(t.Context(), name, filepath.Join(moments[len(moments)-1].dir, name), nil)
		if err != nil && was == nil {
			continue // killed within its first second
		}
		got, err := testkit.Decode(t.Context(), name, filepath.Join(files, name), nil)
		if err != nil || got.Damaged > 0 || len(got.Pictures) < len(was.Pictures)-1 {
			t.Errorf("%s after it was finished: %v", name, err)
		}
	}
	return moments
}

// judgeMoment returns how much of the show before a kill the worst of the recordings lacks, in
// seconds, and how many recordings were judged.
func judgeMoment(t testing.TB, m moment) (lost float64, judged int) {
	parts, err := filepath.Glob(filepath.Join(m.dir, "c*.mkv"))
	if err != nil {
		t.Error(err)
	}
	slices.SortFunc(parts, func(a, b string) int { return partOf(a) - partOf(b) })
	for _, paths := range [][]string{{filepath.Join(m.dir, "a.mkv")}, {filepath.Join(m.dir, "b.mp4")}, parts} {
		lost = max(lost, judgeFiles(t, paths, m.tick))
		judged++
	}
	return lost, judged
}

// partOf is the number in "c part 12.mkv"; 1 without.
func partOf(path string) int {
	n := 1
	_, rest, _ := strings.Cut(filepath.Base(path), " part ")
	_, _ = fmt.Sscanf(rest, "%d", &n)
	return n
}

// judgeFiles judges the files of one recording at a kill.
func judgeFiles(t testing.TB, paths []string, tick int64) (missing float64) {
	next, damaged, sound := uint32(0), int64(0), time.Duration(0)
	for i, path := range paths {
		name := filepath.Base(path)
		r, err := testkit.Decode(t.Context(), name, path, nil)
		if err != nil || len(r.Pictures) == 0 {
			// The second that a kill may cost is all there was, of the recording or of its newest file.
			if i > 0 && i == len(paths)-1 || tick < fps {
				continue
			}
			t.Errorf("%s does not play, killed at tick %d: %v", name, tick, err)
			return 0
		}
		for n, picture := range r.Pictures {
			c := picture.Code
			// Pictures that a busy machine repeated or left out are the show's, not the file's.
			if !c.OK || int64(c.Number) > tick || c.Number+1 < next || c.Number > next+fps/2 {
				t.Errorf("%s: picture %d is not the camera's next, %d: %+v", name, n, next, c)
				return 0
			}
			next = c.Number + 1
		}
		if n := r.Pictures[0].Code.Number; i == 0 && n > 1 {
			t.Errorf("%s begins with picture %d", name, n)
		}
		damaged += r.Damaged
		sound += r.SoundTo - r.Pictures[0].PTS
	}
	name := filepath.Base(paths[0])
	if damaged > 1 {
		t.Errorf("%s: %d packets cannot be decoded; only the one being written may be cut", name, damaged)
	}
	if next == 0 {
		return 0
	}
	if sound < media.TickTime(tick-fps, media.NewRational(fps, 1)) {
		t.Errorf("%s: sound ends at %v, killed at tick %d", name, sound, tick)
	}
	if missing = float64(tick-int64(next-1)) / fps; missing > 1 {
		t.Errorf("%s lacks the last %.2f s before the kill at tick %d", name, missing, tick)
	}
	return missing
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
