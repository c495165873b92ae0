package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// tourEnv names a folder in which the tour leaves a picture of every step.
const tourEnv = "CROSSPOINT_TOUR_DIR"

// control is an entry of --window-map.
type control struct {
	Kind, Text, Tip     string
	X, Y, Width, Height int
	Focused             bool
}

// told is what the tour reads of a line of --stats.
type told struct {
	Tick             int64
	Program, Preview string
	Transition       struct {
		Lever, Progress float64
		FramesLeft      int
	}
	Live, Recording bool
	Undo, Redo      string
	Show            struct {
		Name                      string
		Sources, Scenes, Overlays []string
	}
	Counters     struct{ New, Repeated int64 }
	Sources      []toldSource
	Destinations []toldOutput
	Recordings   []toldOutput
}

// lost is how many pictures the engine says were not new, of all sources.
func (v *told) lost() int64 {
	n := v.Counters.Repeated
	for _, s := range v.Sources {
		n += s.Dropped + s.Skipped + s.Repeated
	}
	for _, d := range v.Recordings {
		n += d.Dropped
	}
	return n
}

type toldSource struct {
	ID                         string
	Dropped, Skipped, Repeated int64
	Clip                       struct {
		Seekable, Paused bool
		Position, Length time.Duration
	}
}

// clip is the state of a media file, by its name.
func (v *told) clip(name string) toldSource {
	if i := slices.Index(v.Show.Sources, name); i >= 0 && i < len(v.Sources) {
		return v.Sources[i]
	}
	return toldSource{}
}

type toldOutput struct {
	ID      string
	Started bool
	Report  struct{ State string }
	Dropped int64
	Problem string
}

// tour operates the real window on a screen of its own.
type tour struct {
	t      testing.TB
	screen *testkit.Screen
	home   string
	dir    string // of the maps and statistics
	shots  string // "" keeps none
	step   int

	prog    *testkit.Process
	mapPath string
	stats   string
}

