package ui

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// soundPanel is the tab in which a strip or a bus is set up: what is before its inserts,
// the inserts, its sends; of a bus its limiter, who is left out of it, and its loudness.
type soundPanel struct {
	box
	desk    *desk
	surface *canvas.Rectangle
	column  *column
	nameRow *nameRow
	status  *paragraph
	inserts *insertEditor
	graph   *loudnessGraph
	legend  *paragraph
	ask     *askRow
	rows    []stacked // before the inserts
	after   []stacked // behind them
	toggles []func()  // what else follows the state

	choice soundChoice
	shape  string // what the rows were made for
	again  bool   // they are to be made anew when nothing is typed into them
	shown  *scenes.Show
	late   [2]float64 // ms; of the source and its device, or the monitor, as written
	lateOf string
	strip  scenes.Strip
	def    scenes.Bus
}

func newSoundPanel(d *desk) *soundPanel {
	p := &soundPanel{desk: d, surface: canvas.NewRectangle(colPanel), graph: newLoudnessGraph()}
	p.nameRow = newNameRow(d, p.rename)
	p.status = newParagraph("", textSmall, colDim, 4)
	p.legend = newParagraph("The last minute: M faint, S strong, I blue; marks at -14 and -23 LUFS.", textSmall, colDim, 2)
	p.ask = newAskRow(d)
	p.inserts = newInsertEditor(d, func() { p.compose() })
	p.column = newColumn()
	p.ask.resized = p.column.refit
	p.add(p.surface, p.column)
	p.min = fyne.NewSize(260, 120)
	p.arrange = func(s fyne.Size) {
		place(p.surface, 0, 0, s.Width, s.Height)
		place(p.column, inset, inset, s.Width-2*inset, max(s.Height-2*inset, 1))
	}
	p.ExtendBaseWidget(p)
	return p
}

func (p *soundPanel) compose() {
	parts := []stacked{p.nameRow, p.status}
	parts = append(parts, p.rows...)
	parts = append(parts, p.inserts.parts()...)
	parts = append(parts, p.after...)
	p.column.set(parts...)
}

func (p *soundPanel) update(s *engine.State) {
	if !p.Visible() || p.desk.calm {
		return
	}
	choice := p.desk.sound
	source := slices.IndexFunc(s.Sources, func(v engine.SourceState) bool { return v.ID == choice.source })
	if choice.source == "" || source < 0 {
		if _, ok := s.Show.Bus(choice.bus); !ok {
			choice.bus = scenes.ProgrammeBus
		}
		choice = soundChoice{bus: choice.bus}
		p.updateBus(s, choice)
		return
	}
	p.updateSource(s, choice, &s.Sources[source])
}

// forget puts away what is asked about another show.
func (p *soundPanel) forget() { p.ask.close() }

// turn begins with another element or another show; it reports whether anything is new.
func (p *soundPanel) turn(s *engine.State, choice soundChoice) bool {
	if s.Show == p.shown && choice == p.choice && !p.again {
		return false
	}
	if choice != p.choice {
		p.ask.close()
	}
	p.shown, p.choice = s.Show, choice
	return true
}

// reshape makes the rows anew for another shape; it reports whether it has. Rows of the element
// that is shown already stay while something is typed into one.
func (p *soundPanel) reshape(shape string, another bool, build func()) bool {
	p.again = shape != p.shape && !another && p.desk.typingIn(p)
	if shape == p.shape || p.again {
		return false
	}
	p.shape = shape
	build()
	return true
}

