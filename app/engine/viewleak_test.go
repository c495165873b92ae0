package engine

import (
	"context"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestViewsDoNotKeepFrames: the stop comes between a tick's offer and its painting,
// many times over.
func TestViewsDoNotKeepFrames(t *testing.T) {
	th := thread(t)
	for i := range 25 {
		s := newStudio(t, parse(t, smallShow), media.NewVirtualClock(), func(o *Options) { o.Thread = th })
		v := s.OpenView(ViewSpec{Bus: ViewProgram, Width: 64, Height: 36})
		ctx, cancel := context.WithCancel(t.Context())
		done := s.start(ctx)
		time.Sleep(time.Duration(i) * time.Millisecond)
		cancel()
		finish(t, done, 10*time.Second)
		v.Close()
		s.noFrames(t)
		if t.Failed() {
			t.Fatalf("after %d runs", i+1)
		}
	}
}
