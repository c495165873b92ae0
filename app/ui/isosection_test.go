package ui

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// sentOne is the one command that was sent since it was last asked.
func sentOne(t *testing.T, b *bench) engine.Command {
	t.Helper()
	list := b.sent(t)
	if len(list) != 1 {
		t.Fatalf("%d commands were sent", len(list))
	}
	return list[0]
}

func recordableState() *engine.State {
	s := aState()
	for i := range s.Sources {
		s.Sources[i].Recordable = true
	}
	return s
}

func TestISOMatrix(t *testing.T) {
	s := recordableState()
	s.Show.ISO.Sources = []string{"cam2"}
	b := newBench(t, s)
	p := b.keys.outputs.iso
	if len(p.rows) != 2 {
		t.Fatalf("%d rows", len(p.rows))
	}
	wantColor(t, "the source that is not chosen", p.rows[0].chosen.back.FillColor, colControl)
	wantColor(t, "the source that is chosen", p.rows[1].chosen.back.FillColor, colLit)
	wantLabel(t, "at rest", p.rows[0].state, "off")
	wantLabel(t, "chosen", p.rows[1].state, "with REC")
	s.Recording = true // and was before the source was chosen
	b.show(s)
	wantLabel(t, "chosen too late", p.rows[1].state, "from the next REC")
	s.Recording = false
	b.show(s)

	p.rows[0].chosen.press()
	if c, ok := sentOne(t, b).(*engine.SetISO); !ok || !slices.Equal(c.ISO.Sources, []string{"cam2", "cam1"}) {
		t.Errorf("chosen: %+v", c)
	}
	p.rows[1].chosen.press()
	if c, ok := sentOne(t, b).(*engine.SetISO); !ok || len(c.ISO.Sources) != 0 {
		t.Errorf("not chosen any more: %+v", c)
	}
	p.all.press()
	if c, ok := sentOne(t, b).(*engine.SetISO); !ok || len(c.ISO.Sources) != 2 {
		t.Errorf("all: %+v", c)
	}
	p.rows[0].act.press()
	if c, ok := sentOne(t, b).(*engine.StartISO); !ok || !slices.Equal(c.Sources, []string{"cam1"}) {
		t.Errorf("started: %+v", c)
	}

	s = recordableState()
	s.Show.ISO.Sources = []string{"cam1"}
	s.ISOs = []engine.DestinationState{{ID: "cam1", Kind: "record", Started: true, Uptime: 65 * time.Second, Report: outputs.Report{State: outputs.Confirmed, SentBytes: 12e6}}}
	b.show(s)
	wantLabel(t, "recording", p.rows[0].state, "1:05  12 MB")
	wantColor(t, "the source that is recorded", p.rows[0].chosen.back.FillColor, colProgram)
	wantLabel(t, "its button", p.rows[0].act.main.caption, "Stop")
	at := p.rows[0].act.Position()
	press(p.rows[0].act.main)
	press(p.rows[0].act.yes) // the second half of a double click
	wantSent(t, b)
	if a := p.rows[0].act; a.question.full != "Stop?" || a.Position().X >= at.X || p.rows[0].state.Position().X+p.rows[0].state.width > a.Position().X {
		t.Errorf("it asks %q at %v, where the state has %v from %v on", a.question.full, a.Position(), p.rows[0].state.width, p.rows[0].state.Position())
	}
	b.clock = b.clock.Add(doubleClick)
	press(p.rows[0].act.yes)
	if p.rows[0].act.Position() != at {
		t.Error("the question is over, and has not given its place back")
	}
	if c, ok := sentOne(t, b).(*engine.StopISO); !ok || !slices.Equal(c.Sources, []string{"cam1"}) {
		t.Errorf("stopped: %+v", c)
	}
	slow := *s
	slow.ISOs = slices.Clone(s.ISOs)
	slow.ISOs[0].Report.State, slow.ISOs[0].Report.Detail = outputs.Degraded, "the disk is slow; nothing is lost yet (a.mkv)"
	b.show(&slow)
	wantLabel(t, "behind", p.rows[0].state, "the disk is slow; nothing is lost yet (a.mkv)")
	wantColor(t, "behind", p.rows[0].state.Color, colWarn)
	slow.ISOs[0].Report = outputs.Report{State: outputs.Connecting, Detail: "begins when the one before has ended"}
	b.show(&slow)
	wantLabel(t, "its start is delayed", p.rows[0].state, "begins when the one before has ended")
	b.keys.down(fyne.KeyP, 0) // nothing of it can be paused
	b.keys.down(fyne.KeyN, 0)
	if _, ok := sentOne(t, b).(*engine.SplitRecording); !ok {
		t.Error("N begins no new file of a source that is recorded on its own")
	}
	s = recordableState()
	s.Sources = s.Sources[:1]
	b.show(s)
	if len(p.rows) != 1 {
		t.Errorf("%d rows after a source has gone", len(p.rows))
	}
}

