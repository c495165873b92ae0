package whip

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/sdp/v3"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
)

// layered is a playout with further renditions. They show the clip from other pictures on,
// so that layers can be told apart.
type layered struct {
	*playout
	more []*layerFeed

	mu    sync.Mutex
	taken [][]bool // guarded by mu; what was said, connection by connection
}

func (l *layered) Take(taken []bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = append(l.taken, taken)
}

// layerFeed is a further rendition: pictures alone.
type layerFeed struct {
	*playout
	mu       sync.Mutex
	bitrates []int // guarded by mu
}

func (l *layerFeed) Tracks() []media.Track { return l.tracks[:1] }

func (l *layerFeed) Next(ctx context.Context) (*media.Packet, error) {
	for {
		if p, err := l.playout.Next(ctx); err != nil || !p.Audio {
			return p, err
		}
	}
}

func (l *layerFeed) SetBitrate(bps int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bitrates = append(l.bitrates, bps)
}

func (l *layered) Layers() []outputs.Feed {
	var feeds []outputs.Feed
	for _, m := range l.more {
		feeds = append(feeds, m)
	}
	return feeds
}

func newLayered(t testing.TB, length time.Duration, more int) *layered {
	l := &layered{playout: newPlayout(t, length)}
	l.tracks[0].BitrateBPS = 2_000_000
	whole := l.clip.video
	for i := range more {
		f := &layerFeed{playout: newPlayout(t, length)}
		at := (i + 1) * 2 * clipFPS // keyframes are a second apart
		f.clip = &clipMedia{video: slices.Concat(whole[at:], whole[:at]), audio: l.clip.audio}
		f.tracks[0].BitrateBPS = 1_000_000 / (i + 1)
		l.more = append(l.more, f)
	}
	return l
}

// publish runs o with feed until its end.
func publish(t testing.TB, o outputs.Output, feed outputs.Feed) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := o.Run(ctx, feed); err != nil {
		t.Fatal(err)
	}
}

// Three layers arrive as three tracks beside the sound, each complete; a server that wants
// one gets the first.
func TestSimulcast(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { layersArrive(a) })
}

func layersArrive(t testing.TB) {
	for _, all := range []bool{true, false} {
		s := newTestServer(t, nil)
		s.opt.Layers = all
		feed := newLayered(t, time.Second, 2)
		publish(t, newOutput(t, s.url(), testToken), feed)
		sink := <-s.sinks
		if err := sink.awaitEnd(t, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		sources, titles := []*playout{feed.playout, feed.more[0].playout, feed.more[1].playout}, []string{"h", "m", "l"}
		if !all {
			sources, titles = sources[:1], titles[:1]
		}
		feed.mu.Lock()
		if got := feed.taken; len(got) != 1 || !slices.Equal(got[0], []bool{true, true}) {
			t.Errorf("the feed was told that %v are taken, want both", got)
		}
		feed.mu.Unlock()
		if len(sink.tracks) != len(sources)+1 {
			t.Fatalf("%d tracks arrived, want %d and sound", len(sink.tracks), len(sources))
		}
		for i, source := range sources {
			if sink.tracks[i].Title != titles[i] || sink.tracks[i].Width != 640 {
				t.Errorf("track %d is %q, %d wide", i, sink.tracks[i].Title, sink.tracks[i].Width)
			}
			var got [][]byte
			for _, p := range sink.packets {
				if p.Track == i {
					got = append(got, p.Data)
				}
			}
			source.end() // the first layer's end is the stream's; another may not be there yet
			var want [][]byte
			for _, p := range of(source.sent, false) {
				want = append(want, canonical(p.Data))
			}
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("layer %s: %d pictures arrived of %d, or others", titles[i], len(got), len(want))
			}
		}
		if r := feed.last(); r.State != outputs.Confirmed || r.Detail != "" {
			t.Errorf("the last report is %+v", r)
		}
	}
}

// A keyframe is asked of the rendition that needs it, and bitrates are set layer by layer.
func TestSimulcastSteersEachLayer(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { steersEachLayer(a) })
}

