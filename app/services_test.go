package app

import (
	"io"
	"log/slog"
	"slices"
	"testing"
)

// TestLogKeepsWhatTheWindowAsksFor: what only developers need is kept when all is to be seen, and not before.
func TestLogKeepsWhatTheWindowAsksFor(t *testing.T) {
	c := newConsole(io.Discard, io.Discard)
	l := logs{c.tail, c.kept}
	c.log.Debug("before")
	l.Keep(slog.LevelDebug)
	c.log.Debug("asked for")
	l.Keep(slog.LevelInfo)
	c.log.Debug("after")
	c.log.Info("as ever")
	var got []string
	for _, r := range l.Since(0) {
		got = append(got, r.Text)
	}
	if want := []string{"asked for", "as ever"}; !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
}