// TestFirstISOChoice: in a show that says nothing of ISO recordings the first choice makes
// them as in new shows; what a show says of them stays.
func TestFirstISOChoice(t *testing.T) {
	for _, c := range []struct {
		name string
		iso  scenes.ISO
		want string
	}{
		{"nothing said", scenes.ISO{WithRecording: true, Codec: scenes.ISOEncode}, scenes.ISOAuto},
		{"chosen before", scenes.ISO{WithRecording: true, Codec: scenes.ISOEncode, Sources: []string{"cam2"}}, scenes.ISOEncode},
		{"set up before", scenes.ISO{WithRecording: true, Codec: scenes.ISOEncode, Settings: json.RawMessage(`{"path":"iso"}`)}, scenes.ISOEncode},
		{"to be copied", scenes.ISO{WithRecording: true, Codec: scenes.ISOCopy}, scenes.ISOCopy},
	} {
		s := recordableState()
		s.Show.ISO = c.iso
		b := newBench(t, s)
		for _, press := range []*button{b.keys.outputs.iso.rows[0].chosen, b.keys.outputs.iso.all} {
			press.press()
			if got, ok := sentOne(t, b).(*engine.SetISO); !ok || got.ISO.Codec != c.want {
				t.Errorf("%s: %+v, want the codec %q", c.name, got, c.want)
			}
		}
	}
}

// TestISOOfSoundAlone: a microphone has a row, which says so, and is no angle.
func TestISOOfSoundAlone(t *testing.T) {
	s := recordableState()
	s.Sources = append(s.Sources, engine.SourceState{ID: "mic", Name: "Desk mic", Recordable: true, HasAudio: true})
	b := newBench(t, s)
	rows := b.keys.outputs.iso.rows
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	wantLabel(t, "its name", rows[2].name, "Desk mic (sound)")
	if list := angleSources(s); len(list) != 2 {
		t.Errorf("%d angles", len(list))
	}
}

func TestReplayControls(t *testing.T) {
	s := recordableState()
	s.Show.Replay.Angles = []string{"cam1"}
	b := newBench(t, s)
	p := b.keys.outputs.replay
	wantLabel(t, "at rest", p.facts, "off")
	p.run.press()
	if _, ok := sentOne(t, b).(*engine.StartReplay); !ok {
		t.Error("it was not started")
	}
	runs := recordableState()
	runs.Replay.Running = true
	b.show(runs)
	b.clock = b.clock.Add(doubleClick - time.Millisecond)
	p.run.press() // the second half of a double click
	wantSent(t, b)
	p.run.takeBack()
	b.clock = b.clock.Add(doubleClick)
	p.run.press()
	wantSent(t, b)
	wantLabel(t, "the question", p.run.question, "Stop, and forget what is kept?")
	if p.save.Visible() || p.run.Size().Width < p.Size().Width {
		t.Error("the question has not the room of the row")
	}
	p.run.no.press()
	wantSent(t, b)
	p.run.press()
	b.clock = b.clock.Add(doubleClick)
	p.run.yes.press()
	wantSent(t, b, &engine.StopReplay{})
	if !p.save.Visible() {
		t.Error("the row does not come back after the answer")
	}
	b.show(s)
	var told []string
	b.desk.said = func(text string) { told = append(told, text) }
	p.speeds[1].press() // nothing shows replays
	if list := b.sent(t); len(list) != 0 {
		t.Errorf("played on nothing: %v", list)
	}
	s = recordableState()
	s.Show.Replay.Angles = []string{"cam1"}
	s.Sources = append(s.Sources, engine.SourceState{ID: "again", Name: "Again", Kind: "replay"})
	s.Replay = engine.ReplayState{Running: true, Held: 20 * time.Second, Bytes: 14e6, HasIn: true}
	b.show(s)
	wantLabel(t, "running", p.facts, "20 s kept, 14 MB")
	wantColor(t, "the in point", p.in.back.FillColor, colAmber)
	p.save.press()
	if c, ok := sentOne(t, b).(*engine.SaveReplay); !ok || c.Angle != "" {
		t.Errorf("saved: %+v", c)
	}
	done := *s
	done.Replay.Saved, done.Replay.HasOut = "/videos/20-15 Replay.mkv", true // which the marks would hide
	b.show(&done)
	b.show(&done)
	if len(told) != 1 || told[0] != "The replay is saved: 20-15 Replay.mkv." {
		t.Errorf("of a replay that was saved it says %q", told)
	}
	p.angle.press()
	b.show(s)
	wantLabel(t, "the angle", p.angle.caption, "Camera 1")
	p.out.press()
	if c, ok := sentOne(t, b).(*engine.MarkReplay); !ok || c.Point != "out" {
		t.Errorf("marked: %+v", c)
	}
	p.speeds[1].press()
	if c, ok := sentOne(t, b).(*engine.PlayReplay); !ok || *c != (engine.PlayReplay{Source: "again", Angle: "cam1", Speed: 0.5}) {
		t.Errorf("played: %+v", c)
	}
}

