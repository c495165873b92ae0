package ui

import (
	"reflect"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// aClip is aState with two clips, both in the scene on preview: clip2 over clip1.
func aClip() *engine.State {
	s := aState()
	s.Show.Sources = append(s.Show.Sources, scenes.Source{ID: "clip1", Name: "Opener", Kind: "file"}, scenes.Source{ID: "clip2", Name: "Bug", Kind: "file"})
	layer := func(id string) scenes.Layer {
		l := scenes.NewLayer(id)
		l.Width, l.Height = 1920, 1080
		return l
	}
	s.Show.Scenes = append(s.Show.Scenes, scenes.Scene{ID: "film", Name: "Film", Layers: []scenes.Layer{layer("cam1"), layer("clip1"), layer("clip2")}})
	s.Sources = append(s.Sources,
		engine.SourceState{ID: "clip1", Name: "Opener", Kind: "file", Status: engine.SourceRunning, HasVideo: true, Clip: engine.ClipState{Seekable: true, Length: 90 * time.Second, Position: 30500 * time.Millisecond}},
		engine.SourceState{ID: "clip2", Name: "Bug", Kind: "file", Status: engine.SourceRunning, HasVideo: true, Clip: engine.ClipState{Seekable: true, Length: 10 * time.Second, Loop: true, Paused: true}})
	s.Preview = "clip1"
	return s
}

func wantCommands(t *testing.T, b *bench, what string, want ...engine.Command) {
	t.Helper()
	if got := b.sent(t); len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("%s sends %#v, want %#v", what, got, want)
	}
}

func TestTransportIsThereWhereTheShowHasClips(t *testing.T) {
	b := newBench(t, aState())
	preview, program := b.monitors[0], b.monitors[1]
	without := preview.view.img.Size()
	if preview.foot() != 0 || preview.transport.Visible() {
		t.Error("a show without clips has a transport")
	}
	s := aClip()
	b.show(s)
	if preview.foot() != transportHeight || program.foot() != transportHeight {
		t.Errorf("feet %v and %v", preview.foot(), program.foot())
	}
	if got := preview.view.img.Size(); got.Height > without.Height || got.Width < without.Width*0.8 {
		t.Errorf("the picture is %v beside %v without a transport", got, without)
	}
	if bottom := preview.transport.Position().Y + preview.transport.Size().Height; bottom != preview.Size().Height {
		t.Errorf("the transport ends at %v of %v", bottom, preview.Size().Height)
	}
	tr := preview.transport
	if tr.source != "clip1" || tr.time.full != "0:30" || tr.rest.full != "−1:00" || tr.play.icon.name() != "pause" {
		t.Errorf("clip %q, at %q, %q left, button %q", tr.source, tr.time.full, tr.rest.full, tr.play.icon.name())
	}
	if got := b.monitors[1].transport; got.source != "" || !got.empty.Text.Visible() || got.play.Visible() {
		t.Errorf("programme shows no clip, and its transport has %q", got.source)
	}
	wide := *s
	wide.Preview = "cam1"
	b.show(&wide)
	if preview.view.img.Size() != b.monitors[0].view.img.Size() || !tr.empty.Text.Visible() || tr.source != "" {
		t.Error("another scene on preview changes more than the strip's words")
	}
}

func TestTransportPlaysAndPauses(t *testing.T) {
	s := aClip()
	b := newBench(t, s)
	tr := b.monitors[0].transport
	press(tr.play)
	wantCommands(t, b, "pause", &engine.Pause{Source: "clip1", Paused: true})
	b.keys.down(fyne.KeyK, 0)
	wantCommands(t, b, "K", &engine.Pause{Source: "clip1", Paused: true})
	press(tr.restart)
	b.keys.down(fyne.KeyHome, 0)
	wantCommands(t, b, "the start, twice", &engine.Seek{Source: "clip1"}, &engine.Seek{Source: "clip1"})
	b.keys.down(fyne.KeyL, 0)
	wantCommands(t, b, "L", &engine.Seek{Source: "clip1", Position: 35.5})
	b.keys.down(fyne.KeyK, fyne.KeyModifierAlt)
	wantCommands(t, b, "Alt+K without a clip on programme")

	paused := aClip()
	paused.Sources[2].Clip.Paused = true
	b.show(paused)
	if tr.play.icon.name() != "play" {
		t.Errorf("a paused clip's button is %q", tr.play.icon.name())
	}
	press(tr.play)
	wantCommands(t, b, "play", &engine.Pause{Source: "clip1"})

	over := aClip()
	over.Sources[2].Clip.Over, over.Sources[2].Clip.Position = true, 90*time.Second
	b.clock = b.clock.Add(time.Minute)
	b.show(over)
	if tr.word.full != "END" || tr.rest.full != "−0:00" {
		t.Errorf("at the end it says %q and %q", tr.word.full, tr.rest.full)
	}
	press(tr.play)
	wantCommands(t, b, "play at the end", &engine.Seek{Source: "clip1"})

	live := aClip()
	live.Program, live.Preview = "clip1", "cam1"
	b.show(live)
	b.keys.down(fyne.KeyK, 0)
	wantCommands(t, b, "K without a clip on preview")
	b.keys.down(fyne.KeyK, fyne.KeyModifierAlt)
	wantCommands(t, b, "Alt+K", &engine.Pause{Source: "clip1", Paused: true})
}

