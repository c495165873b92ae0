package sources

import (
	"image/color"
)

// textStyleSchema are the properties that text and clock share.
const textStyleSchema = `
    "font": {"type": "string", "default": "", "title": "Font", "x-order": 11, "x-picker": "font",
      "description": "Family, with style words behind it: \"DejaVu Sans Bold\"; empty is the built-in Go; what a font lacks is taken from the system's others"},
    "size": {"type": "number", "minimum": 4, "maximum": 2000, "default": 64, "title": "Size", "x-order": 12, "x-unit": "px", "description": "Height of the type, from one baseline's em square"},
    "color": {"type": "string", "default": "#ffffff", "title": "Colour", "x-order": 13, "x-picker": "color", "description": "#rgb, #rrggbb or #rrggbbaa"},
    "outline_color": {"type": "string", "default": "#000000", "title": "Outline colour", "x-order": 14, "x-picker": "color", "description": "#rgb, #rrggbb or #rrggbbaa"},
    "outline_width": {"type": "number", "minimum": 0, "maximum": 100, "default": 0, "title": "Outline width", "x-order": 15, "x-unit": "px", "description": "0 is no outline"},
    "box": {"type": "string", "default": "", "title": "Box colour", "x-order": 16, "x-picker": "color", "description": "Colour of a box behind the text; empty is no box"},
    "box_padding": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 0, "title": "Padding", "x-order": 17, "x-unit": "px", "description": "Space between text and the edges"},
    "box_radius": {"type": "number", "minimum": 0, "maximum": 4096, "default": 0, "title": "Corner radius", "x-order": 18, "x-unit": "px", "description": "Rounds the box's corners"},
    "box_softness": {"type": "number", "minimum": 0, "maximum": 4096, "default": 0, "title": "Softness", "x-order": 19, "x-unit": "px", "description": "How far the box's edges fade, inwards"},
    "align": {"enum": ["left", "center", "right"], "default": "left", "title": "Alignment", "x-order": 20, "description": "Where lines stand"},
    "valign": {"enum": ["top", "middle", "bottom"], "default": "middle", "title": "Vertical alignment", "x-order": 21, "description": "Where the text stands when a height is given"},
    "width": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Width", "x-order": 22, "x-unit": "px", "description": "Lines are wrapped to it; 0 is as wide as the text"},
    "height": {"type": "integer", "minimum": 0, "maximum": 8192, "default": 0, "title": "Height", "x-order": 23, "x-unit": "px", "description": "0 is as high as the text"}`

// textStyle is how text looks: the settings that text and clock share.
type textStyle struct {
	Font         string  `json:"font"`
	Size         float64 `json:"size"`
	Color        string  `json:"color"`
	OutlineColor string  `json:"outline_color"`
	OutlineWidth float64 `json:"outline_width"`
	Box          string  `json:"box"`
	BoxPadding   int     `json:"box_padding"`
	BoxRadius    float64 `json:"box_radius"`
	BoxSoftness  float64 `json:"box_softness"`
	Align        string  `json:"align"`
	VAlign       string  `json:"valign"`
	Width        int     `json:"width"`
	Height       int     `json:"height"`

	fill, outline, box color.NRGBA // set by check; box has alpha 0 for none
}

func defaultTextStyle() textStyle {
	return textStyle{Size: 64, Color: "#ffffff", OutlineColor: "#000000", Align: "left", VAlign: "middle"}
}

// check finds mistakes and reads the colours.
func (s *textStyle) check(kind string) error {
	for _, v := range []struct {
		name           string
		v, lowest, top float64
	}{
		{"size", s.Size, 4, 2000},
		{"outline_width", s.OutlineWidth, 0, 100},
		{"box_padding", float64(s.BoxPadding), 0, 1000},
		{"box_radius", s.BoxRadius, 0, 4096},
		{"box_softness", s.BoxSoftness, 0, 4096},
		{"width", float64(s.Width), 0, 8192},
		{"height", float64(s.Height), 0, 8192},
	} {
		if err := within(kind, v.name, v.v, v.lowest, v.top); err != nil {
			return err
		}
	}
	if err := oneOf(kind, "align", s.Align, "left", "center", "right"); err != nil {
		return err
	}
	if err := oneOf(kind, "valign", s.VAlign, "top", "middle", "bottom"); err != nil {
		return err
	}
	var err error
	if s.fill, err = parseColor(kind+": color", s.Color); err != nil {
		return err
	}
	if s.outline, err = parseColor(kind+": outline_color", s.OutlineColor); err != nil {
		return err
	}
	if s.Box != "" {
		if s.box, err = parseColor(kind+": box", s.Box); err != nil {
			return err
		}
	}
	return nil
}
