package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/rtmp"
	"crosspoint.studio/crosspoint/outputs/srt"
	"crosspoint.studio/crosspoint/outputs/whip"
	"crosspoint.studio/crosspoint/scenes/sources"
)

func TestMain(m *testing.M) {
	av.RouteLogs(nil)
	if os.Getenv(childEnv) != "" {
		if err := receive(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	leaks.VerifyTestMain(m)
}

const (
	clipFPS     = 30
	clipSeconds = 5
)

// clip is a synthetic camera, encoded: pictures, and its sound in two codecs.
type clip struct {
	tracks  [3]media.Track // H.264, AAC, Opus
	packets [3][]*media.Packet
}

// camera collects what a source produces until it has had enough.
type camera struct {
	frames []*media.Frame
	sound  []float32
	mu     sync.Mutex
	want   int
	done   context.CancelFunc
}

func (c *camera) Streams(bool, bool)     {}
func (c *camera) Hold()                  {}
func (c *camera) Restart()               {}
func (c *camera) Describe(string)        {}
func (c *camera) Demand() sources.Demand { return sources.DemandFull }
func (c *camera) fullSound() bool {
	return len(c.sound) >= c.want*media.SampleRateHz/clipFPS*media.Channels
}

func (c *camera) Video(ctx context.Context, f *media.Frame) error {
	c.mu.Lock()
	if len(c.frames) < c.want {
		c.frames = append(c.frames, f)
		c.mu.Unlock()
		return ctx.Err()
	}
	c.mu.Unlock()
	f.Release()
	return c.wait(ctx)
}

func (c *camera) Audio(ctx context.Context, b media.AudioBlock) error {
	c.mu.Lock()
	full := c.fullSound()
	if !full {
		c.sound = append(c.sound, b.Samples...)
	}
	c.mu.Unlock()
	if full {
		return c.wait(ctx)
	}
	return ctx.Err()
}

// wait ends the source when both halves are there.
func (c *camera) wait(ctx context.Context) error {
	c.mu.Lock()
	if len(c.frames) >= c.want && c.fullSound() {
		c.done()
	}
	c.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

// cameraPictures are the first pictures and the sound of a synthetic camera.
func cameraPictures(width, height, count int) (*camera, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	src, err := sources.Synthetic().New(json.RawMessage(`{"camera": 3}`), sources.Options{
		Width: width, Height: height, FPS: media.Rational{Num: clipFPS, Den: 1}, Color: media.Rec709,
	})
	if err != nil {
		return nil, err
	}
	c := &camera{want: count, done: cancel}
	_ = src.Run(ctx, c) // ended by cancel
	return c, nil
}

// options of a clip.
type options struct {
	width, height, gop, bFrames, bitrate int
	soundDelay                           time.Duration
}

func encode(o options) (*clip, error) {
	cam, err := cameraPictures(o.width, o.height, clipFPS*clipSeconds)
	if err != nil {
		return nil, err
	}
	out := &clip{}
	video, err := av.NewVideoEncoder(av.VideoEncoderOptions{
		Encoder: "libx264", Width: o.width, Height: o.height, FPS: media.Rational{Num: clipFPS, Den: 1}, BitrateBPS: o.bitrate,
		GOP: o.gop, BFrames: o.bFrames, Threads: 1, Preset: "superfast",
	})
	if err != nil {
		return nil, err
	}
	defer video.Close()
	add := func(i int, packets []*media.Packet, err error) error {
		out.packets[i] = append(out.packets[i], packets...)
		return err
	}
	for n, f := range cam.frames {
		packets, err := video.Encode(f, int64(n), false)
		f.Release()
		if err := add(0, packets, err); err != nil {
			return nil, err
		}
	}
	packets, err := video.Flush()
	if err := add(0, packets, err); err != nil {
		return nil, err
	}
	out.tracks[0] = video.Track()
	late := media.UnitsIn(o.soundDelay, media.Rational{Num: 1, Den: media.SampleRateHz})
	sound := append(make([]float32, late*media.Channels), cam.sound...)
	for i, codec := range [...]media.Codec{media.AAC, media.Opus} {
		audio, err := av.NewAudioEncoder(av.AudioEncoderOptions{Codec: codec, BitrateBPS: 128_000})
		if err != nil {
			return nil, err
		}
		defer audio.Close()
		packets, err := audio.Encode(sound, 0)
		if err := add(1+i, packets, err); err != nil {
			return nil, err
		}
		out.tracks[1+i] = audio.Track()
	}
	return out, nil
}

func small(gop, bFrames int, soundDelay time.Duration) func() (*clip, error) {
	return sync.OnceValues(func() (*clip, error) { return encode(options{320, 180, gop, bFrames, 800_000, soundDelay}) })
}

var (
	ordinary = small(2*clipFPS, 0, 0)
	delayed  = small(2*clipFPS, 2, 80*time.Millisecond)
	longGOP  = small(1000, 0, 0)
)

// playing is a feed that plays a clip once in real time from the first Next on.
type playing struct {
	queue  *media.PacketQueue
	tracks []media.Track
	order  []*media.Packet
	// leaveOut says which pictures are lost on their way.
	leaveOut func(picture int64) bool

	begin sync.Once
	stop  chan struct{}
	done  sync.WaitGroup
}

// play makes a feed of a clip with AAC, or with Opus.
func play(t testing.TB, get func() (*clip, error), opus bool) *playing {
	t.Helper()
	c, err := get()
	if err != nil {
		t.Fatal(err)
	}
	sound := 1
	if opus {
		sound = 2
	}
	p := &playing{
		queue:  media.NewPacketQueue(media.RecordLimits, true),
		tracks: []media.Track{c.tracks[0], c.tracks[sound]},
		stop:   make(chan struct{}),
	}
	for i, list := range [][]*media.Packet{c.packets[0], c.packets[sound]} {
		for _, packet := range list {
			q := *packet
			q.Track, q.Audio = i, i == 1
			q.Made = q.Time
			if i == 1 {
				q.Made += 20 * time.Millisecond
			}
			p.order = append(p.order, &q)
		}
	}
	slices.SortStableFunc(p.order, func(a, b *media.Packet) int { return int(p.dts(a) - p.dts(b)) })
	t.Cleanup(p.end)
	return p
}

func (p *playing) dts(q *media.Packet) time.Duration {
	return media.TimeOf(q.DTS, p.tracks[q.Track].TimeBase)
}

func (p *playing) end() {
	close(p.stop)
	p.done.Wait()
}

func (p *playing) Tracks() []media.Track { return p.tracks }
func (p *playing) Queued() time.Duration { return p.queue.Stats().Depth }
func (p *playing) RequestKeyframe()      {}
func (p *playing) Report(outputs.Report) {}

func (p *playing) Next(ctx context.Context) (*media.Packet, error) {
	p.begin.Do(func() { p.done.Go(p.run) })
	return p.queue.Next(ctx)
}

func (p *playing) run() {
	defer p.queue.Close()
	start := time.Now()
	for _, q := range p.order {
		if !q.Audio && p.leaveOut != nil && p.leaveOut(q.PTS) {
			continue
		}
		timer := time.NewTimer(time.Until(start.Add(p.dts(q))))
		select {
		case <-timer.C:
		case <-p.stop:
			timer.Stop()
			return
		}
		p.queue.Put(q)
	}
}

// receiver starts one that ends with the test.
func receiver(t testing.TB, opt Options) *Receiver {
	t.Helper()
	r, err := Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// output makes a real publisher to r.
func output(t testing.TB, r *Receiver, kind, secret string, settings map[string]any) outputs.Output {
	t.Helper()
	kinds := map[string]outputs.Kind{"rtmp": rtmp.Kind(), "srt": srt.Kind(), "whip": whip.Kind()}
	all := map[string]any{"url": r.URLs()[kind]}
	for k, v := range settings {
		all[k] = v
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	out, err := kinds[kind].New(raw, outputs.Options{Secret: secret, UserAgent: "Crosspoint/test"})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// publish runs a publisher to its end.
func publish(t testing.TB, out outputs.Output, feed outputs.Feed) error {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return out.Run(ctx, feed)
}

// await waits for a report of r that satisfies ok.
func await(t testing.TB, r *Receiver, what string, ok func(Report) bool) Report {
	t.Helper()
	const within = 20 * time.Second
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, rep := range r.Reports() {
			if ok(rep) {
				return rep
			}
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			b, err := json.MarshalIndent(r.Reports(), "", " ")
			t.Fatalf("within %v no stream that is %s; there are\n%s %v", within, what, b, err)
		}
	}
}
