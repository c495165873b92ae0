package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// TestSimulcastRefusals: what cannot be sent along is said before anything opens, and
// nothing of the destination goes on running.
func TestSimulcastRefusals(t *testing.T) {
	show := parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
		"sources":[{"id":"a","kind":"paced","settings":{"y":80,"tone":440}}],"scenes":[{"id":"s","layers":[{"source":"a"}]}],
		"renditions":[{"id":"main","video":{"bitrate_kbps":300,"preset":"ultrafast"}},{"id":"low","video":{"width":80,"height":44,"bitrate_kbps":100,"preset":"ultrafast"}},
			{"id":"hevc","video":{"codec":"hevc","width":80,"height":44,"bitrate_kbps":100}},{"id":"big","video":{"bitrate_kbps":400}}],
		"destinations":[
			{"id":"plain","kind":"fake","settings":{"to":"x"},"simulcast":["low"]},
			{"id":"two","kind":"webrtc","settings":{"to":"x"},"simulcast":["low","hevc"]},
			{"id":"mixed","kind":"webrtc","settings":{"to":"x"},"simulcast":["hevc"]},
			{"id":"rising","kind":"webrtc","settings":{"to":"x"},"simulcast":["big"]},
			{"id":"late","kind":"webrtc","settings":{"to":"x"},"simulcast":["low"],"delay_seconds":5}]}`)
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		k := o.OutputKinds["webrtc"]
		k.Layers = 1
		o.OutputKinds["webrtc"] = k
	})
	stop := s.live(t)
	defer stop()
	s.must(t, &GoLive{})
	for id, want := range map[string]string{
		"plain": "cannot send further renditions along", "two": "1 further renditions, not 2", "mixed": "simulcast has one codec",
		"rising": "not smaller", "late": "delayed destination",
	} {
		st := s.until(t, id+" has failed", func(st *State) bool { return destinationOf(st, id).Report.State == outputs.Failed })
		if d := destinationOf(st, id); !strings.Contains(d.Problem, want) {
			t.Errorf("%s: %q, want %q", id, d.Problem, want)
		}
	}
	s.until(t, "no encode runs", func(st *State) bool { return len(st.Renditions) == 0 })
}

// TestSimulcastWithBackup: a backup of a kind that cannot send further renditions sends
// the first, and the encode of the others ends with the destination.
func TestSimulcastWithBackup(t *testing.T) {
	show := parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
		"sources":[{"id":"a","kind":"paced","settings":{"y":80,"tone":440}}],"scenes":[{"id":"s","layers":[{"source":"a"}]}],
		"renditions":[{"id":"main","video":{"bitrate_kbps":300,"preset":"ultrafast"}},{"id":"low","video":{"width":80,"height":44,"bitrate_kbps":100,"preset":"ultrafast"}}],
		"destinations":[{"id":"d","kind":"webrtc","settings":{"to":"first","mode":"permanent"},"simulcast":["low"],
			"backups":[{"name":"other","kind":"fake","settings":{"to":"second"}}]}]}`)
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		k := o.OutputKinds["webrtc"]
		k.Layers = 2
		o.OutputKinds["webrtc"] = k
	})
	stop := s.live(t)
	defer stop()
	s.must(t, &GoLive{})
	st := s.until(t, "the backup carries it", func(st *State) bool {
		d := destinationOf(st, "d")
		return d.Chain != nil && d.Chain.Active == 1 && d.Report.State == outputs.Confirmed
	})
	if n := len(st.Renditions); n != 2 {
		t.Errorf("%d encodes run, want 2", n)
	}
	s.must(t, &StopLive{})
	s.until(t, "it has stopped", func(st *State) bool {
		return destinationOf(st, "d").Report.State == outputs.Idle && len(st.Renditions) == 0
	})
}

// takingOutput takes the layers that it is told to, as often as it is told.
type takingOutput struct {
	answers chan []bool
	got     atomic.Int64 // packets of the first layer since its last answer
	keyed   atomic.Bool  // of which the first was a keyframe
}

