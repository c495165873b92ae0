package whip

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/faults"
	"crosspoint.studio/crosspoint/outputs"
)

// The bitrate only ever goes down from what the rendition says, by at least the
// hysteresis, once a second at most, and comes back in steps.
func TestRateControl(t *testing.T) {
	const mbps = 1_000_000
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	good := arrival{pictures: 20 * mbps, transport: true, judged: true}
	narrow := arrival{pictures: 3 * mbps, transport: true}
	dead := arrival{pictures: 20 * mbps, transport: true, silent: 2 * time.Second}
	for _, c := range []struct {
		name    string
		arrival arrival
		target  int64         // before; 0 is a new connection
		after   time.Duration // since the last change
		want    int64         // 0: no change
	}{
		{"more than enough changes nothing", good, 0, 10 * time.Second, 0},
		{"a new connection has its second", narrow, 0, 0, 0},
		{"down to what the path carries, less sound", narrow, 6 * mbps, time.Second, 3 * mbps},
		{"not twice within a second", narrow, 6 * mbps, 900 * time.Millisecond, 0},
		{"within the hysteresis", narrow, 3*mbps + 100_000, time.Second, 0},
		{"up not before four seconds", good, 3 * mbps, 3 * time.Second, 0},
		{"up by a tenth", good, 3 * mbps, 4 * time.Second, 3*mbps + 600_000},
		{"up to the rendition's and no further", good, 5_900_000, 4 * time.Second, 6 * mbps},
		{"silence halves", dead, 6 * mbps, time.Second, 3 * mbps},
		{"silence ends at the floor", dead, 700_000, time.Second, 600_000},
		{"at the floor nothing changes", dead, 600_000, time.Minute, 0},
		{"losses alone: half of them", arrival{judged: true, lost: 40}, 6 * mbps, time.Second, 4_800_000},
		{"few losses change nothing", arrival{judged: true, lost: 5}, 3 * mbps, time.Minute, 0},
		{"no losses", arrival{judged: true, lost: 1}, 3 * mbps, 4 * time.Second, 3*mbps + 600_000},
		{"nothing is told of losses", arrival{}, 3 * mbps, time.Minute, 0},
		{"losses with transport-wide feedback", arrival{transport: true, pictures: 20 * mbps, judged: true, lost: 40}, 6 * mbps, time.Second, 4_800_000},
		{"the delay asks for less", arrival{transport: true, pictures: 2 * mbps, judged: true, lost: 40}, 6 * mbps, time.Second, 2 * mbps},
		{"few losses keep it down", arrival{transport: true, pictures: 20 * mbps, judged: true, lost: 5}, 3 * mbps, time.Minute, 0},
		{"an encoder that does not follow: what arrives, and not less", arrival{judged: true, lost: 50, arrived: 3 * mbps}, 3 * mbps, time.Second, 2_550_000},
		{"one that does not follow at all", arrival{judged: true, lost: 50, arrived: 3 * mbps}, 2_550_000, time.Second, 0},
	} {
		r := rateControl{configured: 6 * mbps, target: c.target, changed: start}
		if c.target == 0 {
			r.step(start, c.arrival)
		}
		got, change := r.step(start.Add(c.after), c.arrival)
		if change != (c.want != 0) || (got-c.want > 2 || c.want-got > 2) {
			t.Errorf("%s: %d, %v; want %d", c.name, got, change, c.want)
		}
	}
	if _, change := new(rateControl).step(start, dead); change {
		t.Error("without a bitrate to go by, one was set")
	}
}

