package ui

import (
	"encoding/json"
	"image/color"
	"math"
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// soundState is aState with three mixes and a strip with inserts.
func soundState() *engine.State {
	s := aState()
	s.Show.Buses = []scenes.Bus{{ID: "pgm", Name: "Programme"}, {ID: "aux", Name: "Foldback"}, {ID: "guest", Name: "Guest", MixMinus: []string{"cam2"}}}
	for _, b := range s.Show.Buses {
		s.Buses = append(s.Buses, engine.BusState{ID: b.ID, Name: b.Name, Listening: b.ID == "pgm"})
	}
	strip := &s.Sources[0].Strip
	strip.OnAir = scenes.OnAirAFV
	strip.Sends = []scenes.Send{{Bus: "aux", GainDB: -10, Pre: true, On: true}}
	for _, kind := range []string{"highpass", "compressor"} {
		in := scenes.NewInsert(kind)
		in.ID = kind
		strip.Inserts = append(strip.Inserts, in)
	}
	s.Sources[0].Inserts = []engine.InsertState{{ID: "highpass"}, {ID: "compressor", ReductionDB: 4.2}}
	s.Show.Sources[0].Audio = *strip
	return s
}

func TestStripsSayHowTheirSoundIs(t *testing.T) {
	s := soundState()
	b := newBench(t, s)
	a := b.keys.audio.strips[0]
	wantLabel(t, "follow", a.follow.caption, "AFV")
	wantLabel(t, "solo", a.solo.caption, a.short("SOLO"))
	wantLabel(t, "word", a.state, "")
	s.Sources[0].Solo, s.Sources[0].Status = "pfl", engine.SourceLost
	b.show(s)
	wantLabel(t, "solo", a.solo.caption, a.short("PFL"))
	wantLabel(t, "word", a.state, "LOST")
	if !b.keys.audio.soloOff.Visible() {
		t.Error("nothing says that a solo is on")
	}
	press(b.keys.audio.soloOff)
	press(a.solo)
	press(b.keys.audio.strips[1].solo)
	press(b.keys.audio.soloKind)
	press(b.keys.audio.strips[1].solo)
	press(a.follow)
	wantSent(t, b, &engine.SoloSource{}, &engine.SoloSource{Source: "cam1", Mode: "off"}, &engine.SoloSource{Source: "cam2", Mode: "afl"},
		&engine.SoloSource{Source: "cam2", Mode: "pfl"}, &engine.SetStrip{Source: "cam1", OnAir: ptr(scenes.OnAirOn)})
}

// M mutes what has the keyboard, else the source that is chosen, whatever the faders show,
// and the master only where there is neither.
func TestTheKeyMutesWhatTheOperatorIsAt(t *testing.T) {
	muted := func(source string) engine.Command { return &engine.SetStrip{Source: source, Muted: ptr(true)} }
	for _, c := range []struct {
		name   string
		focus  func(*audioPanel) fyne.Focusable
		chosen string
		bus    string
		want   engine.Command
	}{
		{"nothing", nil, "", "pgm", &engine.SetMaster{Muted: ptr(true)}},
		{"a fader with the keyboard", func(p *audioPanel) fyne.Focusable { return p.strips[1].fader }, "", "pgm", muted("cam2")},
		{"a fader with the keyboard, another is chosen", func(p *audioPanel) fyne.Focusable { return p.strips[1].pan }, "cam1", "pgm", muted("cam2")},
		{"the master with the keyboard, a source is chosen", func(p *audioPanel) fyne.Focusable { return p.master.fader }, "cam1", "pgm", &engine.SetMaster{Muted: ptr(true)}},
		{"chosen", nil, "cam1", "pgm", muted("cam1")},
		{"chosen, a mix is on the faders", nil, "cam1", "aux", muted("cam1")},
		{"a send with the keyboard", func(p *audioPanel) fyne.Focusable { return p.strips[0].fader }, "cam2", "aux", &engine.SetSend{Source: "cam1", Bus: "aux", On: ptr(false)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := soundState()
			b := newBench(t, s)
			p := b.keys.audio
			p.choose(c.bus)
			if c.chosen != "" {
				b.desk.sound = soundChoice{source: c.chosen}
			}
			b.show(s)
			if c.focus != nil {
				b.canvas.Focus(c.focus(p))
			}
			b.desk.keyDown(&fyne.KeyEvent{Name: fyne.KeyM})
			wantSent(t, b, c.want)
		})
	}
}

func TestABusPutsItsSendsOnTheFaders(t *testing.T) {
	s := soundState()
	b := newBench(t, s)
	p := b.keys.audio
	press(p.buses.tabs[1])
	a, other := p.strips[0], p.strips[1]
	wantLabel(t, "master", p.master.name.caption, "Foldback")
	wantLabel(t, "gain of the send", a.gain.caption, "-10.0 dB")
	wantLabel(t, "before the fader", a.follow.caption, "PRE")
	wantLabel(t, "gain of no send", other.gain.caption, "-inf dB")
	wantColor(t, "knob of a send", a.fader.knob.FillColor, colFocus)
	a.giveGain(-3)
	press(a.mute)
	press(a.follow)
	press(other.mute)
	p.master.giveGain(-1)
	press(p.master.mute)
	press(p.master.solo)
	wantSent(t, b,
		&engine.SetSend{Source: "cam1", Bus: "aux", GainDB: ptr(-3.0)}, &engine.SetSend{Source: "cam1", Bus: "aux", On: ptr(false)},
		&engine.SetSend{Source: "cam1", Bus: "aux", Pre: ptr(false)}, &engine.SetSend{Source: "cam2", Bus: "aux", On: ptr(true)},
		&engine.SetBus{ID: "aux", GainDB: ptr(-1.0)}, &engine.SetBus{ID: "aux", Muted: ptr(true)}, &engine.MonitorBus{Bus: "aux"})

	press(p.buses.tabs[2]) // a mix-minus: the programme but for camera 2
	if !a.send.On || other.send.On {
		t.Errorf("on in the mix-minus: camera 1 %v, camera 2 %v; want the first alone", a.send.On, other.send.On)
	}
	press(p.buses.tabs[0])
	wantColor(t, "knob of a strip", a.fader.knob.FillColor, colOff)
	wantLabel(t, "gain of the strip", a.gain.caption, "0.0 dB")
}

func TestANewMixIsChosenWhenItIsThere(t *testing.T) {
	s := soundState()
	b := newBench(t, s)
	press(b.keys.audio.addBus)
	wantSent(t, b, &engine.PutBus{Bus: scenes.Bus{ID: "mix-1", Name: "Mix 1"}})
	s = soundState()
	s.Show.Buses = append(s.Show.Buses, scenes.Bus{ID: "mix-1", Name: "Mix 1"})
	s.Buses = append(s.Buses, engine.BusState{ID: "mix-1", Name: "Mix 1"})
	b.show(s)
	wantLabel(t, "master", b.keys.audio.master.name.caption, "Mix 1")
	b.show(soundState()) // taken away by somebody else
	wantLabel(t, "master", b.keys.audio.master.name.caption, "Programme")
}

func TestGainIsTyped(t *testing.T) {
	b := newBench(t, soundState())
	box := b.keys.audio.strips[0].gain
	press(box)
	for text, want := range map[string][]engine.Command{
		"-7,5 dB": {&engine.SetStrip{Source: "cam1", GainDB: ptr(-7.5)}},
		"loud":    nil,
		"25":      nil,
		"0":       nil, // it is that already
		"":        nil,
	} {
		box.edit()
		box.entry.SetText(text)
		b.canvas.Unfocus()
		wantSent(t, b, want...)
		if box.editing() {
			t.Errorf("%q: the field stayed open", text)
		}
	}
}

// soundPanelOf opens the Sound tab on what was chosen.
func soundPanelOf(t *testing.T, b *bench, choice soundChoice) *soundPanel {
	t.Helper()
	b.desk.sound = choice
	b.desk.openTab("sound")
	b.apply(b.desk.state, false, false)
	for _, tab := range b.side.tabs {
		if p, ok := tab.panel.(*soundPanel); ok {
			return p
		}
	}
	t.Fatal("there is no Sound tab")
	return nil
}

// What somebody else changes does not take the keyboard from a number that is typed; the rows
// follow when it is given.
func TestTypingInTheSoundEditorGoesOn(t *testing.T) {
	s := soundState()
	b := newBench(t, s)
	p := soundPanelOf(t, b, soundChoice{source: "cam1"})
	trim := p.rows[0].(*paramRow).value
	trim.edit()
	trim.entry.SetText("-4")
	next, show := *s, *s.Show
	show.Buses = append(slices.Clone(show.Buses), scenes.Bus{ID: "new", Name: "New mix"})
	next.Show = &show
	sends := len(p.after)
	b.show(&next)
	b.show(&next)
	if b.canvas.Focused() != trim.entry || !trim.editing() || len(p.after) != sends {
		t.Fatalf("another mix takes the keyboard from the number: focused %v, %d rows", b.canvas.Focused(), len(p.after))
	}
	wantSent(t, b)
	b.canvas.Unfocus()
	wantSent(t, b, &engine.SetStrip{Source: "cam1", TrimDB: ptr(-4.0)})
	b.show(&next)
	if len(p.after) != sends+1 {
		t.Errorf("%d rows after it was given, want one more than %d", len(p.after), sends)
	}
	// Another strip is shown at once, and what was typed is the first one's.
	trim = p.rows[0].(*paramRow).value
	trim.edit()
	trim.entry.SetText("-5")
	b.desk.sound = soundChoice{source: "cam2"}
	b.show(&next)
	wantSent(t, b, &engine.SetStrip{Source: "cam1", TrimDB: ptr(-5.0)})
}

func TestTheEditorSetsUpAStrip(t *testing.T) {
	s := soundState()
	b := newBench(t, s)
	press(b.keys.audio.strips[0].name)
	p := soundPanelOf(t, b, b.desk.sound)
	wantLabel(t, "title", p.nameRow.title, "Camera 1")
	if n := len(p.inserts.list.items); n != 2 || p.inserts.list.items[1].detail != "-4.2 dB" {
		t.Fatalf("inserts %+v, want two with the compressor's 4.2 dB", p.inserts.list.items)
	}
	p.inserts.choose("compressor")
	row := p.inserts.rows[0].(*paramRow)
	wantLabel(t, "threshold", row.value.caption, "-18 dBFS")
	row.slider.set(0)
	press(p.inserts.bypass)
	p.inserts.list.step("compressor", -1, true)
	p.inserts.remove("highpass")
	p.inserts.addKind("eq")
	p.rows[0].(*paramRow).slider.set(1)
	p.rows[1].(*paramRow).slider.set(0)
	send := p.after[2].(*sendRow)
	send.gain.slider.set(unityAt)
	press(send.on)
	want := engine.SetInsert{Source: "cam1", ID: "compressor", Settings: json.RawMessage(`{"threshold_db":-60}`)}
	wantSent(t, b, &want, &engine.SetInsert{Source: "cam1", ID: "compressor", Bypassed: ptr(true)},
		&engine.MoveInsert{Source: "cam1", ID: "compressor", To: 0}, &engine.RemoveInsert{Source: "cam1", ID: "highpass"},
		&engine.AddInsert{Source: "cam1", Insert: scenes.Insert{Kind: "eq"}},
		&engine.SetStrip{Source: "cam1", TrimDB: ptr(24.0)}, &engine.SetStrip{Source: "cam1", DelayMS: ptr(-950)},
		&engine.SetSend{Source: "cam1", Bus: "aux", GainDB: ptr(0.0)}, &engine.SetSend{Source: "cam1", Bus: "aux", On: ptr(false)})

	next := soundState()
	in := scenes.NewInsert("eq")
	in.ID = "eq"
	next.Sources[0].Strip.Inserts = append(next.Sources[0].Strip.Inserts, in)
	b.show(next)
	if p.inserts.chosen != "eq" || len(p.inserts.rows) != 10 {
		t.Errorf("chosen %q with %d rows, want the new equaliser with its 10", p.inserts.chosen, len(p.inserts.rows))
	}
}

func TestEveryInsertHasItsRows(t *testing.T) {
	b := newBench(t, soundState())
	p := soundPanelOf(t, b, soundChoice{source: "cam2"})
	for _, k := range scenes.InsertKinds() {
		s := soundState()
		in := scenes.NewInsert(k.Name)
		in.ID = k.Name
		s.Sources[1].Strip.Inserts = []scenes.Insert{in}
		b.show(s)
		fields, err := readFields(k.Schema)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.inserts.rows) != len(fields) {
			t.Errorf("%s has %d rows for %d settings", k.Name, len(p.inserts.rows), len(fields))
		}
		if drawn := responseOf(k.Name, in.Settings) != nil; drawn == p.inserts.curve.gone {
			t.Errorf("%s: its curve is shown: %v, want %v", k.Name, !p.inserts.curve.gone, drawn)
		}
		for _, r := range p.inserts.rows {
			if r, ok := r.(*paramRow); ok { // a bad number goes nowhere
				r.value.edit()
				r.value.entry.SetText("1e99")
				b.canvas.Unfocus()
			}
		}
		wantSent(t, b)
	}
}