func (o *takingOutput) Run(ctx context.Context, feed outputs.Feed) error {
	var work sync.WaitGroup
	defer work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	low := outputs.LayersOf(feed)[0]
	if tracks := low.Tracks(); len(tracks) != 1 || tracks[0].Width != 80 {
		return fmt.Errorf("the layer is %+v", tracks)
	}
	work.Go(func() {
		for {
			select {
			case taken := <-o.answers:
				o.got.Store(0)
				outputs.TakeLayers(feed, taken)
				if !taken[0] {
					continue
				}
				for range 5 {
					p, err := low.Next(ctx)
					if err != nil {
						return
					}
					if o.got.Add(1) == 1 {
						o.keyed.Store(p.Keyframe)
					}
				}
			case <-ctx.Done():
				return
			}
		}
	})
	for {
		p, err := feed.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		feed.Report(outputs.Report{State: outputs.Confirmed, SentBytes: int64(len(p.Data)), AckedBytes: int64(len(p.Data))})
	}
}

// TestRefusedLayersAreNotEncoded: the encode of a layer that the far end refuses ends, that
// of a backup which waits with it, and begins again when it is taken; what a recording
// needs goes on.
func TestRefusedLayersAreNotEncoded(t *testing.T) {
	t.Parallel()
	show := parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
		"sources":[{"id":"a","kind":"paced","settings":{"y":80,"tone":440}}],"scenes":[{"id":"s","layers":[{"source":"a"}]}],
		"renditions":[{"id":"main","video":{"bitrate_kbps":300,"preset":"ultrafast"}},{"id":"low","video":{"width":80,"height":44,"bitrate_kbps":100,"preset":"ultrafast"}}],
		"destinations":[{"id":"d","kind":"webrtc","settings":{"to":"first"},"simulcast":["low"],"backups":[{"name":"other","settings":{"to":"second"}}]}],
		"recordings":[{"id":"rec","rendition":"low","settings":{"to":"file"}}]}`)
	out := &takingOutput{answers: make(chan []bool)}
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		k := o.OutputKinds["webrtc"]
		k.Layers, k.New = 2, func(json.RawMessage, outputs.Options) (outputs.Output, error) { return out, nil }
		o.OutputKinds["webrtc"] = k
	})
	stop := s.live(t)
	defer stop()
	s.must(t, &GoLive{})
	encodes := func(n int, ids ...string) func(*State) bool {
		return func(st *State) bool {
			d := destinationOf(st, "d")
			sum := 0
			for _, r := range st.Renditions {
				for _, id := range ids {
					if r.ID == id {
						sum += map[string]int{"main": 300_000, "low": 100_000}[id]
					}
				}
			}
			sound := d.TargetBPS - int64(sum)
			return len(st.Renditions) == n && d.Report.State == outputs.Confirmed && sound > 0 && sound < 300_000
		}
	}
	s.until(t, "both are encoded before the far end has answered", encodes(2, "main", "low"))
	for range 2 {
		out.answers <- []bool{false}
		s.until(t, "the refused one is not encoded", encodes(1, "main"))
		out.answers <- []bool{true}
		s.until(t, "it is encoded again", encodes(2, "main", "low"))
		s.until(t, "its pictures come", func(*State) bool { return out.got.Load() == 5 })
		if !out.keyed.Load() {
			t.Error("the first picture of a layer that is taken again is no keyframe")
		}
	}
	written := func() int {
		file := s.outs.of("file")
		file.mu.Lock()
		defer file.mu.Unlock()
		return len(file.packets)
	}
	s.must(t, &StartRecording{})
	s.until(t, "the recording has pictures", func(*State) bool { return written() > 5 })
	out.answers <- []bool{false}
	s.until(t, "the recording's encode goes on", func(st *State) bool {
		return len(st.Renditions) == 2 && destinationOf(st, "d").TargetBPS < 500_000
	})
	n := written()
	s.until(t, "the recording gets more", func(*State) bool { return written() > n+5 })
	out.answers <- []bool{true}
	s.until(t, "pictures of the shared encode come", func(*State) bool { return out.got.Load() == 5 })
	if !out.keyed.Load() {
		t.Error("the first picture of a shared encode is no keyframe")
	}
	s.must(t, &StopLive{})
	s.must(t, &StopRecording{})
	s.until(t, "nothing is encoded", func(st *State) bool { return len(st.Renditions) == 0 })
}
