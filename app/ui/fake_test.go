package ui

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// fakeStudio records commands and hands out pictures; safe for any goroutine.
type fakeStudio struct {
	state  atomic.Pointer[engine.State]
	states atomic.Int64 // calls of State

	mu       sync.Mutex // guards what follows
	commands []engine.Command
	refuse   error
	block    chan struct{} // not nil: Do waits for it
	carried  func()        // not nil: Do calls it
	pictures []*fakePicture
}

func (f *fakeStudio) State() *engine.State { f.states.Add(1); return f.state.Load() }

func (f *fakeStudio) Do(c engine.Command) error {
	f.mu.Lock()
	f.commands = append(f.commands, c)
	err, block := f.refuse, f.block
	f.mu.Unlock()
	if f.carried != nil {
		f.carried()
	}
	if block != nil {
		<-block
	}
	return err
}

func (f *fakeStudio) done() []engine.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.commands)
}

func (f *fakeStudio) OpenView(spec engine.ViewSpec) *fakePicture {
	p := &fakePicture{spec: spec, latest: media.NewLatest()}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pictures = append(f.pictures, p)
	return p
}

func (f *fakeStudio) opened() []*fakePicture {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pictures)
}

var _ Studio[*fakePicture] = (*fakeStudio)(nil)

type fakePicture struct {
	spec   engine.ViewSpec
	latest *media.Latest
	closed atomic.Bool
	hidden atomic.Bool
}

func (p *fakePicture) Latest() *media.Frame  { return p.latest.TryGet() }
func (p *fakePicture) SetHidden(hidden bool) { p.hidden.Store(hidden) }
func (p *fakePicture) Close()                { p.closed.Store(true); p.latest.Close() }

var errRefused = errors.New("there is no such scene")

// aShow has two scenes, a camera with sound each, an overlay, a destination and a
// recording.
func aShow() *scenes.Show {
	s := scenes.Default()
	layer := func(id string) []scenes.Layer {
		l := scenes.NewLayer(id)
		l.Width, l.Height = 1920, 1080
		return []scenes.Layer{l}
	}
	s.Sources = []scenes.Source{{ID: "cam1", Name: "Camera 1", Kind: "synthetic"}, {ID: "cam2", Name: "Camera 2", Kind: "synthetic"}}
	s.Scenes = []scenes.Scene{{ID: "one", Name: "Wide", Layers: layer("cam1")}, {ID: "two", Name: "Close", Layers: layer("cam2")}}
	s.Overlays = []scenes.Overlay{{ID: "lower", Name: "Lower third"}}
	s.Transition.Frames = 9
	return s
}

// aState is a studio at rest with aShow.
func aState() *engine.State {
	return &engine.State{
		Tick: 300, Time: 10 * time.Second, Show: aShow(), Program: "one", Preview: "two",
		Transition: engine.TransitionState{Mode: engine.AtRest},
		Tally:      map[string]engine.Tally{"one": engine.OnProgram, "cam1": engine.OnProgram, "two": engine.OnPreview, "cam2": engine.OnPreview},
		Sources: []engine.SourceState{
			{ID: "cam1", Name: "Camera 1", Status: engine.SourceRunning, HasVideo: true, HasAudio: true},
			{ID: "cam2", Name: "Camera 2", Status: engine.SourceRunning, HasVideo: true, HasAudio: true},
		},
		Destinations: []engine.DestinationState{{ID: "a", Name: "Stage", Kind: "rtmp", Rendition: "main", Report: outputs.Report{State: outputs.Idle}}},
		Recordings:   []engine.DestinationState{{ID: "r", Name: "Disk", Kind: "record", Rendition: "main", Report: outputs.Report{State: outputs.Idle}}},
	}
}

// bench is a window on Fyne's test driver before a fake studio, with a clock that
// the test moves.
type bench struct {
	*window
	studio *fakeStudio
	clock  time.Time
	canvas fyne.Canvas
}

func newBench(t *testing.T, s *engine.State) *bench {
	t.Helper()
	return newBenchWith(t, s, Services{})
}

// newBenchWith is newBench with services. What panels do in the background is done at
// once, on the test's goroutine.
func newBenchWith(t *testing.T, s *engine.State, services Services) *bench {
	t.Helper()
	a := test.NewTempApp(t)
	a.Settings().SetTheme(newTheme())
	f := &fakeStudio{}
	f.state.Store(s)
	b := &bench{studio: f, clock: time.Unix(1e9, 0)}
	b.window = newWindow(anyStudio[*fakePicture]{f}, services, a.Preferences())
	b.desk.work.inline = true
	b.desk.post = func(f func()) { f() }
	b.desk.now = func() time.Time { return b.clock }
	win := test.NewTempWindow(t, b.content)
	win.SetPadded(false)
	win.Resize(fyne.NewSize(1366, 728))
	b.canvas = win.Canvas()
	b.desk.stopTyping = win.Canvas().Unfocus
	b.desk.focused, b.overlay = win.Canvas().Focused, win.Canvas().Overlays().Top
	b.apply(s, false, false)
	t.Cleanup(func() {
		b.desk.tips.clear() // no timer of it outlives the test's theme
		drawing.Store(0)
	})
	return b
}

// sent carries out what is queued, as the sender would, and returns it.
func (b *bench) sent(t *testing.T) []engine.Command {
	t.Helper()
	var out []engine.Command
	for {
		p, ok := b.desk.sender.take()
		if !ok {
			b.desk.catchUp(b.desk.state)
			return out
		}
		p.answer(errNotSent) // the show stays as it is
		out = append(out, p.cmd)
	}
}

// show brings the window to a state.
func (b *bench) show(s *engine.State) { b.apply(s, false, false) }

func press(o desktop.Mouseable) { pressAt(o, fyne.NewPos(5, 5)) }

func pressAt(o desktop.Mouseable, p fyne.Position) {
	e := &desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: p}, Button: desktop.MouseButtonPrimary}
	o.MouseDown(e)
	o.MouseUp(e)
}