// A ducker that was just added listens to nothing: its row says so, and what is to be done.
func TestADuckerSaysThatItNeedsAKey(t *testing.T) {
	b := newBench(t, soundState())
	p := soundPanelOf(t, b, soundChoice{source: "cam1"})
	show := func(change func(*scenes.Insert)) *insertEditor {
		s := soundState()
		in := scenes.NewInsert("ducker")
		in.ID = "ducker"
		change(&in)
		s.Sources[0].Strip.Inserts = []scenes.Insert{in}
		b.show(s)
		return p.inserts
	}
	const does = "Turns the sound down while another source is heard."
	for _, c := range []struct {
		name, detail, note string
		ink                color.Color
		change             func(*scenes.Insert)
	}{
		{"just added", "needs a key", "It does nothing until Key names the source that turns this sound down.", colWarn, func(*scenes.Insert) {}},
		{"with a key", "", does, colDim, func(v *scenes.Insert) { v.Settings = json.RawMessage(`{"key":"cam2"}`) }},
		{"without again", "needs a key", "It does nothing until Key names the source that turns this sound down.", colWarn, func(*scenes.Insert) {}},
		{"another kind", "", describe("highpass"), colDim, func(v *scenes.Insert) { *v = scenes.NewInsert("highpass"); v.ID = "highpass" }},
	} {
		e := show(c.change)
		if got := e.list.items[0].detail; got != c.detail {
			t.Errorf("%s: its row says %q, want %q", c.name, got, c.detail)
		}
		if e.note.text != c.note || e.note.color != c.ink {
			t.Errorf("%s: the note is %q in %v, want %q in %v", c.name, e.note.text, e.note.color, c.note, c.ink)
		}
	}
}