func (p *soundPanel) updateSource(s *engine.State, choice soundChoice, v *engine.SourceState) {
	another := choice != p.choice
	fresh := p.turn(s, choice)
	changed := false
	if fresh {
		p.strip = v.Strip
		p.nameRow.set(v.Name, false)
		changed = p.reshape(sourceShape(s, choice), another, func() { p.makeStripRows(s) })
		p.follow()
	}
	text, ink := v.Status.String()+", "+v.Detail, colDim
	if v.Detail == "" {
		text = v.Status.String()
	}
	if !v.HasVideo && v.Status == engine.SourceRunning && float64(v.Strip.DelayMS) < v.DelayMS-1 {
		text += fmt.Sprintf("; it can be %.0f ms earlier, no more is queued of it", math.Max(-v.DelayMS, 0))
	}
	if late := p.latencyText(v); late != "" {
		text += "; " + late
	}
	if v.SoundProblem != "" {
		text, ink = v.SoundProblem, colWarn
	}
	if v.Problem != "" {
		text, ink = v.Problem, colWarn
	}
	changed = p.tell(sentence(text), ink) || changed
	if p.inserts.update(choice, p.strip.Inserts, v.Inserts, s.Time, fresh) || changed {
		p.compose()
	}
}

// latencyText says how late a live source's sound is in the mix. What wanders by a few
// milliseconds is not written anew.
func (p *soundPanel) latencyText(v *engine.SourceState) string {
	if v.LatencyMS == 0 {
		p.late = [2]float64{}
		return ""
	}
	if now := [2]float64{v.LatencyMS, v.DeviceMS}; math.Abs(now[0]-p.late[0]) > 4 || math.Abs(now[1]-p.late[1]) > 1 || p.lateOf != v.ID {
		p.late, p.lateOf = now, v.ID
	}
	text := fmt.Sprintf("%.0f ms late in the mix", p.late[0])
	if p.late[1] > 0 {
		text += fmt.Sprintf(", %.0f of them the device", p.late[1])
	}
	return text
}

// listenText says where a mix is heard that the operator listens to.
func (p *soundPanel) listenText(m *engine.MonitorState) string {
	switch {
	case m.Device != "":
		if math.Abs(m.LatencyMS-p.late[0]) > 15 {
			p.late[0] = m.LatencyMS
		}
		return fmt.Sprintf(" You hear it from %s, %.0f ms late.", m.Device, p.late[0])
	case m.Problem != "":
		return " You cannot hear it: " + m.Problem + ". It is tried again."
	}
	return ""
}

// tell shows what is to be known; it reports whether its height may be another.
func (p *soundPanel) tell(text string, ink interface{ RGBA() (r, g, b, a uint32) }) bool {
	if p.status.text == text && p.status.color == ink {
		return false
	}
	p.status.set(text, ink)
	return true
}

// sourceShape tells the rows of strips apart.
func sourceShape(s *engine.State, choice soundChoice) string {
	var b strings.Builder
	b.WriteString("source " + choice.source)
	for _, bus := range s.Show.Buses {
		b.WriteString(" " + bus.ID + "=" + bus.Name)
	}
	return b.String()
}

func busShape(s *engine.State, choice soundChoice) string {
	var b strings.Builder
	b.WriteString("bus " + choice.bus)
	for i := range s.Sources {
		if v := &s.Sources[i]; v.HasAudio {
			b.WriteString(" " + v.ID + "=" + v.Name)
		}
	}
	return b.String()
}

func (p *soundPanel) follow() {
	for _, list := range [][]stacked{p.rows, p.after} {
		for _, r := range list {
			if f, ok := r.(follower); ok {
				f.follow()
			}
		}
	}
	for _, f := range p.toggles {
		f()
	}
}

// numberRange is the range of a number that is not of an insert.
func numberRange(title, unit string, low, high float64, whole bool, description string) *formField {
	f := &formField{title: title, unit: unit, kind: numberField, low: &low, high: &high, fallback: json.RawMessage("0"), description: description}
	if whole {
		f.kind = integerField
	}
	return f
}

