package ui

import (
	"math"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// The fader's law: three straight pieces, fine around unity.
const (
	silenceDB = -96.0 // the fader's bottom, and the least gain there is
	kneeDB    = -30.0
	topDB     = 12.0
	kneeAt    = 0.25
	unityAt   = 0.75
)

// faderGain is the gain at a place of the fader.
func faderGain(at float64) float64 {
	switch {
	case at >= unityAt:
		return (at - unityAt) / (1 - unityAt) * topDB
	case at >= kneeAt:
		return kneeDB * (unityAt - at) / (unityAt - kneeAt)
	}
	return kneeDB + (silenceDB-kneeDB)*(kneeAt-at)/kneeAt
}

// faderPlace is where a gain stands on the fader; faderGain's inverse.
func faderPlace(db float64) float64 {
	var at float64
	switch {
	case db >= 0:
		at = unityAt + db/topDB*(1-unityAt)
	case db >= kneeDB:
		at = unityAt - db/kneeDB*(unityAt-kneeAt)
	default:
		at = kneeAt - (db-kneeDB)/(silenceDB-kneeDB)*kneeAt
	}
	return math.Min(math.Max(at, 0), 1)
}

const (
	tabRow        float32 = 22 // height of the bus tabs
	loudnessWidth float32 = 128
	// loudnessFrom is the least width of the panel at which the loudness stands beside the
	// master.
	loudnessFrom float32 = 620
)

// audioPanel is the desk: a strip for each source that has sound, and the master of the
// bus that was chosen, with its loudness.
type audioPanel struct {
	box
	desk     *desk
	buses    *busTabs
	addBus   *button
	soloKind *button
	soloOff  *button
	empty    *label
	scroll   *container.Scroll
	row      *box
	strips   []*audioStrip
	items    []bankItem
	spare    []bankItem // memory of update
	master   *audioStrip
	loudness *loudnessBlock
	late     lateness
	bus      string // chosen
	wanted   string // a bus that was asked for and is not there yet
	list     []engine.BusState
	setter   *typesetter
	board    *soundBoard
	focus    int // the strip that the keyboard is at; -1: none
}

func newAudioPanel(d *desk) *audioPanel {
	p := &audioPanel{desk: d, row: &box{}, bus: scenes.ProgrammeBus, focus: -1, setter: newTypesetter()}
	p.buses = newBusTabs(d, p.choose)
	p.addBus = newButton(d, "+ Mix", textSmall, p.newBus).hint("Adds a mix: what is sent to it, with a master, inserts and meters of its own")
	p.soloKind = newButton(d, "AFL", textSmall, p.toggleSoloKind).hint("What SOLO lets you hear: AFL after the fader, PFL before it")
	p.soloOff = newButton(d, "END SOLO", textSmall, func() { d.send(&engine.SoloSource{}) }).hint("Nothing is soloed any more")
	p.empty = newLabel("No source of this show has sound.", textNormal, colDim)
	p.row.ExtendBaseWidget(p.row)
	p.row.arrange = func(s fyne.Size) { p.arrangeStrips(s) }
	p.scroll = container.NewHScroll(p.row)
	p.scroll.OnScrolled = func(fyne.Position) {
		p.cull()
		p.compose()
	}
	p.master = newAudioStrip(d, "", scenes.ProgrammeBus, p.setter)
	p.loudness = newLoudnessBlock(d, p.setter)
	p.board = newSoundBoard()
	p.add(p.board.img, p.buses, p.addBus, p.soloKind, p.soloOff, p.empty, p.scroll, p.master, p.loudness)
	p.min = fyne.NewSize(400, audioMin)
	p.arrange = p.layout
	p.ExtendBaseWidget(p)
	return p
}

func (p *audioPanel) layout(s fyne.Size) {
	end := s.Width - inset
	for _, b := range []*button{p.soloKind, p.soloOff} {
		if b == p.soloOff && !b.Visible() {
			continue
		}
		end -= b.min.Width
		place(b, end, 3, b.min.Width, tabRow)
		end -= 3
	}
	tabs := min(p.buses.row.min.Width, max(end-inset-p.addBus.min.Width-gap, 40))
	place(p.buses, inset, 3, tabs, tabRow)
	place(p.addBus, inset+tabs+3, 3, p.addBus.min.Width, tabRow)
	y := 3 + tabRow + 4
	h := s.Height - y - gap
	right := s.Width - inset
	show(p.loudness, s.Width >= loudnessFrom)
	if s.Width >= loudnessFrom {
		right -= loudnessWidth
		place(p.loudness, right, y, loudnessWidth, h)
		right -= 2
	}
	right -= stripMost
	place(p.master, right, y, stripMost, h)
	place(p.scroll, inset, y, right-gap-inset, h)
	p.empty.place(inset, y, 300, 40)
	p.fit()
	p.redraw()
}

// redraw brings what is flat to its new place and size at once: the picture of before is
// as large as the mixer was, and would stand over what is there now until the next state.
func (p *audioPanel) redraw() {
	may := p.unscaled()
	again := func(f *flatBox) {
		if f.flat() {
			f.flatten(may)
		}
	}
	for _, a := range p.strips {
		again(a.flat)
	}
	again(p.master.flat)
	again(p.loudness.flat)
	p.compose()
}

// fit gives the strips the width that there is for them.
func (p *audioPanel) fit() {
	n := float32(len(p.strips))
	p.row.min = fyne.NewSize(n*(p.stripWidth()+4), 80)
	p.scroll.Refresh()
	p.row.arrange(p.row.Size())
}

func (p *audioPanel) stripWidth() float32 {
	n := float32(max(len(p.strips), 1))
	return float32(math.Floor(float64(min(max(p.scroll.Size().Width/n-4, stripLeast), stripMost))))
}

func (p *audioPanel) arrangeStrips(s fyne.Size) {
	w, h := p.stripWidth(), s.Height
	if float32(len(p.strips))*(w+4) > p.scroll.Size().Width+4 {
		h -= scrollRoom
	}
	for i, a := range p.strips {
		place(a, float32(i)*(w+4), 0, w, h)
	}
	p.cull()
}

// cull hides the strips that are scrolled away, so that nothing is drawn for them.
func (p *audioPanel) cull() {
	left, w := p.scroll.Offset.X, p.stripWidth()
	right := left + p.scroll.Size().Width
	for i, a := range p.strips {
		at := float32(i) * (w + 4)
		if a.holdsFocus() {
			continue
		}
		show(a, at < right+w && at+w > left-w)
	}
}

// reveal scrolls to the strip that the keyboard came to.
func (p *audioPanel) reveal() {
	at := slices.IndexFunc(p.strips, (*audioStrip).holdsFocus)
	if at == p.focus {
		return
	}
	if p.focus = at; at < 0 {
		return
	}
	left, w := p.scroll.Offset.X, p.stripWidth()
	x := float32(at) * (w + 4)
	if view := p.scroll.Size().Width; x < left || x+w > left+view {
		if x > left {
			x = max(x+w-view, 0)
		}
		p.scroll.ScrollToOffset(fyne.NewPos(x, 0))
		p.cull()
	}
}

// choose puts a bus's sends on the faders.
func (p *audioPanel) choose(id string) {
	p.bus, p.wanted = id, ""
	if p.desk.sound.source == "" {
		p.desk.sound = soundChoice{bus: id}
	}
	if p.desk.state != nil {
		p.update(p.desk.state)
	}
}

// newBus adds a mix and chooses it when it is there.
func (p *audioPanel) newBus() {
	if p.desk.state == nil {
		return
	}
	b := freshBus(p.desk.draft())
	p.wanted = b.ID
	p.desk.send(&engine.PutBus{Bus: b})
}

func (p *audioPanel) toggleSoloKind() {
	p.desk.soloMode = map[string]string{"afl": "pfl", "pfl": "afl"}[p.desk.soloMode]
	p.soloKind.caption.setText(strings.ToUpper(p.desk.soloMode))
}

// toggleMute is for the keyboard: the strip that has it, else the sound that is open in the
// editor, whatever the faders show, else the master.
func (p *audioPanel) toggleMute() {
	s := p.desk.state
	if s == nil {
		return
	}
	held := slices.IndexFunc(p.strips, (*audioStrip).holdsFocus)
	chosen := slices.IndexFunc(s.Sources, func(v engine.SourceState) bool { return v.HasAudio && v.ID == p.desk.sound.source })
	switch {
	case held >= 0:
		p.strips[held].toggleMute()
	case chosen >= 0 && !p.master.holdsFocus():
		muted := !s.Sources[chosen].Strip.Muted
		p.desk.send(&engine.SetStrip{Source: p.desk.sound.source, Muted: &muted})
	default:
		// Of the state: while the mixer is hidden, the master shows another.
		list := busesOf(nil, s)
		at := max(slices.IndexFunc(list, func(b engine.BusState) bool { return b.ID == p.bus }), 0)
		p.master.bus, p.master.muted = list[at].ID, list[at].Muted
		p.master.toggleMute()
	}
}

// busesOf are the buses of a state.
func busesOf(into []engine.BusState, s *engine.State) []engine.BusState {
	into = append(into[:0], s.Buses...)
	if len(into) == 0 {
		into = append(into, engine.BusState{ID: scenes.ProgrammeBus, Name: "Programme", GainDB: s.Master.GainDB, Muted: s.Master.Muted, Meter: s.Master.Meter})
	}
	return into
}

func (p *audioPanel) update(s *engine.State) {
	p.list = busesOf(p.list, s)
	p.desk.keepLoudness(s)
	if !p.Visible() {
		return
	}
	at := slices.IndexFunc(p.list, func(b engine.BusState) bool { return b.ID == p.wanted })
	if at >= 0 {
		p.bus, p.wanted = p.wanted, ""
		p.desk.sound = soundChoice{bus: p.bus}
	} else if at = slices.IndexFunc(p.list, func(b engine.BusState) bool { return b.ID == p.bus }); at < 0 {
		at, p.bus = 0, p.list[0].ID
	}
	p.buses.set(p.list, p.bus)
	p.late.read(s)
	p.setItems(s)
	p.reveal()
	soloed := false
	n := 0
	flat := s.GPU.Software && p.unscaled()
	for i := range s.Sources {
		v := &s.Sources[i]
		soloed = soloed || v.Solo != ""
		if !v.HasAudio {
			continue
		}
		a := p.strips[n]
		n++
		a.aim(p.bus)
		if a.Visible() {
			a.showSource(v, s, p.late.late[v.ID], p.desk.calm)
			a.flat.flatten(flat)
		}
	}
	bus := &p.list[at]
	if p.master.bus != bus.ID {
		p.master.bus = bus.ID
		p.master.fader.release()
	}
	p.master.showBus(bus, p.desk.calm)
	p.master.flat.flatten(flat)
	p.loudness.update(bus, s, p.desk.calm)
	p.loudness.flat.flatten(flat)
	if soloed != p.soloOff.Visible() {
		show(p.soloOff, soloed)
		p.soloOff.look("END SOLO", colAmber, colInk)
		p.layout(p.Size())
	}
	if w := p.buses.row.min.Width; w != p.buses.Size().Width && w < p.Size().Width/2 {
		p.layout(p.Size())
	}
	p.compose()
}

// compose brings the picture of all that is flat to where it is.
func (p *audioPanel) compose() {
	if p.desk.state == nil {
		return
	}
	at, all := p.scroll.Position(), pixels(fyne.Position{}, p.Size())
	view := pixels(at, p.scroll.Size())
	for _, a := range p.strips {
		p.board.add(a.flat, a.meter, a.reduced, a.Position().Add(at).Subtract(p.scroll.Offset), view)
	}
	p.board.add(p.master.flat, p.master.meter, p.master.reduced, p.master.Position(), all)
	p.board.add(p.loudness.flat, nil, nil, p.loudness.Position(), all)
	p.board.compose(p.Size())
}

// unscaled reports whether a unit of the window is a pixel.
func (p *audioPanel) unscaled() bool {
	c := fyne.CurrentApp().Driver().CanvasForObject(p)
	return c != nil && c.Scale() == 1
}

// setItems brings the strips to the sources that have sound.
func (p *audioPanel) setItems(s *engine.State) {
	items := p.spare[:0]
	for i := range s.Sources {
		if v := &s.Sources[i]; v.HasAudio {
			items = append(items, bankItem{v.ID, v.Name})
		}
	}
	p.spare = items
	same := func(a, b bankItem) bool { return a.id == b.id }
	if slices.EqualFunc(items, p.items, same) {
		return
	}
	old := map[string]*audioStrip{}
	for _, a := range p.strips {
		old[a.source] = a
	}
	p.items, p.strips, p.row.objects = slices.Clone(items), nil, nil
	for _, it := range items {
		a := old[it.id]
		if a == nil {
			a = newAudioStrip(p.desk, it.id, p.bus, p.setter)
			a.within(p.scroll.Scrolled)
		}
		p.strips = append(p.strips, a)
		p.row.add(a)
	}
	show(p.empty, len(items) == 0)
	p.row.Refresh()
	p.fit()
}
