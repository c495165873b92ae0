package ui

import (
	"errors"
	"flag"
	"image"
	"image/png"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

var update = flag.Bool("update", false, "write the goldens anew; look at the pictures in testdata/failed before committing them")

// golden compares what an object draws, as Fyne's markup, with testdata/golden/NAME.xml:
// every text, colour, picture and place of it. When it differs, the markup and a picture
// of the window are left in testdata/failed.
func (b *bench) golden(t *testing.T, name string, o fyne.CanvasObject) {
	t.Helper()
	picture := b.canvas.Capture()
	got := markup(o)
	path := filepath.Join("testdata", "golden", name+".xml")
	want, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	leave(t, name, got, picture)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	line, was, is := firstDifference(string(want), got)
	t.Errorf("%s differs from its golden at line %d:\n  %s\nwant\n  %s\nsee testdata/failed/%s.png; -update writes it anew", name, line, is, was, name)
}

// leave puts what was drawn into testdata/failed.
func leave(t *testing.T, name, got string, picture image.Image) {
	t.Helper()
	failed := filepath.Join("testdata", "failed")
	if err := os.MkdirAll(failed, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(failed, name+".xml"), []byte(got), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(failed, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, picture); err != nil {
		t.Fatal(err)
	}
}

// empty is a line of Fyne's markup that says nothing: a widget of no content.
var emptyWidget = regexp.MustCompile(`(?m)^\s*<widget[^>]*>\n\s*</widget>\n`)

// markup is o in Fyne's markup without what is empty, one space for a level.
func markup(o fyne.CanvasObject) string {
	at := o.Position()
	m := test.RenderObjectToMarkup(o) // in a window of its own, at its corner
	o.Move(at)
	for {
		short := emptyWidget.ReplaceAllString(m, "")
		if short == m {
			break
		}
		m = short
	}
	return strings.ReplaceAll(m, "\t", " ")
}

func firstDifference(want, got string) (line int, was, is string) {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range g {
		if i >= len(w) {
			return i + 1, "(the end)", g[i]
		}
		if w[i] != g[i] {
			return i + 1, w[i], g[i]
		}
	}
	return len(g) + 1, w[len(g)], "(the end)"
}

// everything is a studio in which every panel has something to say: live to a place that
// refuses, recording, a lost camera, a clip on preview, a title on air.
func everything() *engine.State {
	s := aClip()
	desk, silent := soundState(), math.Inf(-1)
	s.Show.Buses, s.Buses = desk.Show.Buses, desk.Buses
	for i := range s.Sources {
		s.Sources[i].Strip.OnAir = scenes.OnAirOn
		s.Sources[i].Meter = engine.Meter{PeakDB: [2]float64{silent, silent}, HoldDB: [2]float64{silent, silent}}
	}
	s.Sources[0].Strip, s.Sources[0].Inserts, s.Show.Sources[0].Audio = desk.Sources[0].Strip, desk.Sources[0].Inserts, desk.Show.Sources[0].Audio
	s.Show.Overlays[0].On = true
	s.Tally["lower"] = engine.OnProgram
	s.Live, s.Recording, s.Undo = true, true, "adding Bug"
	s.Sources[0].Status, s.Sources[0].Detail = engine.SourceRunning, "1920x1080 30 fps h264, aac 48 kHz stereo"
	s.Sources[0].Meter = engine.Meter{PeakDB: [2]float64{-12, -24}, HoldDB: [2]float64{-6, -9}}
	s.Sources[1].Status, s.Sources[1].Problem = engine.SourceLost, "nothing has come from the camera for 5 s"
	s.Destinations[0].Started = true
	s.Destinations[0].Problem = "the server refused the stream key"
	s.Destinations[0].Report.State = outputs.Waiting
	s.Recordings[0].Started, s.Recordings[0].Uptime, s.Recordings[0].BitrateBPS = true, 63*time.Second, 6_160_000
	s.Recordings[0].Report = outputs.Report{State: outputs.Confirmed}
	s.Counters = engine.Counters{Ticks: 300, New: 298, Repeated: 2, Late: 1, TickMS: 4.25, TickMaxMS: 12.5, TickP50MS: 4, TickP99MS: 11, BudgetMS: 33.3, ViewFPS: 30, HeapMB: 42}
	s.Renditions = []engine.RenditionState{{ID: "main", Encoder: "libx264", Frames: 298, EncodeMS: 9.5, BitrateBPS: 6_000_000}}
	s.Warnings = []engine.Warning{
		{Key: "output a", Text: "Stage refused the stream key; the other outputs go on; correct the key in Outputs."},
		{Key: "source cam2", Text: "Camera 2 is lost; its last picture was shown for 5 s; check its cable."},
	}
	return s
}

type goldenMachine struct{}

func (goldenMachine) Sample() MachineStats {
	return MachineStats{CPU: 1.25, Cores: 2, RSS: 310 << 20, DiskFree: 42 << 30}
}

type goldenLogs struct{}

func (goldenLogs) Keep(slog.Level) {}

func (goldenLogs) Since(seq int64) []LogRecord {
	if seq > 0 {
		return nil
	}
	at := time.Date(2001, 9, 9, 1, 46, 40, 0, time.UTC)
	return []LogRecord{{1, at, slog.LevelInfo, "the studio runs"}, {2, at, slog.LevelWarn, "source stopped source=cam2"}, {3, at, slog.LevelError, "command not logged"}}
}

type goldenRehearsal struct{}

func (goldenRehearsal) Streams() []RehearsalStream {
	return []RehearsalStream{{ID: 1, Title: "RTMP, Stage", State: "receiving", Facts: []Fact{{"Video", "h264 1280x720, 30 fps"}, {"Bitrate", "3.0 Mb/s"}}, Problems: []string{"keyframes come every 4 s; platforms want 2 s"}}}
}

// TestGoldens draws every panel of the window with the same studio.
func TestGoldens(t *testing.T) {
	utc := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = utc })
	b := newBenchWith(t, everything(), Services{
		Documents: &fakeDocuments{info: DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json", Dirty: true}, recent: []RecentShow{{Path: "/shows/sunday.json"}, {Path: "/shows/easter.json"}}},
		Machine:   goldenMachine{}, Logs: goldenLogs{}, Rehearsal: goldenRehearsal{},
		SourceKinds: map[string]sources.Kind{"file": sources.File(), "synthetic": sources.Synthetic()},
		RecordDir:   "/videos",
	})
	b.clock = b.clock.Add(time.Second)
	b.show(everything())
	for name, p := range map[string]fyne.CanvasObject{
		"preview": b.monitors[0], "programme": b.monitors[1], "transition": b.place.transition, "banner": b.banner, "bank": b.place.bank,
		"mixer": b.place.audio, "status": b.status,
	} {
		b.golden(t, name, p)
	}
	for _, tab := range b.side.tabs {
		b.side.openID(tab.id)
		b.show(everything())
		b.golden(t, "side-"+tab.id, tab.panel)
	}
	b.desk.sound = soundChoice{source: "cam1"}
	b.side.openID("sound")
	b.show(everything())
	b.golden(t, "sound-strip", b.side.tabs[2].panel)
	b.desk.sound = soundChoice{}
	b.help.toggle()
	b.golden(t, "keys", b.help)
	b.help.toggle()
	b.palette.open()
	b.palette.search("cam")
	b.golden(t, "palette", b.palette)
	b.palette.close()
	b.askClose()
	b.golden(t, "question", b.place.bar)
	b.place.bar.dismiss()
	rest := *b.desk.state // a live desk is not covered
	rest.Live, rest.Recording, rest.ISOs, rest.Writing = false, false, nil, nil
	b.show(&rest)
	b.first.ask()
	b.golden(t, "first-page", b.first)
}
