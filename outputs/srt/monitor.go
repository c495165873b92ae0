package srt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/srt/libsrt"
)

const (
	reportEvery = time.Second
	// confirmEvery is how often acknowledgement is looked for before the first one.
	confirmEvery = outputs.ProgressEvery
	// stallLimit is how long nothing may be acknowledged while something waits.
	stallLimit = 10 * time.Second
)

// errStalled ends a connection whose far end no longer takes anything.
var errStalled = errors.New("srt: the far end has acknowledged nothing for 10 s")

// monitor turns a connection's statistics into reports. One goroutine uses it.
type monitor struct {
	sender *sender
	peer   string // for Detail
	report func(outputs.Report)
	watch  func(outputs.Progress)

	last       libsrt.Stats
	acked      int64     // the most bytes acknowledged so far
	progress   time.Time // when acked grew last, or nothing waited
	dropped    int64     // sender.dropped at the last report
	confirmed  bool
	lastReport time.Time
}

// run reports until ctx ends (nil) or the connection is lost or stalled.
func (m *monitor) run(ctx context.Context) error {
	m.progress = time.Now()
	tick := time.NewTicker(confirmEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			st, err := m.sender.conn.Stats()
			if err != nil {
				return err
			}
			if err := m.step(now, st); err != nil {
				return err
			}
		}
	}
}

// step looks at the statistics of one moment.
func (m *monitor) step(now time.Time, st libsrt.Stats) error {
	sent := m.sender.sentBytes.Load()
	// The send buffer holds what is not acknowledged; what was given up left it too.
	acked := max(sent-st.UnackedBytes-st.SendDroppedB, 0)
	if acked > m.acked || st.UnackedBytes == 0 {
		m.acked = max(m.acked, acked)
		m.progress = now
	}
	stall := now.Sub(m.progress)
	if stall > stallLimit {
		return errStalled
	}
	m.watch(outputs.Progress{Stall: max(stall-st.RTT, 0), UnackedBytes: st.UnackedBytes, AckedBytes: m.acked, ResentBytes: st.Retransmitted * libsrt.MessageBytes, RTT: st.RTT})
	first := !m.confirmed && m.acked > 0 && st.AcksReceived > 0
	m.confirmed = m.confirmed || first
	if !first && now.Sub(m.lastReport) < reportEvery-confirmEvery/2 {
		return nil
	}
	r := outputs.Report{
		State:          outputs.Sending,
		SentBytes:      sent,
		AckedBytes:     m.acked,
		SentPackets:    m.sender.sentPackets.Load(),
		DroppedPackets: m.sender.dropped.Load(),
		RTT:            st.RTT,
		SendBuffer:     st.UnackedTime,
		Retransmitted:  st.Retransmitted,
		BandwidthBPS:   st.BandwidthBPS,
	}
	if n := st.SentPackets - m.last.SentPackets; n > 0 {
		r.LostPercent = min(100, 100*float64(st.SendLost-m.last.SendLost)/float64(n))
	}
	r.Detail = m.peer
	if n := st.Retransmitted - m.last.Retransmitted; n > 0 {
		r.Detail = fmt.Sprintf("%s, %d messages sent again", m.peer, n)
	}
	if m.confirmed {
		r.State = outputs.Confirmed
		switch {
		case st.UnackedBytes > 0 && stall >= reportEvery:
			// What is dropped meanwhile follows from that.
			r.State = outputs.Degraded
			r.Detail = fmt.Sprintf("%s has acknowledged nothing for %v", m.peer, stall.Round(100*time.Millisecond))
		case r.DroppedPackets > m.dropped:
			r.State = outputs.Degraded
			r.Detail = fmt.Sprintf("%s is too slow: %d pictures dropped", m.peer, r.DroppedPackets-m.dropped)
		case st.SendDropped > m.last.SendDropped:
			r.State = outputs.Degraded
			r.Detail = fmt.Sprintf("%s is too slow: %d messages given up", m.peer, st.SendDropped-m.last.SendDropped)
		case st.UnackedTime > st.Latency && stall >= reportEvery/2:
			r.State = outputs.Degraded
			r.Detail = fmt.Sprintf("%s has acknowledged nothing for %v", m.peer, stall.Round(100*time.Millisecond))
		}
	}
	m.last, m.dropped, m.lastReport = st, r.DroppedPackets, now
	m.report(r)
	return nil
}
