package engine

import (
	"context"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/compositor"
	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/av"
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
		done := s.start(t, ctx)
		time.Sleep(time.Duration(i) * time.Millisecond)
		cancel()
		finish(t, done, time.Minute)
		v.Close()
		s.noFrames(t)
		if t.Failed() {
			t.Fatalf("after %d runs", i+1)
		}
	}
}

// TestClosedViewsKeepNoTick: what a view has on the GPU thread is freed by the painting, not by
// the tick, which would wait for what that thread is at.
func TestClosedViewsKeepNoTick(t *testing.T) {
	th := thread(t)
	e := &Engine{device: compositor.NewDevice(th), fps: media.NewRational(30, 1)}
	w := newViewer(e)
	v := &View{latest: media.NewLatest(), reduce: av.NewScaler(av.Area), toRGB: av.NewScaler(av.Fast)}
	var err error
	if v.comp, err = compositor.New(e.device, 64, 36, media.ColorInfo{}, true); err != nil {
		t.Fatal(err)
	}
	w.add(v)
	v.Close()
	busy, free, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_ = th.Do(func(*gpu.Context) error { close(busy); <-free; return nil })
	}()
	<-busy
	offered := make(chan struct{})
	go func() { w.offer(e); close(offered) }()
	select {
	case <-offered:
	case <-time.After(10 * time.Second):
		t.Error("the tick waits for the GPU thread")
	}
	close(free)
	<-done
	<-offered
	ctx, cancel := context.WithCancel(t.Context())
	w.start(ctx)
	cancel()
	w.wait()
	if v.comp != nil {
		t.Error("the view was not freed")
	}
}
