package app

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"crosspoint.studio/crosspoint/app/ui"
	"crosspoint.studio/crosspoint/assets"
	"crosspoint.studio/crosspoint/internal/audio"
)

// hasDisplay reports whether a window can be opened at all.
func hasDisplay() bool {
	return runtime.GOOS != "linux" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// runWindow runs a show with a window; without a display it says so and runs
// headless.
func runWindow(ctx context.Context, c *console, path string, o runOptions) error {
	if !hasDisplay() {
		fmt.Fprintln(c.err, "crosspoint: there is no display, so there is no window; running headless with a status line every ten seconds. Stop it with Ctrl+C.")
		o.headless = true
		return runHeadless(ctx, c, path, o)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opt, release, err := prepare(ctx, c, path, o)
	if err != nil {
		return err
	}
	defer release()
	monitor := audio.NewMonitor(audio.MonitorOptions{Clock: opt.Clock, Log: c.log})
	opt.Monitor = monitor.Write
	e, closeGPU, err := newEngine(c, path, opt)
	if err != nil {
		return err
	}
	defer closeGPU()
	told, err := startReport(c, e, o)
	if err != nil {
		return err
	}
	defer told()
	ended := make(chan error, 1)
	go func() {
		err := e.Run(ctx)
		if err == nil {
			cancel() // the time that was asked for is over, and the window goes with it
		}
		ended <- err
	}()
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
