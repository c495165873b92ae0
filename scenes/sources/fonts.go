package sources

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/fontscan"
	"github.com/go-text/typesetting/language"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/goregular"
)

// fontBook finds the face for each character of a text: of the family asked for, then
// of the built-in Go faces, then of whatever the system has for the script. The
// system's fonts are looked at only when they are needed, because the first scan
// of a machine takes a while. For one goroutine.
type fontBook struct {
	family  string // "" when the built-in face was asked for
	aspect  font.Aspect
	builtIn *font.Face
	system  *fontscan.FontMap
	scanned bool
	found   bool // the family was found; set by the first look-up
	script  language.Script
}

// fontQuiet discards the scanner's remarks on unusable font files.
type fontQuiet struct{}

func (fontQuiet) Printf(string, ...any) {}

// newFontBook takes a family name with style words behind it, as in "DejaVu Sans Bold
// Italic"; "" is the built-in "Go".
func newFontBook(name string) (*fontBook, error) {
	b := &fontBook{found: true}
	b.family, b.aspect = splitFontName(name)
	mono := strings.EqualFold(b.family, "Go Mono")
	if b.family == "" || mono || strings.EqualFold(b.family, "Go") {
		b.family = ""
	}
	bold, italic := b.aspect.Weight >= font.WeightSemibold, b.aspect.Style == font.StyleItalic
	data := goregular.TTF
	switch {
	case mono && bold:
		data = gomonobold.TTF
	case mono:
		data = gomono.TTF
	case bold && italic:
		data = gobolditalic.TTF
	case bold:
		data = gobold.TTF
	case italic:
		data = goitalic.TTF
	}
	var err error
	b.builtIn, err = font.ParseTTF(bytes.NewReader(data))
	return b, err
}

// splitFontName takes the style words off a font's name.
func splitFontName(name string) (family string, aspect font.Aspect) {
	weights := map[string]font.Weight{
		"thin": font.WeightThin, "extralight": font.WeightExtraLight, "light": font.WeightLight,
		"regular": font.WeightNormal, "book": font.WeightNormal, "medium": font.WeightMedium, "semibold": font.WeightSemibold,
		"bold": font.WeightBold, "extrabold": font.WeightExtraBold, "black": font.WeightBlack,
	}
	aspect.SetDefaults()
	words := strings.Fields(name)
	for len(words) > 0 {
		last := strings.ToLower(words[len(words)-1])
		switch weight, ok := weights[last]; {
		case ok:
			aspect.Weight = weight
		case last == "italic" || last == "oblique":
			aspect.Style = font.StyleItalic
		default:
			return strings.Join(words, " "), aspect
		}
		words = words[:len(words)-1]
	}
	return "", aspect
}

// missing is the family that was asked for but is not there, else "". It is known
// once a text has been laid out.
func (b *fontBook) missing() string {
	if b.found {
		return ""
	}
	return b.family
}

// SetScript implements shaping.FontmapScript.
func (b *fontBook) SetScript(s language.Script) {
	b.script = s
	if b.system != nil {
		b.system.SetScript(s)
	}
}

// ResolveFace implements shaping.Fontmap.
func (b *fontBook) ResolveFace(r rune) *font.Face {
	if b.family == "" {
		if _, ok := b.builtIn.NominalGlyph(r); ok || r < ' ' {
			return b.builtIn
		}
	}
	b.scan()
	if b.system == nil {
		return b.builtIn
	}
	face := b.system.ResolveFace(r)
	if face == nil {
		return b.builtIn
	}
	if _, ok := face.NominalGlyph(r); !ok {
		if _, ok := b.builtIn.NominalGlyph(r); ok {
			return b.builtIn
		}
	}
	if !b.found {
		if _, ok := b.builtIn.NominalGlyph(r); ok {
			return b.builtIn
		}
	}
	return face
}

// scan opens the system's fonts, once. Without any, the built-in face serves.
func (b *fontBook) scan() {
	if b.scanned {
		return
	}
	b.scanned = true
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "crosspoint")
	if os.MkdirAll(dir, 0o700) != nil {
		dir = os.TempDir()
	}
	system := fontscan.NewFontMap(fontQuiet{})
	if system.UseSystemFonts(dir) != nil {
		b.found = b.family == ""
		return
	}
	if b.family != "" {
		_, b.found = system.FindSystemFont(b.family)
	}
	system.SetQuery(fontscan.Query{Families: []string{b.family, fontscan.SansSerif}, Aspect: b.aspect})
	system.SetScript(b.script)
	b.system = system
}
