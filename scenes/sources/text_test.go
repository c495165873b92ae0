package sources

import (
	"encoding/json"
	"image"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-text/typesetting/di"

	"crosspoint.studio/crosspoint/internal/media"
)

func TestTextConforms(t *testing.T) {
	conforms(t, Text(), `{"text":"Hello"}`, hd(640, 360, fps25), 1, 0)
}

// inked is the rectangle of the pixels whose channel is at least 128 (3 is alpha).
func inked(f *media.Frame, channel int) image.Rectangle {
	var r image.Rectangle
	for y := range f.Height {
		for x := range f.Width {
			if f.Planes[0].Data[y*f.Planes[0].Stride+x*4+channel] >= 128 && f.Planes[0].Data[y*f.Planes[0].Stride+x*4+3] >= 128 {
				r = r.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return r
}

func pixel(f *media.Frame, x, y int) [4]byte {
	return [4]byte(f.Planes[0].Data[y*f.Planes[0].Stride+x*4:][:4])
}

func TestTextIsAsHighAsItsSizeSays(t *testing.T) {
	// The capitals of Go Regular are 1480 of 2048 units high.
	f := still(t, Text(), `{"text":"HHH","size":200}`, Options{})
	r := inked(f, 3)
	if want := 1480.0 / 2048 * 200; math.Abs(float64(r.Dy())-want) > 1.5 {
		t.Errorf("capitals are %d pixels high, want %.0f", r.Dy(), want)
	}
	if f.Format != media.RGBA {
		t.Errorf("format %v", f.Format)
	}
}

func TestTextAlignment(t *testing.T) {
	for _, c := range []struct {
		align, valign string
		where         func(r image.Rectangle) bool
	}{
		{"left", "top", func(r image.Rectangle) bool { return r.Min.X < 40 && r.Min.Y < 60 }},
		{"right", "bottom", func(r image.Rectangle) bool { return r.Max.X > 760 && r.Max.Y > 340 }},
		{"center", "middle", func(r image.Rectangle) bool {
			return math.Abs(float64(r.Min.X+r.Max.X)/2-400) < 6 && math.Abs(float64(r.Min.Y+r.Max.Y)/2-200) < 16
		}},
	} {
		f := still(t, Text(), settingsOf("text", "Xx", "width", 800, "height", 400, "box_padding", 20, "align", c.align, "valign", c.valign), Options{})
		if f.Width != 800 || f.Height != 400 {
			t.Errorf("%dx%d, want 800x400", f.Width, f.Height)
		}
		if r := inked(f, 3); !c.where(r) {
			t.Errorf("%s %s: the text is at %v", c.align, c.valign, r)
		}
	}
}

func layoutOf(t *testing.T, fontName, s string, width, lines int) textBlock {
	t.Helper()
	setter, err := newTypesetter(fontName, 40)
	if err != nil {
		t.Fatal(err)
	}
	return setter.layout(s, width, lines)
}

func TestTextWrapsAndEndsInAnEllipsis(t *testing.T) {
	const long = "The quick brown fox jumps over the lazy dog"
	one := layoutOf(t, "", long, 0, 0)
	if len(one.lines) != 1 {
		t.Fatalf("%d lines without a width", len(one.lines))
	}
	wrapped := layoutOf(t, "", long, 300, 0)
	if len(wrapped.lines) < 3 || wrapped.width > 300 {
		t.Errorf("%d lines, %v wide, in 300 pixels", len(wrapped.lines), wrapped.width)
	}
	cut := layoutOf(t, "", long, 300, 2)
	if len(cut.lines) != 2 || cut.width > 300 {
		t.Errorf("%d lines, %v wide, of at most 2", len(cut.lines), cut.width)
	}
	runs := cut.lines[1].runs
	dots, _ := runs[len(runs)-1].Face.NominalGlyph('…')
	glyphs := runs[len(runs)-1].Glyphs
	if glyphs[len(glyphs)-1].GlyphID != dots {
		t.Error("the last line does not end in an ellipsis")
	}
	if three := layoutOf(t, "", "a\n\nb\r\nc", 0, 0); len(three.lines) != 4 || three.lines[1].baseline <= three.lines[0].baseline {
		t.Errorf("%d lines, want 4", len(three.lines))
	}
}

func TestTextFromRightToLeft(t *testing.T) {
	const hebrew, mixed = "שלום", "abc שלום"
	if d := baseDirection([]rune("12 " + hebrew)); d != di.DirectionRTL {
		t.Errorf("direction of Hebrew is %v", d)
	}
	b := layoutOf(t, "DejaVu Sans", hebrew, 0, 0)
	run := b.lines[0].runs[0]
	first, _ := run.Face.NominalGlyph('ש')
	if first == 0 || run.Glyphs[len(run.Glyphs)-1].GlyphID != first {
		t.Error("the first letter does not stand at the right")
	}
	b = layoutOf(t, "", mixed, 0, 0)
	runs := b.lines[0].runs
	if len(runs) < 2 || runs[0].Direction != di.DirectionLTR || runs[len(runs)-1].Direction != di.DirectionRTL {
		t.Errorf("mixed text has %d runs", len(runs))
	}
	// Arabic letters join: shaped, they are other glyphs than by themselves.
	arabic := layoutOf(t, "DejaVu Sans", "سلام", 0, 0).lines[0].runs[0]
	alone, _ := arabic.Face.NominalGlyph('م')
	for _, g := range arabic.Glyphs {
		if g.GlyphID == alone {
			return // the last letter may keep its form; the others cannot all
		}
	}
	if len(arabic.Glyphs) == 0 || arabic.Glyphs[0].GlyphID == 0 {
		t.Error("Arabic was not shaped")
	}
}

func TestTextTakesMissingCharactersFromTheSystem(t *testing.T) {
	b := layoutOf(t, "", "Ω☂Ж", 0, 0)
	glyphs := 0
	for _, run := range b.lines[0].runs {
		glyphs += len(run.Glyphs)
		for _, g := range run.Glyphs {
			if g.GlyphID == 0 {
				t.Errorf("a character has no glyph although DejaVu Sans is installed")
			}
		}
	}
	if glyphs != 3 {
		t.Errorf("%d glyphs for three characters", glyphs)
	}
}

func TestTextSaysThatAFontIsMissing(t *testing.T) {
	src, err := Text().New(json.RawMessage(`{"text":"Hi","font":"No Such Face Bold"}`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	sink := newRecorder(Still, 1, 1)
	work := start(t, src, sink)
	sink.until(t, "a held picture", func() bool { return sink.holds > 0 })
	_ = work.stop() // ended by us
	defer sink.release()
	if !strings.Contains(sink.text, `"No Such Face" is not installed`) {
		t.Errorf("described as %q", sink.text)
	}
	if inked(sink.frames[0], 3).Empty() {
		t.Error("nothing is shown in its place")
	}
}

func TestFontNames(t *testing.T) {
	for name, want := range map[string]string{
		"DejaVu Sans Bold Italic": "DejaVu Sans 700 2", "Go": "Go 400 1", "Bold": " 700 1", "Noto Sans Light": "Noto Sans 300 1",
	} {
		family, aspect := splitFontName(name)
		b, err := json.Marshal([]any{aspect.Weight, aspect.Style})
		if err != nil {
			t.Fatal(err)
		}
		if got := family + " " + strings.NewReplacer("[", "", "]", "", ",", " ").Replace(string(b)); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

func TestTextColoursAreStraight(t *testing.T) {
	f := still(t, Text(), `{"text":"HHHH","size":100,"color":"#ff0000","outline_color":"#00ff00","outline_width":6,"box":"#0000ff80","box_padding":10}`, Options{})
	if got := pixel(f, 1, 1); got != [4]byte{0, 0, 255, 128} {
		t.Errorf("the box is %v", got)
	}
	red, green := inked(f, 0), inked(f, 1)
	if red.Empty() || green.Empty() || green.Min.X > red.Min.X-5 || green.Min.X < red.Min.X-8 {
		t.Errorf("letters at %v, outline at %v, want 6 pixels around", red, green)
	}
	y := (red.Min.Y + red.Max.Y) / 2
	if got := pixel(f, red.Min.X+2, y); got != [4]byte{255, 0, 0, 255} {
		t.Errorf("a letter is %v", got)
	}
	// Without a box, every pixel keeps the letters' colour, only alpha changes.
	f = still(t, Text(), `{"text":"Soft","color":"#102030c0"}`, Options{})
	for y := range f.Height {
		for x := range f.Width {
			if p := pixel(f, x, y); p[0] != 0x10 || p[1] != 0x20 || p[2] != 0x30 || p[3] > 0xc0 {
				t.Fatalf("pixel %d,%d is %v", x, y, p)
			}
		}
	}
}

func TestBoxEdges(t *testing.T) {
	f := still(t, Text(), `{"text":" ","box":"#ff8000c0","width":1500,"height":180,"box_softness":24,"box_radius":30}`, Options{})
	if got := pixel(f, 750, 90); got != [4]byte{255, 128, 0, 0xc0} {
		t.Errorf("the middle is %v", got)
	}
	last := -1
	for x := range 30 {
		p := pixel(f, x, 90)
		if int(p[3]) < last || p[0] != 255 || p[1] != 128 {
			t.Fatalf("at %d: %v after alpha %d", x, p, last)
		}
		last = int(p[3])
	}
	if a, b := pixel(f, 0, 90)[3], pixel(f, 12, 90)[3]; a > 4 || b < 0x50 || b > 0x70 {
		t.Errorf("the soft edge goes through %d and %d", a, b)
	}
	hard := still(t, Text(), `{"text":" ","box":"#fff","width":200,"height":100,"box_radius":40}`, Options{})
	if a, b, c := pixel(hard, 2, 2)[3], pixel(hard, 100, 0)[3], pixel(hard, 0, 50)[3]; a != 0 || b != 255 || c != 255 {
		t.Errorf("corner %d, edges %d and %d; want 0, 255, 255", a, b, c)
	}
}

func TestDistanceFieldAgainstBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	area := image.Rect(0, 0, 41, 29)
	var d distanceField
	for round := range 20 {
		src, dst := image.NewAlpha(area), image.NewAlpha(area)
		for range round {
			src.Pix[rng.IntN(len(src.Pix))] = 255
		}
		width := rng.Float64() * 9
		d.grow(dst, src, width)
		for y := range 29 {
			for x := range 41 {
				nearest := math.Inf(1)
				for i, v := range src.Pix {
					if v != 0 {
						nearest = min(nearest, math.Hypot(float64(x-i%41), float64(y-i/41)))
					}
				}
				want := code(min(max(width+0.5-nearest, 0), 1) * 255)
				if nearest == 0 {
					want = 255
				}
				if got := dst.Pix[y*41+x]; got != want {
					t.Fatalf("round %d at %d,%d: %d, want %d", round, x, y, got, want)
				}
			}
		}
	}
}

func TestTextRefusesWrongSettings(t *testing.T) {
	for _, raw := range []string{
		`{"size":0}`, `{"color":"red"}`, `{"align":"centre"}`, `{"width":-1}`, `{"box":"#12"}`, `{"max_lines":-1}`, `{"colour":"#fff"}`,
	} {
		if _, err := Text().New(json.RawMessage(raw), Options{}); err == nil {
			t.Errorf("%s was accepted", raw)
		}
	}
}

func BenchmarkLowerThird(b *testing.B) {
	style := defaultTextStyle()
	style.Width, style.Height, style.Box, style.BoxSoftness, style.OutlineWidth = 1500, 180, "#102030c0", 24, 2
	if err := style.check("text"); err != nil {
		b.Fatal(err)
	}
	setter, err := newTypesetter("", 64)
	if err != nil {
		b.Fatal(err)
	}
	painter := textPainter{style: &style}
	f := media.NewFramePool(media.RGBA, 1500, 180, 0).Get()
	for b.Loop() {
		painter.paint(f, setter.layout("Ada Lovelace, first programmer", 0, 0))
	}
}

// What leaves nothing in the picture is named: an empty title is a riddle on air.
func TestTextSaysWhatItCannotDraw(t *testing.T) {
	for _, c := range []struct{ font, text, want string }{
		{"", "Ada Lovelace,\n é\u00a0– 12:34\u200d", ""},
		{"", "a \U0010FFFD b", ""}, // private: no character at all
		{"", "x你好你", "no font on this machine can draw 你好, so it is left out"},
		{"No Such Font", "Ada", `the font "No Such Font" is not installed here`},
	} {
		setter, err := newTypesetter(c.font, 40)
		if err != nil {
			t.Fatal(err)
		}
		setter.layout(c.text, 0, 0)
		setter.fonts.system = nil // what this machine happens to have
		if got := setter.fonts.remark(c.text); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%q in %q: %q, want %q", c.text, c.font, got, c.want)
		}
	}
}
