package ts

import (
	"context"
	"slices"
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

// videoPID is what FFmpeg's muxer gives its first stream.
const videoPID = 0x100

// spreadLink notes the distances between the datagrams of each picture.
type spreadLink struct {
	inPicture bool // the datagram before was of a picture, and so far nothing else came
	last      time.Time
	distances []time.Duration
}

func (l *spreadLink) send(b []byte) (bool, error) {
	begins, others := false, false
	for p := range slices.Chunk(b, packetBytes) {
		pid := int(p[1]&0x1f)<<8 | int(p[2])
		begins = begins || pid == videoPID && p[1]&0x40 != 0 // payload_unit_start_indicator
		others = others || pid != videoPID
	}
	now := time.Now()
	if l.inPicture && !begins && !others {
		l.distances = append(l.distances, now.Sub(l.last))
	}
	l.inPicture, l.last = begins || l.inPicture && !others, now
	return true, nil
}

func (l *spreadLink) close() {}

// A picture does not leave in one burst: its datagrams have the distance that the pace gives.
func TestPicturesAreSpread(t *testing.T) {
	testkit.FeedClip(t) // made outside of the bubble, where others can use it
	synctest.Test(t, func(t *testing.T) {
		feed := testkit.NewLiveFeed(t, 1)
		bitrate := 0
		for _, track := range feed.Tracks() {
			bitrate += track.BitrateBPS
		}
		const message = 2 * packetBytes
		l := new(spreadLink)
		o := &output{name: "udp", at: "peer", message: message, dial: func(context.Context) (link, error) { return l, nil }}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_ = o.Run(ctx, feed) // ends with the context
		want := time.Duration(message * 8 * float64(time.Second) / (float64(bitrate) * paceFactor))
		spread := 0
		for _, d := range l.distances {
			if d > want*9/10 && d < want*11/10 {
				spread++
			}
		}
		if n := len(l.distances); n < 1000 || spread < n*9/10 {
			t.Errorf("%d of %d datagrams came %v after the one before of their picture", spread, n, want)
		}
	})
}