// makeStripRows makes what a source's strip has besides inserts.
func (p *soundPanel) makeStripRows(s *engine.State) {
	d, id := p.desk, p.choice.source
	strip := func(key string, c *engine.SetStrip) {
		c.Source = id
		d.move(key+":"+id, c)
	}
	trim := numberRange("Trim", "dB", -24, 24, false, "gain before everything else")
	delay := numberRange("Delay", "ms", -950, 20000, true, "positive makes the sound later")
	p.rows = []stacked{
		newParamRow(d, trim, scaleOf(-24, 24), func() float64 { return p.strip.TrimDB }, func(v float64) { strip("trim", &engine.SetStrip{TrimDB: &v}) }),
		newParamRow(d, delay, delayScale(), func() float64 { return float64(p.strip.DelayMS) }, func(v float64) {
			ms := int(v)
			strip("delay", &engine.SetStrip{DelayMS: &ms})
		}),
		choose(d, "Heard", []string{"On", "AFV", "Off"}, []scenes.OnAir{scenes.OnAirOn, scenes.OnAirAFV, scenes.OnAirOff},
			func() scenes.OnAir { return p.strip.OnAir }, func(v scenes.OnAir) { strip("onair", &engine.SetStrip{OnAir: &v}) }),
		choose(d, "Sides", []string{"Stereo", "Mono", "L", "R", "Swap"}, []scenes.Channels{scenes.ChannelsStereo, scenes.ChannelsMono, scenes.ChannelsLeft, scenes.ChannelsRight, scenes.ChannelsSwap},
			func() scenes.Channels { return p.strip.Channels }, func(v scenes.Channels) { strip("sides", &engine.SetStrip{Channels: &v}) }),
		choose(d, "Polarity", []string{"Normal", "Inverted", "L inv.", "R inv."}, []scenes.Polarity{scenes.PolarityNormal, scenes.PolarityInverted, scenes.PolarityLeft, scenes.PolarityRight},
			func() scenes.Polarity { return p.strip.Polarity }, func(v scenes.Polarity) { strip("polarity", &engine.SetStrip{Polarity: &v}) }),
	}
	p.toggles = nil
	p.after = []stacked{newHeading("SENDS")}
	for _, b := range s.Show.Buses {
		p.after = append(p.after, newSendRow(p, b.ID, b.Name))
	}
}

// choose is a row of a few values of one type.
func choose[T ~string](d *desk, title string, names []string, values []T, read func() T, picked func(T)) *choiceRow {
	var raw []json.RawMessage
	for _, v := range values {
		raw = append(raw, jsonText(string(v)))
	}
	return newChoiceRow(d, title, names, raw, func() json.RawMessage { return jsonText(string(read())) }, func(v json.RawMessage) {
		var text string
		if json.Unmarshal(v, &text) == nil {
			picked(T(text))
		}
	})
}

// delayScale is even in milliseconds up to a second, where lips are, and in seconds
// beyond.
func delayScale() paramScale {
	const knee, kneeAt = 1000.0, 0.8
	return paramScale{
		func(at float64) float64 {
			if at <= kneeAt {
				return -950 + at/kneeAt*(knee+950)
			}
			return knee + (at-kneeAt)/(1-kneeAt)*(20000-knee)
		},
		func(v float64) float64 {
			if v <= knee {
				return (v + 950) / (knee + 950) * kneeAt
			}
			return kneeAt + (v-knee)/(20000-knee)*(1-kneeAt)
		},
	}
}

func (p *soundPanel) updateBus(s *engine.State, choice soundChoice) {
	i := slices.IndexFunc(s.Buses, func(b engine.BusState) bool { return b.ID == choice.bus })
	def, ok := s.Show.Bus(choice.bus)
	if i < 0 || !ok {
		return
	}
	another := choice != p.choice
	fresh := p.turn(s, choice)
	changed := false
	if fresh {
		p.def = def
		p.nameRow.set(def.Name, true)
		changed = p.reshape(busShape(s, choice), another, func() { p.makeBusRows(s) })
		p.follow()
	}
	text := "A mix of what is sent to it."
	switch {
	case choice.bus == scenes.ProgrammeBus:
		text = "What goes out, unless a destination carries another mix."
	case len(def.MixMinus) > 0:
		text = "The programme's sound without those who are left out; a send takes the place of the programme's."
	}
	if s.Buses[i].Listening {
		text += p.listenText(&s.Monitor)
	}
	changed = p.tell(text, colDim) || changed
	p.graph.update(p.desk.loudness[choice.bus], &s.Buses[i])
	if p.inserts.update(choice, def.Inserts, s.Buses[i].Inserts, s.Time, fresh) || changed {
		p.compose()
	}
}