// Through a path of 4 Mb/s the encoder comes to its width and stays there, whether it follows at
// once, after three seconds, or not at all; by the rule of before it fell to a tenth.
func TestRateEndsAtTheWidth(t *testing.T) {
	const width, configured = 4_000_000, 10_000_000
	for _, late := range []int{0, 1, 3, 1000} {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		r := rateControl{configured: configured, target: configured, changed: now}
		told := make([]int64, 0, 60) // by the second
		for second := range 60 {
			sent := int64(configured)
			if second > late {
				sent = told[second-late-1]
			}
			lost := max(0, 1-float64(width)/float64(sent))
			now = now.Add(rateHold)
			r.step(now, arrival{transport: true, pictures: 2 * configured, judged: true, lost: 100 * lost, arrived: min(sent, width)})
			told = append(told, r.target)
		}
		low, high := slices.Min(told[30:]), slices.Max(told[30:])
		if low < 3_000_000 || high > 5_500_000 {
			t.Errorf("an encoder %d s late is told %d to %d b/s, want about %d", late, low, high, width)
		}
	}
}

// settable is a playout whose encoder can be told to spend less; pictures shrink by
// leaving out, since the clip is encoded already.
type settable struct {
	*playout
	mu   sync.Mutex
	rate []int64 // guarded by mu
	when []time.Time
	told chan int64
}

func (s *settable) SetBitrate(b int) {
	bps := int64(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate, s.when = append(s.rate, bps), append(s.when, time.Now())
	select {
	case s.told <- bps:
	default:
	}
}

var _ outputs.BitrateSetter = (*settable)(nil)

func newSettable(t testing.TB, length time.Duration) *settable {
	s := &settable{playout: newPlayout(t, length), told: make(chan int64, 100)}
	s.tracks[0].BitrateBPS, s.tracks[1].BitrateBPS = 2_000_000, 96_000
	return s
}

func (s *settable) awaitRate(t testing.TB, within time.Duration, what string, ok func(int64) bool) int64 {
	t.Helper()
	timer := time.NewTimer(within)
	defer timer.Stop()
	for {
		select {
		case bps := <-s.told:
			if ok(bps) {
				return bps
			}
		case <-timer.C:
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Fatalf("%s: not within %v; told %v", what, within, s.rate)
		}
	}
}

// Through a place narrower than the stream GCC finds out what passes and the feed is told; when nothing
// comes back at all the watchdog goes on down; sound is never held back by a pacer.
func TestRateFollowsTheNetwork(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { rateFollowsTheNetwork(a) })
}

func rateFollowsTheNetwork(t testing.TB) {
	r := faults.NewWebRTC(t)
	s := newTestServer(t, r.Wrap)
	feed := newSettable(t, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := running(ctx, t, newOutput(t, s.url(), testToken), feed)
	feed.await(t, 10*time.Second, "confirmed", confirmed)
	// Not much narrower: the feed goes on as it was, whatever it is told, so that GCC may be at
	// the floor before it tells anything; then silence changes nothing.
	r.Rate(1_600_000)
	down := feed.awaitRate(t, 15*time.Second, "a narrow path", func(bps int64) bool { return bps <= 1_700_000 })
	rep := feed.last()
	t.Logf("told %d b/s; report %+v", down, rep)
	if rep.BandwidthBPS == 0 {
		t.Error("no estimate of the path is reported")
	}
	r.Freeze(true)
	if down > 400_000 {
		feed.awaitRate(t, 10*time.Second, "silence", func(bps int64) bool { return bps <= 400_000 })
	}
	r.Freeze(false)
	r.Rate(0)
	cancel()
	<-done
	feed.mu.Lock()
	defer feed.mu.Unlock()
	for i, bps := range feed.rate {
		if bps > 2_000_000 {
			t.Errorf("told %d b/s, more than the rendition's", bps)
		}
		// The last one gives the encoder back what it had. A machine that stalls brings two
		// closer together here; that a second is kept is TestRateControl's.
		if i > 0 && i < len(feed.rate)-1 && feed.when[i].Sub(feed.when[i-1]) < rateHold-400*time.Millisecond {
			t.Errorf("told twice within %v", feed.when[i].Sub(feed.when[i-1]))
		}
	}
	if n := len(feed.rate); n == 0 || feed.rate[n-1] != 2_000_000 {
		t.Errorf("told %v, want the rendition's bitrate at the end", feed.rate)
	}
}
