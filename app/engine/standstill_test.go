package engine

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// stoodClock is a clock that says what it has left out.
type stoodClock struct {
	*media.VirtualClock
	stood time.Duration
}

func (c *stoodClock) Stood() time.Duration { return c.stood }

// Time that the clock has left out is told once, and for ten minutes.
func TestStandstillIsSaid(t *testing.T) {
	c := &stoodClock{VirtualClock: media.NewVirtualClock()}
	e := &Engine{clock: c, log: slog.New(slog.DiscardHandler), frameTime: 40 * time.Millisecond}
	at := func(tick int64) string {
		e.tick = tick
		e.standstill.look(e)
		if w := e.warn.all(); len(w) > 0 {
			return w[0].Text
		}
		return ""
	}
	if got := at(0); got != "" {
		t.Errorf("at once it says %q", got)
	}
	c.stood = time.Hour
	if got := at(1); !strings.HasPrefix(got, "The program stood still for 1h0m0s until ") {
		t.Errorf("it says %q", got)
	}
	c.stood += time.Minute
	if got := at(100); !strings.HasPrefix(got, "The program stood still for 1m0s until ") {
		t.Errorf("the second time it says %q", got)
	}
	if got := at(100 + 10*60*25 - 1); got == "" {
		t.Error("it does not say so for ten minutes")
	}
	if got := at(100 + 10*60*25); got != "" {
		t.Errorf("after ten minutes it says %q", got)
	}
}
