package ui

import (
	"encoding/json"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/storage"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

func wantLayer(t *testing.T, what string, l scenes.Layer, x, y, w, h float64) {
	t.Helper()
	if !near(l.X, x) || !near(l.Y, y) || !near(l.Width, w) || !near(l.Height, h) {
		t.Errorf("%s: %v, %v, %v x %v; want %v, %v, %v x %v", what, l.X, l.Y, l.Width, l.Height, x, y, w, h)
	}
}

func TestScalingKeepsWhatIsOpposite(t *testing.T) {
	l := scenes.Layer{X: 100, Y: 100, Width: 400, Height: 200}
	wantLayer(t, "right side", scaled(l, partRight, point{50, 99}, false), 100, 100, 450, 200)
	wantLayer(t, "left side", scaled(l, partLeft, point{50, 0}, false), 150, 100, 350, 200)
	wantLayer(t, "top side", scaled(l, partTop, point{0, -20}, false), 100, 80, 400, 220)
	wantLayer(t, "corner keeps the shape", scaled(l, partRight|partBottom, point{200, 10}, false), 100, 100, 600, 300)
	wantLayer(t, "opposite corner", scaled(l, partLeft|partTop, point{-200, 0}, false), -100, 0, 600, 300)
	wantLayer(t, "corner, free", scaled(l, partRight|partBottom, point{200, 10}, true), 100, 100, 600, 210)
	wantLayer(t, "never inside out", scaled(l, partRight, point{-900, 0}, false), 100, 100, leastLayer, 200)
	got := scaled(l, partRight|partBottom, point{-900, -900}, false)
	if got.Width < leastLayer || got.Height < leastLayer || !near(got.Width/got.Height, 2) {
		t.Errorf("a corner pushed through: %v x %v", got.Width, got.Height)
	}
	// Turned by a quarter, the right side looks down.
	turned := l
	turned.Rotation = 90
	before := cornerOf(turned, partLeft)
	got = scaled(turned, partRight, point{0, 60}, false)
	after := cornerOf(got, partLeft)
	if !near(got.Width, 460) || !near(before.x, after.x) || !near(before.y, after.y) {
		t.Errorf("turned: %v wide, the far side went from %v to %v", got.Width, before, after)
	}
}

func TestCroppingLeavesThePictureWhereItIs(t *testing.T) {
	full := scenes.Layer{X: 0, Y: 0, Width: 960, Height: 540, Fit: scenes.Contain}
	hd := point{1920, 1080}
	l := cropped(full, partLeft, point{100, 0}, hd, 1)
	if l.Crop.Left != 200 {
		t.Errorf("100 canvas pixels of a half size picture are a crop of %d, want 200", l.Crop.Left)
	}
	wantLayer(t, "cropped at the left", l, 100, 0, 860, 540)
	l = cropped(l, partLeft, point{-500, 0}, hd, 1)
	if l.Crop.Left != 0 {
		t.Errorf("pulled back the crop is %d", l.Crop.Left)
	}
	wantLayer(t, "pulled back", l, 0, 0, 960, 540)
	l = cropped(full, partBottom|partRight, point{-10000, -10000}, hd, 1)
	if left := 1920 - l.Crop.Right; left < leastLayer {
		t.Errorf("all of the picture can be cropped away: %d px are left", left)
	}
	// 720x576 that is 16:9: 1024 square pixels for 720.
	l = cropped(full, partLeft, point{120, 0}, point{720, 576}, 64.0/45)
	if l.Crop.Left != 90 {
		t.Errorf("an eighth of a picture of 720 pixels is a crop of %d, want 90", l.Crop.Left)
	}
	wantLayer(t, "cropped, pixels not square", l, 120, 0, 840, 540)
	if l := cropped(full, partTop, point{0, 10}, point{}, 1); l != full {
		t.Error("a picture without a size was cropped")
	}
}

func TestSnapping(t *testing.T) {
	xs, ys := snapLines(1920, [][2]float64{{300, 500}}), snapLines(1080, nil)
	for _, c := range []struct{ x, y, wantX, wantY float64 }{
		{7, 3, 0, 0}, {855, 440, 860, 440}, {497, 1000, 500, 980}, {637, 700, 640, 700}, {30, 44, 30, 44}, {1725, 0, 1720, 0},
	} {
		l, _ := snapMove(scenes.Layer{X: c.x, Y: c.y, Width: 200, Height: 100}, xs, ys, 8)
		if c.y == 1000 {
			c.wantY = 1000
		}
		wantLayer(t, "snapped", l, c.wantX, c.wantY, 200, 100)
	}
	l, g := snapScale(scenes.Layer{X: 0, Y: 0, Width: 957, Height: 500}, partRight, xs, ys, 8, false)
	wantLayer(t, "side snapped to the centre", l, 0, 0, 960, 500)
	if g.x != 960 || !math.IsNaN(g.y) {
		t.Errorf("guides %v", g)
	}
	l, _ = snapScale(scenes.Layer{X: 0, Y: 0, Width: 950, Height: 475}, partRight|partBottom, []float64{960}, ys, 12, false)
	wantLayer(t, "corner snapped, shape kept", l, 0, 0, 960, 480)
}

// quad is a state with a scene of two layers on preview, a title on top.
func quad() *engine.State {
	s := aState()
	s.Show.Sources = append(s.Show.Sources, scenes.Source{ID: "title", Name: "Title", Kind: "text", Settings: json.RawMessage(`{"text":"Hello","size":40}`)})
	s.Show.Scenes[1].Layers = []scenes.Layer{
		{Source: "cam1", Fit: scenes.Contain, X: 0, Y: 0, Width: 1920, Height: 1080, Opacity: 1},
		{Source: "title", Fit: scenes.None, X: 480, Y: 270, Width: 480, Height: 270, Opacity: 1},
	}
	return s
}

func buildServices() Services {
	return Services{Inventory: fakeInventory{}, SourceKinds: map[string]sources.Kind{
		"synthetic": sources.Synthetic(), "text": sources.Text(), "file": sources.File(), "image": sources.Image(), "color": sources.Colour(), "camera": sources.Camera(),
	}}
}

func (h *handles) mouse(p point, mod fyne.KeyModifier) {
	h.MouseDown(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: h.toScreen(p)}, Button: desktop.MouseButtonPrimary, Modifier: mod})
}

