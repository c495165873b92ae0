package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/compositor/gpu"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

func TestMain(m *testing.M) {
	av.RouteLogs(slog.New(slog.DiscardHandler))
	leaks.VerifyTestMain(m)
}

// fakeSettings are the settings of every fake source: how it behaves.
type fakeSettings struct {
	Y          byte    `json:"y"`           // luma of every picture; the counter is in the first pixels
	Tone       float64 `json:"tone"`        // Hz, 0: no sound
	StartMS    int     `json:"start_ms"`    // opening takes this long
	PictureMS  int     `json:"picture_ms"`  // the first picture is this much later than the sound
	SoundMS    int     `json:"sound_ms"`    // the first sound is this much later than the picture
	AudioOnly  bool    `json:"audio_only"`  // told by Streams
	NoAudio    bool    `json:"no_audio"`    // told by Streams
	FailAfter  int     `json:"fail_after"`  // pictures; of one without pictures, as long
	QuietMS    int     `json:"quiet_ms"`    // the sound of a live one ends after this, and nothing else
	PanicAfter int     `json:"panic_after"` // pictures
	Alpha      bool    `json:"alpha"`
	Refuse     bool    `json:"refuse"`
	LengthMS   int     `json:"length_ms"` // of a clip
	Loop       bool    `json:"loop"`
}

// fake is a source whose pictures are counted: held is how many are not yet released.
type fake struct {
	set    fakeSettings
	opt    sources.Options
	pacing sources.Pacing
	held   *atomic.Int64
	seeks  chan float64
	from   atomic.Int64 // position of the newest timeline's start
	paused atomic.Bool
}

func (s *fake) Timeline() sources.Timeline {
	return sources.Timeline{From: time.Duration(s.from.Load()), Length: time.Duration(s.set.LengthMS) * time.Millisecond,
		Loop: s.set.Loop, Paused: s.paused.Load()}
}

func (s *fake) Seek(position float64) {
	select {
	case s.seeks <- position:
	default:
	}
}

func (s *fake) SetPaused(paused bool) { s.paused.Store(paused) }

// picture makes one with n in its first pixels, most significant bit first.
func (s *fake) picture(n int64) *media.Frame {
	format := media.I420
	if s.set.Alpha {
		format = media.RGBA
	}
	w, h := s.opt.Width, s.opt.Height
	var planes [3]media.Plane
	for i := range planes {
		rowBytes, rows := media.PlaneSize(format, w, h, i)
		planes[i] = media.Plane{Data: make([]byte, rowBytes*rows), Stride: rowBytes}
	}
	s.held.Add(1)
	f := media.NewFrame(format, w, h, planes, func(*media.Frame) { s.held.Add(-1) })
	if s.set.Alpha {
		for i := range planes[0].Data {
			planes[0].Data[i] = 200
			if i/4%w > w/2 {
				planes[0].Data[i] = 0
			}
		}
	} else {
		f.Fill(s.set.Y, 128, 128)
		for bit := range 16 {
			if n>>(15-bit)&1 == 1 {
				planes[0].Data[bit] = 235
			} else {
				planes[0].Data[bit] = 16
			}
		}
	}
	f.PTS, f.Number = media.TickTime(n, s.opt.FPS), n
	return f
}

// number reads what picture wrote.
func number(f *media.Frame) int64 {
	var n int64
	for bit := range 16 {
		n <<= 1
		if f.Planes[0].Data[bit] > 128 {
			n |= 1
		}
	}
	return n
}

var errFake = errors.New("the fake was told to fail")

func (s *fake) Run(ctx context.Context, sink sources.Sink) error {
	if s.set.StartMS > 0 && !wait(ctx, time.Duration(s.set.StartMS)*time.Millisecond) {
		return ctx.Err()
	}
	sink.Describe("fake")
	if s.set.AudioOnly || s.set.NoAudio {
		sink.Streams(!s.set.AudioOnly, !s.set.NoAudio)
	}
	if s.pacing == sources.Still {
		if err := sink.Video(ctx, s.picture(0)); err != nil {
			return err
		}
		sink.Hold()
		<-ctx.Done()
		return ctx.Err()
	}
	for {
		again, err := s.play(ctx, sink)
		if !again {
			return err
		}
		sink.Restart()
	}
}

