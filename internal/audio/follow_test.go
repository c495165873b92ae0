package audio

import (
	"math"
	"testing"
)

// afterBurst is when a burst is over, in seconds.
const afterBurst = burstWithin + 0.001

// feed brings blocks of 20 ms, batch of them at a time, from second from to second to, and
// returns the worst distance of the line from what had really been made, in seconds, in the last
// two thirds of that time; first is the first block's time on the source's clock.
func feed(t *testing.T, a *arrivals, from, to float64, batch int) (worst float64) {
	t.Helper()
	const block = 960
	seconds := float64(batch*block) / sampleRateHz
	for n := 0; from+float64(n)*seconds < to; n++ {
		now := from + float64(n)*seconds
		for range batch {
			if a.burst(block, now) {
				t.Fatalf("at %.2f s the line begins anew", now)
			}
		}
		if a.book(now + afterBurst) {
			t.Fatalf("at %.2f s the line begins anew", now)
		}
		if now > from+(to-from)/3 {
			// Just after an arrival, everything that came has been made.
			worst = max(worst, math.Abs(a.at(now+afterBurst)-float64(a.count))*nominalPeriod)
		}
	}
	return worst
}

// Blocks that come ten at a time are one arrival each time, and the line through them is as
// straight as through single ones: each block for itself, nine of ten would be far too early.
func TestArrivalsInBursts(t *testing.T) {
	for _, batch := range []int{1, 4, 10} {
		a := &arrivals{step: liveStep}
		if worst := feed(t, a, 1, 31, batch); worst > afterBurst+0.001 {
			t.Errorf("%d blocks at a time: the line is up to %.1f ms off", batch, worst*1000)
		}
		if ppm := math.Abs(a.period/nominalPeriod-1) * 1e6; ppm > 50 {
			t.Errorf("%d blocks at a time: the rate is %.0f ppm off", batch, ppm)
		}
	}
}

// A stall of 300 ms is made up for by what then comes at once, and the line was right all the
// time; the same late for good is another line.
func TestArrivalsStall(t *testing.T) {
	a := &arrivals{step: liveStep}
	feed(t, a, 1, 21, 1)
	before := a.at(21) - float64(a.count)
	for n := range 15 { // what was due since, faster than it was made
		if a.burst(960, 21.28+float64(n)*afterBurst) {
			t.Fatal("a stall begins the line anew")
		}
	}
	if a.book(21.36) {
		t.Fatal("a stall begins the line anew")
	}
	if after := a.at(21.3) - float64(a.count); math.Abs(after-before)*nominalPeriod > 0.025 {
		t.Errorf("the line was %.0f frames before what came, and is %.0f after a stall", before, after)
	}
	again := false
	for n := range 100 { // from now on all of it is 200 ms later
		again = a.burst(960, 21.5+float64(n)*0.02) || again
	}
	if !again {
		t.Error("what stays late is not taken for another line")
	}
}

// When nothing comes any more the line ends, some time after the longest gap between bursts.
func TestArrivalsEnd(t *testing.T) {
	a := &arrivals{step: liveStep}
	feed(t, a, 1, 11, 1)
	most := float64(a.count) + (coast+0.001)*sampleRateHz
	if got := a.at(60); got > most {
		t.Errorf("49 s after the last block it says that %.0f frames came, of %d", got, a.count)
	}
	if got := a.at(11.3); got < float64(a.count)+0.25*sampleRateHz {
		t.Errorf("300 ms after the last block it says that %.0f frames came, of %d: it has not gone on", got, a.count)
	}
}
