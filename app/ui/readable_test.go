package ui

import (
	"fmt"
	"image/color"
	"math"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"crosspoint.studio/crosspoint/scenes/sources"
)

// leastContrast is that of WCAG 2.2 (1.4.3, level AA) for text that is not large. No text
// of the window counts as large there but that of CUT and AUTO.
const leastContrast = 4.5

// reader walks over what a window draws, from below, and keeps the texts that stand out
// too little from what is under them.
type reader struct {
	grounds []ground
	seen    int
	faint   []string
}

// ground is a rectangle that was drawn; a picture has no colour.
type ground struct {
	at   fyne.Position
	size fyne.Size
	fill color.Color
}

func (r *reader) walk(o fyne.CanvasObject, at fyne.Position) {
	if !o.Visible() {
		return
	}
	switch v := o.(type) {
	case *canvas.Rectangle:
		r.grounds = append(r.grounds, ground{at, v.Size(), v.FillColor})
	case *canvas.Image, *canvas.Raster:
		r.grounds = append(r.grounds, ground{at, o.Size(), nil})
	case *canvas.Text:
		r.read(v, at)
	case *fyne.Container:
		for _, c := range v.Objects {
			r.walk(c, at.Add(c.Position()))
		}
	case interface{ children() []fyne.CanvasObject }: // also where they are part of a picture
		for _, c := range v.children() {
			r.walk(c, at.Add(c.Position()))
		}
	case fyne.Widget:
		for _, c := range test.WidgetRenderer(v).Objects() {
			r.walk(c, at.Add(c.Position()))
		}
	}
}

// read judges a text over the middle of its line's beginning.
func (r *reader) read(t *canvas.Text, at fyne.Position) {
	if t.Text == "" {
		return
	}
	drawn := fyne.MeasureText(t.Text, t.TextSize, t.TextStyle)
	x, y := at.X+drawn.Width/2, at.Y+t.Size().Height/2
	switch room := t.Size().Width - drawn.Width; t.Alignment {
	case fyne.TextAlignCenter:
		x += room / 2
	case fyne.TextAlignTrailing:
		x += room
	}
	under := colPanel
	for _, g := range r.grounds {
		if x < g.at.X || y < g.at.Y || x > g.at.X+g.size.Width || y > g.at.Y+g.size.Height {
			continue
		}
		switch {
		case g.fill == nil:
			under = nil
		case under != nil:
			under = over(g.fill, under)
		default: // an opaque one hides the picture; under a glaze it stays unknown
			if _, _, _, a := g.fill.RGBA(); a == 0xffff {
				under = g.fill
			}
		}
	}
	if under == nil {
		return // a picture
	}
	r.seen++
	if c := contrast(over(t.Color, under), under); c < leastContrast {
		r.faint = append(r.faint, fmt.Sprintf("%q at %.0f, %.0f: %.1f, %v on %v", t.Text, x, y, c, inHex(t.Color), inHex(under)))
	}
}

func inHex(c color.Color) string {
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("%02x%02x%02x", r>>8, g>>8, b>>8)
}

// over is c laid over an opaque colour; both premultiplied, as Go has them.
func over(c, under color.Color) color.Color {
	r, g, b, a := c.RGBA()
	r2, g2, b2, _ := under.RGBA()
	mix := func(top, below uint32) uint8 { return uint8((top + below*(0xffff-a)/0xffff) >> 8) }
	return color.RGBA{mix(r, r2), mix(g, g2), mix(b, b2), 0xff}
}

// contrast is the ratio of WCAG 2.2 of two opaque colours, 1 to 21.
func contrast(a, b color.Color) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2, of sRGB.
func luminance(c color.Color) float64 {
	linear := func(v uint32) float64 {
		s := float64(v>>8) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	r, g, b, _ := c.RGBA()
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}

// Every text of every panel stands out from what is under it, in both themes, whatever
// state it tells of.
func TestTextCanBeRead(t *testing.T) {
	for _, light := range []bool{false, true} {
		t.Run(map[bool]string{false: "dark", true: "light"}[light], func(t *testing.T) {
			b := newBenchWith(t, everything(), Services{
				Documents: &fakeDocuments{info: DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json", Dirty: true}},
				Machine:   goldenMachine{}, Logs: goldenLogs{}, Rehearsal: goldenRehearsal{},
				SourceKinds: map[string]sources.Kind{"file": sources.File(), "synthetic": sources.Synthetic()},
			})
			b.looks.setLight(light)
			t.Cleanup(func() { inLight.Store(false) })
			b.clock = b.clock.Add(time.Second)
			b.show(everything())
			look := func(where string, o fyne.CanvasObject) {
				r := &reader{}
				r.walk(o, fyne.Position{})
				if r.seen == 0 {
					t.Errorf("%s: no text", where)
				}
				for _, f := range r.faint {
					t.Errorf("%s: %s", where, f)
				}
			}
			look("window", b.place.root)
			for _, tab := range b.side.tabs {
				b.side.openID(tab.id)
				b.show(everything())
				look(tab.id, b.side)
			}
			b.desk.sound = soundChoice{source: "cam1"}
			b.side.openID("sound")
			b.show(everything())
			look("a strip", b.side)
			b.help.toggle()
			look("keys", b.help)
			b.help.toggle()
			b.palette.open()
			b.palette.search("cam")
			look("palette", b.palette)
			b.palette.close()
			b.askClose()
			look("question", b.place.bar)
			b.place.bar.dismiss()
			rest := *b.desk.state // a live desk is not covered
			rest.Live, rest.Recording, rest.ISOs, rest.Writing = false, false, nil, nil
			b.show(&rest)
			b.first.ask()
			look("first page", b.first)
		})
	}
}

// Fyne finds the pictures of texts by text, size, style and colour; another theme or scale
// has to make every one of them another, or a window that is full screen keeps the old ones.
func TestTextsAreDrawnAnewInAnotherTheme(t *testing.T) {
	type picture struct {
		text  string
		size  float32
		style fyne.TextStyle
		ink   color.Color
	}
	b := newBenchWith(t, everything(), Services{Machine: goldenMachine{}, Logs: goldenLogs{}, Rehearsal: goldenRehearsal{}})
	pictures := func() map[picture]bool {
		b.show(everything())
		seen := map[picture]bool{}
		var walk func(o fyne.CanvasObject)
		walk = func(o fyne.CanvasObject) {
			switch v := o.(type) {
			case *canvas.Text:
				seen[picture{v.Text, v.TextSize, v.TextStyle, v.Color}] = v.Text != ""
			case *fyne.Container:
				for _, c := range v.Objects {
					walk(c)
				}
			case interface{ children() []fyne.CanvasObject }:
				for _, c := range v.children() {
					walk(c)
				}
			case fyne.Widget:
				for _, c := range test.WidgetRenderer(v).Objects() {
					walk(c)
				}
			}
		}
		walk(b.content)
		return seen
	}
	t.Cleanup(func() { inLight.Store(false) })
	before := pictures()
	if len(before) < 100 {
		t.Fatalf("%d texts", len(before))
	}
	b.looks.setLight(true)
	for p, shows := range pictures() {
		if shows && before[p] {
			t.Errorf("%q keeps its picture", p.text)
		}
	}
}