// play is one timeline; again says that a seek asks for another.
func (s *fake) play(ctx context.Context, sink sources.Sink) (again bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	start := s.opt.Clock.Now()
	live := s.pacing == sources.Live
	if s.set.Tone > 0 && !s.set.NoAudio {
		wg.Go(func() {
			if s.set.SoundMS > 0 && !wait(ctx, time.Duration(s.set.SoundMS)*time.Millisecond) {
				return
			}
			const n = 480
			buf := make([]float32, n*media.Channels)
			for first := int64(0); ; first += n {
				for i := range n {
					v := float32(0.25 * math.Sin(2*math.Pi*s.set.Tone*float64(first+int64(i))/media.SampleRateHz))
					buf[2*i], buf[2*i+1] = v, v
				}
				pts := media.TimeOf(first, media.Rational{Num: 1, Den: media.SampleRateHz})
				if s.set.QuietMS > 0 && pts > time.Duration(s.set.QuietMS)*time.Millisecond {
					return
				}
				if live && s.opt.Clock.WaitUntil(ctx, start+pts+10*time.Millisecond) != nil {
					return
				}
				if sink.Audio(ctx, media.AudioBlock{Samples: buf, PTS: pts}) != nil || ctx.Err() != nil {
					return
				}
			}
		})
	}
	if s.set.AudioOnly {
		if s.set.FailAfter > 0 && s.opt.Clock.WaitUntil(ctx, start+media.TickTime(int64(s.set.FailAfter), s.opt.FPS)) == nil {
			return false, errFake
		}
		<-ctx.Done()
		return false, ctx.Err()
	}
	if s.set.PictureMS > 0 && !wait(ctx, time.Duration(s.set.PictureMS)*time.Millisecond) {
		return false, ctx.Err()
	}
	for n := int64(0); ; n++ {
		select {
		case position := <-s.seeks:
			s.from.Store(int64(position * 1e9))
			return true, nil
		default:
		}
		if s.set.FailAfter > 0 && n >= int64(s.set.FailAfter) {
			return false, errFake
		}
		if s.set.PanicAfter > 0 && n >= int64(s.set.PanicAfter) {
			panic("the fake was told to panic")
		}
		f := s.picture(n)
		if live && s.opt.Clock.WaitUntil(ctx, start+f.PTS) != nil {
			f.Release()
			return false, ctx.Err()
		}
		if err := sink.Video(ctx, f); err != nil {
			return false, err
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// fakeKinds are "paced", "live", "still", "sound" and "hidden" (no picture).
func fakeKinds(held *atomic.Int64) map[string]sources.Kind {
	kinds := map[string]sources.Kind{}
	for _, k := range []struct {
		name   string
		pacing sources.Pacing
		video  bool
		audio  bool
	}{
		{"paced", sources.Paced, true, true},
		{"live", sources.Live, true, true},
		{"still", sources.Still, true, false},
		{"microphone", sources.Live, false, true},
	} {
		kinds[k.name] = sources.Kind{Name: k.name, Pacing: k.pacing, HasVideo: k.video, HasAudio: k.audio,
			New: func(raw json.RawMessage, opt sources.Options) (sources.Source, error) {
				s := &fake{opt: opt, pacing: k.pacing, held: held, seeks: make(chan float64, 1)}
				if err := json.Unmarshal(raw, &s.set); err != nil {
					return nil, err
				}
				if s.set.Refuse {
					return nil, errors.New("the fake refuses its settings")
				}
				if s.set.Tone == 0 && k.audio {
					s.set.NoAudio = true
				}
				if !k.video {
					s.set.AudioOnly = true
				}
				return s, nil
			}}
	}
	return kinds
}

// received is what one connection of a fake output got.
type received struct {
	mu      sync.Mutex
	tracks  []media.Track
	packets []*media.Packet
	begins  []int64 // of every run that has one, its first picture
	eof     bool    // the feed ended in order
	runs    int
}

func (r *received) video() (ticks []int64, keyframes []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.packets {
		if !p.Audio {
			ticks = append(ticks, p.PTS)
			if p.Keyframe {
				keyframes = append(keyframes, p.PTS)
			}
		}
	}
	return ticks, keyframes
}

type fakeOutput struct {
	mode  string // "", "hang", "fail", "permanent", "permanent once" (in its first run), "eof error", "slow", "stuck"
	to    *received
	block <-chan struct{} // ends "hang" and "stuck"
}

func (o *fakeOutput) Run(ctx context.Context, feed outputs.Feed) error {
	o.to.mu.Lock()
	o.to.tracks, o.to.runs = feed.Tracks(), o.to.runs+1
	first := o.to.runs == 1
	o.to.mu.Unlock()
	feed.Report(outputs.Report{State: outputs.Connecting})
	var sent int64
	begun := false
	for {
		p, err := feed.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			o.to.mu.Lock()
			o.to.eof = true
			o.to.mu.Unlock()
			if o.mode == "eof error" {
				return errors.New("the disk is full")
			}
			return nil
		case err != nil:
			return err
		}
		o.to.mu.Lock()
		o.to.packets = append(o.to.packets, p)
		if !begun && !p.Audio {
			begun, o.to.begins = true, append(o.to.begins, p.PTS)
		}
		n := len(o.to.packets)
		o.to.mu.Unlock()
		sent += int64(len(p.Data))
		feed.Report(outputs.Report{State: outputs.Confirmed, SentBytes: sent, AckedBytes: sent})
		switch {
		case o.mode == "hang" && n > 3:
			<-o.block // whatever ctx says
			return errors.New("unblocked")
		case o.mode == "stuck" && n > 3:
			<-o.block // as a write does
		case o.mode == "fail" && n%20 == 0:
			return errFake
		case n > 3 && (o.mode == "permanent" || o.mode == "permanent once" && first):
			return outputs.Permanent(errors.New("the key was refused"))
		case o.mode == "slow":
			wait(ctx, 20*time.Millisecond)
		}
	}
}

// outs are fake output kinds and what their outputs received, by the setting "to".
type outs struct {
	mu    sync.Mutex
	got   map[string]*received
	block chan struct{}
}

func newOuts() *outs { return &outs{got: map[string]*received{}, block: make(chan struct{})} }

// of is what the output with that name received so far over all its starts.
func (o *outs) of(name string) *received {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.got[name] == nil {
		o.got[name] = &received{}
	}
	return o.got[name]
}

func (o *outs) kinds() map[string]outputs.Kind {
	kinds := map[string]outputs.Kind{}
	for _, name := range []string{"fake", "webrtc", scenes.RecordingKind} {
		kinds[name] = outputs.Kind{Name: name, Title: name, Video: []media.Codec{media.H264}, Audio: []media.Codec{media.AAC},
			Recording: name == scenes.RecordingKind, NoBFrames: name == "webrtc",
			Program: func(raw json.RawMessage) string {
				var s struct{ Program string }
				_ = json.Unmarshal(raw, &s) // New says it
				return s.Program
			},
			New: func(raw json.RawMessage, _ outputs.Options) (outputs.Output, error) {
				var s struct{ To, Mode string }
				if err := json.Unmarshal(raw, &s); err != nil {
					return nil, err
				}
				if s.Mode == "refuse" {
					return nil, errors.New("the fake refuses its settings")
				}
				return &fakeOutput{mode: s.Mode, to: o.of(s.To), block: o.block}, nil
			}}
	}
	return kinds
}

// studio is an engine with fakes around it.
type studio struct {
	*Engine
	outs *outs
	held *atomic.Int64
	opt  Options
}

// thread is a GPU thread that ends with the test.
func thread(t testing.TB) *gpu.Thread {
	t.Helper()
	th, err := gpu.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(th.Close)
	return th
}

func parse(t testing.TB, doc string) *scenes.Show {
	t.Helper()
	show, err := scenes.Parse([]byte(doc))
	if err != nil {
		t.Fatalf("the test's show: %v", err)
	}
	return show
}

func newStudio(t testing.TB, show *scenes.Show, clock media.Clock, change func(*Options)) *studio {
	t.Helper()
	s := &studio{outs: newOuts(), held: new(atomic.Int64)}
	level := slog.LevelError + 4
	if os.Getenv("ENGINE_TEST_LOG") != "" {
		level = slog.LevelDebug
	}
	s.opt = Options{Show: show, SourceKinds: fakeKinds(s.held), OutputKinds: s.outs.kinds(), Clock: clock,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))}
	if change != nil {
		change(&s.opt)
	}
	if s.opt.Thread == nil {
		s.opt.Thread = thread(t)
	}
	e, err := New(s.opt)
	if err != nil {
		t.Fatal(err)
	}
	s.Engine = e
	return s
}