func TestTheEditorSetsUpABus(t *testing.T) {
	s := soundState()
	s.Show.Sources[0].Audio.Sends = []scenes.Send{{Bus: "aux", On: true}}
	b := newBench(t, s)
	p := soundPanelOf(t, b, soundChoice{bus: "aux"})
	b.enter(p.nameRow.entry, "Stage")
	b.enter(p.nameRow.entry, "  ")
	p.leaveOut("cam2", true)
	p.remove()
	wantSent(t, b, &engine.PutBus{Bus: scenes.Bus{ID: "aux", Name: "Stage"}}, &engine.SetBus{ID: "aux", MixMinus: &[]string{"cam2"}})
	press(p.ask.yes)
	wantSent(t, b, &engine.RemoveBus{ID: "aux", Cascade: true})
}

// TestTheEditorKeepsABusThatIsCarried: nothing is asked that would be refused; what has to be
// stopped is said.
func TestTheEditorKeepsABusThatIsCarried(t *testing.T) {
	s := soundState()
	s.Buses[1].Carried = []string{"Stage", "Disk"}
	b := newBench(t, s)
	p := soundPanelOf(t, b, soundChoice{bus: "aux"})
	var told string
	b.desk.tell = func(text string) { told = text }
	p.remove()
	wantSent(t, b)
	if want := "Foldback stays, it is the sound of Stage, Disk now: stop that first, then remove it."; told != want || p.ask.deed != nil {
		t.Errorf("told %q, want %q; asked %q", told, want, p.ask.text.text)
	}
}

