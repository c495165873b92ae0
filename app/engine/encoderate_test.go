package engine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// What an encode does now is seen after ten good hours, and forgotten when it is well again.
func TestEncodeRateIsOfNow(t *testing.T) {
	var r encodeRate
	var sum encodeTotals
	now := time.Duration(0)
	second := func(frames, dropped int64) {
		now += time.Second
		sum.frames += frames
		sum.dropped += dropped
		sum.bytes += frames * 25_000
		sum.busy += frames * int64(30*time.Millisecond)
		r.turn(now, sum)
	}
	for range 10 * 3600 {
		second(30, 0)
	}
	if ms, bps, dropping, late := r.state(now); ms != 30 || bps != 6_000_000 || dropping != 0 || late {
		t.Errorf("well: %v ms, %d b/s, %v dropped, late %v", ms, bps, dropping, late)
	}
	second(27, 3)
	if _, bps, dropping, late := r.state(now); bps != 5_400_000 || dropping != 0.1 || !late {
		t.Errorf("every tenth dropped: %d b/s, %v dropped, late %v", bps, dropping, late)
	}
	for range 9 {
		second(30, 0)
	}
	if _, _, dropping, late := r.state(now); dropping != 0 || !late {
		t.Errorf("9 s later: %v dropped, late %v", dropping, late)
	}
	second(30, 0)
	if _, _, _, late := r.state(now); late {
		t.Error("10 s later it is still late")
	}
	r.turn(now+time.Millisecond, encodeTotals{sum.frames + 1, 0, sum.bytes, sum.busy})
	if _, bps, _, _ := r.state(now); bps != 6_000_000 {
		t.Errorf("a moment counts as a second: %d b/s", bps)
	}
}

// While pictures are dropped that is said.
func TestLateEncodersAreSaid(t *testing.T) {
	s := &State{Renditions: []RenditionState{{ID: "main", Late: true}, {ID: "small"}}}
	if w := troubles(s); len(w) != 1 || w[0].Key != "late encoder main" {
		t.Errorf("the operator is told %+v", w)
	}
}

// So it is of sound: of a bus by its name, of a source's own recording by the source's.
func TestLateSoundIsSaid(t *testing.T) {
	e := &Engine{clock: media.NewVirtualClock(), desk: newDesk(), inputs: map[string]*input{"mic": {def: scenes.Source{ID: "mic", Name: "Mic"}}}}
	e.desk.buses["pgm"] = &deskBus{def: scenes.Bus{ID: "pgm", Name: "Programme"}}
	e.outs = newDeliveries(e)
	full := func(bus, source string) *audioRunner {
		return &audioRunner{bus: bus, source: source, clock: e.clock, jobs: make(chan soundJob)}
	}
	r := &runners{audio: []*audioRunner{full("pgm", ""), full("pgm", ""), full("iso mic", "mic"), full("aux", "")}}
	e.outs.active.Store(r)
	at := func(now time.Duration) []string {
		if err := e.clock.WaitUntil(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		e.outs.second(now)
		return e.outs.lateSounds()
	}
	if got := at(time.Second); len(got) != 0 {
		t.Errorf("nothing was left out of %q", got)
	}
	for _, a := range r.audio[:3] {
		a.offer(make([]float32, 3200), 0, false)
	}
	got := at(2 * time.Second)
	if !slices.Equal(got, []string{"Mic", "Programme"}) {
		t.Errorf("left out of %q", got)
	}
	w := troubles(&State{LateSounds: got[:1]})
	if len(w) != 1 || !strings.HasPrefix(w[0].Text, "The sound encoder of Mic does not keep up") {
		t.Errorf("the operator is told %+v", w)
	}
	if got := at(13 * time.Second); len(got) != 0 {
		t.Errorf("after 11 s it is still said of %q", got)
	}
}
