package record

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// warn keeps a sentence for the operator; the newest one counts.
func (s *session) warn(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warning = text
}

// keepTelling reports once a second, and as soon as the first data is safe.
func (s *session) keepTelling(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last time.Time
	confirmed, part, paused := false, 1, false
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			g := s.present.Load()
			first := !confirmed && g.synced.Load() > 0
			news := g.part != part || s.isPaused.Load() != paused
			if first || news || now.Sub(last) >= time.Second {
				confirmed = confirmed || first
				part, paused = g.part, s.isPaused.Load()
				last = now
				s.tell(now)
			}
		}
	}
}

// tell reports the state of this moment.
func (s *session) tell(now time.Time) {
	g := s.present.Load()
	s.mu.Lock()
	written, warning := s.done, s.warning
	synced := s.done
	for _, o := range s.open {
		written += o.written.Load()
		synced += o.synced.Load()
	}
	s.mu.Unlock()
	rep := outputs.Report{
		State:       outputs.Sending,
		SentBytes:   written,
		AckedBytes:  synced,
		SentPackets: s.packets.Load(),
		Detail:      fmt.Sprintf("%s, %s written", filepath.Base(g.path), megabytes(written)),
		Path:        g.path,
		Part:        g.part,
		Length:      time.Duration(s.length.Load()),
		Paused:      s.isPaused.Load(),
		Warning:     warning,
	}
	if synced > 0 {
		rep.State = outputs.Confirmed
	}
	// By the time that was recorded: pauses write nothing.
	own := float64(written) / max(rep.Length.Seconds(), 1)
	if left := s.room.left(g.dir, now, g.free.Load(), own); written > 0 && rep.Length >= settledAfter {
		rep.Detail += fmt.Sprintf(", room for %s", roughly(left))
		rep.Room = left
	}
	// Of a file that nothing has come for yet there is nothing to bring to the platter.
	behind := g.written.Load() > g.synced.Load() && now.Sub(g.opened)-time.Duration(g.lastSync.Load()) > 3*syncEvery
	if synced > 0 && (behind || s.feed.Queued() > time.Second) {
		rep.State = outputs.Degraded
		rep.Detail = fmt.Sprintf("the disk is slow; nothing is lost yet (%s)", filepath.Base(g.path))
	}
	rep.SendBuffer = s.feed.Queued()
	s.feed.Report(rep)
}

// settledAfter is how much is recorded before its rate says how long the disk lasts: the
// first packets come with nothing before them, and would promise weeks.
const settledAfter = 10 * time.Second

// roughly is a duration as people say it.
func roughly(d time.Duration) string {
	switch h := int(d.Hours()); {
	case h >= 48:
		return fmt.Sprintf("%d days", h/24)
	case h >= 1:
		return fmt.Sprintf("%d h %02d min", h, int(d.Minutes())%60)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
