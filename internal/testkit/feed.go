package testkit

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// A feed repeats 8 s, which is a whole number of pictures and of AAC packets (375), so
// that it can be repeated without an end.
const (
	// FeedFPS is the rate of a LiveFeed's pictures, each of which has its number as a
	// framecode of camera 1; FeedSeconds is how long they last.
	FeedFPS     = 15
	FeedSeconds = 8
	feedLength  = FeedSeconds * time.Second
)

var (
	feedClip  = sync.OnceValues(func() (Coded, error) { return makeFeedClip(0) })
	reordered = sync.OnceValues(func() (Coded, error) { return makeFeedClip(2) })
)

// Coded is a clip as encoders made it.
type Coded struct {
	Tracks  []media.Track
	Packets []*media.Packet // in order of time; not to be changed
}

// makeFeedClip encodes H.264 (keyframe each second) and AAC.
func makeFeedClip(bFrames int) (Coded, error) {
	video, err := av.NewVideoEncoder(av.VideoEncoderOptions{
		Encoder: "libx264", Width: 320, Height: 180, FPS: media.NewRational(FeedFPS, 1), BitrateBPS: 600_000, GOP: FeedFPS, Threads: 1, BFrames: bFrames,
	})
	if err != nil {
		return Coded{}, err
	}
	defer video.Close()
	audio, err := av.NewAudioEncoder(av.AudioEncoderOptions{BitrateBPS: 96_000})
	if err != nil {
		return Coded{}, err
	}
	defer audio.Close()
	out := Coded{Tracks: []media.Track{video.Track(), audio.Track()}}
	add := func(track int, packets []*media.Packet, err error) error {
		for _, p := range packets {
			q := *p
			q.Track = track
			out.Packets = append(out.Packets, &q)
		}
		return err
	}
	pool := media.NewFramePool(media.I420, 320, 180, 4)
	for n := range int64(FeedFPS * FeedSeconds) {
		f := pool.Get()
		f.Fill(40, 128, 128)
		for i := range f.Planes[0].Data {
			f.Planes[0].Data[i] = byte(i*7 + int(n)*5 + (i>>6)*int(n))
		}
		framecode.Draw(f, 1, uint32(n))
		packets, err := video.Encode(f, n, false)
		f.Release()
		if err := add(0, packets, err); err != nil {
			return Coded{}, err
		}
	}
	packets, err := video.Flush()
	if err := add(0, packets, err); err != nil {
		return Coded{}, err
	}
	sound := make([]float32, media.SampleRateHz*media.Channels)
	for s := range int64(FeedSeconds) {
		for i := range sound {
			sound[i] = float32(0.2 * math.Sin(float64(i/2)*2*math.Pi*440/media.SampleRateHz))
		}
		packets, err := audio.Encode(sound, s*media.SampleRateHz)
		if err := add(1, packets, err); err != nil {
			return Coded{}, err
		}
	}
	packets, err = audio.Flush()
	if err := add(1, packets, err); err != nil {
		return Coded{}, err
	}
	out.Packets = slices.DeleteFunc(out.Packets, func(p *media.Packet) bool {
		return p.Audio && p.PTS+p.Duration > FeedSeconds*media.SampleRateHz-1024+p.Duration
	})
	slices.SortStableFunc(out.Packets, func(a, b *media.Packet) int { return int(a.Time - b.Time) })
	return out, nil
}

// FeedClip is the clip that a LiveFeed repeats, in memory of its own but for the packets.
func FeedClip(t testing.TB) Coded { return clipOf(t, feedClip) }

// MadeFeedClip is FeedClip for processes that have no test; not to be changed.
func MadeFeedClip() (Coded, error) { return feedClip() }

// ReorderedClip is such a clip with two B-frames between others, as recordings have by default.
func ReorderedClip(t testing.TB) Coded { return clipOf(t, reordered) }

func clipOf(t testing.TB, made func() (Coded, error)) Coded {
	t.Helper()
	c, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return Coded{slices.Clone(c.Tracks), slices.Clone(c.Packets)}
}