func newTour(t testing.TB, width, height int) *tour {
	t.Helper()
	r := &tour{t: t, screen: testkit.StartScreen(t, width, height), home: t.TempDir(), dir: t.TempDir(), shots: os.Getenv(tourEnv)}
	if r.shots != "" {
		if err := os.MkdirAll(r.shots, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// start runs the program with a window.
func (r *tour) start(args ...string) {
	r.t.Helper()
	r.step++
	r.mapPath = filepath.Join(r.dir, fmt.Sprintf("map%d.json", r.step))
	r.stats = filepath.Join(r.dir, fmt.Sprintf("stats%d.jsonl", r.step))
	r.prog = testkit.Start(r.t, func(c *exec.Cmd) {
		c.Env = append(environment(filepath.Join(r.home, ".config")), "DISPLAY="+r.screen.Display, "HOME="+r.home, "XDG_STATE_HOME="+filepath.Join(r.home, ".state"),
			"XDG_VIDEOS_DIR="+filepath.Join(r.home, "Videos"), "LANG=en_GB.UTF-8", "LIBGL_ALWAYS_SOFTWARE=1")
	}, program(r.t), append([]string{"run", "--stats", r.stats, "--window-map", r.mapPath}, args...)...)
}

// shot keeps a picture of the screen.
func (r *tour) shot(name string) {
	r.step++
	if r.shots == "" {
		return
	}
	time.Sleep(400 * time.Millisecond) // let the window draw what the state says
	r.screen.Save(filepath.Join(r.shots, fmt.Sprintf("%02d-%s.png", r.step, name)))
}

// window is what can be operated now.
func (r *tour) window() []control {
	raw, err := os.ReadFile(r.mapPath)
	if err != nil {
		return nil
	}
	var list []control
	if err := json.Unmarshal(raw, &list); err != nil {
		r.t.Fatalf("the map of the window: %v", err)
	}
	return list
}

// find waits for a control.
func (r *tour) find(kind, text string) control {
	r.t.Helper()
	var found control
	if !testkit.Within(20*time.Second, func() bool {
		list := r.window()
		i := slices.IndexFunc(list, func(c control) bool { return c.Kind == kind && c.Text == text })
		if i >= 0 {
			found = list[i]
		}
		return i >= 0
	}) {
		r.shot("failed")
		r.t.Fatalf("there is no %s %q in the window; there are %v; the program said %s", kind, text, r.window(), r.prog.Output())
	}
	return found
}

func (r *tour) click(kind, text string) {
	r.t.Helper()
	c := r.find(kind, text)
	r.screen.Click(c.X, c.Y)
}

// latest is the newest state that the program wrote.
func (r *tour) latest() told {
	raw, err := os.ReadFile(r.stats)
	if err != nil {
		return told{}
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	var v told
	if json.Unmarshal([]byte(lines[len(lines)-1]), &v) != nil {
		return told{} // half a line: the next look has it whole
	}
	return v
}

// await waits until the engine's state is so.
func (r *tour) await(what string, limit time.Duration, ok func(told) bool) told {
	r.t.Helper()
	var v told
	if !testkit.Within(limit, func() bool { v = r.latest(); return ok(v) }) {
		r.shot("failed")
		raw, _ := json.Marshal(v) // for the message
		r.t.Fatalf("%s: not within %v; the engine says %s; the program said %s", what, limit, raw, r.prog.Output())
	}
	return v
}

// awaitTitle waits for the window's title.
func (r *tour) awaitTitle(what string, ok func(string) bool) {
	r.t.Helper()
	title := ""
	if !testkit.Within(15*time.Second, func() bool { title = r.screen.Title("Crosspoint"); return ok(title) }) {
		r.shot("failed")
		r.t.Fatalf("%s: the window is called %q", what, title)
	}
}

// palette does a command by its name.
func (r *tour) palette(text string) {
	r.screen.Key("ctrl+k")
	time.Sleep(500 * time.Millisecond)
	r.screen.Type(text)
	time.Sleep(500 * time.Millisecond)
	r.screen.Key("Return")
}

// The first hour of a producer: a first run, a file and a title, cuts and a mix, live to
// the rehearsal receiver and recording, saved, opened again. Everything is done with the
// pointer and the keyboard in the real window; what came of it is read from the engine.
func TestTourOfTheWindow(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { tourOfTheWindow(a) })
}

func tourOfTheWindow(t testing.TB) {
	r := newTour(t, 1366, 768)
	testkit.Clip{Seconds: 4, Camera: 9}.Write(t, filepath.Join(r.home, "walk-in.mp4"))
	program(t)
	began := time.Now()
	r.start()
	r.find("button", "Look around in the demo show")
	t.Logf("start to usable window: %v", time.Since(began).Round(10*time.Millisecond))
	r.shot("first-page")
	r.click("button", "Look around in the demo show")
	r.find("cell", "Camera 3")
	r.await("the demo show runs", 20*time.Second, func(v told) bool { return v.Program == "scene1" && len(v.Show.Sources) == 6 })
	r.shot("desk")

	// Build: a title, then a file through the file dialog.
	r.click("button", "Show")
	r.find("button", "+ Text")
	r.click("button", "+ Text")
	r.await("a title is added", 15*time.Second, func(v told) bool { return len(v.Show.Sources) == 7 })
	r.shot("title-added")
	r.click("button", "+ Media")
	time.Sleep(1500 * time.Millisecond)
	r.shot("choose-file")
	r.chooseOnlyFile()
	r.await("a file is added", 15*time.Second, func(v told) bool { return slices.Contains(v.Show.Sources, "walk-in") })
	r.shot("file-added")

	// Play, pause and position it in the strip under the preview.
	r.screen.Key("Escape")
	r.palette("preview source walk-in")
	r.await("the file is on preview", 10*time.Second, func(v told) bool {
		return v.clip("walk-in").ID == v.Preview && v.clip("walk-in").Clip.Length > 3*time.Second
	})
	r.click("button", "pause")
	r.await("the file is paused", 10*time.Second, func(v told) bool { return v.clip("walk-in").Clip.Paused })
	bar := r.find("scrub", "")
	r.screen.Click(bar.X, bar.Y)
	r.await("the file is in its middle", 10*time.Second, func(v told) bool {
		c := v.clip("walk-in").Clip
		return c.Position > c.Length/3 && c.Position < c.Length*2/3
	})
	r.shot("clip")
	r.screen.Key("k")
	r.await("K plays on", 10*time.Second, func(v told) bool { return !v.clip("walk-in").Clip.Paused })

	// Undo and redo it, from the keyboard.
	r.screen.Key("Escape", "ctrl+z")
	r.await("the file is taken back", 10*time.Second, func(v told) bool { return !slices.Contains(v.Show.Sources, "walk-in") && v.Redo != "" })
	r.screen.Key("ctrl+shift+z")
	r.await("the file is back", 10*time.Second, func(v told) bool { return slices.Contains(v.Show.Sources, "walk-in") })

	// Switch: preview, cut, mix, T-bar.
	r.screen.Key("3")
	r.await("3 previews", 10*time.Second, func(v told) bool { return v.Preview == "scene3" })
	r.screen.Key("Return")
	r.await("Enter cuts", 10*time.Second, func(v told) bool { return v.Program == "scene3" && v.Preview == "scene1" })
	r.shot("cut")
	r.click("cell", "Camera 2")
	r.await("a click previews", 10*time.Second, func(v told) bool { return v.Preview == "scene2" })
	r.screen.Key("space")
	r.await("Space mixes", 10*time.Second, func(v told) bool {
		return v.Program == "scene2" && v.Preview == "scene3" && v.Transition.FramesLeft == 0
	})
	r.shot("mixed")
	r.pullLever(0.5)
	r.await("the T-bar stands in the middle", 10*time.Second, func(v told) bool { return v.Transition.Lever > 0.3 && v.Transition.Lever < 0.7 })
	r.shot("t-bar")
	r.pullLever(-0.2) // the mix ended with the lever up, so down is the other end
	r.await("the T-bar came to the other end", 10*time.Second, func(v told) bool { return v.Program == "scene3" && v.Transition.Progress == 0 })
	r.screen.Key("ctrl+1")
	r.await("Ctrl+1 cuts", 10*time.Second, func(v told) bool { return v.Program == "scene1" })

	// Go live and record.
	r.screen.Key("ctrl+l")
	r.await("all three destinations are live", 30*time.Second, func(v told) bool { return confirmed(v.Destinations) == 3 })
	r.screen.Key("r")
	r.await("the recording runs", 15*time.Second, func(v told) bool { return v.Recording && confirmed(v.Recordings) == 1 })
	r.shot("live")
	r.click("button", "Rehearsal")
	time.Sleep(2 * time.Second)
	r.shot("rehearsal")
	r.click("button", "Stats")
	r.shot("stats")
	r.screen.Key("2", "Return")
	r.await("a cut while live", 10*time.Second, func(v told) bool { return v.Program == "scene2" })
	r.screen.Key("r")
	time.Sleep(800 * time.Millisecond)
	r.shot("stop-recording-asked")
	r.screen.Key("r")
	ended := r.await("the recording is over", 15*time.Second, func(v told) bool { return !v.Recording && confirmed(v.Recordings) == 0 })
	if n := confirmed(ended.Destinations); n != 3 {
		t.Errorf("%d destinations are live after the recording ended, want 3", n)
	}

	// Save under a name.
	r.awaitTitle("unsaved mark", func(s string) bool { return strings.Contains(s, "*") })
	r.screen.Key("ctrl+s")
	time.Sleep(1500 * time.Millisecond)
	r.shot("save-as")
	saved := r.saveAs("sunday")
	r.awaitTitle("saved", func(s string) bool { return s != "" && !strings.Contains(s, "*") })
	r.shot("saved")

	// Close while live: it asks, and then everything ends within 5 s.
	r.screen.Key("ctrl+q")
	r.find("button", "Stop everything and close")
	r.shot("close-asks")
	if v := r.latest(); !v.Live {
		t.Error("the question alone ended the stream")
	}
	r.click("button", "Stop everything and close")
	start := time.Now()
	if !testkit.Within(12*time.Second, r.prog.Ended) {
		r.shot("still-there")
		r.prog.Signal(syscall.SIGQUIT) // it says where every goroutine is
	}
	code := r.prog.Wait(15 * time.Second)
	if d := time.Since(start); d > 6*time.Second || code != 0 {
		t.Errorf("closing while live took %v and ended with %d, want 5 s and 0", d, code)
	}
	r.judgeRecording(r.latest())

	// Open it again.
	r.start(saved)
	r.find("cell", "Camera 1")
	v := r.await("the show is as it was saved", 20*time.Second, func(v told) bool { return len(v.Show.Sources) == 8 })
	if !slices.Contains(v.Show.Sources, "walk-in") {
		t.Errorf("the sources are %v, the file is not among them", v.Show.Sources)
	}
	r.awaitTitle("named in the title", func(s string) bool { return s != "" && !strings.Contains(s, "*") })
	r.shot("reopened")
	r.second(saved)
	r.sizes()
	r.screen.Key("ctrl+q")
	if code := r.prog.Wait(15 * time.Second); code != 0 {
		t.Errorf("the program ended with %d", code)
	}
}

func confirmed(list []toldOutput) int {
	n := 0
	for _, d := range list {
		if d.Started && d.Report.State == "live" {
			n++
		}
	}
	return n
}

// pullLever drags the T-bar to a place, 0..1; beyond the ends it stops there.
func (r *tour) pullLever(to float64) {
	r.t.Helper()
	var bar control
	for _, c := range r.window() {
		if c.Kind == "fader" && (bar.Kind == "" || c.Y < bar.Y) {
			bar = c
		}
	}
	if bar.Kind == "" {
		r.t.Fatal("there is no T-bar")
	}
	const knob = 34
	by := int((to - r.latest().Transition.Lever) * float64(bar.Height-knob))
	r.screen.Drag(bar.X, bar.Y, bar.X, bar.Y-by, 10, 40*time.Millisecond)
}

// chooseOnlyFile opens the one file that Fyne's dialog lists in the home folder.
func (r *tour) chooseOnlyFile() {
	r.screen.Click(560, 231) // the third row, below the folder above and Videos
	time.Sleep(500 * time.Millisecond)
	r.shot("file-chosen")
	r.screen.Click(1130, 636)
}

// saveAs types a name into Fyne's dialog, which has the keyboard, and returns the file's
// path.
func (r *tour) saveAs(name string) string {
	r.screen.Key("ctrl+a")
	r.screen.Type(name + ".json")
	r.screen.Click(1198, 655)
	return filepath.Join(r.home, name+".json")
}

// second opens a second window on the same show: it says so, and cannot save.
func (r *tour) second(path string) {
	other := *r
	other.screen = testkit.StartScreen(r.t, 1366, 768)
	other.step += 50
	other.start(path)
	other.awaitTitle("the second window is read only", func(s string) bool { return strings.Contains(s, "read only") })
	other.shot("second-window")
	other.screen.Key("ctrl+q")
	if code := other.prog.Wait(15 * time.Second); code != 0 {
		r.t.Errorf("the second window ended with %d", code)
	}
}

// sizes shows the window at the scales and in the themes there are.
func (r *tour) sizes() {
	r.palette("150 %")
	time.Sleep(time.Second)
	r.shot("scale-150")
	r.palette("200 %")
	time.Sleep(time.Second)
	r.shot("scale-200")
	r.palette("100 %")
	time.Sleep(time.Second)
	r.palette("Light")
	time.Sleep(time.Second)
	r.shot("light")
	r.palette("Dark")
	r.screen.Key("F1")
	time.Sleep(500 * time.Millisecond)
	r.shot("keys")
	r.screen.Key("F1")
	r.palette("Multiview full screen")
	time.Sleep(2 * time.Second)
	r.shot("multiview")
	r.screen.Key("Escape")
	time.Sleep(500 * time.Millisecond)
	r.shot("multiview-left")
}

// judgeRecording decodes the recording and looks at its counters: every picture is a
// camera's, in order, and none is missing but those that the engine counted.
func (r *tour) judgeRecording(end told) {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.home, "Videos", "*.mkv"))
	if err != nil || len(files) != 1 {
		r.t.Fatalf("the recordings are %v, %v; want one", files, err)
	}
	got := testkit.Read(r.t, "recording", files[0])
	if got.Damaged != 0 || len(got.Pictures) < 60 {
		r.t.Fatalf("the recording has %d pictures, %d packets damaged", len(got.Pictures), got.Damaged)
	}
	coded, missing, again := 0, 0, 0
	last := -1
	for i, p := range got.Pictures {
		if !p.Code.OK {
			continue
		}
		coded++
		n := int(p.Code.Number)
		switch {
		case last < 0:
		case n == last:
			again++
		case n > last+1:
			missing += n - last - 1
		case n < last:
			r.t.Errorf("picture %d has number %d after %d", i, n, last)
		}
		last = n
	}
	r.t.Logf("recording: %d pictures, %d of them with a counter, %d missing, %d again; the engine counted %d",
		len(got.Pictures), coded, missing, again, end.lost())
	if coded < len(got.Pictures)*9/10 {
		r.t.Errorf("%d of %d pictures have a counter", coded, len(got.Pictures))
	}
	if lost := int64(missing + again); lost > end.lost() {
		r.t.Errorf("%d pictures are missing or there again, the engine counted %d", lost, end.lost())
	}
}