func lastLayers(t *testing.T, b *bench) []scenes.Layer {
	t.Helper()
	got := b.sent(t)
	if len(got) != 1 {
		t.Fatalf("sent %s, want one SetLayers", commandsText(got))
	}
	c := got[0].(*engine.SetLayers)
	if c.ID != "two" || !c.Merge {
		t.Fatalf("sent %s", commandsText(got))
	}
	return c.Layers
}

// Who changes what viewers see is told so: at the handles, over the numbers, and where a layer
// was taken away.
func TestLayersOnAirSaySo(t *testing.T) {
	const removed = "“Title” was removed on air; Undo (Ctrl+Z) brings it back."
	for _, c := range []struct {
		name  string
		aired bool
		from  func(s *engine.State)
	}{
		{"preview", false, func(*engine.State) {}},
		{"on programme, too", true, func(s *engine.State) { s.Program = "two" }},
		{"within what is on programme", true, func(s *engine.State) { s.Tally["two"] = engine.OnProgram }},
	} {
		s := quad()
		c.from(s)
		b, p := showBench(t, s)
		press(p.tabs[partScenes])
		h := b.monitors[0].handles
		h.mouse(point{700, 400}, 0)
		h.letGo()
		wantColor(t, c.name+": handles", h.sides[0].StrokeColor, map[bool]color.Color{false: colFocus, true: colProgram}[c.aired])
		if got := h.note.Visible() && h.note.full == airedNote; got != c.aired {
			t.Errorf("%s: told at the handles: %v (%q)", c.name, got, h.note.full)
		}
		if got := strings.HasSuffix(p.layers.title.full, airedNote); got != c.aired {
			t.Errorf("%s: told over the layers: %v (%q)", c.name, got, p.layers.title.full)
		}
		for name, remove := range map[string]func(){
			"handles": func() { h.KeyDown(&fyne.KeyEvent{Name: fyne.KeyDelete}) },
			"list":    func() { p.layers.remove(1) },
		} {
			b.takeNotice()
			remove()
			if l := b.sent(t)[0].(*engine.SetLayers); l.ID != "two" || len(l.Layers) != 1 {
				t.Errorf("%s, %s: sent %v", c.name, name, l)
			}
			if text, _ := b.takeNotice(); (text == removed) != c.aired || text != "" && text != removed {
				t.Errorf("%s, %s: told %q", c.name, name, text)
			}
		}
	}
}

