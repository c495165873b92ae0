package app

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/app/ui"
	"crosspoint.studio/crosspoint/assets"
	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
)

// hasDisplay reports whether a window can be opened at all.
func hasDisplay() bool {
	return runtime.GOOS != "linux" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// runWindow runs a show with a window; without a display it says so and runs
// headless.
func runWindow(ctx context.Context, c *console, path string) error {
	if !hasDisplay() {
		fmt.Fprintln(c.err, "crosspoint: there is no display, so there is no window; running headless with a status line every ten seconds. Stop it with Ctrl+C.")
		return runHeadless(ctx, c, path, runOptions{headless: true})
	}
	show, err := loadShow(c, path)
	if err != nil {
		return err
	}
	tuneGC()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	clock := media.NewRealClock()
	opt, stopRehearsal, err := addRehearsal(ctx, c, show, engine.Options{Show: show, Clock: clock})
	if err != nil {
		return err
	}
	defer stopRehearsal()
	monitor := audio.NewMonitor(audio.MonitorOptions{Clock: clock, Log: c.log})
	opt.Monitor = monitor.Write
	e, closeGPU, err := newEngine(c, path, opt)
	if err != nil {
		return err
	}
	defer closeGPU()
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		// Without a sound device there is nothing to listen on; the show does not care.
		if err := monitor.Run(ctx); err != nil && ctx.Err() == nil {
			c.log.Info("no monitoring", "reason", err)
		}
	}()
	name := path
	if path == demoName {
		name = ""
	}
	err = ui.Run(ctx, e, ui.Options{ShowPath: name, Icon: assets.Icon})
	cancel()
	<-listening
	if runErr := <-ended; err == nil {
		err = runErr
	}
	return err
}
