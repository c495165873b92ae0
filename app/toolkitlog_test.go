package app

import (
	"bytes"
	"log"
	"log/slog"
	"strings"
	"testing"
)

// TestToolkitLog: what Fyne reports is the program's log, without what is harmless.
func TestToolkitLog(t *testing.T) {
	var out bytes.Buffer
	l := log.New(&toolkitLog{log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))}, "", 0)
	report := func(lines ...string) {
		for _, text := range lines {
			l.Println(text)
		}
	}
	report("Fyne error:  Preferences load error:", "  Cause: EOF", "  At: preferences.go:103")
	report("Fyne error:  Getting favorite locations", "  Cause: this computer does not define a VIDEOS folder")
	if out.Len() > 0 {
		t.Errorf("harmless, and said: %s", out.String())
	}
	report("Fyne error:  window creation error", "  Cause: there is no OpenGL")
	for _, want := range []string{"level=ERROR", "window creation error", "there is no OpenGL"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %s", want, out.String())
		}
	}
}