// LiveFeed is an outputs.Feed of H.264 and AAC. It plays over and over in real
// time through a real queue.
type LiveFeed struct {
	queue  *media.PacketQueue
	tracks []media.Track

	mu        sync.Mutex
	reports   []outputs.Report // guarded by mu
	keyframes int              // guarded by mu; requests
	changed   chan struct{}    // guarded by mu; closed at each report
}

// NewLiveFeed starts playing through a destination's queue; speed 1 is real time. It ends
// with the test.
func NewLiveFeed(t testing.TB, speed float64) *LiveFeed {
	t.Helper()
	return playing(t, FeedClip(t), media.LiveLimits, speed)
}

// NewRecordFeed is NewLiveFeed through a recording's queue.
func NewRecordFeed(t testing.TB, speed float64) *LiveFeed {
	t.Helper()
	return playing(t, FeedClip(t), media.RecordLimits, speed)
}

// NewFeed is one through whose queue nothing goes before Play.
func NewFeed(tracks []media.Track, limits media.QueueLimits) *LiveFeed {
	return &LiveFeed{queue: media.NewPacketQueue(limits, true), tracks: tracks, changed: make(chan struct{})}
}

func playing(t testing.TB, c Coded, limits media.QueueLimits, speed float64) *LiveFeed {
	f := NewFeed(c.Tracks, limits)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Play(ctx, c, speed)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return f
}

// Play puts the clip into the queue, over and over, until ctx ends; speed 1 is real time.
func (f *LiveFeed) Play(ctx context.Context, c Coded, speed float64) {
	start := time.Now()
	for loop := int64(0); ; loop++ {
		for _, p := range c.Packets {
			q := *p
			shift := media.UnitsIn(time.Duration(loop)*feedLength, c.Tracks[p.Track].TimeBase)
			q.PTS, q.DTS = p.PTS+shift, p.DTS+shift
			q.Time = p.Time + time.Duration(loop)*feedLength
			timer := time.NewTimer(time.Until(start.Add(time.Duration(float64(q.Time) / speed))))
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
			f.queue.Put(&q)
		}
	}
}

// NewStoredFeed has the first n packets of the clip in its queue, all at once.
func NewStoredFeed(t testing.TB, n int) *LiveFeed {
	t.Helper()
	c := FeedClip(t)
	f := NewFeed(c.Tracks, media.LiveLimits)
	for _, p := range c.Packets[:n] {
		f.queue.Put(p)
	}
	return f
}

// Tracks implements outputs.Feed.
func (f *LiveFeed) Tracks() []media.Track { return f.tracks }

// Next implements outputs.Feed.
func (f *LiveFeed) Next(ctx context.Context) (*media.Packet, error) { return f.queue.Next(ctx) }

// Queued implements outputs.Feed.
func (f *LiveFeed) Queued() time.Duration { return f.queue.Stats().Depth }

// Reset implements outputs.Resetter.
func (f *LiveFeed) Reset() { f.queue.Reset() }

// RequestKeyframe implements outputs.Feed.
func (f *LiveFeed) RequestKeyframe() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keyframes++
}

// Report implements outputs.Feed.
func (f *LiveFeed) Report(r outputs.Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, r)
	close(f.changed)
	f.changed = make(chan struct{})
}

// Reported is the number of reports so far.
func (f *LiveFeed) Reported() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reports)
}

// Last is the newest report; its zero value where there is none.
func (f *LiveFeed) Last() (r outputs.Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.reports); n > 0 {
		r = f.reports[n-1]
	}
	return r
}

// Await waits for a report after the first skip ones that satisfies want.
func (f *LiveFeed) Await(t testing.TB, d time.Duration, skip int, want func(outputs.Report) bool) outputs.Report {
	t.Helper()
	deadline := time.After(d)
	for {
		f.mu.Lock()
		all, changed := f.reports, f.changed
		f.mu.Unlock()
		for _, r := range all[min(skip, len(all)):] {
			if want(r) {
				return r
			}
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("no such report within %v; had %+v", d, all[min(skip, len(all)):])
		}
	}
}

// End closes the queue: Next gives what is left and then io.EOF.
func (f *LiveFeed) End() { f.queue.Close() }
