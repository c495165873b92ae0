package rtmp

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// monitor watches how a connection takes the stream and says so.
//
// "Live" (Confirmed) needs proof that media arrived: bytes acknowledged beyond the
// first media packet. RTMP's own Acknowledgements prove most, that the server's
// program has read them, but many servers send them rarely or never, so what the
// server's kernel has acknowledged after Publish.Start (SIOCOUTQ) counts too. The
// price: a server whose program hangs looks live until its kernel's receive buffer
// is full; where it has sent Acknowledgements before, their absence shows as
// Degraded sooner. Only the kernel's standstill ends a connection, since a server
// may stop sending Acknowledgements at will.
type monitor struct {
	c      *client
	plan   *plan
	feed   outputs.Feed
	r      *reporter
	limits limits

	packets atomic.Int64 // media packets handed over
	first   atomic.Int64 // bytes of the first media packet
	left    atomic.Int64 // packets left out

	started  time.Time
	startOut int64 // wire bytes before the media

	confirmed   bool
	acked       int64 // wire bytes, from the connection's start
	advanced    time.Time
	reported    time.Time
	rtmpWindow  int64 // largest distance seen between acknowledgement and sent
	rtmpAcked   int64 // wire bytes known from Acknowledgements
	ackedCount  int64
	degradedWhy string
}

func newMonitor(c *client, plan *plan, feed outputs.Feed, r *reporter, l limits) *monitor {
	now := time.Now()
	return &monitor{c: c, plan: plan, feed: feed, r: r, limits: l, started: now, advanced: now, startOut: c.tcp.out.Load()}
}

// count notes a packet that went out with n bytes of media, 0 if it was left out, less if
// it is not owed.
func (m *monitor) count(n int) {
	if n < 0 {
		return
	}
	if n == 0 {
		m.left.Add(1)
		return
	}
	m.first.CompareAndSwap(0, int64(n))
	m.packets.Add(1)
}

// stillAfter is how long nothing may be taken of a stream that waits, until that is told.
const stillAfter = time.Second

// run polls until ctx ends; it ends ctx when the connection is over or stuck.
func (m *monitor) run(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(m.limits.poll)
	defer tick.Stop()
	closely := time.NewTicker(outputs.ProgressEvery)
	defer closely.Stop()
	progress := newProgress(m)
	m.look(time.Now())
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-m.c.over:
			cancel(m.reason(err))
			return
		case now := <-closely.C:
			progress.look(now)
		case now := <-tick.C:
			if m.look(now) {
				cancel(errStalled)
				// The sender may be inside a write that nobody will take.
				m.c.tcp.abort()
				return
			}
		}
	}
}

// reason is why the reader ended.
func (m *monitor) reason(err error) error {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if m.c.ended != nil {
		return m.c.ended
	}
	if time.Since(m.started) < 2*time.Second && !m.confirmed {
		return errors.Join(errClosedAtOnce, err)
	}
	if err == nil {
		err = errWriteEnd
	}
	return err
}

// look takes one measurement; it returns true when the connection is stuck for good.
func (m *monitor) look(now time.Time) (stuck bool) {
	sent := m.c.tcp.out.Load()
	waiting, rtt, known := unacknowledged(m.c.tcp.Conn)
	acked := m.acked
	if known {
		acked = max(acked, sent-waiting)
	}
	m.readAcknowledgements(sent)
	acked = min(max(acked, m.rtmpAcked), sent)
	if acked > m.acked || acked == sent || (!known && m.ackedCount == 0) {
		m.advanced = now
	}
	m.acked = acked
	if !m.confirmed && m.packets.Load() > 0 && acked-m.startOut > m.first.Load() && now.Sub(m.started) >= m.limits.settled {
		m.confirmed = true
	}
	state := outputs.Sending
	if m.confirmed {
		state = outputs.Confirmed
		if m.degradedWhy = m.degradation(now, sent); m.degradedWhy != "" {
			state = outputs.Degraded
		}
	}
	m.report(now, state, sent, waiting, rtt)
	return now.Sub(m.advanced) > m.limits.stalled
}

// readAcknowledgements turns the newest Acknowledgement, a count of bytes above TLS, into
// wire bytes: what is behind above TLS is behind on the wire.
func (m *monitor) readAcknowledgements(sent int64) {
	n := m.c.ackedCount.Load()
	if n == m.ackedCount {
		return
	}
	m.ackedCount = n
	behind := m.c.out.n.Load() - m.c.acked.Load()
	if behind < 0 {
		return // it has a part of a write that waits, which is not in sent yet
	}
	m.rtmpWindow = max(m.rtmpWindow, behind)
	m.rtmpAcked = max(m.rtmpAcked, sent-behind)
}

// degradation says what is wrong with a live connection, nothing if it is well.
func (m *monitor) degradation(now time.Time, sent int64) string {
	waiting := m.feed.Queued() > 700*time.Millisecond
	// A narrow network acknowledges little by little all the time. Where pictures wait and
	// nothing at all has been taken for a second, nobody is there.
	silent := now.Sub(m.advanced)
	if silent > m.limits.degraded || waiting && silent > min(stillAfter, m.limits.degraded) {
		return "no acknowledgement for " + silent.Round(time.Second).String()
	}
	// An RTMP Acknowledgement is overdue when the server has let more than
	// twice its habit pass.
	if last := m.c.ackedAt.Load(); last != nil && m.ackedCount > 1 && sent-m.rtmpAcked > 2*m.rtmpWindow+int64(2*m.plan.ackEvery()) {
		if silent := now.Sub(*last); silent > m.limits.degraded {
			return "the server has acknowledged nothing for " + silent.Round(time.Second).String()
		}
	}
	// The feed drops pictures beyond 700 ms (docs: drop policy).
	if waiting {
		return "the network takes less than the stream needs"
	}
	return ""
}

// report passes a measurement on once a second, and changes of state at once.
func (m *monitor) report(now time.Time, state outputs.State, sent, waiting int64, rtt time.Duration) {
	m.r.mu.Lock()
	last := m.r.last
	m.r.mu.Unlock()
	if state == last && now.Sub(m.reported) < time.Second {
		return
	}
	m.reported = now
	detail := m.degradedWhy
	if state != outputs.Degraded {
		m.c.mu.Lock()
		detail = m.c.software
		m.c.mu.Unlock()
		if _, known := m.c.takes(m.plan.videoCodec()); !known {
			detail = "the server did not say whether it takes " + string(m.plan.videoCodec())
		}
	}
	m.r.report(outputs.Report{
		State: state, Detail: detail, Warning: m.plan.note,
		SentBytes: sent, AckedBytes: m.acked,
		SentPackets: m.packets.Load(), DroppedPackets: m.left.Load(),
		RTT:        rtt,
		SendBuffer: time.Duration(float64(waiting) * 8 / float64(m.plan.bitrateBPS()) * float64(time.Second)),
	})
}