// The first replay of a show needs no source to be added by hand.
func TestReplayAddsWhatShowsIt(t *testing.T) {
	s := recordableState()
	services := buildServices()
	services.SourceKinds["replay"] = sources.Kind{Name: "replay", Title: "Instant replay", HasVideo: true, HasAudio: true}
	b := newBenchWith(t, s, services)
	p := b.keys.outputs.replay
	p.speeds[1].press() // nothing is kept
	wantSent(t, b)
	s.Replay.Running = true
	b.show(s)
	p.speeds[1].press()
	wantSent(t, b,
		&engine.AddSource{Source: scenes.Source{ID: "instant-replay", Name: "Instant replay", Kind: "replay", Audio: scenes.Strip{OnAir: scenes.OnAirAFV}}},
		&engine.Preview{Scene: "instant-replay"}, &engine.PlayReplay{Source: "instant-replay", Speed: 0.5})
}

func TestReplaySettings(t *testing.T) {
	s := recordableState()
	s.Show.Replay = scenes.Replay{Seconds: 20, Angles: []string{"cam1"}, Settings: json.RawMessage(`{"path":"replays","pattern":"x"}`)}
	b := newBench(t, s)
	p := b.keys.outputs.replay
	before := b.keys.outputs.list.min.Height
	p.set.press()
	if !p.setting.Visible() || b.keys.outputs.list.min.Height <= before {
		t.Fatal("the settings do not open")
	}
	f := p.setting.form
	if got := []string{f.rows[0].entry.Text, f.rows[1].choice.names[f.rows[1].choice.chosen], f.rows[2].entry.Text, f.rows[3].text()}; !slices.Equal(got, []string{"20", "first", "replays", `"mkv"`}) {
		t.Errorf("the form shows %q", got)
	}
	for _, c := range []struct {
		text  string
		wrong bool
	}{{"0", true}, {"601", true}, {"a lot", true}, {"1.5", true}, {"90", false}} {
		f.rows[0].entry.SetText(c.text)
		f.rows[0].done()
		if f.rows[0].wrong() != c.wrong {
			t.Errorf("%q: %q", c.text, f.rows[0].problem.text)
		}
	}
	want := s.Show.Replay
	want.Seconds, want.Settings = 90, json.RawMessage(`{"path":"replays","pattern":"x"}`)
	wantSent(t, b, &engine.SetReplay{Replay: want})
	s.Show.Replay = want
	b.show(s)
	f.rows[3].choice.pick(1)
	want.Settings = json.RawMessage(`{"container":"mp4","path":"replays","pattern":"x"}`)
	wantSent(t, b, &engine.SetReplay{Replay: want})

	if n := len(p.setting.angles); n != 2 || p.setting.angles[1].id != "cam2" {
		t.Fatalf("%d sources can be angles", n)
	}
	p.setting.angles[1].press()
	if c, ok := sentOne(t, b).(*engine.SetReplay); !ok || !slices.Equal(c.Replay.Angles, []string{"cam1", "cam2"}) {
		t.Errorf("chosen: %+v", c)
	}
	p.setting.angles[0].press()
	if c, ok := sentOne(t, b).(*engine.SetReplay); !ok || len(c.Replay.Angles) != 0 {
		t.Errorf("taken away: %+v", c)
	}
	if p.setting.note.Visible() {
		t.Error("at rest it says that changes wait")
	}
	s.Replay.Running = true
	b.show(s)
	if !p.setting.note.Visible() {
		t.Error("while it runs it does not say that changes wait")
	}
	b.golden(t, "replay-settings", p)
}
