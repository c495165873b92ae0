package ui

import (
	"fmt"
	"math"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

func TestBankShowsScenesSourcesOrBoth(t *testing.T) {
	b := newBench(t, aState())
	p := b.keys.bank
	names := func() (out []string) {
		for _, c := range p.cells {
			out = append(out, c.name.full)
		}
		return out
	}
	for tab, want := range [][]string{{"Wide", "Close"}, {"Camera 1", "Camera 2"}, {"Wide", "Close", "Camera 1", "Camera 2"}} {
		press(p.tabs[tab])
		if got := names(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("tab %d shows %v, want %v", tab, got, want)
		}
	}
}

// A show without a scene has its sources in the bank, until it has one; who has asked for the
// sources keeps them.
func TestBankShowsTheFirstSceneOfAShow(t *testing.T) {
	with := func(list []scenes.Scene) *engine.State {
		s := aState()
		s.Show.Scenes = list
		return s
	}
	all := aShow().Scenes
	b := newBench(t, with(nil))
	p := b.keys.bank
	for i, c := range []struct {
		press  int // a tab, or -1
		scenes []scenes.Scene
		want   string
	}{
		{-1, nil, "Camera 1"},
		{-1, all[:1], "Wide"},
		{-1, nil, "Camera 1"},
		{tabScenes, nil, "Camera 1"},
		{-1, all, "Wide"},
		{tabSources, all, "Camera 1"},
		{-1, nil, "Camera 1"},
		{-1, all, "Camera 1"},
		{tabScenes, nil, "Camera 1"},
		{tabSources, all, "Camera 1"},
	} {
		if c.press >= 0 {
			press(p.tabs[c.press])
		}
		b.show(with(c.scenes))
		if got := p.cells[0].name.full; got != c.want {
			t.Errorf("step %d: with %d scenes the bank begins with %s, want %s", i, len(c.scenes), got, c.want)
		}
	}
}

func TestBankSaysWhenASourceIsLate(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	step := func(change func(*engine.SourceState)) {
		next := *s
		next.Sources = append([]engine.SourceState(nil), s.Sources...)
		next.Time += time.Second
		change(&next.Sources[1])
		s = &next
		b.show(s)
	}
	badge := b.keys.bank.cells[1].badgeText
	step(func(v *engine.SourceState) { v.Dropped = 3 })
	wantLabel(t, "pictures were lost", badge, "LATE")
	step(func(*engine.SourceState) {})
	wantLabel(t, "a second later", badge, "")
	step(func(v *engine.SourceState) { v.Underruns = 4800 })
	wantLabel(t, "sound was lost", badge, "LATE")
	step(func(v *engine.SourceState) { v.Underruns, v.Status = 9600, engine.SourceLost })
	wantLabel(t, "lost is worse than late", badge, "LOST")
}

func TestCellsOutOfViewCostNothing(t *testing.T) {
	s := aState()
	for i := range 60 {
		s.Show.Scenes = append(s.Show.Scenes, scenes.Scene{ID: fmt.Sprintf("s%d", i), Name: "Scene", Layers: s.Show.Scenes[0].Layers})
	}
	b := newBench(t, s)
	b.desk.views.take(time.Now())
	pictures := b.studio.opened()
	awake := func() (n int) {
		for _, c := range b.keys.bank.cells {
			if !c.view.asleep.Load() {
				n++
			}
		}
		return n
	}
	n := awake()
	if n == 0 || n == len(b.keys.bank.cells) {
		t.Fatalf("%d of %d cells are in view", n, len(b.keys.bank.cells))
	}
	if got := len(pictures); got != n+2 {
		t.Errorf("%d pictures are open, want those of the %d cells in view and the monitors", got, n)
	}
	b.keys.bank.Hide()
	b.show(s)
	if n := awake(); n != 0 {
		t.Errorf("%d cells of a hidden bank are awake", n)
	}
	b.desk.views.take(time.Now())
	hidden := 0
	for _, p := range pictures {
		if p.hidden.Load() {
			hidden++
		}
	}
	if hidden != n {
		t.Errorf("%d pictures were told that they are hidden, want %d", hidden, n)
	}
}

func TestCellShowsTheLoudestOfItsSound(t *testing.T) {
	s := aState()
	silent := math.Inf(-1)
	s.Sources[0].Meter.PeakDB = [2]float64{-30, -15}
	s.Sources[1].Meter.PeakDB = [2]float64{silent, silent}
	b := newBench(t, s)
	c := b.keys.bank.cells
	if got, want := c[0].bar.Size().Height, c[0].track.Size().Height*45/60; math.Abs(float64(got-want)) > 1 {
		t.Errorf("-15 dBFS is %v high of %v, want %v", got, c[0].track.Size().Height, want)
	}
	wantColor(t, "-15 dBFS", c[0].bar.FillColor, colMeterMid)
	if h := c[1].bar.Size().Height; h != 0 {
		t.Errorf("silence is %v high", h)
	}
	s.Sources[1].HasAudio = false
	b.show(s)
	if c[1].bar.Visible() || c[1].track.Visible() {
		t.Error("a scene without sound has a bar")
	}
}

func TestTimecode(t *testing.T) {
	for _, c := range []struct {
		tick int64
		fps  media.Rational
		want string
	}{
		{0, media.NewRational(30, 1), "00:00:00:00"},
		{29, media.NewRational(30, 1), "00:00:00:29"},
		{30*3661 + 7, media.NewRational(30000, 1001), "01:01:01:07"},
		{50 * 60, media.NewRational(50, 1), "00:01:00:00"},
	} {
		if got := timecode(c.tick, c.fps); got != c.want {
			t.Errorf("tick %d at %v: %s, want %s", c.tick, c.fps, got, c.want)
		}
	}
}