func TestLoudnessHistoryKeepsAMinute(t *testing.T) {
	h := &loudnessHistory{}
	at := func(d time.Duration, m float64) { h.push(d, &engine.Loudness{MomentaryLUFS: m, ShortTermLUFS: m}) }
	at(10*time.Second, -20)
	at(10*time.Second+historyStep/2, -10) // the same point
	at(10*time.Second+3*historyStep, -30) // two were missed
	n := historyPoints
	if h.points[n-4].m != -20 || !math.IsInf(h.points[n-2].m, -1) || h.points[n-1].m != -30 || !math.IsInf(h.points[0].m, -1) {
		t.Errorf("the end is %v", h.points[n-5:])
	}
	at(time.Second, -5) // another studio's time
	if h.points[n-1].m != -5 || !math.IsInf(h.points[n-4].m, -1) {
		t.Errorf("after time went back: %v", h.points[n-5:])
	}
}

func TestLoudnessInNumbers(t *testing.T) {
	s := soundState()
	s.Buses[0].Loudness = engine.Loudness{MomentaryLUFS: -22.04, ShortTermLUFS: -23, IntegratedLUFS: math.Inf(-1), MaxTruePeakDB: -1.5, TruePeakDB: [2]float64{-3, -4}, Correlation: -0.8}
	b := newBench(t, s)
	l := b.keys.audio.loudness
	wantLabel(t, "M", l.values[0], "-22.0")
	wantLabel(t, "I of nothing", l.values[2], "–")
	wantLabel(t, "true peak", l.values[4], "-3.0 / -1.5")
	wantColor(t, "true peak above -2", l.values[4].Color, colBad)
	wantLabel(t, "phase", l.phase, "OUT OF PHASE")
	press(l.reset)
	wantSent(t, b, &engine.ResetLoudness{Bus: "pgm"})
}

