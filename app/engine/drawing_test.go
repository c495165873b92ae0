package engine

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/supervise"
)

// saidOf is the sentence of a key; "" where there is none.
func saidOf(e *Engine, key string) string {
	for _, w := range e.warn.all() {
		if w.Key == key {
			return w.Text
		}
	}
	return ""
}

// TestDrawingPanics: the operator reads one sentence, and the log has the stack once.
func TestDrawingPanics(t *testing.T) {
	e := atRest(t)
	var log bytes.Buffer
	e.log = slog.New(slog.NewTextHandler(&log, nil))
	fault := fmt.Errorf("compositor: %w", &supervise.PanicError{Value: "index out of range", Stack: []byte("goroutine 7 [running]:\nmain.draw()\n")})
	for range 3 {
		e.notDrawn(fault)
	}
	const want = "The picture could not be drawn (internal error: index out of range); the last one stands, sound and destinations go on. If it stays, change the scene back."
	if got := saidOf(e, "compositor"); got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	if n := strings.Count(log.String(), "goroutine 7"); n != 1 {
		t.Errorf("the stack is in the log %d times, want once:\n%s", n, &log)
	}
	e.notDrawn(errors.New("no panic"))
	if n := strings.Count(log.String(), "stack="); n != 1 {
		t.Errorf("an error without a stack left one: %s", &log)
	}
	e.compose(false) // draws again, and what was is over
	e.program.Release()
	if got := saidOf(e, "compositor"); got != "" || e.fault != "" {
		t.Errorf("still said: %q", got)
	}
}

// TestSourcePanics: a source's fault is a sentence on its card, and the stack is in the log.
func TestSourcePanics(t *testing.T) {
	var log bytes.Buffer
	show := parse(t, strings.Replace(smallShow, `"sources": [`, `"sources": [{"id": "wild", "kind": "live", "settings": {"panic_after": 3}},`, 1))
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	stop := s.live(t)
	st := s.until(t, "it has panicked", func(st *State) bool { return len(st.Sources) > 0 && st.Sources[0].Problem != "" })
	stop()
	if got := st.Sources[0].Problem; !strings.HasPrefix(got, "internal error: ") || strings.Contains(got, "\n") {
		t.Errorf("the card says %q", got)
	}
	if text := log.String(); !strings.Contains(text, "source panicked") || !strings.Contains(text, "(*fake).play") {
		t.Error("the stack is not in the log")
	}
}
