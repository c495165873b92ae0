package engine

import (
	"context"
	"encoding/json"
	"math"
	"runtime"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// pooled is a camera whose pictures come from a pool, so that it allocates nothing
// itself.
type pooled struct{ opt sources.Options }

func (p *pooled) Run(ctx context.Context, sink sources.Sink) error {
	pool := media.NewFramePool(media.I420, p.opt.Width, p.opt.Height, 16)
	for n := int64(0); ctx.Err() == nil; n++ {
		f := pool.Get()
		f.PTS, f.Number = media.TickTime(n, p.opt.FPS), n
		f.Planes[0].Data[0] = byte(n)
		if err := sink.Video(ctx, f); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func pooledKind() sources.Kind {
	return sources.Kind{Name: "pooled", Pacing: sources.Paced, HasVideo: true,
		New: func(_ json.RawMessage, opt sources.Options) (sources.Source, error) { return &pooled{opt}, nil }}
}

// leastAllocs is what a steady tick allocates, sources and all: the fewest objects that
// were allocated between two States, over several of them. A State is a value made anew,
// once a second when nobody asks, so its tick is left out; and the fewest, because what
// else the process does (the collector, timers) only ever adds.
func leastAllocs(t *testing.T, doc string, commands ...Timed) uint64 {
	t.Helper()
	const fps, seconds = 30, 10
	var before, after runtime.MemStats
	least := uint64(math.MaxUint64)
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands = seconds*fps, commands
		o.SourceKinds["pooled"] = pooledKind()
		o.Tap = func(tick int64, _ *media.Frame, _ []float32) {
			switch {
			case tick < 2*fps: // pools fill
			case tick%fps == 2:
				runtime.ReadMemStats(&before)
			case tick%fps == fps-2:
				runtime.ReadMemStats(&after)
				least = min(least, after.Mallocs-before.Mallocs)
			}
		}
	})
	s.run(t, t.Context(), time.Minute)
	return least
}

// A tick in steady state, its sources, plan, picture, sound and delivery, allocates nothing.
func TestSteadyTickAllocatesNothing(t *testing.T) {
	const head = `{"format": 1, "canvas": {"width": 128, "height": 72, "fps": "30"},
	 "sources": [{"id": "a", "kind": "pooled"}, {"id": "b", "kind": "pooled"}, {"id": "c", "kind": "still", "settings": {"alpha": true}}],
	 "scenes": [{"id": "titled", "layers": [{"source": "a"}, {"source": "c", "x": 8, "y": 8, "width": 32, "height": 18}]},
	            {"id": "split", "layers": [{"source": "a", "width": 64}, {"source": "b", "x": 64, "width": 64}]}],
	 "start": `
	for name, c := range map[string]struct {
		start    string
		commands []Timed
	}{
		"one camera":          {`{"program": "a"}}`, nil},
		"a title over it":     {`{"program": "titled"}}`, nil},
		"two side by side":    {`{"program": "split"}}`, nil},
		"in a mix":            {`{"program": "titled", "preview": "b"}}`, []Timed{{5, &TBar{Position: 0.5}}}},
		"half faded to black": {`{"program": "a"}}`, []Timed{{5, &FadeToBlack{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := leastAllocs(t, head+c.start, c.commands...); got > 0 {
				t.Errorf("26 steady ticks allocate %d objects, want none", got)
			}
		})
	}
}

// The tenth destination costs no memory: a packet goes to every queue as it is.
func TestFanOutAllocatesNothing(t *testing.T) {
	video := media.Track{Codec: media.H264, TimeBase: media.Rational{Num: 1, Den: 30}}
	sound := media.Track{Codec: media.AAC, TimeBase: media.Rational{Num: 1, Den: media.SampleRateHz}}
	s := newStream(video, sound)
	queues := make([]*media.PacketQueue, 10)
	for i := range queues {
		queues[i] = media.NewPacketQueue(media.LiveLimits, true)
		s.attach(queues[i])
	}
	// What was handed over waits for the other half of the stream, so there are several.
	var pictures, blocks [8]media.Packet
	n, taken := int64(0), 0
	tick := func() {
		p, b := &pictures[n%8], &blocks[n%8]
		*p = media.Packet{Keyframe: true, PTS: n, DTS: n, Time: media.TickTime(n, media.Rational{Num: 30, Den: 1})}
		*b = media.Packet{Track: 1, Audio: true, Keyframe: true, PTS: 1600 * n, DTS: 1600 * n, Time: p.Time}
		n++
		s.put(p, 0)
		s.put(b, 1)
		for _, q := range queues {
			for q.Stats().Packets > 0 {
				if _, err := q.Next(context.Background()); err != nil {
					t.Fatal(err)
				}
				taken++
			}
		}
	}
	for range 100 {
		tick()
	}
	if got := testing.AllocsPerRun(200, tick); got != 0 {
		t.Errorf("a picture and a block to ten destinations allocate %v times, want none", got)
	}
	if taken < 2900*2 {
		t.Errorf("only %d packets came out of ten queues in 300 ticks", taken)
	}
}
