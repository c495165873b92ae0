package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"crosspoint.studio/crosspoint/app/document"
	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/app/ui"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// testConsole logs nowhere but to the tail; state, configuration and videos of the user
// are in a folder of the test's own.
func testConsole(t *testing.T) (c *console, dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_VIDEOS_DIR"} {
		t.Setenv(name, filepath.Join(dir, strings.ToLower(name)))
	}
	keyring.MockInitWithError(errors.New("no keyring"))
	var out bytes.Buffer
	c = newConsole(&out, &out)
	av.RouteLogs(c.log)
	return c, dir
}

// smallShow writes a show with two colours of that size.
func smallShow(t *testing.T, dir, name string, width, height int, fps string) string {
	t.Helper()
	text := fmt.Sprintf(`{"format":1,"name":%q,"canvas":{"width":%d,"height":%d,"fps":%q},
		"sources":[{"id":"red","kind":"color","settings":{"color":"#ff0000"}},{"id":"green","kind":"color","settings":{"color":"#00ff00"}}],
		"recordings":[{"id":"rec","settings":{"path":"out.mkv"}}]}`, name, width, height, fps)
	path := filepath.Join(dir, name+".json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// The window's whole ground without the window: shows of different canvases follow
// one another behind the same views.
func TestAnotherCanvasUnderTheSameWindow(t *testing.T) {
	c, dir := testConsole(t)
	one, two := smallShow(t, dir, "one", 320, 180, "30"), smallShow(t, dir, "two", 180, 320, "25")
	d, err := openDesk(t.Context(), c, runOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if notice, err := d.begin(one, runOptions{}); notice != "" || err != nil {
		t.Fatalf("begin: %q, %v", notice, err)
	}
	docs := d.services.Documents
	view := d.stage.OpenView(engine.ViewSpec{Bus: engine.ViewProgram, Width: 64, Height: 64, FPS: 30})
	shows := func(what string) {
		t.Helper()
		// What the show before left in the view's mailbox went with its view.
		var f *media.Frame
		waitFor(t, what, func() bool { f = view.Latest(); return f != nil })
		f.Release()
	}
	shows("a picture of the first show")
	before := d.stage.State()
	if before.Show.Canvas.Width != 320 || before.Program != "red" {
		t.Errorf("first: %+v on programme %q", before.Show.Canvas, before.Program)
	}

	if err := d.stage.Do(engine.StartRecording{}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a recording", func() bool {
		_, err := os.Stat(filepath.Join(d.services.RecordDir, "out.mkv"))
		return err == nil && d.stage.State().Recording
	})
	if err := docs.Open(two); !errors.Is(err, document.ErrRunning) {
		t.Errorf("Open while recording: %v", err)
	}
	if err := d.stage.Do(engine.StopRecording{}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the recording's end", func() bool { return !d.stage.State().Busy() })

	if err := docs.Open(two); err != nil {
		t.Fatal(err)
	}
	after := d.stage.State()
	if after.Show.Canvas.Width != 180 || after.Revision <= before.Revision || docs.Info().Dirty {
		t.Errorf("then: %+v, revision %d after %d, %+v", after.Show.Canvas, after.Revision, before.Revision, docs.Info())
	}
	shows("a picture of the second show in the same view")
	if err := d.stage.Do(engine.RenameShow{Name: "renamed"}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the mark for unsaved changes", func() bool { return docs.Info().Dirty })
	if err := docs.Save(); err != nil || docs.Info().Dirty {
		t.Errorf("Save: %v; %+v", err, docs.Info())
	}
	if err := docs.New("empty", scenes.Default().Canvas); err != nil || !errors.Is(docs.Save(), ui.ErrNoPath) {
		t.Errorf("an empty show: %v, Save %v", err, docs.Save())
	}
	view.Close()
	if view.Latest() != nil {
		t.Error("a closed view has a picture")
	}
	began := time.Now()
	if err := d.close(); err != nil || time.Since(began) > 6*time.Second {
		t.Errorf("the end took %v: %v", time.Since(began), err)
	}
	if _, err := d.stage.Play(after.Show, dir); !errors.Is(err, engine.ErrStopped) {
		t.Errorf("Play after the end: %v", err)
	}
}

// Unsaved work that a disk has damaged is said in the window that opens, beside what else is.
func TestDamagedWorkIsSaid(t *testing.T) {
	c, dir := testConsole(t)
	folder := filepath.Join(dir, "xdg_state_home", "crosspoint", "recovery")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "99-99.json"), []byte(`{"path":`), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := openDesk(t.Context(), c, runOptions{})
	if err != nil {
		t.Fatal(err)
	}
	notice, err := d.begin("empty", runOptions{})
	if err != nil || !strings.HasPrefix(notice, "Unsaved work of an earlier run cannot be read (") || !strings.HasSuffix(notice, "99-99.json.broken.") {
		t.Errorf("begin: %q, %v", notice, err)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
}

func TestAShowThatCannotBeOpenedLeavesAnEmptyOne(t *testing.T) {
	c, dir := testConsole(t)
	path := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(path, []byte(`{"format":1,"scenes":[{"id":"s","layers":[{"source":"a"},{"source":"b"}]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := openDesk(t.Context(), c, runOptions{})
	if err != nil {
		t.Fatal(err)
	}
	notice, err := d.begin(path, runOptions{})
	if err != nil || !strings.Contains(notice, "2 places") {
		t.Errorf("begin: %q, %v", notice, err)
	}
	listed := 0
	for _, r := range d.services.Logs.Since(0) {
		if strings.Contains(r.Text, "where=$.scenes[0].layers") {
			listed++
		}
	}
	if info := d.services.Documents.Info(); listed != 2 || info.Path != "" || len(d.stage.State().Show.Sources) != 0 {
		t.Errorf("the log lists %d mistakes; open is %+v", listed, info)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	d, err = openDesk(t.Context(), c, runOptions{length: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.begin(path, runOptions{length: time.Second}); err == nil {
		t.Error("with flags about a show, a broken one began all the same")
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
}

func TestFlagsAreForTheFirstShowAlone(t *testing.T) {
	c, dir := testConsole(t)
	path := smallShow(t, dir, "one", 320, 180, "30")
	o := runOptions{length: 500 * time.Millisecond, record: filepath.Join(dir, "flag.mkv")}
	d, err := openDesk(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.begin(path, o); err != nil {
		t.Fatal(err)
	}
	if info := d.services.Documents.Info(); info.Dirty {
		t.Errorf("what a flag adds counts as a change: %+v", info)
	}
	if n := len(d.stage.State().Show.Recordings); n != 2 {
		t.Errorf("%d recordings run, want the show's and the flag's", n)
	}
	if err := d.services.Documents.SaveAs(filepath.Join(dir, "saved.json")); err != nil {
		t.Error(err)
	}
	if saved, err := scenes.Load(filepath.Join(dir, "saved.json")); err != nil || len(saved.Recordings) != 1 || saved.Recordings[0].ID != "rec" {
		t.Errorf("saved with the recordings %+v, %v; want the show's own alone", saved.Recordings, err)
	}
	select {
	case <-d.stage.stopped:
	case <-time.After(20 * time.Second):
		t.Error("the time that was asked for does not end the show")
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(o.record); err != nil || info.Size() == 0 {
		t.Errorf("the recording: %v", err)
	}
}

func TestServices(t *testing.T) {
	c, dir := testConsole(t)
	d, err := openDesk(t.Context(), c, runOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := d.begin("demo", runOptions{}); err != nil {
		t.Fatal(err)
	}
	s := d.services

	if err := s.Credentials.Set("tube", "live_secret_1234", outputs.Recipient{Host: "live.example"}); err != nil || s.Credentials.Where("tube") == "" {
		t.Errorf("Set: %v", err)
	}
	if got, err := c.secret("tube", []outputs.Recipient{{Host: "live.example"}}); got != "live_secret_1234" || err != nil {
		t.Errorf("the engine gets %q, %v", got, err)
	}
	if got, err := c.secret("tube", []outputs.Recipient{{Host: "evil.example"}}); got != "" || err == nil {
		t.Errorf("another server is told %q", got)
	}
	c.log.Warn("the server said live_secret_1234")
	for _, r := range s.Logs.Since(0) {
		if strings.Contains(r.Text, "live_secret") {
			t.Errorf("a stream key is in the log: %s", r.Text)
		}
	}

	var pickers []string
	for name, k := range s.SourceKinds {
		var form struct {
			Properties map[string]struct {
				Picker string `json:"x-picker"`
			}
		}
		if err := json.Unmarshal(k.Schema, &form); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, p := range form.Properties {
			switch p.Picker {
			case "", "file", "folder", "color", "text": // need no list
			default:
				pickers = append(pickers, p.Picker)
			}
		}
	}
	for _, p := range append(pickers, "playback", "encoder", "scene", "rendition") {
		list, ok := s.Inventory.Choices(p)
		if !ok {
			t.Errorf("nobody lists choices for the picker %q", p)
		}
		t.Logf("%s: %d choices, %v", p, len(list), list[:min(len(list), 3)])
		switch p {
		case "font", "encoder", "scene", "rendition", "window":
			if len(list) == 0 {
				t.Errorf("no choices for %q", p)
			}
		}
	}
	if _, ok := s.Inventory.Choices("colour of the sky"); ok {
		t.Error("a picker that does not exist has choices")
	}
	waitFor(t, "what is left of the disk", func() bool { return s.Machine.Sample().DiskFree > 0 })
	if got := s.Machine.Sample(); got.Cores < 1 || !strings.HasPrefix(s.RecordDir, dir) {
		t.Errorf("machine: %+v, recordings go to %s", got, s.RecordDir)
	}

	if err := d.stage.Do(engine.GoLive{Destinations: []string{"srt"}}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the rehearsal receiver's findings", func() bool {
		list := s.Rehearsal.Streams()
		return len(list) == 1 && list[0].State == "receiving" && len(list[0].Facts) > 3
	})
	if err := d.stage.Do(engine.StopLive{}); err != nil {
		t.Error(err)
	}
}

func TestStageBeforeAndAfterTheShow(t *testing.T) {
	c, _ := testConsole(t)
	s := newStage(c, outputKinds(), runOptions{})
	if s.State() != nil || !errors.Is(s.Do(engine.Cut{}), engine.ErrStopped) {
		t.Error("a stage without a show has one")
	}
	v := s.OpenView(engine.ViewSpec{Bus: engine.ViewProgram, Width: 64, Height: 64})
	v.SetHidden(true)
	if v.Latest() != nil {
		t.Error("a view of nothing has a picture")
	}
	v.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Errorf("Run without a show: %v", err)
	}
}