func TestHandlesChooseMoveScaleAndCrop(t *testing.T) {
	b := newBenchWith(t, quad(), buildServices())
	h := b.monitors[0].handles
	h.mouse(point{1800, 1000}, 0)
	if b.desk.layer != (layerChoice{"two", 0}) {
		t.Fatalf("a press beside the title chose %v", b.desk.layer)
	}
	h.MouseUp(&desktop.MouseEvent{})
	b.clock = b.clock.Add(time.Second)

	h.mouse(point{700, 400}, 0)
	if b.desk.layer != (layerChoice{"two", 1}) {
		t.Fatalf("a press on the title chose %v", b.desk.layer)
	}
	h.drag(h.toScreen(point{701, 440}), 0)
	h.drag(h.toScreen(point{735, 450}), 0) // 35 to the right, 50 down
	layers := lastLayers(t, b)
	wantLayer(t, "moved", layers[1], 515, 320, 480, 270)
	if !h.note.Visible() {
		t.Error("the numbers are not shown while dragging")
	}
	h.DragEnd()
	if h.guide[0].Visible() || h.note.Visible() {
		t.Error("guides or numbers stay after letting go")
	}
	wantSent(t, b)

	b.clock = b.clock.Add(time.Second)
	h.mouse(point{960, 540}, 0) // its lower right corner, in the state it still has
	h.drag(h.toScreen(point{1060, 590}), 0)
	wantLayer(t, "scaled", lastLayers(t, b)[1], 480, 270, 580, 326)
	h.DragEnd()

	b.clock = b.clock.Add(time.Second)
	b.desk.state.Sources[0].Detail = "1280x720 30 fps"
	h.choose(0)
	h.mouse(point{0, 540}, 0)
	h.drag(h.toScreen(point{300, 540}), fyne.KeyModifierControl)
	l := lastLayers(t, b)[0]
	if l.Crop.Left != 200 {
		t.Errorf("300 of 1920 canvas pixels cut %d of 1280, want 200", l.Crop.Left)
	}
	wantLayer(t, "cropped", l, 300, 0, 1620, 1080)
	h.DragEnd()

	b.clock = b.clock.Add(time.Second)
	b.desk.state.Sources[0].Detail, b.desk.state.Sources[0].PixelAspect = "720x576 25 fps", 64.0/45
	h.choose(0)
	h.mouse(point{0, 540}, 0)
	h.drag(h.toScreen(point{240, 540}), fyne.KeyModifierControl)
	if l := lastLayers(t, b)[0]; l.Crop.Left != 90 {
		t.Errorf("240 of 1920 canvas pixels cut %d of 720, want 90", l.Crop.Left)
	}
}

func TestHandlesSnapAndDrawTheLine(t *testing.T) {
	b := newBenchWith(t, quad(), buildServices())
	h := b.monitors[0].handles
	h.mouse(point{700, 400}, 0)
	h.drag(h.toScreen(point{700 + 232, 405}), 0)
	if got := lastLayers(t, b)[1]; got.X != 720 {
		t.Errorf("a title moved near the centre lies at %v, want 720", got.X)
	}
	if !h.guide[0].Visible() {
		t.Error("no line is drawn")
	}
}

