package outputs

import (
	"testing"
	"time"
)

// path is a network of a certain width with a buffer before it, and an encoder that
// makes what it is told one step later.
type path struct {
	c       *Congestion
	width   int // b/s
	rtt     time.Duration
	now     time.Time
	bits    float64 // wait in the buffer
	acked   float64
	changes int
	most    time.Duration
}

func (p *path) run(d time.Duration, burst bool) {
	const step = ProgressEvery
	for end := p.now.Add(d); p.now.Before(end); {
		p.now = p.now.Add(step)
		made := float64(p.c.Bitrate()+160_000) * step.Seconds()
		if burst && p.now.UnixMilli()%2000 < step.Milliseconds() {
			made *= 8 // a keyframe
		}
		p.bits += made
		took := min(p.bits, float64(p.width)*step.Seconds())
		p.bits -= took
		p.acked += took
		flight := float64(p.width) * p.rtt.Seconds()
		if p.width > p.c.target*2 {
			flight = float64(p.c.Bitrate()) * p.rtt.Seconds()
		}
		// The first of it was made at the full rate.
		p.most = max(p.most, time.Duration(p.bits/6_160_000*float64(time.Second)))
		if _, changed := p.c.Step(p.now, 0, Progress{UnackedBytes: int64((p.bits + flight) / 8), AckedBytes: int64(p.acked / 8), RTT: p.rtt}); changed {
			p.changes++
		}
	}
}

func newPath(width int, rtt time.Duration) *path {
	return &path{c: NewCongestion(6_000_000, 160_000), width: width, rtt: rtt, now: time.Unix(1_000_000, 0)}
}

func TestWideNetworkChangesNothing(t *testing.T) {
	for _, rtt := range []time.Duration{0, 20 * time.Millisecond, 600 * time.Millisecond} {
		p := newPath(20_000_000, rtt)
		p.run(time.Minute, true)
		if p.changes != 0 {
			t.Errorf("with a round trip of %v the bitrate was changed %d times", rtt, p.changes)
		}
	}
}

func TestNarrowNetworkIsFollowed(t *testing.T) {
	p := newPath(20_000_000, 40*time.Millisecond)
	p.run(10*time.Second, true)
	p.width = 3_000_000
	p.run(4*time.Second, false)
	if got := p.c.Bitrate(); got > 3_000_000 || got < 1_800_000 {
		t.Errorf("4 s into a network of 3 Mb/s the bitrate is %d", got)
	}
	p.run(30*time.Second, false)
	if p.most > 700*time.Millisecond {
		t.Errorf("up to %v waited", p.most)
	}
	// It tries again, and keeps below.
	if got := p.c.Bitrate(); got > 3_500_000 || got < 1_800_000 {
		t.Errorf("after 34 s the bitrate is %d", got)
	}
	p.width = 20_000_000
	p.run(time.Second, false)
	low := p.c.Bitrate()
	p.run(8*time.Second+ProgressEvery, false)
	if got := p.c.Bitrate() - low; got < 600_000 || got > 1_800_000 {
		t.Errorf("8 s of a wide network brought back %d b/s, want 10 %% of the target each 4 s", got)
	}
	p.run(40*time.Second, false)
	if got := p.c.Bitrate(); got != 6_000_000 {
		t.Errorf("48 s of a wide network brought it to %d, want the target", got)
	}
}

func TestBitrateHasAFloor(t *testing.T) {
	p := newPath(100_000, 40*time.Millisecond)
	p.run(20*time.Second, false)
	if got := p.c.Bitrate(); got != 600_000 {
		t.Errorf("on a network that carries next to nothing the bitrate is %d, want 10 %%", got)
	}
}
