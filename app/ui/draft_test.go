package ui

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// builtState is a studio whose show is a whole one, which edits can be tried on.
func builtState(t *testing.T) *engine.State {
	t.Helper()
	s := aState()
	var err error
	s.Show, err = scenes.Parse([]byte(`{"format": 2, "canvas": {"width": 1920, "height": 1080, "fps": "30"},
	 "sources": [{"id": "film", "name": "Film", "kind": "file", "settings": {"path": "/a.mkv"}}, {"id": "cam", "name": "Camera", "kind": "file", "settings": {"path": "/b.mkv"}}],
	 "scenes": [{"id": "two", "name": "Close", "layers": [{"source": "film", "x": 10}, {"source": "cam", "x": 20, "width": 640, "height": 360}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	s.Program, s.Preview = "two", "two"
	return s
}

// unsent takes what is queued without an answer.
func (b *bench) unsent() (list []pending) {
	for {
		p, ok := b.desk.sender.take()
		if !ok {
			return list
		}
		list = append(list, p)
	}
}

// lastOf is the newest command that was queued.
func lastOf[C engine.Command](t *testing.T, b *bench, n int) C {
	t.Helper()
	list := b.unsent()
	if len(list) != n {
		t.Fatalf("%d commands were sent, want %d", len(list), n)
	}
	c, ok := list[n-1].cmd.(C)
	if !ok {
		t.Fatalf("sent %T", list[n-1].cmd)
	}
	return c
}

// A press beside a field gives what was typed and is an edit of its own: neither takes the
// other back.
func TestAPressKeepsWhatWasJustTyped(t *testing.T) {
	t.Run("source", func(t *testing.T) {
		b, p := showBench(t, builtState(t))
		e := p.source
		f := e.form.row("path").entry
		b.canvas.Focus(f)
		f.SetText("/c.mkv")
		press(e.idle.rows[0].choice.buttons[1])
		got := lastOf[*engine.UpdateSource](t, b, 2).Source
		if got.WhenIdle != scenes.IdleWait || string(got.Settings) != `{"path":"/c.mkv"}` {
			t.Errorf("the source is %+v with %s", got, got.Settings)
		}
		e.backup.form.rows[0].choice.pick(1)
		p.renameTo("film", "Opening")
		got = lastOf[*engine.UpdateSource](t, b, 2).Source
		if got.Name != "Opening" || got.Backup != "cam" || got.WhenIdle != scenes.IdleWait || string(got.Settings) != `{"path":"/c.mkv"}` {
			t.Errorf("the source is %+v with %s", got, got.Settings)
		}
		p.duplicate()
		if got := lastOf[*engine.AddSource](t, b, 1).Source; got.Name != "Opening copy" || string(got.Settings) != `{"path":"/c.mkv"}` {
			t.Errorf("the copy is %+v with %s", got, got.Settings)
		}
	})
	t.Run("layer", func(t *testing.T) {
		b, p := showBench(t, builtState(t))
		press(p.tabs[partScenes])
		e := p.layers
		typed := func(text string) {
			f := e.form.row("x").entry
			b.canvas.Focus(f)
			f.SetText(text)
		}
		typed("99")
		press(e.hide)
		if got := lastOf[*engine.SetLayers](t, b, 2).Layers[1]; got.X != 99 || !got.Hidden {
			t.Errorf("hidden, the layer is %+v", got)
		}
		typed("98")
		e.duplicate()
		b.canvas.Unfocus()
		b.unsent()
		typed("97")
		b.canvas.Unfocus()
		e.addLayer("film")
		if got := lastOf[*engine.SetLayers](t, b, 2).Layers; got[len(got)-1].Source != "film" {
			t.Errorf("the layers are %+v", got)
		}
	})
	t.Run("layer, by the preview", func(t *testing.T) {
		b, p := showBench(t, builtState(t))
		press(p.tabs[partScenes])
		h := b.monitors[0].handles
		f := p.layers.form.row("opacity").entry
		b.canvas.Focus(f)
		f.SetText("50")
		h.mouse(point{300, 200}, 0)
		h.nudge(fyne.KeyRight, 0)
		if got := lastOf[*engine.SetLayers](t, b, 2).Layers[1]; got.X != 21 || got.Opacity != 0.5 {
			t.Errorf("nudged, the layer is %+v", got)
		}
	})
	t.Run("replay", func(t *testing.T) {
		s := builtState(t)
		b := newBench(t, s)
		p := newReplaySettings(b.desk)
		p.update(s)
		p.give(json.RawMessage(`{"seconds": 90}`))
		p.toggle("cam")
		p.toggle("film")
		got := lastOf[*engine.SetReplay](t, b, 3).Replay
		if got.Seconds != 90 || !slices.Equal(got.Angles, []string{"cam", "film"}) {
			t.Errorf("the replay is %+v", got)
		}
	})
}

// While the order of layers is on its way, their places are those of the rows on the screen.
func TestPlacesOfLayersAreThoseShown(t *testing.T) {
	b, p := showBench(t, builtState(t))
	press(p.tabs[partScenes])
	e := p.layers
	e.moveRow(layerID(1), 1)
	e.moveRow(layerID(1), 1) // a key that repeats
	if got := lastOf[*engine.SetLayers](t, b, 2).Layers; got[0].Source != "cam" || got[1].Source != "film" {
		t.Errorf("the layers are %+v", got)
	}
}

// What was given to one layer is not held against the numbers of the next.
func TestTheFormShowsTheLayerThatIsChosen(t *testing.T) {
	b, p := showBench(t, builtState(t))
	press(p.tabs[partScenes])
	e := p.layers
	e.form.row("fit").pick(json.RawMessage(`"cover"`))
	press(e.list.rows[1]) // before the state has it
	if got := e.form.row("x").entry.Text; got != "10" {
		t.Fatalf("the form shows %q of the layer before", got)
	}
	e.form.row("fit").pick(json.RawMessage(`"stretch"`))
	got := lastOf[*engine.SetLayers](t, b, 2).Layers
	if got[0].X != 10 || got[0].Width != 1920 || got[0].Fit != scenes.Stretch || got[1].X != 20 || got[1].Fit != scenes.Cover {
		t.Errorf("the layers are %+v", got)
	}
}

// An edit is built on until a state has it, or it was refused, or the show is another.
func TestEditsAreForgottenWhenTheStateHasThem(t *testing.T) {
	s := builtState(t)
	b := newBench(t, s)
	name := func() string { return b.desk.draft().Sources[0].Name }
	rename := func(name string) pending {
		b.desk.changeSource("film", func(v *scenes.Source) { v.Name = name })
		return b.unsent()[0]
	}
	later := func(ticks int64) {
		next := *b.desk.state
		next.Tick += ticks
		b.studio.state.Store(&next)
		b.show(&next)
	}
	p := rename("one")
	later(5)
	if name() != "one" {
		t.Error("an edit that was not answered yet is forgotten")
	}
	p.answer(nil)
	later(0)
	if name() != "one" {
		t.Error("an edit is forgotten before a state can have it")
	}
	later(1)
	if name() != "Film" {
		t.Error("an edit that the state has is still made")
	}
	p = rename("two")
	p.answer(errRefused)
	later(0)
	if name() != "Film" {
		t.Error("a refused edit is still made")
	}
	rename("three")
	later(-b.desk.state.Tick)
	if name() != "Film" {
		t.Error("an edit of the show before is made to the next")
	}
}

// What is edited right after an undo is built on what that leaves.
func TestAnEditAfterAnUndoDoesNotRedoIt(t *testing.T) {
	s := builtState(t)
	s.Undo = "name a source"
	b, p := showBench(t, s)
	press(p.tabs[partScenes])
	e := p.layers
	press(e.hide)
	b.keys.down(fyne.KeyZ, ctrl)
	e.form.row("fit").pick(json.RawMessage(`"cover"`))
	got := lastOf[*engine.SetLayers](t, b, 3).Layers
	for _, l := range got {
		if l.Hidden {
			t.Errorf("the layers are %+v", got)
		}
	}
}

// The sender answers for every command: those that were carried out, and those that another
// took the place of.
func TestSenderAnswers(t *testing.T) {
	f := &fakeStudio{}
	s := newSender(f.Do, func(string) {})
	answers := make(chan error, 3)
	answered := func(err error) { answers <- err }
	s.send("a", &engine.Cut{}, answered)
	s.send("a", &engine.AutoTake{}, answered)
	if err := <-answers; err == nil {
		t.Error("a command that was replaced is carried out")
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	ended := make(chan struct{})
	go func() { defer close(ended); s.run(ctx) }()
	if err := <-answers; err != nil {
		t.Errorf("a command that was carried out is answered with %v", err)
	}
	stop()
	<-ended
}

// Undo and Redo say in the line under the monitors what they did, once the studio has done it;
// one that was refused says nothing of its own.
func TestUndoSaysWhatItTookBack(t *testing.T) {
	s := aState()
	s.Undo = "add source Camera 3"
	b := newBench(t, s)
	at := func(tick int64, undo, redo string) {
		next := *s
		next.Tick, next.Undo, next.Redo = tick, undo, redo
		b.studio.state.Store(&next)
		b.show(&next)
	}
	do := func(err error) {
		t.Helper()
		list := b.unsent()
		if len(list) != 1 {
			t.Fatalf("%d commands were sent, want one", len(list))
		}
		list[0].answer(err)
	}
	b.keys.down(fyne.KeyZ, ctrl)
	do(nil)
	at(300, "add source Camera 3", "rename show")
	wantLabel(t, "of the tick before", b.banner.message, "All is well.")
	at(301, "", "add source Camera 3")
	wantLabel(t, "undone", b.banner.message, "Undone: add source Camera 3.")
	b.keys.down(fyne.KeyZ, shiftCtrl)
	do(nil)
	at(302, "add source Camera 3", "")
	wantLabel(t, "made again", b.banner.message, "Made again: add source Camera 3.")
	b.clock = b.clock.Add(2 * noticeFor)
	at(303, "add source Camera 3", "")
	b.keys.down(fyne.KeyZ, ctrl)
	do(errRefused)
	at(310, "add source Camera 3", "rename show")
	wantLabel(t, "refused", b.banner.message, "All is well.")
	b.keys.down(fyne.KeyZ, ctrl)
	do(nil)
	at(312, "rename show", "")
	wantLabel(t, "undone, and edited since", b.banner.message, "All is well.")
	if n := len(b.desk.edits); n != 0 {
		t.Errorf("%d edits are still waited for", n)
	}
}
