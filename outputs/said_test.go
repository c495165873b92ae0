package outputs

import (
	"strings"
	"testing"
)

func TestSaid(t *testing.T) {
	for text, want := range map[string]string{
		" busy\r\n":                   "busy",
		"a\x1b[2Jb\x00c\u009bd\xffe":  "a [2Jb c d?e",
		"grüße":                       "grüße",
		strings.Repeat("ü", 200):      strings.Repeat("ü", 200),
		strings.Repeat("ü", 256<<10):  strings.Repeat("ü", 200) + "…",
		strings.Repeat("\n", 256<<10): "…",
	} {
		if got := Said(text); got != want {
			t.Errorf("%.40q became %q, want %q", text, got, want)
		}
	}
}