// The keys of a monitor that is hidden are for the clip of now, not for the one of when it was
// hidden; of a show without clips for none.
func TestTransportKeysFollowBehindAHiddenMonitor(t *testing.T) {
	b := newBench(t, aClip())
	b.monitors[0].Hide()
	b.monitors[1].Hide()
	moved := aClip()
	moved.Program, moved.Preview = "clip1", "cam1"
	b.show(moved)
	b.keys.down(fyne.KeyK, 0)
	wantCommands(t, b, "K without a clip on preview")
	b.keys.down(fyne.KeyK, fyne.KeyModifierAlt)
	wantCommands(t, b, "Alt+K", &engine.Pause{Source: "clip1", Paused: true})
	none := aClip()
	none.Program = "clip1"
	none.Sources[2].Clip = engine.ClipState{}
	b.show(none)
	b.keys.down(fyne.KeyK, fyne.KeyModifierAlt)
	wantCommands(t, b, "Alt+K in a show without clips")
}

// Of several clips the one on top is played; its name goes through the others.
func TestTransportChoosesAmongClips(t *testing.T) {
	s := aClip()
	s.Preview = "film"
	b := newBench(t, s)
	tr := b.monitors[0].transport
	if tr.source != "clip2" || tr.name.caption.full != "1/2 Bug" || tr.word.full != "LOOP" {
		t.Errorf("chosen %q, named %q, %q", tr.source, tr.name.caption.full, tr.word.full)
	}
	press(tr.name)
	if tr.source != "clip1" || tr.name.caption.full != "2/2 Opener" || tr.word.full != "" {
		t.Errorf("then %q, named %q, %q", tr.source, tr.name.caption.full, tr.word.full)
	}
	parked := aClip()
	parked.Preview = "film"
	parked.Sources[2].Clip.Parked = true
	b.show(parked)
	if tr.source != "clip1" || tr.word.full != "CUED" {
		t.Errorf("a clip that waits for its cut: %q says %q", tr.source, tr.word.full)
	}
}

func TestScrubbing(t *testing.T) {
	b := newBench(t, aClip())
	bar := b.monitors[0].transport.scrub
	seek := func(at float64) engine.Command { return &engine.Seek{Source: "clip1", Position: at} }
	mid := fyne.NewPos(bar.Size().Width/2, 5)
	pressAt(bar, mid)
	wantCommands(t, b, "a press in the middle", seek(45))
	// The bar stays where the hand put it while the clip gets there.
	b.show(aClip())
	if bar.at != 45*time.Second {
		t.Errorf("right after it the bar is at %v", bar.at)
	}
	b.clock = b.clock.Add(time.Second)
	b.show(aClip())
	if bar.at != 30500*time.Millisecond {
		t.Errorf("later the bar is at %v", bar.at)
	}
	// A drag seeks a few times a second, and where it ends.
	drag := func(x float32) {
		bar.Dragged(&fyne.DragEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(x, 5)}, Dragged: fyne.NewDelta(1, 0)})
	}
	bar.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: mid}, Button: desktop.MouseButtonPrimary})
	wantCommands(t, b, "the press", seek(45))
	b.clock = b.clock.Add(10 * time.Millisecond)
	drag(bar.Size().Width / 3)
	wantCommands(t, b, "a move right after it")
	b.clock = b.clock.Add(scrubPace)
	drag(-50)
	wantCommands(t, b, "a move beyond the start", seek(0))
	b.clock = b.clock.Add(10 * time.Millisecond)
	drag(bar.Size().Width + 50)
	bar.DragEnd()
	wantCommands(t, b, "letting go beyond the end", seek(90))
	// By keys.
	b.clock = b.clock.Add(time.Minute)
	b.show(aClip())
	bar.FocusGained()
	for key, want := range map[fyne.KeyName]float64{fyne.KeyRight: 31.5, fyne.KeyLeft: 29.5, fyne.KeyPageUp: 40.5, fyne.KeyPageDown: 20.5, fyne.KeyHome: 0, fyne.KeyEnd: 90} {
		b.clock = b.clock.Add(time.Minute)
		b.show(aClip())
		bar.KeyDown(&fyne.KeyEvent{Name: key})
		bar.TypedKey(&fyne.KeyEvent{Name: key})
		wantCommands(t, b, string(key), seek(want))
	}
	bar.KeyDown(&fyne.KeyEvent{Name: fyne.KeySpace})
	wantCommands(t, b, "Space on the bar")
	// Nothing is known of the length: there is nowhere to go.
	b.clock = b.clock.Add(time.Minute)
	unknown := aClip()
	unknown.Sources[2].Clip.Length = 0
	b.show(unknown)
	pressAt(bar, mid)
	wantCommands(t, b, "a press on a clip of unknown length")
}

// Every control of the strip fits at the width it has in the smallest window.
func TestTransportFits(t *testing.T) {
	b := newBench(t, aClip())
	for _, width := range []float32{150, 240, 320, 430, 900} {
		tr := b.monitors[0].transport
		tr.Resize(fyne.NewSize(width, transportHeight))
		right := float32(0)
		for _, o := range []fyne.CanvasObject{tr.name, tr.restart, tr.play, tr.time.Text, tr.scrub, tr.rest.Text, tr.word.Text} {
			if !o.Visible() {
				continue
			}
			if width >= 320 && o.Position().X < right-0.1 {
				t.Errorf("width %v: %T begins at %v, before %v", width, o, o.Position().X, right)
			}
			right = o.Position().X + o.Size().Width
		}
		if width >= 320 && (right > width+0.1 || tr.scrub.Size().Width < 60) {
			t.Errorf("width %v: ends at %v, bar %v wide", width, right, tr.scrub.Size().Width)
		}
	}
}
