package ui

import (
	"image"
	"image/color"
	"math"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// Widths of a strip: it is as wide as there is room for.
const (
	stripLeast float32 = 106
	stripMost  float32 = 132
)

// soundChoice is what the sound editor works on: a source's strip or a bus.
type soundChoice struct{ source, bus string }

// audioStrip is one fader with its meters: a source's, or a bus's.
type audioStrip struct {
	box
	desk    *desk
	source  string // "" is a bus
	bus     string // whose sends the fader moves, or whose master it is
	flat    *flatBox
	ground  *canvas.Image // everything that stands still: slots, scales, wells
	light   bool          // the theme that it is drawn in
	drawn   fyne.Size
	grounds int // how often it was drawn
	name    *button
	state   *label // what is wrong, or what else is to be known
	word    float32
	gain    *valueBox
	trim    *valueBox // of a source, where there is height for it
	fader   *fader
	meter   *meter
	reduced *reduction
	mute    *button // on a send: its switch
	solo    *button // of a bus: to be heard
	follow  *button // of a send: before or after the fader; nil for a bus
	pan     *fader  // nil for a bus
	panText *label
	muted   bool
	soloed  string
	onAir   scenes.OnAir
	send    scenes.Send
	chosen  bool
	compact bool // little height: MUTE and SOLO are letters, the words are at the name
	// The gain and pan that the texts say, so that they are made only when those change.
	shownGain, shownPan, shownTrim float64
}

// newAudioStrip makes a source's strip, or with an empty source that of a bus.
func newAudioStrip(d *desk, source, bus string, setter *typesetter) *audioStrip {
	a := &audioStrip{desk: d, source: source, bus: bus, ground: newPicture()}
	a.shownGain, a.shownPan, a.shownTrim = math.NaN(), math.NaN(), math.NaN()
	a.name = newButton(d, "", textSmall, a.edit).hint("Opens the settings of this sound")
	a.name.caption.Alignment = fyne.TextAlignLeading
	a.name.look("", colBackground, colText)
	a.name.arrange = func(s fyne.Size) {
		place(a.name.back, 0, 0, s.Width, s.Height)
		a.name.caption.place(5, 0, s.Width-a.word-10, s.Height)
	}
	a.state = newLabel("", textSmall, colWarn)
	a.state.Alignment = fyne.TextAlignTrailing
	a.gain = newValueBox(d, decibelField("Gain", silenceDB, 24), a.giveGain)
	a.gain.step = 0.5
	a.fader = newFader(d, true, 0.0125, unityAt, a.setGain)
	a.fader.slot.Hide()
	a.fader.hint("Gain: drag, or Tab to it for arrow keys and the wheel; a double click is 0 dB")
	a.meter, a.reduced = newMeter(d), newReduction()
	a.mute = newButton(d, "MUTE", textSmall, a.toggleMute)
	a.solo = newButton(d, "SOLO", textSmall, a.toggleSolo)
	a.add(a.ground, a.name, a.state, a.fader, a.meter, a.reduced, a.gain)
	if source != "" {
		a.panText = newLabel("", textSmall, colDim)
		a.panText.Alignment = fyne.TextAlignCenter
		a.pan = newFader(d, false, 0.05, 0.5, a.setPan)
		a.pan.knobLength = 8
		a.pan.line.Hide()
		a.pan.slot.Hide()
		a.pan.hint("Balance: drag, or Tab to it for arrow keys and the wheel; a double click is the centre")
		a.follow = newButton(d, "ON", textSmall, a.nextFollow)
		a.trim = newValueBox(d, decibelField("Trim", -24, 24), a.giveTrim)
		a.trim.step = 0.5
		a.trim.hint("Trim, before everything else: press to type it, or Tab to it for arrow keys and the wheel")
		a.add(a.trim)
		a.add(a.pan, a.panText, a.mute, a.solo, a.follow)
		a.solo.hint("Hear this alone; what goes out stays as it is")
	} else {
		a.mute.hint("Mutes this mix")
		a.solo.look("LISTEN", colControl, colText)
		a.solo.hint("What you hear: this mix, while nothing is soloed")
		a.add(a.mute, a.solo)
	}
	a.flat = newFlatBox(&a.box, setter, &a.grounds)
	a.min = fyne.NewSize(stripLeast, 80)
	a.arrange = a.layout
	a.ExtendBaseWidget(a)
	return a
}

// within implements wheeled.
func (a *audioStrip) within(scrolled func(*fyne.ScrollEvent)) {
	a.fader.round, a.gain.round, a.trim.round, a.pan.round = scrolled, scrolled, scrolled, scrolled
}

// sending: the fader moves a send, not the strip.
func (a *audioStrip) sending() bool { return a.source != "" && a.bus != scenes.ProgrammeBus }

// edit opens the editor on what the strip is of.
func (a *audioStrip) edit() {
	if a.source != "" {
		a.desk.sound = soundChoice{source: a.source}
	} else {
		a.desk.sound = soundChoice{bus: a.bus}
	}
	a.desk.openTab("sound")
}

func (a *audioStrip) layout(s fyne.Size) {
	place(a.ground, 0, 0, s.Width, s.Height)
	defer a.paintGround(s)
	a.word = a.state.measure(a.state.full)
	if a.word > 0 {
		a.word += 3
	}
	place(a.name, 1, 1, s.Width-2, 20)
	a.name.arrange(a.name.Size())
	a.state.place(s.Width-a.word-4, 1, a.word, 20)
	top := float32(23)
	h := s.Height - top - 3
	place(a.fader, 4, top, 26, h)
	place(a.meter, 33, top, 16, h)
	place(a.reduced, 51, top, 5, h)
	x := float32(60)
	w := s.Width - x - 4
	place(a.gain, x, top, w, 17)
	y := top + 20
	roomy := h >= 124
	if a.pan != nil {
		show(a.panText.Text, roomy)
		if roomy {
			a.panText.place(x, y, w, 14)
			y += 14
		}
		place(a.pan, x, y, w, 13)
		y += 13
	}
	foot, row := s.Height-3, float32(22)
	if !roomy {
		row = 19
	}
	rows := []*button{a.mute, a.solo}
	if a.follow != nil {
		rows = []*button{a.follow, a.mute, a.solo}
	}
	a.compact = h < 104 && a.follow != nil
	if a.trim != nil { // where there is room between the pan and the buttons
		top := foot - float32(len(rows))*(row+2)
		if a.compact {
			top = foot - 2*row - 2
		}
		fits := top-y >= 17
		show(a.trim, fits)
		if fits {
			place(a.trim, x, y+(top-y-15)/2, w, 15)
		}
	}
	if a.compact { // MUTE and SOLO beside each other
		place(a.follow, x, foot-2*row-2, w, row)
		place(a.mute, x, foot-row, w/2-1, row)
		place(a.solo, x+w/2+1, foot-row, w/2-1, row)
		return
	}
	for i, b := range rows {
		place(b, x, foot-float32(len(rows)-i)*(row+2)+2, w, row)
	}
}

// paintGround draws what stands still into one picture.
func (a *audioStrip) paintGround(s fyne.Size) {
	light := inLight.Load()
	w, h := int(s.Width), int(s.Height)
	if w < 60 || h < 40 || s == a.drawn && light == a.light {
		return
	}
	a.drawn, a.light = s, light
	a.grounds++
	pix := image.NewRGBA(image.Rect(0, 0, w, h))
	block(pix, 0, 0, w, h, colBackground)
	at := func(o fyne.CanvasObject) (x, y, w, h int) {
		p, s := o.Position(), o.Size()
		return int(p.X), int(p.Y), int(s.Width), int(s.Height)
	}
	x, y, fw, fh := at(a.fader)
	block(pix, x+fw/2-3, y, 6, fh, colWell)
	for _, db := range []float64{6, 0, -10, -20, -30} {
		ink := colLine
		if db == 0 {
			ink = colText
		}
		block(pix, x, y+int((1-float32(faderPlace(db)))*a.fader.travel()+a.fader.knobLength/2), fw, 1, ink)
	}
	x, y, fw, fh = at(a.reduced)
	block(pix, x, y, fw, fh, colWell)
	if a.pan != nil {
		x, y, fw, fh = at(a.pan)
		block(pix, x, y+fh/2-3, fw, 6, colWell)
		block(pix, x+fw/2, y, 1, fh, colOff)
	}
	for _, v := range []*valueBox{a.gain, a.trim} {
		if v != nil && v.Visible() {
			x, y, fw, fh = at(v)
			block(pix, x, y, fw, fh, colWell)
		}
	}
	a.ground.Image = pix
	canvas.Refresh(a.ground)
}

// rest hides the grounds of what is neither pointed at nor has the keyboard: they are
// part of the picture below.
func (a *audioStrip) rest() {
	show(a.name.back, a.name.hovered || a.name.focused || a.chosen)
	for _, v := range []*valueBox{a.gain, a.trim} {
		if v != nil {
			show(v.back, v.hovered || v.focused)
		}
	}
	if inLight.Load() != a.light {
		a.paintGround(a.Size())
	}
}

// holdsFocus reports whether the keyboard is at one of the strip's controls.
func (a *audioStrip) holdsFocus() bool {
	return a.fader.focused || a.name.focused || a.mute.focused || a.solo.focused || a.gain.focused || a.gain.editing() ||
		a.source != "" && (a.pan.focused || a.follow.focused || a.trim.focused || a.trim.editing())
}

func (a *audioStrip) setGain(at float64) {
	a.giveGain(math.Round(faderGain(at)*10) / 10)
}

func (a *audioStrip) giveGain(db float64) {
	switch {
	case a.sending():
		a.desk.move("send:"+a.source+":"+a.bus, &engine.SetSend{Source: a.source, Bus: a.bus, GainDB: &db})
	case a.source != "":
		a.desk.move("gain:"+a.source, &engine.SetStrip{Source: a.source, GainDB: &db})
	case a.bus == scenes.ProgrammeBus:
		a.desk.move("gain", &engine.SetMaster{GainDB: &db})
	default:
		a.desk.move("bus:"+a.bus, &engine.SetBus{ID: a.bus, GainDB: &db})
	}
}

func (a *audioStrip) giveTrim(db float64) {
	a.desk.move("trim:"+a.source, &engine.SetStrip{Source: a.source, TrimDB: &db})
}

func (a *audioStrip) setPan(at float64) {
	pan := math.Round((at*2-1)*100) / 100
	a.desk.move("pan:"+a.source, &engine.SetStrip{Source: a.source, Pan: &pan})
}

func (a *audioStrip) toggleMute() {
	muted := !a.muted
	switch {
	case a.sending():
		on := !a.send.On
		a.desk.send(&engine.SetSend{Source: a.source, Bus: a.bus, On: &on})
	case a.source != "":
		a.desk.send(&engine.SetStrip{Source: a.source, Muted: &muted})
	case a.bus == scenes.ProgrammeBus:
		a.desk.send(&engine.SetMaster{Muted: &muted})
	default:
		a.desk.send(&engine.SetBus{ID: a.bus, Muted: &muted})
	}
}

func (a *audioStrip) toggleSolo() {
	if a.source == "" {
		a.desk.send(&engine.MonitorBus{Bus: a.bus})
		return
	}
	mode := "off"
	if a.soloed == "" {
		mode = a.desk.soloMode
	}
	a.desk.send(&engine.SoloSource{Source: a.source, Mode: mode})
}

// nextFollow changes between on and AFV, of a send between before and after the fader. Off
// is not on the way: what is heard would be silent for a press. MUTE is beside it, and the
// editor has off.
func (a *audioStrip) nextFollow() {
	if a.sending() {
		pre := !a.send.Pre
		a.desk.send(&engine.SetSend{Source: a.source, Bus: a.bus, Pre: &pre})
		return
	}
	next := scenes.OnAirOn
	if a.onAir == scenes.OnAirOn {
		next = scenes.OnAirAFV
	}
	a.desk.send(&engine.SetStrip{Source: a.source, OnAir: &next})
}

// aim says which bus's sends the faders move.
func (a *audioStrip) aim(bus string) {
	if a.bus == bus && a.follow.tip != "" {
		return
	}
	a.bus = bus
	a.fader.release()
	if a.sending() {
		a.fader.tint(colFocus)
		a.mute.hint("Switches this source's way to the mix")
		a.follow.hint("PRE: before fader and pan; POST: after them")
		return
	}
	a.fader.tint(colOff)
	a.mute.hint("Mutes this source everywhere (M, while it is chosen)")
	a.follow.hint("ON: always heard; AFV: audio follows video; OFF, chosen in the settings of this sound: not heard")
}

// showSource brings a source's strip to the state.
func (a *audioStrip) showSource(v *engine.SourceState, s *engine.State, late, calm bool) {
	strip := &v.Strip
	a.muted, a.soloed, a.onAir = strip.Muted, v.Solo, strip.OnAir
	gain := strip.GainDB
	if a.sending() {
		a.send = sendTo(s.Show, strip, v.ID, a.bus)
		gain = a.send.GainDB
		on, point := "OFF", "POST"
		if a.send.On {
			on = "ON"
		}
		if a.send.Pre {
			point = "PRE"
		}
		if a.compact && a.send.On {
			on = "•"
		} else if a.compact {
			on = "–"
		}
		a.lamp(a.mute, a.send.On, on, colFocus, colOnLit)
		a.lamp(a.follow, a.send.Pre, point, colLit, colOnLit)
	} else {
		a.showMute()
		a.lamp(a.follow, a.onAir == scenes.OnAirAFV, strings.ToUpper(string(a.onAir)), colLit, colOnLit)
		if a.onAir == scenes.OnAirOff {
			a.lamp(a.follow, true, "OFF", colAmber, colInk)
		}
	}
	word := "SOLO"
	if a.soloed != "" {
		word = strings.ToUpper(a.soloed)
	}
	a.lamp(a.solo, a.soloed != "", a.short(word), colAmber, colInk)
	a.showGain(gain)
	a.pan.follow((strip.Pan + 1) / 2)
	if strip.Pan != a.shownPan {
		a.shownPan = strip.Pan
		a.panText.setText(panText(strip.Pan))
	}
	if strip.TrimDB != a.shownTrim {
		a.shownTrim = strip.TrimDB
		a.trim.show(strip.TrimDB, trimText(strip.TrimDB))
	}
	word = stripWord(v, late)
	switch {
	case word != "" || !a.compact:
	case a.soloed != "":
		word = strings.ToUpper(a.soloed)
	case a.muted:
		word = "MUTED"
	}
	a.title(v.Name, word, v.Problem, a.desk.sound.source == a.source)
	if !calm {
		a.meter.set(v.Meter)
		a.reduced.set(v.ReductionDB)
	}
}

// showBus brings a bus's strip to the state.
func (a *audioStrip) showBus(b *engine.BusState, calm bool) {
	a.muted = b.Muted
	a.showMute()
	a.lamp(a.solo, b.Listening, "LISTEN", colLit, colOnLit)
	a.showGain(b.GainDB)
	word := ""
	if b.Clipped > 0 && b.Meter.Clipped {
		word = "CLIPPED"
	}
	a.title(b.Name, word, "", a.desk.sound.bus == a.bus)
	if !calm {
		a.meter.set(b.Meter)
		a.reduced.set(b.ReductionDB)
	}
}

// lamp is button.look but for its font's colour, when lit.
func (a *audioStrip) lamp(b *button, on bool, text string, ground, ink color.Color) {
	if on {
		b.look(text, ground, ink)
	} else {
		b.look(text, colControl, colText)
	}
}

func (a *audioStrip) showMute() {
	text := "MUTE"
	if a.muted {
		text = "MUTED"
	}
	a.lamp(a.mute, a.muted, a.short(text), colAmber, colInk)
}

// short is a caption as there is room for it.
func (a *audioStrip) short(text string) string {
	if a.compact {
		return text[:1]
	}
	return text
}

func (a *audioStrip) showGain(db float64) {
	a.fader.follow(faderPlace(db))
	if db != a.shownGain {
		a.shownGain = db
		a.gain.show(db, gainText(db)+" dB")
	}
}

// title shows the name and one word beside it.
func (a *audioStrip) title(name, word, problem string, chosen bool) {
	if chosen != a.chosen || a.name.caption.full != name {
		a.chosen = chosen
		if chosen {
			a.name.look(name, colHover, colText)
		} else {
			a.name.look(name, colBackground, colText)
		}
	}
	if word != a.state.full {
		a.state.setText(word)
		show(a.state.Text, word != "")
		a.layout(a.Size())
	}
	tip := "Opens the settings of " + name
	if problem != "" {
		tip = problem
	}
	a.name.tip = tip
	a.rest()
}

// stripWord is the one word about a source's sound that matters most.
func stripWord(v *engine.SourceState, late bool) string {
	switch {
	case trouble(v.Status) > 2 || v.Status == engine.SourceEnded:
		return strings.ToUpper(v.Status.String())
	case late:
		return "LATE"
	}
	for _, in := range v.Inserts {
		if in.Problem != "" {
			return "INSERT"
		}
	}
	return ""
}

// trimText is a trim as there is room for it.
func trimText(db float64) string {
	return "T " + strconv.FormatFloat(roundTo(db, 0.1), 'f', 1, 64)
}

func panText(pan float64) string {
	n := int(math.Round(math.Abs(pan) * 100))
	switch {
	case n == 0:
		return "C"
	case pan < 0:
		return "L" + strconv.Itoa(n)
	}
	return "R" + strconv.Itoa(n)
}
