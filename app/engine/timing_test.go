package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// flashes is a live source whose picture flashes and whose tone beeps at the same
// moment, every half second; pictures and sound arrive late and unevenly.
type flashes struct {
	opt              sources.Options
	fps              int64         // pictures a second; 0 is the canvas's
	picture, sound   time.Duration // how late they arrive
	jitter           time.Duration // of the pictures
	block            int64         // audio frames
	burst            int64         // blocks that come at once, as MPEG-TS packs them; 0 is 1
	epoch            time.Duration // PTS of the start
	jumpAt, jumpedBy time.Duration // the PTS jump, without a Restart
	held             time.Duration // until then nothing arrives, and then all of it
}

const flashEvery = 500 * time.Millisecond

func (s *flashes) pts(t time.Duration) time.Duration {
	if s.jumpAt > 0 && t >= s.jumpAt {
		t += s.jumpedBy
	}
	return s.epoch + t
}

func (s *flashes) Run(ctx context.Context, sink sources.Sink) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	start := s.opt.Clock.Now()
	wg.Go(func() {
		buf := make([]float32, s.block*media.Channels)
		rate := media.Rational{Num: 1, Den: media.SampleRateHz}
		for first := int64(0); ; first += s.block {
			for i := range s.block {
				at := media.TimeOf(first+i, rate) % flashEvery
				v := float32(0)
				if at < 30*time.Millisecond {
					v = float32(0.5 * math.Sin(2*math.Pi*1000*at.Seconds()))
				}
				buf[2*i], buf[2*i+1] = v, v
			}
			// A block is there when its last sample has been, and the last of its burst.
			last, all := first+s.block, s.block*max(s.burst, 1)
			last = (last + all - 1) / all * all
			if s.opt.Clock.WaitUntil(ctx, start+max(media.TimeOf(last, rate)+s.sound, s.held)) != nil {
				return
			}
			_ = sink.Audio(ctx, media.AudioBlock{Samples: buf, PTS: s.pts(media.TimeOf(first, rate))})
		}
	})
	r := rand.New(rand.NewPCG(1, 2))
	pool := media.NewFramePool(media.I420, s.opt.Width, s.opt.Height, 8)
	fps := s.opt.FPS
	if s.fps > 0 {
		fps = media.NewRational(s.fps, 1)
	}
	for n := int64(0); ; n++ {
		t := media.TickTime(n, fps)
		late := s.picture
		if s.jitter > 0 {
			late += time.Duration(r.Int64N(int64(s.jitter)))
		}
		if err := s.opt.Clock.WaitUntil(ctx, start+max(t+late, s.held)); err != nil {
			return err
		}
		f := pool.Get()
		y := byte(30)
		if t%flashEvery < 20*time.Millisecond { // two of 60 a second: a tick shows one of them
			y = 220
		}
		f.Fill(y, 128, 128)
		f.PTS, f.Number = s.pts(t), n
		_ = sink.Video(ctx, f)
	}
}

// TestLiveLipSync: whatever the delays of its two halves, a live source's flash and
// beep leave the studio within one frame of each other, and pictures are neither
// lost nor repeated once it has settled.
func TestLiveLipSync(t *testing.T) {
	lipSync(t, []lipCase{
		{"a camera", flashes{block: 480}, 0},
		{"a camera, sound 480 ms later", flashes{block: 480}, 480 * time.Millisecond},
		{"a camera, sound 480 ms earlier", flashes{block: 480}, -480 * time.Millisecond},
		{"a camera, sound 950 ms earlier", flashes{block: 480}, -950 * time.Millisecond},
		{"60 pictures a second, sound 500 ms earlier", flashes{fps: 60, block: 480}, -500 * time.Millisecond},
		{"60 pictures a second, sound 700 ms late", flashes{fps: 60, sound: 700 * time.Millisecond, block: 480}, 0},
		{"pictures 150 ms late", flashes{picture: 150 * time.Millisecond, block: 1024}, 0},
		{"uneven pictures", flashes{jitter: 15 * time.Millisecond, block: 480}, 0},
		{"a day old", flashes{epoch: 24 * time.Hour, block: 1024}, 0},
		{"a second of backlog when it is opened", flashes{block: 1024, burst: 4, held: 1200 * time.Millisecond}, 0},
		{"a jump", flashes{block: 480, jumpAt: 1500 * time.Millisecond, jumpedBy: 7 * time.Second}, 0},
		{"a jump back", flashes{block: 480, epoch: time.Hour, jumpAt: 1500 * time.Millisecond, jumpedBy: -30 * time.Minute}, 0},
	})
}

