package uplink

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/outputs"
)

// line is a network: what it cannot carry waits in it, or is sent again.
type line struct {
	bps      float64
	rtt      time.Duration
	queue    float64 // bytes that may wait before something is lost; 0: a sender that waits, as TCP
	loss     float64 // share lost all the time
	waits    float64
	acked    float64
	resent   float64
	stutters time.Duration // of each second the sender stands still
}

// step carries d of a stream offered at bps.
func (l *line) step(d time.Duration, bps float64) outputs.Progress {
	in, out := bps/8*d.Seconds(), l.bps/8*d.Seconds()
	l.resent += in * l.loss
	l.waits += in * (1 + l.loss)
	if l.queue > 0 && l.waits > l.queue {
		l.resent += l.waits - l.queue
	}
	sent := min(l.waits, out)
	l.waits -= sent
	l.acked += sent / (1 + l.loss)
	return outputs.Progress{AckedBytes: int64(l.acked), UnackedBytes: int64(l.waits + bps/8*l.rtt.Seconds()), ResentBytes: int64(l.resent), RTT: l.rtt}
}

// TestClimb: on every line the rate found is at most 15 % below what the line carries and
// never above; a sender that cannot keep it full finds less of it.
func TestClimb(t *testing.T) {
	for name, c := range map[string]struct {
		line    line
		max     float64
		below   float64 // how much less may be found; 0: 15 %
		atLeast bool
	}{
		"3 Mb/s that wait":          {line: line{bps: 3e6, rtt: 20 * time.Millisecond}, max: 10e6},
		"3 Mb/s that lose":          {line: line{bps: 3e6, rtt: 20 * time.Millisecond, queue: 100_000}, max: 10e6},
		"0.7 Mb/s":                  {line: line{bps: 0.7e6, rtt: 50 * time.Millisecond}, max: 8e6},
		"20 Mb/s far away":          {line: line{bps: 20e6, rtt: 200 * time.Millisecond}, max: 40e6},
		"more than is tried":        {line: line{bps: 100e6, rtt: time.Millisecond}, max: 10e6, atLeast: true},
		"2 % loss and enough room":  {line: line{bps: 100e6, rtt: 30 * time.Millisecond, loss: 0.02}, max: 10e6, atLeast: true},
		"8 % loss and 5 Mb/s":       {line: line{bps: 5e6, rtt: 30 * time.Millisecond, loss: 0.08}, max: 12e6},
		"a sender that stutters":    {line: line{bps: 100e6, rtt: time.Millisecond, stutters: 300 * time.Millisecond}, max: 10e6, atLeast: true},
		"stutters on a narrow line": {line: line{bps: 4e6, rtt: 20 * time.Millisecond, stutters: 100 * time.Millisecond}, max: 12e6, below: 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			const step = outputs.ProgressEvery
			l, climb := c.line, newClimb(c.max, 8*time.Second)
			began := time.Unix(1000, 0)
			owed := 0.0
			for at := time.Duration(0); ; at += step {
				if at > 17*time.Second {
					t.Fatalf("no end after %v, in phase %d at %.1f Mb/s", at, climb.phase, climb.offered/1e6)
				}
				// A stutter is made up for in one go, as a load does.
				owed += climb.offered
				bps := owed
				if at%time.Second < l.stutters {
					bps = 0
				}
				owed -= bps
				if climb.look(began.Add(at), l.step(step, bps)) {
					break
				}
			}
			want := min(c.line.bps/(1+c.line.loss), c.max)
			if c.below == 0 {
				c.below = 0.15
			}
			if climb.result < (1-c.below)*want || climb.result > 1.01*want || climb.full == c.atLeast {
				t.Errorf("found %.2f Mb/s, want %.2f, end met %v", climb.result/1e6, want/1e6, climb.full)
			}
			if d := climb.lost - c.line.loss; d > 0.02 || d < -0.02 {
				t.Errorf("%.3f sent again, want %.3f", climb.lost, c.line.loss)
			}
		})
	}
}
