package sources

import (
	"context"
	"encoding/json"
	"fmt"

	"crosspoint.studio/crosspoint/internal/media"
)

const textSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "text": {"type": "string", "maxLength": 10000, "default": "Title", "title": "Text", "x-order": 1, "x-picker": "text", "description": "One line or several"},
    "max_lines": {"type": "integer", "minimum": 0, "maximum": 100, "default": 0, "title": "Lines at most", "x-order": 2, "x-advanced": true,
      "description": "More text ends in an ellipsis; 0 is any number"},` + textStyleSchema + `
  }
}`

type textSettings struct {
	Text     string `json:"text"`
	MaxLines int    `json:"max_lines"`
	textStyle
}

// Text is the kind of a title: any script and direction, wrapped and aligned, with
// outline and a box, as a picture with alpha.
func Text() Kind {
	return Kind{
		Name: "text", Title: "Text", Pacing: Still, HasVideo: true,
		Schema: json.RawMessage(textSchema),
		New: func(raw json.RawMessage, _ Options) (Source, error) {
			s := textSettings{Text: "Title", textStyle: defaultTextStyle()}
			if err := decodeSettings("text", raw, &s); err != nil {
				return nil, err
			}
			if len(s.Text) > 40000 {
				return nil, fmt.Errorf("text: the text has %d bytes; at most 40000 are set", len(s.Text))
			}
			if err := within("text", "max_lines", s.MaxLines, 0, 100); err != nil {
				return nil, err
			}
			if err := s.check("text"); err != nil {
				return nil, err
			}
			return &text{s}, nil
		},
	}
}

type text struct{ set textSettings }

// Run implements Source.
func (s *text) Run(ctx context.Context, sink Sink) error {
	setter, err := newTypesetter(s.set.Font, s.set.Size)
	if err != nil {
		return err
	}
	wrap := 0
	if s.set.Width > 0 {
		wrap = max(1, s.set.Width-2*s.set.margin())
	}
	block := setter.layout(s.set.Text, wrap, s.set.MaxLines)
	w, h := s.set.size(block)
	f := media.NewFramePool(media.RGBA, w, h, 0).Get()
	painter := textPainter{style: &s.set.textStyle}
	painter.paint(f, block)
	sink.Describe(describeText(w, h, setter.fonts))
	remark(sink, setter.fonts.remark(s.set.Text))
	if err := sink.Video(ctx, f); err != nil {
		return err
	}
	sink.Hold()
	<-ctx.Done()
	return ctx.Err()
}

func describeText(w, h int, fonts *fontBook) string {
	what := fmt.Sprintf("%dx%d", w, h)
	if name := fonts.missing(); name != "" {
		what += fmt.Sprintf("; the font %q is not installed, shown in Go", name)
	}
	return what
}