type lipCase struct {
	what  string
	src   flashes
	delay time.Duration // the operator's
}

// TestSoundBehindItsPictures: sound so late, and wanted so much earlier, that not all the
// pictures that would have to wait for it can: the operator is told by how much it is late.
func TestSoundBehindItsPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lipCase{"sound 1.3 s late, 950 ms earlier", flashes{sound: 1300 * time.Millisecond, block: 480}, -950 * time.Millisecond}.runBehind(t, 150*time.Millisecond)
	})
	synctest.Test(t, func(t *testing.T) {
		lipCase{"60 pictures a second, sound 1.3 s late", flashes{fps: 60, sound: 1300 * time.Millisecond, block: 480}, 0}.runBehind(t, 300*time.Millisecond)
	})
}

// lipSync brings each source to the studio as the engine's tick does, in the time of a
// test bubble: no picture is late because the machine is.
func lipSync(t *testing.T, cases []lipCase) {
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c.run(t) })
		})
	}
}

func (c lipCase) run(t *testing.T) { c.runBehind(t, 0) }

// runBehind is run with sound that is at least so much later than its pictures, and says so.
func (c lipCase) runBehind(t *testing.T, least time.Duration) {
	const seconds = 12
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	clock := media.NewRealClock()
	e := &Engine{clock: clock, color: media.Rec709, fps: media.Rational{Num: 30, Den: 1}, desk: newDesk(),
		show: parse(t, `{"format": 1, "canvas": {"width": 32, "height": 18, "fps": "30"}}`)}
	e.frameTime = media.TickTime(1, e.fps)
	e.slate = newSlate(32, 18, e.color)
	e.opt.SourceKinds = map[string]sources.Kind{"flashes": {Name: "flashes", Pacing: sources.Live, HasVideo: true, HasAudio: true,
		New: func(_ json.RawMessage, opt sources.Options) (sources.Source, error) {
			src := c.src
			src.opt = opt
			return &src, nil
		}}}
	in := e.newInput(scenes.Source{ID: "a", Kind: "flashes", Audio: scenes.Strip{DelayMS: int(c.delay.Milliseconds())}})
	in.start(ctx, slog.New(slog.DiscardHandler), nil)
	e.desk.mixer.Add(in.strip)
	var flashed, beeped []time.Duration
	var apart time.Duration // the most that pictures and sound are, but for the pictures' ticks
	var loud, bright bool
	quiet := 0
	samples := make([]float32, 1600*media.Channels)
	for tick := range int64(seconds * 30) {
		now := media.TickTime(tick, e.fps)
		if err := clock.WaitUntil(ctx, now); err != nil {
			t.Fatal(err)
		}
		in.take(now)
		if f := in.current; f != nil {
			if on := f.Planes[0].Data[0] > 128; on != bright {
				if bright = on; bright {
					flashed = append(flashed, now)
				}
			}
		}
		e.desk.mixer.MixTick(samples, tick*1600)
		for i := 0; i < len(samples); i += 2 {
			if v := samples[i]; v > 0.1 || v < -0.1 {
				if !loud {
					b := media.TimeOf(tick*1600+int64(i/2), media.Rational{Num: 1, Den: media.SampleRateHz})
					beeped = append(beeped, b)
					if now > (seconds-6)*time.Second {
						off := (b - in.offset - in.behind - c.src.epoch - c.delay) % flashEvery
						apart = max(apart, min((off+flashEvery)%flashEvery, (flashEvery-off)%flashEvery))
					}
				}
				loud, quiet = true, 0
			} else if quiet++; quiet > 4800 {
				loud = false
			}
		}
	}
	st := in.state(seconds * time.Second)
	behind := time.Duration(st.BehindMS * 1e6)
	if (c.src.held > 0 || c.src.jumpAt > 0) && st.QueueMS > 200 {
		t.Errorf("%.0f ms of its sound are queued: what it made up for, or was apart at the jump, is not forgotten", st.QueueMS)
	}
	if told := strings.Contains(st.SoundProblem, "behind its pictures"); behind < least || told != (least > 0) {
		t.Errorf("%v behind, want at least %v; told: %q", behind, least, st.SoundProblem)
	}
	cancel()
	in.stop()
	// The last six seconds count: until then it settles, and a jump is over.
	worst, n := time.Duration(0), 0
	var all []string
	for _, f := range flashed {
		if f < (seconds-6)*time.Second || f > seconds*time.Second-c.delay-e.frameTime {
			continue
		}
		near := time.Hour
		for _, b := range beeped {
			if d := b - f - c.delay - behind; d.Abs() < near.Abs() {
				near = d
			}
		}
		n++
		all = append(all, fmt.Sprint(near.Round(time.Millisecond)))
		if near.Abs() > worst.Abs() {
			worst = near
		}
	}
	if apart > 5*time.Millisecond {
		t.Errorf("pictures and sound are %v apart, want at most 5 ms", apart)
	}
	t.Logf("%s: apart by %v; sound after picture by %v (%d beeps, queue %.0f ms, %d underruns); %d dropped, %d skipped, %d repeated of %d",
		c.what, apart, all, len(beeped), st.QueueMS, st.Underruns, st.Dropped, st.Skipped, st.Repeated, st.Frames)
	if n < 10 || n > 13 || worst.Abs() > e.frameTime {
		t.Errorf("%d flashes in the last 6 s, worst offset %v, want 12 within a frame", n, worst.Round(time.Millisecond))
	}
}

