package sources

import (
	"math"
	"slices"
	"strings"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/bidi"
)

// typesetter shapes text and breaks it into lines. For one goroutine.
type typesetter struct {
	fonts     *fontBook
	size      fixed.Int26_6
	shaper    shaping.HarfbuzzShaper
	segmenter shaping.Segmenter
}

// textBlock is a laid-out text. Lines run down from 0; y grows down.
type textBlock struct {
	lines         []textLine
	width, height float64 // pixels
}

// textLine is one line: its runs from left to right.
type textLine struct {
	runs     []shaping.Output
	baseline float64 // from the block's top
	width    float64
}

func newTypesetter(fontName string, size float64) (*typesetter, error) {
	fonts, err := newFontBook(fontName)
	if err != nil {
		return nil, err
	}
	return &typesetter{fonts: fonts, size: fixed.Int26_6(math.Round(size * 64))}, nil
}

// layout breaks text at its line ends and where a line would be wider than
// maxWidth pixels (0: nowhere), into at most maxLines (0: any number), the last of
// which then ends in an ellipsis.
func (t *typesetter) layout(text string, maxWidth, maxLines int) textBlock {
	if maxWidth <= 0 {
		maxWidth = 1 << 20
	}
	var block textBlock
	paragraphs := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, p := range paragraphs {
		left := 0
		if maxLines > 0 {
			if left = maxLines - len(block.lines); left <= 0 {
				break
			}
		}
		for _, line := range t.paragraph(p, maxWidth, left, i+1 < len(paragraphs)) {
			block.add(line)
		}
	}
	return block
}

// paragraph lays out text without line ends.
func (t *typesetter) paragraph(text string, maxWidth, maxLines int, continues bool) []shaping.Line {
	// An empty line has the height of a space.
	if text == "" {
		text = " "
	}
	runes := []rune(text)
	direction := baseDirection(runes)
	config := shaping.WrapConfig{Direction: direction, TruncateAfterLines: maxLines, TextContinues: continues}
	if maxLines > 0 {
		if dots := t.shape([]rune("…"), direction); len(dots) > 0 {
			config.Truncator = dots[0]
		}
	}
	// A wrapper of its own for each paragraph: its lines are valid until its next use.
	var wrapper shaping.LineWrapper
	lines, _ := wrapper.WrapParagraph(config, maxWidth, runes, shaping.NewSliceIterator(t.shape(runes, direction)))
	return lines
}

func (t *typesetter) shape(runes []rune, direction di.Direction) []shaping.Output {
	inputs := t.segmenter.Split(shaping.Input{
		Text: runes, RunEnd: len(runes), Direction: direction, Size: t.size,
		// A fixed language keeps renders the same on every machine.
		Language: language.NewLanguage("en"),
	}, t.fonts)
	outputs := make([]shaping.Output, 0, len(inputs))
	for _, input := range inputs {
		outputs = append(outputs, t.shaper.Shape(input))
	}
	return outputs
}

// baseDirection is that of the first character with one (UAX 9, P2 and P3).
func baseDirection(runes []rune) di.Direction {
	for _, r := range runes {
		p, _ := bidi.LookupRune(r)
		switch p.Class() {
		case bidi.L:
			return di.DirectionLTR
		case bidi.R, bidi.AL:
			return di.DirectionRTL
		}
	}
	return di.DirectionLTR
}

func (b *textBlock) add(line shaping.Line) {
	runs := slices.Clone([]shaping.Output(line))
	slices.SortStableFunc(runs, func(a, b shaping.Output) int { return int(a.VisualIndex - b.VisualIndex) })
	var ascent, descent, gap, width float64
	for _, run := range runs {
		ascent = max(ascent, pixels(run.LineBounds.Ascent))
		descent = max(descent, -pixels(run.LineBounds.Descent))
		gap = max(gap, pixels(run.LineBounds.Gap))
		width += pixels(run.Advance)
	}
	// Whole pixels down, so that equal lines look equal.
	top := b.height
	b.lines = append(b.lines, textLine{runs, top + math.Ceil(ascent), width})
	b.height = top + math.Ceil(ascent) + math.Ceil(descent) + math.Ceil(gap)
	b.width = max(b.width, width)
}

func pixels(v fixed.Int26_6) float64 { return float64(v) / 64 }
