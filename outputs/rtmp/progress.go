package rtmp

import (
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// progress tells the feed closely how the server keeps up. Of the monitor's goroutine.
//
// Two things can stand still. The server's kernel: bytes wait here and none is
// acknowledged. And its program: a kernel goes on taking what nobody reads until its
// buffer is full, at 6 Mb/s for seconds; so where the server sends Acknowledgements, they
// are overdue when its kernel has taken twice what it was asked, or is used, to let pass.
type progress struct {
	m     *monitor
	watch func(outputs.Progress)

	acked    int64     // wire bytes that the server's kernel has taken
	advanced time.Time // when acked grew last, or nothing waited

	count  int64     // Acknowledgements seen
	read   int64     // wire bytes that the server's program has read
	step   int64     // what usually lies between two Acknowledgements
	readAt time.Time // when the last one came
	owed   time.Time // since when the next one is overdue; zero: it is not
}

// An Acknowledgement that is owed for owedFor is late, and owedHead is how long it takes at
// most to be owed, which counts as part of the stall: with those two, a sender that had
// nothing to send for a while and then a lot is not taken for a server that hangs.
const (
	owedFor  = 100 * time.Millisecond
	owedHead = 250 * time.Millisecond
)

func newProgress(m *monitor) *progress {
	return &progress{m: m, watch: outputs.WatchOf(m.feed), acked: m.startOut, advanced: time.Now()}
}

// look takes one measurement.
func (p *progress) look(now time.Time) {
	c := p.m.c
	sent := c.tcp.out.Load()
	waiting, rtt, known := unacknowledged(c.tcp.Conn)
	if !known {
		return
	}
	if acked := sent - waiting; acked > p.acked || waiting == 0 {
		p.acked, p.advanced = max(acked, p.acked), now
	}
	stall := max(now.Sub(p.advanced), p.unread(now)) - rtt
	p.watch(outputs.Progress{Stall: max(stall, 0), UnackedBytes: waiting, AckedBytes: p.acked - p.m.startOut, RTT: rtt})
}

// unread is for how long the server's program has read nothing, 0 while that is not sure.
func (p *progress) unread(now time.Time) time.Duration {
	c := p.m.c
	if n := c.ackedCount.Load(); n != p.count {
		// What is behind above TLS is behind on the wire.
		read := c.tcp.out.Load() - (c.out.n.Load() - c.acked.Load())
		if p.count > 0 && n == p.count+1 {
			p.step = (3*p.step + read - p.read) / 4
		}
		p.count, p.read, p.readAt, p.owed = n, read, now, time.Time{}
	}
	late := 2 * int64(p.m.plan.ackEvery())
	if p.step > 2*late { // it does as it likes
		late += 2 * p.step
	}
	if p.count < 3 || p.acked-p.read <= late {
		p.owed = time.Time{}
		return 0
	}
	if p.owed.IsZero() {
		p.owed = now
	}
	if now.Sub(p.owed) < owedFor {
		return 0
	}
	since := p.owed.Add(-owedHead)
	if p.readAt.After(since) {
		since = p.readAt
	}
	return now.Sub(since)
}
