package sources

import (
	"fmt"
	"image/color"
	"strconv"
)

// parseColor reads "#rgb", "#rrggbb" or "#rrggbbaa"; alpha is not premultiplied. what
// names the setting in the error.
func parseColor(what, s string) (color.NRGBA, error) {
	bad := fmt.Errorf("%s is %q; a colour is written #rgb, #rrggbb or #rrggbbaa", what, s)
	if len(s) == 0 || s[0] != '#' {
		return color.NRGBA{}, bad
	}
	digits := s[1:]
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	if len(digits) == 6 {
		digits += "ff"
	}
	if len(digits) != 8 {
		return color.NRGBA{}, bad
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil {
		return color.NRGBA{}, bad
	}
	return color.NRGBA{uint8(v >> 24), uint8(v >> 16), uint8(v >> 8), uint8(v)}, nil
}
