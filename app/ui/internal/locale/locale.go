// Package locale keeps Fyne quiet on machines whose language is "C" (servers,
// containers): Fyne v2.7.1 reads the language when the program starts and prints
// three lines to stderr because "C" is no language tag. It sets LANG for this
// process before that, which the order of initialisation allows: packages
// initialise in the order of their import paths where their imports permit, and
// this one imports nothing but os and strings.
package locale

import (
	"os"
	"strings"
)

// Language is what LANG became, or "" if it was left alone.
var Language = adopt()

func adopt() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		switch v, _, _ := strings.Cut(os.Getenv(name), "."); v {
		case "":
			continue
		case "C", "POSIX":
			_ = os.Unsetenv(name) // only a malformed name fails
		default:
			return ""
		}
	}
	const fallback = "en_GB.UTF-8"
	_ = os.Setenv("LANG", fallback) // only a malformed name fails
	return fallback
}
