package record

import (
	"context"
	"math"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// A clip is 8 s, which is a whole number of pictures and of AAC packets (375), so
// that it can be repeated without an end.
const (
	clipFPS     = 15
	clipSeconds = 8
	clipLength  = clipSeconds * time.Second
)

var (
	clip = sync.OnceValues(func() (coded, error) { return makeClip(0) })
	// reordered is the clip with two B-frames between others, as recordings have by default.
	reordered = sync.OnceValues(func() (coded, error) { return makeClip(2) })
)

type coded struct {
	tracks  []media.Track
	packets []*media.Packet // in order of time
}

// makeClip encodes H.264 (keyframe each second) and AAC.
func makeClip(bFrames int) (coded, error) {
	video, err := av.NewVideoEncoder(av.VideoEncoderOptions{
		Encoder: "libx264", Width: 320, Height: 180, FPS: media.NewRational(clipFPS, 1), BitrateBPS: 600_000, GOP: clipFPS, Threads: 1, BFrames: bFrames,
	})
	if err != nil {
		return coded{}, err
	}
	defer video.Close()
	audio, err := av.NewAudioEncoder(av.AudioEncoderOptions{BitrateBPS: 96_000})
	if err != nil {
		return coded{}, err
	}
	defer audio.Close()
	out := coded{tracks: []media.Track{video.Track(), audio.Track()}}
	add := func(track int, packets []*media.Packet, err error) error {
		for _, p := range packets {
			q := *p
			q.Track = track
			out.packets = append(out.packets, &q)
		}
		return err
	}
	pool := media.NewFramePool(media.I420, 320, 180, 4)
	for n := range int64(clipFPS * clipSeconds) {
		f := pool.Get()
		f.Fill(40, 128, 128)
		for i := range f.Planes[0].Data {
			f.Planes[0].Data[i] = byte(i*7 + int(n)*5 + (i>>6)*int(n))
		}
		framecode.Draw(f, 1, uint32(n))
		packets, err := video.Encode(f, n, false)
		f.Release()
		if err := add(0, packets, err); err != nil {
			return coded{}, err
		}
	}
	packets, err := video.Flush()
	if err := add(0, packets, err); err != nil {
		return coded{}, err
	}
	sound := make([]float32, media.SampleRateHz*media.Channels)
	for s := range int64(clipSeconds) {
		for i := range sound {
			sound[i] = float32(0.2 * math.Sin(float64(i/2)*2*math.Pi*440/media.SampleRateHz))
		}
		packets, err := audio.Encode(sound, s*media.SampleRateHz)
		if err := add(1, packets, err); err != nil {
			return coded{}, err
		}
	}
	packets, err = audio.Flush()
	if err := add(1, packets, err); err != nil {
		return coded{}, err
	}
	out.packets = slices.DeleteFunc(out.packets, func(p *media.Packet) bool {
		return p.Audio && p.PTS+p.Duration > clipSeconds*media.SampleRateHz-1024+p.Duration
	})
	slices.SortStableFunc(out.packets, func(a, b *media.Packet) int { return int(a.Time - b.Time) })
	return out, nil
}

// liveFeed plays the clip over and over in real time through a real queue.
type liveFeed struct {
	queue  *media.PacketQueue
	tracks []media.Track

	mu        sync.Mutex
	reports   []outputs.Report // guarded by mu
	keyframes int              // guarded by mu; requests
	changed   chan struct{}    // guarded by mu; closed at each report
}

// newLiveFeed starts playing; speed 1 is real time. It ends with the test.
func newLiveFeed(t *testing.T, speed float64) *liveFeed {
	t.Helper()
	c, err := clip()
	if err != nil {
		t.Fatal(err)
	}
	f := &liveFeed{queue: media.NewPacketQueue(media.RecordLimits, true), tracks: c.tracks, changed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.play(ctx, c, speed)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return f
}

func (f *liveFeed) play(ctx context.Context, c coded, speed float64) {
	start := time.Now()
	for loop := int64(0); ; loop++ {
		for _, p := range c.packets {
			q := *p
			shift := media.UnitsIn(time.Duration(loop)*clipLength, c.tracks[p.Track].TimeBase)
			q.PTS, q.DTS = p.PTS+shift, p.DTS+shift
			q.Time = p.Time + time.Duration(loop)*clipLength
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

func (f *liveFeed) Tracks() []media.Track { return f.tracks }

func (f *liveFeed) Next(ctx context.Context) (*media.Packet, error) { return f.queue.Next(ctx) }

func (f *liveFeed) Queued() time.Duration { return f.queue.Stats().Depth }

func (f *liveFeed) Reset() { f.queue.Reset() }

func (f *liveFeed) RequestKeyframe() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keyframes++
}

func (f *liveFeed) Report(r outputs.Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports = append(f.reports, r)
	close(f.changed)
	f.changed = make(chan struct{})
}

// reported is the number of reports so far.
func (f *liveFeed) reported() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reports)
}

// await waits for a report after the first skip ones that satisfies want.
func (f *liveFeed) await(t *testing.T, d time.Duration, skip int, want func(outputs.Report) bool) outputs.Report {
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

func inState(s outputs.State) func(outputs.Report) bool {
	return func(r outputs.Report) bool { return r.State == s }
}

// contents is what a demuxer finds in a file.
type contents struct {
	video, audio, keyframes int
	first, last             time.Duration // of the pictures
	biggestGap              time.Duration // between pictures, in decoding order
}

func demux(t *testing.T, path string) contents {
	t.Helper()
	in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
	if err != nil {
		info, _ := os.Stat(path) // for the message alone
		t.Fatalf("%v (%+v)", err, info)
	}
	defer in.Close()
	if in.Video() == nil || in.Audio() == nil {
		t.Fatalf("video %v, audio %v", in.Video(), in.Audio())
	}
	p := av.NewInputPacket()
	defer p.Free()
	var c contents
	last := time.Duration(-1)
	for in.ReadPacket(p) == nil {
		if p.Stream != in.Video().Index {
			c.audio++
			continue
		}
		if c.video == 0 {
			c.first = p.DTS
		}
		c.video++
		c.last = p.DTS
		if p.Keyframe {
			c.keyframes++
		}
		if last >= 0 {
			c.biggestGap = max(c.biggestGap, p.DTS-last)
		}
		last = p.DTS
	}
	return c
}