func TestStripsOutOfSightAreNotDrawnButReachedByTab(t *testing.T) {
	s := soundState()
	for len(s.Sources) < 24 {
		v := s.Sources[1]
		v.ID = v.ID + "x"
		s.Sources = append(s.Sources, v)
	}
	b := newBench(t, s)
	p := b.keys.audio
	if p.strips[23].Visible() || !p.strips[0].Visible() {
		t.Fatal("the last strip is drawn though nobody sees it, or the first is not")
	}
	for i := range p.strips {
		if !p.strips[i].Visible() {
			t.Fatalf("strip %d cannot be reached", i)
		}
		b.canvas.Focus(p.strips[i].fader)
		b.show(s)
	}
	if p.scroll.Offset.X == 0 || p.strips[0].Visible() {
		t.Error("the desk did not follow the keyboard")
	}
	p.strips[23].fader.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	if len(b.sent(t)) != 1 {
		t.Error("the last strip's fader did nothing")
	}
}

// TestTheWheelScrollsPastSliders: in a list the wheel is a slider's once that has the
// keyboard, and the list's before.
func TestTheWheelScrollsPastSliders(t *testing.T) {
	b := newBench(t, soundState())
	press(b.keys.audio.strips[0].name)
	p := soundPanelOf(t, b, b.desk.sound)
	p.column.Resize(fyne.NewSize(300, 60))
	row, down := p.rows[0].(*paramRow), &fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -20)}
	value, before := row.slider.value, float32(0)
	for _, over := range []fyne.Scrollable{row.slider, row.value, p.after[2].(*sendRow).gain.slider} {
		over.Scrolled(down)
		if y := p.column.scroll.Offset.Y; y <= before {
			t.Errorf("over %T the list stays at %v", over, y)
		}
		before = p.column.scroll.Offset.Y
	}
	wantSent(t, b)
	row.slider.FocusGained()
	row.slider.Scrolled(down)
	if row.slider.value >= value || p.column.scroll.Offset.Y != before {
		t.Errorf("with the keyboard: value %v after %v, list at %v after %v", row.slider.value, value, p.column.scroll.Offset.Y, before)
	}
}