// makeBusRows makes what a bus has besides inserts.
func (p *soundPanel) makeBusRows(s *engine.State) {
	d, id := p.desk, p.choice.bus
	p.toggles = nil
	reset := newButton(d, "Reset loudness", textSmall, func() { d.send(&engine.ResetLoudness{Bus: id}) }).hint("Measures I, LRA and the highest true peak of this mix anew")
	mono := p.toggle("Mono", "Both sides carry the mean of the two", func() bool { return p.def.Mono }, func(on bool) { d.send(&engine.SetBus{ID: id, Mono: &on}) })
	black := p.toggle("Fades with black", "Fade to black takes this mix's sound with it", func() bool { return p.def.FollowBlack },
		func(on bool) { d.send(&engine.SetBus{ID: id, FollowBlack: &on}) })
	limit := p.toggle("Limiter", "Keeps this mix below the ceiling, after its fader", func() bool { return p.def.Limiter.On }, func(on bool) {
		v := p.def.Limiter
		v.On = on
		d.send(&engine.SetBus{ID: id, Limiter: &v})
	})
	ceiling := numberRange("Ceiling", "dB", -24, 0, false, "no sample of the mix is above it")
	ceiling.fallback = json.RawMessage("-1")
	release := numberRange("Release", "ms", 1, 2000, false, "how fast the limiter gives back the level")
	release.fallback = json.RawMessage("60")
	p.rows = []stacked{p.graph, p.legend, newFlow(reset, mono, black)}
	p.after = []stacked{
		newHeading("LIMITER, AFTER THE FADER"), newFlow(limit),
		newParamRow(d, ceiling, scaleOf(-24, 0), func() float64 { return p.def.Limiter.CeilingDB }, func(db float64) {
			v := p.def.Limiter
			v.CeilingDB = db
			d.move("limit:"+id, &engine.SetBus{ID: id, Limiter: &v})
		}),
		newParamRow(d, release, scaleOf(1, 2000), func() float64 { return p.def.Limiter.ReleaseMS }, func(ms float64) {
			v := p.def.Limiter
			v.ReleaseMS = ms
			d.move("limit:"+id, &engine.SetBus{ID: id, Limiter: &v})
		}),
	}
	if id == scenes.ProgrammeBus {
		return
	}
	out := newFlow()
	for i := range s.Sources {
		if v := &s.Sources[i]; v.HasAudio {
			out.append(p.toggle(v.Name, "Makes this mix the programme without "+v.Name, func() bool { return slices.Contains(p.def.MixMinus, v.ID) },
				func(on bool) { p.leaveOut(v.ID, on) }))
		}
	}
	remove := newButton(d, "Remove mix", textSmall, p.remove).hint("Takes this mix out of the show; undo brings it back")
	p.after = append(p.after, newHeading("THE PROGRAMME, BUT WITHOUT"), out, newFlow(remove), p.ask)
}

// toggle is a button that is lit while something is so.
func (p *soundPanel) toggle(caption, tip string, read func() bool, set func(bool)) *button {
	b := newButton(p.desk, caption, textSmall, func() { set(!read()) }).hint(tip)
	p.toggles = append(p.toggles, func() {
		text := caption
		if read() {
			text = "✓ " + caption
		}
		b.look(text, colControl, colText)
		b.lit(read(), colLit, colOnLit)
	})
	b.min.Width = b.caption.measure("✓ "+caption) + 2*inset
	return b
}