// TestSoundAloneStaysWhereItIs: a microphone's queue is learned in its first seconds; a
// stall now and then changes nothing, stalls that follow one another do, and it goes back
// when they are over.
func TestSoundAloneStaysWhereItIs(t *testing.T) {
	const block, frame = 10 * time.Millisecond, time.Second / 30
	var l liveTiming
	now := time.Minute
	end := now
	target := func() time.Duration {
		_, target, _, ok := l.offset(frame)
		if !ok {
			t.Fatal("nothing is known")
		}
		return target
	}
	// play goes on for d, with every so many blocks one that is late.
	play := func(d time.Duration, every int, late time.Duration) {
		for n := 1; end < now+d; n++ {
			end += block
			at := end + time.Duration(n%3)*time.Millisecond
			if every > 0 && n%every == 0 {
				at += late
			}
			l.sound(at, end-block, block)
			l.offset(frame)
		}
		now += d
	}
	play(5*time.Second, 0, 0)
	base := target()
	if base < 20*time.Millisecond || base > 60*time.Millisecond {
		t.Fatalf("learned %v", base)
	}
	play(time.Minute, 2000, 150*time.Millisecond) // every 20 s
	if got := target(); got != base || l.changedBy() != 0 {
		t.Errorf("stalls that are far apart made %v of %v", got, base)
	}
	play(8*time.Second, 200, 150*time.Millisecond) // every 2 s
	if got := target(); got < base+100*time.Millisecond || l.changedBy() != got-base {
		t.Errorf("stalls every two seconds made %v of %v", got, base)
	}
	play(3*time.Minute, 0, 0)
	if got := target(); got > base+5*time.Millisecond || l.changedBy() > -100*time.Millisecond {
		t.Errorf("after three quiet minutes it is %v, want %v", got, base)
	}
	l.reset()
	play(4*time.Second, 0, 0)
	if got := target(); (got - base).Abs() > 5*time.Millisecond {
		t.Errorf("learned anew: %v, was %v", got, base)
	}
}