// run runs to the end within limit, or fails with all stacks.
func (s *studio) run(t testing.TB, ctx context.Context, limit time.Duration) {
	t.Helper()
	done := s.start(t, ctx)
	finish(t, done, limit)
	s.noFrames(t)
}

// start runs it until ctx ends, which is before the test's thread does: one that failed
// meanwhile waits for it too.
func (s *studio) start(t testing.TB, ctx context.Context) <-chan error {
	t.Helper()
	done, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		done <- s.Run(ctx)
	}()
	t.Cleanup(func() {
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Error("the engine runs on after the test")
		}
	})
	return done
}

// finish waits for the engine's end, or fails with all stacks. limit is against hanging: tests
// of their own are about how long a stop may take.
func finish(t testing.TB, done <-chan error, limit time.Duration) {
	t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("Run: %v", err)
		}
	case <-timer.C:
		stacks := make([]byte, 1<<20)
		t.Fatalf("the engine did not end within %v:\n%s", limit, stacks[:runtime.Stack(stacks, true)])
	}
}

// noFrames checks that every source picture was released.
func (s *studio) noFrames(t testing.TB) {
	t.Helper()
	if n := s.held.Load(); n != 0 {
		t.Errorf("%d pictures of sources are still held after Run", n)
	}
}

// until waits for ok to hold of the state, at most 20 s.
func (s *studio) until(t testing.TB, what string, ok func(*State) bool) *State {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		st := s.State()
		if ok(st) {
			return st
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s still not: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *studio) must(t testing.TB, c Command) {
	t.Helper()
	if err := s.Do(c); err != nil {
		t.Fatalf("%T: %v", c, err)
	}
}