func steersEachLayer(t testing.TB) {
	s := newTestServer(t, nil)
	s.opt.Layers = true
	feed := newLayered(t, time.Minute, 2)
	o := newOutput(t, s.url(), testToken)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx, feed) }()
	defer func() { cancel(); <-done }()
	feed.await(t, 10*time.Second, "confirmed", confirmed)
	var in *ingest
	waitFor(t, 10*time.Second, "all layers are there", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if in = s.streams["show"]; in == nil {
			return false // lost since
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		return !slices.ContainsFunc(in.tracks, func(t *ingestTrack) bool { return t.ssrc.Load() == 0 })
	})
	before := []int64{feed.keyframes.Load(), feed.more[0].keyframes.Load(), feed.more[1].keyframes.Load()}
	asking := &ingestTrack{}
	asking.ssrc.Store(in.tracks[1].ssrc.Load())
	in.askKeyframe(asking, time.Now())
	waitFor(t, 10*time.Second, "the middle layer is asked for a keyframe", func() bool { return feed.more[0].keyframes.Load() > before[1] })
	if feed.keyframes.Load() != before[0] || feed.more[1].keyframes.Load() != before[2] {
		t.Error("another layer was asked for a keyframe")
	}
}

// What the path carries is divided as the layers are configured.
func TestSimulcastShares(t *testing.T) {
	feed := newLayered(t, time.Second, 2)
	c := &connection{output: &output{}, feed: feed, sound: 100_000, feedback: &feedback{hasTWCC: true}}
	for i, f := range []outputs.Feed{feed, feed.more[0], feed.more[1]} {
		c.streams = append(c.streams, &stream{plannedTrack: plannedTrack{track: f.Tracks()[0], codec: codecTable[0], layer: i}})
	}
	c.makeLayers()
	pass, err := newEstimator(3_600_000) // its estimate is 3.6 Mb/s and the headroom
	if err != nil {
		t.Fatal(err)
	}
	defer pass.Close()
	c.estimator = pass
	now := time.Now()
	c.adapt(now, 2*time.Second) // silence: half of each
	c.adapt(now.Add(2*time.Second), 2*time.Second)
	if got := feed.more[0].bitrates; !slices.Equal(got, []int{500_000}) {
		t.Errorf("the middle layer was told %d", got)
	}
	if got := feed.more[1].bitrates; !slices.Equal(got, []int{250_000}) {
		t.Errorf("the last layer was told %d", got)
	}
	if got := c.reduced(); !strings.Contains(got, "2.8 of 3.5") { // the first cannot be told here
		t.Errorf("the operator reads %q", got)
	}
}

// A server that refuses simulcast gets the first layer, and the operator is told.
func TestSimulcastRefused(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { simulcastRefused(a) })
}

func simulcastRefused(t testing.TB) {
	s := newTestServer(t, nil)
	front := answering(t, s, func(answer string) string {
		var lines []string
		for line := range strings.Lines(answer) {
			if !strings.HasPrefix(line, "a=rid:") && !strings.HasPrefix(line, "a=simulcast:") {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	})
	feed := newLayered(t, time.Second, 1)
	publish(t, newOutput(t, front, testToken), feed)
	sink := <-s.sinks
	if err := sink.awaitEnd(t, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if n := len(of(sink.packets, false)); n != clipFPS || len(sink.tracks) != 2 {
		t.Errorf("%d pictures in %d tracks arrived, want %d in 2", n, len(sink.tracks), clipFPS)
	}
	if r := feed.last(); !strings.Contains(r.Warning, "no simulcast") || r.Detail != "" {
		t.Errorf("the operator reads %q and %q", r.Warning, r.Detail)
	}
	feed.mu.Lock()
	defer feed.mu.Unlock()
	if len(feed.taken) != 1 || !slices.Equal(feed.taken[0], []bool{false}) || len(feed.more[0].sent) > 0 {
		t.Errorf("the feed was told %v, and %d packets of the layer that nobody wants were read", feed.taken, len(feed.more[0].sent))
	}
}

func TestTakenLayers(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"", ""}, {"recv h;m;l", "h m l"}, {"recv h;~m", "h m"}, {"recv 1,4;2", "1 2"}, {"send a recv b;c", "b c"}, {"recv", ""}, {"send h", ""}, {"recv ;;", ""},
	} {
		m := &sdp.MediaDescription{}
		if c.line != "" {
			m.WithValueAttribute("simulcast", c.line)
		}
		if got := strings.Join(takenLayers(m, "recv"), " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}

// Layers that cannot go together are the operator's to mend.
func TestLayersThatCannotBeSent(t *testing.T) {
	four := newLayered(t, time.Second, 3)
	mixed := newLayered(t, time.Second, 1)
	mixed.more[0].tracks[0].Codec = media.AV1
	for _, c := range []struct {
		feed outputs.Feed
		want string
	}{{four, "3 renditions"}, {mixed, "one codec"}} {
		err := newOutput(t, "http://127.0.0.1:1/show", "").Run(t.Context(), c.feed)
		if err == nil || !outputs.IsPermanent(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want a permanent one with %q", err, c.want)
		}
	}
}
