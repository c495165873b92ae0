package outputs

import "strings"

// saidAtMost is how many characters of what a far end says are shown.
const saidAtMost = 200

// Said is what a far end says, or an error quotes of it, as it can be shown and logged: one line
// without control characters, cut where it is long. What is secret in it has to be taken out before.
func Said(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if r := []rune(text); len(r) > saidAtMost {
		text = string(r[:saidAtMost]) + "…"
	}
	return strings.TrimSpace(text)
}
