package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/scenes"
)

// stressShow has a source of every temper and a destination of every temper.
func stressShow(t testing.TB) *scenes.Show {
	doc := strings.Replace(smallShow, `"sources": [`, `"sources": [
  {"id": "cam", "kind": "live", "settings": {"y": 90, "tone": 500}},
  {"id": "mic", "kind": "microphone", "settings": {"tone": 300}},
  {"id": "weak", "kind": "paced", "settings": {"y": 50, "fail_after": 7}},
  {"id": "wild", "kind": "live", "settings": {"y": 50, "panic_after": 9}},
  {"id": "wrong", "kind": "paced", "settings": {"refuse": true}},
  {"id": "unknown", "kind": "hologram"},`, 1)
	doc = strings.Replace(doc, `"destinations": [`, `"destinations": [
  {"id": "slow", "kind": "fake", "rendition": "main", "settings": {"to": "slow", "mode": "slow"}},
  {"id": "fails", "kind": "fake", "rendition": "same", "settings": {"to": "fails", "mode": "fail"}},
  {"id": "final", "kind": "fake", "rendition": "small", "settings": {"to": "final", "mode": "permanent"}},
  {"id": "refused", "kind": "fake", "rendition": "main", "settings": {"mode": "refuse"}},
  {"id": "nobody", "kind": "pigeon", "rendition": "main"},`, 1)
	return parse(t, doc)
}

// TestStress gives commands from several goroutines, opens and closes views, starts,
// stops, adds, removes and restarts at random for a while; then everything ends
// in time and nothing is left: no goroutine, no file, no picture.
func TestStress(t *testing.T) {
	attempts.Run(t, 2, func(a *attempts.T) { stress(a) }) // the end has a limit
}

func stress(t testing.TB) {
	th := thread(t)
	before := testkit.Measure(t)
	s := newStudio(t, stressShow(t), media.NewRealClock(), func(o *Options) {
		o.Thread = th
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(t, ctx)
	var wg sync.WaitGroup
	var did, refused, pictures atomic.Int64
	began := time.Now()
	goOn := func() bool {
		enough := did.Load() >= 200 && refused.Load() > 0 && pictures.Load() > 0
		return time.Since(began) < 6*time.Second || !enough && time.Since(began) < 30*time.Second
	}
	for id := range uint64(3) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(id, 7))
			for goOn() {
				dest := []string{"d1", "d2", "d3", "slow", "fails", "final", "refused", "nobody"}[r.IntN(8)]
				src := []string{"a", "b", "c", "cam", "mic", "weak", "wild", "title", "wrong", "unknown", "extra"}[r.IntN(11)]
				choice := []Command{
					GoLive{Destinations: []string{dest}}, StopLive{Destinations: []string{dest}}, GoLive{}, StopLive{},
					StartRecording{}, StopRecording{}, RestartSource{Source: src}, Seek{Source: src}, Cut{Scene: src},
					AddSource{scenes.Source{ID: "extra", Kind: []string{"paced", "live", "still"}[r.IntN(3)], Settings: []byte(`{"y": 77, "tone": 200}`)}},
					RemoveSource{ID: "extra", Cascade: true},
					UpdateSource{scenes.Source{ID: "c", Kind: []string{"paced", "live"}[r.IntN(2)], Settings: []byte(`{"y": 200}`)}},
				}
				for _, c := range randomCommands(r, 12, 1, true) {
					choice = append(choice, c.Command)
				}
				if s.Do(choice[r.IntN(len(choice))]) != nil {
					refused.Add(1)
				}
				did.Add(1)
			}
		})
	}
	wg.Go(func() {
		r := rand.New(rand.NewPCG(9, 9))
		var open []*View
		for goOn() {
			switch r.IntN(4) {
			case 0:
				open = append(open, s.OpenView(ViewSpec{Bus: ViewBus(1 + r.IntN(3)), ID: []string{"a", "two", "title", "none"}[r.IntN(4)],
					Width: r.IntN(200), Height: r.IntN(120), FPS: float64(r.IntN(40))}))
			case 1:
				if len(open) > 0 {
					i := r.IntN(len(open))
					open[i].Close()
					open = append(open[:i], open[i+1:]...)
				}
			default:
				for _, v := range open {
					if f := v.Latest(); f != nil {
						pictures.Add(1)
						f.Release()
					}
					v.SetHidden(r.IntN(8) == 0)
				}
			}
			_ = s.State()
			time.Sleep(3 * time.Millisecond)
		}
	})
	wg.Wait()
	cancel()
	ending := time.Now()
	finish(t, done, time.Minute)
	if d := time.Since(ending); d > 5*time.Second {
		t.Errorf("the stop took %v", d)
	}
	if did.Load() < 200 || refused.Load() == 0 || pictures.Load() == 0 {
		t.Errorf("%d commands, %d refused, %d pictures seen: too little was tried", did.Load(), refused.Load(), pictures.Load())
	}
	if err := s.Do(Cut{}); !errors.Is(err, ErrStopped) {
		t.Errorf("Do after the end: %v, want ErrStopped", err)
	}
	s.noFrames(t)
	testkit.Settles(t, before, 200<<20, 5*time.Second)
	t.Logf("%d commands (%d refused), %d view pictures", did.Load(), refused.Load(), pictures.Load())
}
