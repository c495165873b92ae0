package app

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// harmlessHere are reports of Fyne that say nothing to an operator: it reads its
// preferences while it is writing them, at the end for the last time, and finds nothing
// (Fyne 2.7.1, app/preferences.go: the file is emptied before its watcher is told to look
// away); and its file dialog misses folders that a home does not have to have.
var harmlessHere = []string{"Preferences load error", "Getting favorite locations"}

// toolkitLog is where Fyne's reports go: it writes them with the standard library's log, in
// up to three lines, what, cause and place. They are the program's errors, but for the
// harmless ones. For any goroutine.
type toolkitLog struct {
	log *slog.Logger

	mu    sync.Mutex // guards level
	level slog.Level // of the report whose lines are coming
}

// Write implements io.Writer; it takes one line.
func (t *toolkitLog) Write(p []byte) (int, error) {
	line := strings.TrimRight(string(p), "\n")
	t.mu.Lock()
	if !strings.HasPrefix(line, "  ") { // not a cause or a place
		t.level = slog.LevelError
		for _, known := range harmlessHere {
			if strings.Contains(line, known) {
				t.level = slog.LevelDebug
			}
		}
	}
	level := t.level
	t.mu.Unlock()
	t.log.Log(context.Background(), level, "window toolkit", "said", strings.TrimSpace(line))
	return len(p), nil
}