// From AFV to ON and back nothing is silent in between.
func TestStripChangesBetweenOnAndAFV(t *testing.T) {
	for now, want := range map[scenes.OnAir]scenes.OnAir{scenes.OnAirOn: scenes.OnAirAFV, scenes.OnAirAFV: scenes.OnAirOn, scenes.OnAirOff: scenes.OnAirOn} {
		s := soundState()
		s.Sources[0].Strip.OnAir = now
		b := newBench(t, s)
		press(b.keys.audio.strips[0].follow)
		wantSent(t, b, &engine.SetStrip{Source: "cam1", OnAir: &want})
	}
}

func TestTrimIsOnTheStrip(t *testing.T) {
	s := soundState()
	s.Sources[0].Strip.TrimDB = -3
	b := newBench(t, s)
	a := b.keys.audio.strips[0]
	if !a.trim.Visible() {
		t.Fatalf("no room for the trim in a strip of %v", a.Size())
	}
	wantLabel(t, "trim", a.trim.caption, "T -3.0")
	a.trim.TypedKey(&fyne.KeyEvent{Name: fyne.KeyUp})
	a.trim.KeyDown(&fyne.KeyEvent{Name: fyne.KeyUp}) // is not the window's
	wantSent(t, b, &engine.SetStrip{Source: "cam1", TrimDB: ptr(-2.5)})
	b.canvas.Focus(a.trim)
	a.trim.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -1)})
	wantSent(t, b, &engine.SetStrip{Source: "cam1", TrimDB: ptr(-3.0)})
	a.trim.edit()
	a.trim.entry.SetText("6")
	b.canvas.Unfocus()
	wantSent(t, b, &engine.SetStrip{Source: "cam1", TrimDB: ptr(6.0)})
	a.trim.value = 24
	a.trim.by(1) // at its end
	wantSent(t, b)
}

func TestTheEditorSaysHowLateASoundIs(t *testing.T) {
	s := soundState()
	v := &s.Sources[0]
	v.Status, v.Detail, v.HasVideo = engine.SourceRunning, "a microphone", false
	v.LatencyMS, v.DeviceMS, v.Strip.DelayMS, v.DelayMS = 92.3, 15, -500, -40
	b := newBench(t, s)
	p := soundPanelOf(t, b, soundChoice{source: "cam1"})
	if got, want := p.status.text, "Running, a microphone; it can be 40 ms earlier, no more is queued of it; 92 ms late in the mix, 15 of them the device."; got != want {
		t.Errorf("said %q\nwant %q", got, want)
	}
	next := *s
	next.Sources = append([]engine.SourceState(nil), s.Sources...)
	next.Sources[0].LatencyMS = 94 // wanders
	next.Sources[0].SoundProblem = ""
	before := p.status.text
	b.show(&next)
	if p.status.text != before {
		t.Errorf("a wandering queue is written anew: %q", p.status.text)
	}
	next.Sources[0].SoundProblem = "It changed."
	b.show(&next)
	if p.status.text != "It changed." {
		t.Errorf("said %q of a problem", p.status.text)
	}
	s = soundState()
	s.Monitor = engine.MonitorState{Device: "Speakers", LatencyMS: 75}
	b.show(s)
	p = soundPanelOf(t, b, soundChoice{bus: "pgm"})
	if got, want := p.status.text, "What goes out, unless a destination carries another mix. You hear it from Speakers, 75 ms late."; got != want {
		t.Errorf("said %q\nwant %q", got, want)
	}
}
