package app

import (
	"context"
	"sync"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
)

// newMonitor is where the operator listens: a sound device by name or id, "" or "default" for
// the system's, "null" for one that nobody hears.
func newMonitor(c *console, clock media.Clock, device string) *audio.Monitor {
	opt := audio.MonitorOptions{Device: device, Clock: clock, Log: c.log}
	switch device {
	case "default":
		opt.Device = ""
	case "null":
		opt.Device, opt.Backend = "", audio.NullBackend
	}
	return audio.NewMonitor(opt)
}

// listen runs m until stop, which waits for its end, or until ctx ends. Without a sound device there is nothing
// to listen on; the show does not care.
func listen(ctx context.Context, c *console, m *audio.Monitor) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := m.Run(ctx); err != nil && ctx.Err() == nil {
			c.log.Info("no monitoring", "reason", err)
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}
