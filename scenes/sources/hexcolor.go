package sources

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"
)

// ParseColor reads a colour of a show, "#rgb", "#rrggbb" or "#rrggbbaa"; alpha is not
// premultiplied. ok is false where it is none. It allocates nothing.
func ParseColor(s string) (c color.NRGBA, ok bool) {
	digits, ok := strings.CutPrefix(s, "#")
	v, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil {
		return c, false
	}
	switch len(digits) {
	case 3:
		return color.NRGBA{uint8(v>>8) * 0x11, uint8(v>>4&0xf) * 0x11, uint8(v&0xf) * 0x11, 0xff}, true
	case 6:
		return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 0xff}, true
	case 8:
		return color.NRGBA{uint8(v >> 24), uint8(v >> 16), uint8(v >> 8), uint8(v)}, true
	}
	return c, false
}

// parseColor is ParseColor of the setting what.
func parseColor(what, s string) (color.NRGBA, error) {
	c, ok := ParseColor(s)
	if !ok {
		return c, fmt.Errorf("%s is %q; a colour is written #rgb, #rrggbb or #rrggbbaa", what, s)
	}
	return c, nil
}
