package sources

import (
	"fmt"
	"slices"
	"unicode"

	"github.com/go-text/typesetting/harfbuzz"
)

// maxUndrawn is how many characters a remark names.
const maxUndrawn = 8

// remark is what is wrong with how text is drawn, "" for nothing: a family that is not
// there, or characters that no font of this machine has an outline for. It is known once
// the text has been laid out.
func (b *fontBook) remark(text string) string {
	if name := b.missing(); name != "" {
		return fmt.Sprintf("the font %q is not installed here; the built-in one stands in for it", name)
	}
	undrawn := b.undrawn(text)
	if len(undrawn) == 0 {
		return ""
	}
	more := ""
	if len(undrawn) > maxUndrawn {
		undrawn, more = undrawn[:maxUndrawn], "…"
	}
	return fmt.Sprintf("no font on this machine can draw %s%s, so it is left out of the picture; install one that can", string(undrawn), more)
}

// undrawn are the characters of text that leave nothing in the picture and should, each
// once, in their order. Fonts of coloured bitmaps (most emoji) have no outlines to draw.
func (b *fontBook) undrawn(text string) (out []rune) {
	for _, r := range text {
		if unicode.IsSpace(r) || !unicode.IsGraphic(r) || unicode.Is(unicode.Mn, r) || harfbuzz.IsDefaultIgnorable(r) || slices.Contains(out, r) {
			continue
		}
		face := b.ResolveFace(r)
		id, ok := face.NominalGlyph(r)
		if !ok || len(outlineOf(face, id)) == 0 {
			out = append(out, r)
		}
	}
	return out
}
