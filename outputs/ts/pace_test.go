package ts

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit"
)

// lateLink takes what it gets at once, but for one time.
type lateLink struct {
	feed     *testkit.LiveFeed
	begin    time.Time
	late     time.Duration // how long it takes, once, after two seconds
	bytes    int
	stands   time.Duration // the most that waited in the feed after ten seconds
	atTheEnd time.Duration // and what waits now
}

func (l *lateLink) send(b []byte) (bool, error) {
	if l.late > 0 && time.Since(l.begin) > 2*time.Second {
		time.Sleep(l.late)
		l.late = 0
	}
	l.bytes += len(b)
	l.atTheEnd = l.feed.Queued()
	if time.Since(l.begin) > 10*time.Second {
		l.stands = max(l.stands, l.atTheEnd)
	}
	return true, nil
}

func (l *lateLink) close() {}

// A constant rate is kept though pictures end with datagrams that are not full, and also
// after something was late: what waited leaves at once, and nothing is waited for in
// return. It used to fall behind more and more until pictures were dropped.
func TestConstantRateKeepsUp(t *testing.T) {
	const muxBPS, seconds = 1_000_000, 60
	testkit.FeedClip(t) // made outside of the bubble, where others can use it
	synctest.Test(t, func(t *testing.T) {
		feed := testkit.NewLiveFeed(t, 1)
		l := &lateLink{feed: feed, begin: time.Now(), late: 400 * time.Millisecond}
		o := &output{name: "udp", at: "peer", message: defaultMessage, muxBPS: muxBPS, dial: func(context.Context) (link, error) { return l, nil }}
		ctx, cancel := context.WithTimeout(t.Context(), seconds*time.Second)
		defer cancel()
		_ = o.Run(ctx, feed) // ends with the context
		if l.stands > hurryAfter+100*time.Millisecond {
			t.Errorf("up to %v waited in the feed, %v at the end", l.stands, l.atTheEnd)
		}
		if got := l.bytes * 8 / seconds; got < muxBPS*98/100 || got > muxBPS*102/100 {
			t.Errorf("%d b/s left, want %d", got, muxBPS)
		}
	})
}