func TestHandlesKeys(t *testing.T) {
	b := newBenchWith(t, quad(), buildServices())
	h := b.monitors[0].handles
	h.mouse(point{700, 400}, 0)
	h.MouseUp(&desktop.MouseEvent{})
	h.nudge(fyne.KeyRight, 0)
	h.nudge(fyne.KeyRight, fyne.KeyModifierShift)
	h.nudge(fyne.KeyUp, 0)
	wantLayer(t, "nudged by 11 and 1", lastLayers(t, b)[1], 491, 269, 480, 270)
	h.KeyDown(&fyne.KeyEvent{Name: fyne.KeySpace})
	wantSent(t, b)
	h.KeyDown(&fyne.KeyEvent{Name: fyne.KeyDelete})
	got := b.sent(t)
	if len(got) != 1 || len(got[0].(*engine.SetLayers).Layers) != 1 {
		t.Errorf("Delete sent %s", commandsText(got))
	}
	h.KeyDown(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if h.sides[0].Visible() {
		t.Error("Escape left the handles")
	}
}

// A layer may be larger than the canvas and beside it; what is drawn round it stays on the
// preview and leaves AUTO and the bank alone.
func TestHandlesStayOnThePreview(t *testing.T) {
	s := quad()
	l := &s.Show.Scenes[1].Layers[1]
	l.X, l.Y, l.Width, l.Height = 700, 270, 2200, 1500
	b := newBenchWith(t, s, buildServices())
	h := b.monitors[0].handles
	before := b.canvas.Capture()
	b.desk.layer = layerChoice{"two", 1}
	h.draw()
	after := b.canvas.Capture()
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(h)
	const over = int(handleSize) // handles at its edge, and what the picture is rounded by
	preview := image.Rect(int(at.X), int(at.Y), int(at.X+h.Size().Width), int(at.Y+h.Size().Height)).Inset(-over)
	inside, outside := 0, 0
	var first image.Point
	for y := range after.Bounds().Dy() {
		for x := range after.Bounds().Dx() {
			p := image.Pt(x, y)
			switch {
			case before.At(x, y) == after.At(x, y):
			case p.In(preview):
				inside++
			default:
				if outside == 0 {
					first = p
				}
				outside++
			}
		}
	}
	if inside == 0 {
		t.Error("the layer has no outline")
	}
	if outside != 0 {
		t.Errorf("%d pixels beside the preview are drawn over, the first at %v; the preview is %v", outside, first, preview)
	}
}

func TestTitleIsEditedInPlace(t *testing.T) {
	b := newBenchWith(t, quad(), buildServices())
	h := b.monitors[0].handles
	h.mouse(point{700, 400}, 0)
	h.letGo()
	h.mouse(point{700, 400}, 0)
	if !h.text.Visible() || h.text.Text != "Hello" || b.canvas.Focused() != h.text {
		t.Fatalf("a double click opened %q, visible %v", h.text.Text, h.text.Visible())
	}
	wantLabel(t, "how it is given", h.note, "Ctrl+Enter or leaving it applies it")
	if top := h.text.Position().Y + h.text.Size().Height; !h.note.Visible() || h.plate.Position().Y < top {
		t.Errorf("how it is given stands at %v, want under the text, %v", h.plate.Position(), top)
	}
	h.text.SetText("Good evening\nfriends")
	b.canvas.Unfocus()
	if h.note.Visible() || h.plate.Visible() {
		t.Error("the text is given, and how that is done is still said")
	}
	got := b.sent(t)
	if len(got) != 1 {
		t.Fatalf("sent %s", commandsText(got))
	}
	if want := `{"size":40,"text":"Good evening\nfriends"}`; string(got[0].(*engine.UpdateSource).Source.Settings) != want {
		t.Errorf("settings %s, want %s", got[0].(*engine.UpdateSource).Source.Settings, want)
	}
	b.clock = b.clock.Add(time.Second)
	h.mouse(point{100, 100}, 0)
	h.mouse(point{100, 100}, 0)
	if h.text.Visible() {
		t.Error("a camera's text is edited")
	}
}

func TestDroppedFilesBecomeSources(t *testing.T) {
	b := newBenchWith(t, quad(), buildServices())
	uris := []fyne.URI{storage.NewFileURI("/v/Opening Film.MP4"), storage.NewFileURI("/v/opening film.mov"), storage.NewFileURI("/v/Logo.png"), storage.NewFileURI("/v/notes.doc")}
	b.lists.open(partScenes)
	b.dropped(fyne.NewPos(1300, 600), uris)
	got := b.sent(t)
	if len(got) != 3 {
		t.Fatalf("sent %s", commandsText(got))
	}
	ids := map[string]bool{}
	for i, want := range []string{"file", "file", "image"} {
		v := got[i].(*engine.AddSource).Source
		if v.Kind != want || ids[v.ID] {
			t.Errorf("file %d became %+v", i, v)
		}
		ids[v.ID] = true
	}
	if text, _ := b.takeNotice(); text != "No source can show notes.doc; media and picture files can be dropped here." {
		t.Errorf("told %q", text)
	}
	with := quad()
	for _, c := range got {
		with.Show.Sources = append(with.Show.Sources, c.(*engine.AddSource).Source)
	}
	b.show(with)
	if last := got[2].(*engine.AddSource).Source.ID; b.lists.part != partSources || b.lists.selected[partSources] != last {
		t.Errorf("the list has %q chosen, want the new source", b.lists.selected[b.lists.part])
	}
	b.show(quad())
	h := b.monitors[0].handles
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(h).AddXY(50, 50)
	b.dropped(at, uris[2:3])
	got = b.sent(t)
	if len(got) != 2 || len(got[1].(*engine.SetLayers).Layers) != 3 || got[1].(*engine.SetLayers).Layers[2].Source != got[0].(*engine.AddSource).Source.ID {
		t.Errorf("dropped on preview: %s", commandsText(got))
	}
}

// An overlay that comes with the next transition is moved on preview like a scene's layer.
func TestHandlesMoveAnOverlayThatIsSeen(t *testing.T) {
	s := quad()
	l := scenes.NewLayer("title")
	l.X, l.Y, l.Width, l.Height = 100, 800, 600, 200
	s.Show.Overlays[0].Layers = []scenes.Layer{l}
	s.Next.Background = true
	b, p := showBench(t, s)
	press(p.tabs[partOverlays])
	h := b.monitors[0].handles
	if _, _, ok := h.chosen(); ok {
		t.Error("an overlay that is not seen has handles")
	}
	if got := p.next.caption.full; got != "To preview" || !p.next.Visible() {
		t.Errorf("the way to preview is called %q", got)
	}
	press(p.next)
	wantSent(t, b, &engine.SetNext{Overlays: &[]string{"lower"}})
	s.Next.Overlays = []string{"lower"}
	b.show(s)
	wantColor(t, "the overlay on preview", p.next.back.FillColor, colLit)

	h.mouse(point{200, 850}, 0)
	if b.desk.layer != (layerChoice{"lower", 0}) || p.part != partOverlays {
		t.Fatalf("a press on the title chose %v, in list %d", b.desk.layer, p.part)
	}
	h.drag(h.toScreen(point{230, 810}), 0)
	got := b.sent(t)
	if len(got) != 1 || got[0].(*engine.SetLayers).ID != "lower" || got[0].(*engine.SetLayers).Layers[0].X != 130 {
		t.Errorf("sent %s", commandsText(got))
	}
	h.DragEnd()
	b.clock = b.clock.Add(time.Second)
	h.mouse(point{1800, 100}, 0) // beside it: the scene
	if b.desk.layer.owner != "two" || p.part != partScenes {
		t.Errorf("a press beside the overlay chose %v, in list %d", b.desk.layer, p.part)
	}
}

// While the next transition moves keys alone, preview shows the programme: its layers are on
// air and are not dragged, and neither are those that are not seen.
func TestHandlesWhileKeysMoveAlone(t *testing.T) {
	s := quad()
	l := scenes.NewLayer("title")
	l.X, l.Y, l.Width, l.Height = 100, 800, 600, 200
	s.Show.Overlays[0].Layers = []scenes.Layer{l}
	b, p := showBench(t, s)
	h := b.monitors[0].handles
	h.mouse(point{960, 540}, 0)
	if _, _, ok := h.chosen(); !ok {
		t.Fatal("the scene on preview has no handles")
	}
	h.DragEnd()
	s = quad()
	s.Show.Overlays[0].Layers = []scenes.Layer{l}
	s.Next.Overlays = []string{"lower"}
	b.show(s)
	if _, _, ok := h.chosen(); ok {
		t.Error("a scene that is not seen has handles")
	}
	if got, want := b.monitors[0].name.full, nameOf(s, "one"); got != want {
		t.Errorf("preview is called %q, want %q", got, want)
	}
	b.clock = b.clock.Add(time.Second)
	h.mouse(point{960, 540}, 0)
	h.drag(h.toScreen(point{1000, 540}), 0)
	wantSent(t, b)
	h.DragEnd()

	// A key that comes is moved as ever, and a press beside it leaves it chosen.
	press(p.tabs[partOverlays])
	b.clock = b.clock.Add(time.Second)
	h.mouse(point{200, 850}, 0)
	h.drag(h.toScreen(point{230, 850}), 0)
	got := b.sent(t)
	if len(got) != 1 || got[0].(*engine.SetLayers).ID != "lower" {
		t.Errorf("sent %s", commandsText(got))
	}
	h.DragEnd()
	b.clock = b.clock.Add(time.Second)
	h.mouse(point{1800, 100}, 0)
	if b.desk.layer.owner != "lower" {
		t.Errorf("a press beside the key chose %v", b.desk.layer)
	}
}