func (p *soundPanel) leaveOut(source string, out bool) {
	list := slices.DeleteFunc(slices.Clone(p.def.MixMinus), func(v string) bool { return v == source })
	if out {
		list = append(list, source)
	}
	p.desk.send(&engine.SetBus{ID: p.def.ID, MixMinus: &list})
}

func (p *soundPanel) rename(name string) {
	if strings.TrimSpace(name) == "" {
		p.desk.tell("A mix needs a name; it keeps the one that it has.")
		p.nameRow.entry.setText(p.def.Name)
		return
	}
	v := p.def
	v.Name = strings.TrimSpace(name)
	p.desk.send(&engine.PutBus{Bus: v})
}

func (p *soundPanel) remove() {
	id := p.def.ID
	for _, b := range p.desk.state.Buses {
		if b.ID == id && len(b.Carried) > 0 {
			p.desk.tell(fmt.Sprintf("%s stays, it is the sound of %s now: stop that first, then remove it.", p.def.Name, strings.Join(b.Carried, ", ")))
			return
		}
	}
	gone := func() { p.desk.send(&engine.RemoveBus{ID: id, Cascade: true}) }
	users := p.shown.BusUsers(id)
	if len(users) == 0 {
		gone()
		return
	}
	p.ask.ask(p.def.Name+" is used by "+strings.Join(users, ", ")+". Without it, sends and tracks to it go too, and destinations carry the programme's sound when they are started again.",
		"Remove it", "Keep it", gone)
	p.column.refit()
}

// sendRow is a source's way to one bus: its gain, whether it is on, and where it is taken.
type sendRow struct {
	box
	panel *soundPanel
	bus   string
	gain  *paramRow
	on    *button
	pre   *button
	send  scenes.Send
}

func newSendRow(p *soundPanel, bus, name string) *sendRow {
	d := p.desk
	r := &sendRow{panel: p, bus: bus}
	spec := numberRange(name, "dB", silenceDB, 24, false, "how much of it goes to this mix")
	r.gain = newParamRow(d, spec, paramScale{faderGain, faderPlace}, func() float64 { return r.send.GainDB }, func(db float64) {
		d.move("send:"+p.choice.source+":"+bus, &engine.SetSend{Source: p.choice.source, Bus: bus, GainDB: &db})
	})
	r.on = newButton(d, "OFF", textSmall, func() {
		on := !r.send.On
		d.send(&engine.SetSend{Source: p.choice.source, Bus: bus, On: &on})
	}).hint("Switches the way to this mix")
	r.pre = newButton(d, "POST", textSmall, func() {
		pre := !r.send.Pre
		d.send(&engine.SetSend{Source: p.choice.source, Bus: bus, Pre: &pre})
	}).hint("PRE: before fader and pan; POST: after them")
	r.add(r.gain, r.on, r.pre)
	r.min = fyne.NewSize(200, paramHeight)
	r.arrange = func(s fyne.Size) {
		place(r.gain, 0, 0, s.Width-86, s.Height)
		place(r.on, s.Width-82, 0, 36, s.Height)
		place(r.pre, s.Width-44, 0, 44, s.Height)
	}
	r.ExtendBaseWidget(r)
	return r
}

func (r *sendRow) follow() {
	r.send = sendTo(r.panel.shown, &r.panel.strip, r.panel.choice.source, r.bus)
	r.gain.follow()
	on, pre := "OFF", "POST"
	if r.send.On {
		on = "ON"
	}
	if r.send.Pre {
		pre = "PRE"
	}
	r.on.caption.setText(on)
	r.on.lit(r.send.On, colFocus, colOnLit)
	r.pre.caption.setText(pre)
	r.pre.lit(r.send.Pre, colLit, colOnLit)
}

// within implements wheeled.
func (r *sendRow) within(scrolled func(*fyne.ScrollEvent)) { r.gain.within(scrolled) }

// heightFor implements stacked.
func (r *sendRow) heightFor(float32) float32 { return paramHeight }
