package ui

import (
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

func TestCardTellsItsIngests(t *testing.T) {
	s := liveState()
	b := newBench(t, s)
	c := b.keys.outputs.cards[0]
	before := c.height()
	if c.chain.full != "" {
		t.Errorf("a destination with one ingest says %q", c.chain.full)
	}
	d := &s.Destinations[0]
	d.Chain = &engine.IngestChain{Active: 1, Ingests: []engine.IngestState{
		{Name: "primary", State: outputs.Waiting}, {Name: "Oslo", State: outputs.Confirmed}, {Name: "backup 2", State: outputs.Idle},
	}, Switches: []engine.IngestSwitch{{At: time.Date(2026, 5, 1, 20, 1, 2, 0, time.Local), From: "primary", To: "Oslo", Cause: "nothing was acknowledged for 1.8 s"}}}
	d.TargetBPS, d.EncoderBPS = 6_160_000, 2_160_000
	b.show(s)
	wantLabel(t, "its ingests", c.chain, "primary retrying   ▸ Oslo LIVE   backup 2 ready")
	wantLabel(t, "its last change", c.change, "20:01:02 to Oslo: nothing was acknowledged for 1.8 s")
	if !strings.Contains(c.facts.full, "encoder 2.2 Mb/s of 6.2 Mb/s") {
		t.Errorf("its numbers %q do not tell the encoder's", c.facts.full)
	}
	if got := c.height() - before; got != 2*cardProblem {
		t.Errorf("the card grew by %v for two lines", got)
	}
	// The graph has the encoder's aim and the queue.
	d.Queue = 450 * time.Millisecond
	s.Time += time.Second
	b.show(s)
	if p := c.graph.points[graphSeconds-1]; p.aim != 2_160_000 || p.full != 0.5 {
		t.Errorf("the newest second is %+v", p)
	}
}

func TestGroupButtons(t *testing.T) {
	s := aState()
	b := newBench(t, s)
	p := b.keys.outputs
	if len(p.groups) != 0 {
		t.Fatal("there are buttons for no groups")
	}
	s.Destinations[0].Group = "east"
	b.show(s)
	if len(p.groups) != 1 {
		t.Fatalf("%d buttons, want one", len(p.groups))
	}
	wantLabel(t, "the button", p.groups[0].caption, "GO east")
	p.toggleGroup("east")
	wantSent(t, b, &engine.GoLive{Group: "east"})
	s.Destinations[0].Started = true
	b.show(s)
	wantLabel(t, "the button", p.groups[0].caption, "STOP east")
	p.toggleGroup("east")
	wantSent(t, b, &engine.StopLive{Group: "east"})
}

func TestPlanKeepsWhatItDoesNotShow(t *testing.T) {
	key := "other"
	d := scenes.Destination{ID: "a", Kind: "srt", Bus: "clean", Credential: "key", Enabled: true, Settings: []byte(`{"url":"srt://one:1","latency_ms":300}`),
		Backups: []scenes.Ingest{{Name: "Oslo", Kind: "srt", Settings: []byte(`{"url":"srt://two:2","stream_id":"x"}`), Credential: &key}},
		Standby: scenes.Hot, BackAfterSeconds: 30, Group: "east"}
	b := newBench(t, aState())
	f := b.keys.outputs.form
	f.plan.set(planOf(d))
	if got := withPlan(d, f.plan.values); got.Group != "east" || got.Bus != "clean" || got.Standby != scenes.Hot || got.BackAfterSeconds != 30 || !got.Enabled ||
		len(got.Backups) != 1 || got.Backups[0].Name != "Oslo" || *got.Backups[0].Credential != "other" {
		t.Errorf("unchanged, it became %+v", got)
	}
	f.plan.values["backups"] = []byte(`["rtmp://three/app", "srt://two:2", "srt://four:4", " "]`)
	f.plan.values["delay_seconds"] = []byte(`20`)
	got := withPlan(d, f.plan.values)
	if got.DelaySeconds != 20 || len(got.Backups) != 3 {
		t.Fatalf("%+v", got)
	}
	if in := got.Backups[0]; in.Kind != "rtmp" || string(in.Settings) != `{"url":"rtmp://three/app"}` {
		t.Errorf("of another protocol: %+v", in)
	}
	if in := got.Backups[1]; in.Name != "Oslo" {
		t.Errorf("one that was there: %+v", in)
	}
	if in := got.Backups[2]; in.Kind != "srt" || string(in.Settings) != `{"latency_ms":300,"url":"srt://four:4"}` {
		t.Errorf("a new one: %+v", in)
	}
}
