package ui

import (
	"math"
	"slices"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"crosspoint.studio/crosspoint/app/engine"
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

// stripWidth is one strip of the mixer.
const stripWidth float32 = 132

// audioStrip is one fader with its meter: a source's, or the master's.
type audioStrip struct {
	box
	desk    *desk
	source  string // "" is the master
	surface *canvas.Rectangle
	name    *label
	gain    *label
	fader   *fader
	meter   *meter
	mute    *button
	pan     *fader // nil for the master
	panText *label
	muted   bool
	// What the texts say, so that they are made only when it changes.
	shownGain, shownPan float64
}

func newAudioStrip(d *desk, source, name string) *audioStrip {
	a := &audioStrip{desk: d, source: source}
	a.surface = newGround(colBackground)
	a.name = newBold(name, textSmall, colText)
	a.gain = newLabel("", textSmall, colDim)
	a.gain.Alignment = fyne.TextAlignCenter
	a.fader = newFader(d, true, 0.0125, unityAt, a.setGain)
	for _, db := range []float64{6, -10, -20, -30} {
		a.fader.mark(faderPlace(db), colLine)
	}
	a.fader.mark(unityAt, colText)
	a.meter = newMeter(d)
	a.mute = newButton(d, "MUTE", textSmall, a.toggleMute)
	a.add(a.surface, a.name, a.gain, a.fader, a.meter, a.mute)
	if source != "" {
		a.panText = newLabel("", textSmall, colDim)
		a.panText.Alignment = fyne.TextAlignCenter
		a.pan = newFader(d, false, 0.05, 0.5, a.setPan)
		a.pan.knobLength = 8
		a.pan.line.Hide()
		a.pan.mark(0.5, colOff)
		a.add(a.pan, a.panText)
	}
	a.min = fyne.NewSize(stripWidth, 100)
	a.arrange = a.layout
	a.ExtendBaseWidget(a)
	return a
}

func (a *audioStrip) layout(s fyne.Size) {
	place(a.surface, 0, 0, s.Width, s.Height)
	a.name.place(gap, 2, s.Width-2*gap, 18)
	top, h := float32(22), s.Height-22-gap
	place(a.fader, gap, top, 30, h)
	place(a.meter, gap+30+gap, top, 20, h)
	// Right of them: gain and pan under each other, MUTE at the foot.
	x := gap + 30 + gap + 20 + gap
	w := s.Width - x - gap
	a.gain.place(x, top, w, 16)
	place(a.mute, x, top+h-24, w, 24)
	if a.pan != nil {
		y := top + 16 + max((h-16-24-34)/2, 0)
		a.panText.place(x, y, w, 16)
		place(a.pan, x, y+17, w, 14)
	}
}

func (a *audioStrip) setGain(at float64) {
	db := math.Round(faderGain(at)*10) / 10
	if a.source == "" {
		a.desk.move("gain", &engine.SetMaster{GainDB: &db})
		return
	}
	a.desk.move("gain:"+a.source, &engine.SetStrip{Source: a.source, GainDB: &db})
}

func (a *audioStrip) setPan(at float64) {
	pan := math.Round((at*2-1)*100) / 100
	a.desk.move("pan:"+a.source, &engine.SetStrip{Source: a.source, Pan: &pan})
}

func (a *audioStrip) toggleMute() {
	muted := !a.muted
	if a.source == "" {
		a.desk.send(&engine.SetMaster{Muted: &muted})
		return
	}
	a.desk.send(&engine.SetStrip{Source: a.source, Muted: &muted})
}

func (a *audioStrip) show(gainDB, pan float64, muted bool, m engine.Meter, calm bool) {
	a.muted = muted
	a.fader.follow(faderPlace(gainDB))
	if gainDB != a.shownGain || a.gain.full == "" {
		a.shownGain = gainDB
		a.gain.setText(gainText(gainDB) + " dB")
	}
	if muted {
		a.mute.look("MUTED", colAmber, colInk)
	} else {
		a.mute.look("MUTE", colControl, colText)
	}
	if a.pan != nil {
		a.pan.follow((pan + 1) / 2)
		if pan != a.shownPan || a.panText.full == "" {
			a.shownPan = pan
			a.panText.setText(panText(pan))
		}
	}
	if !calm {
		a.meter.set(m)
	}
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

// audioPanel is the mixer: a strip for each source that has sound, and the master.
type audioPanel struct {
	box
	desk   *desk
	title  *label
	empty  *label
	scroll *container.Scroll
	row    *box
	strips []*audioStrip
	items  []bankItem
	spare  []bankItem // memory of update
	master *audioStrip
}

func newAudioPanel(d *desk) *audioPanel {
	p := &audioPanel{desk: d, row: &box{}}
	p.title = newBold("AUDIO", textSmall, colDim)
	p.empty = newLabel("No source of this show has sound.", textNormal, colDim)
	p.row.ExtendBaseWidget(p.row)
	p.row.arrange = func(s fyne.Size) {
		for i, a := range p.strips {
			place(a, float32(i)*(stripWidth+gap), 0, stripWidth, s.Height)
		}
	}
	p.scroll = container.NewHScroll(p.row)
	p.master = newAudioStrip(d, "", "MASTER")
	p.add(p.title, p.empty, p.scroll, p.master)
	p.min = fyne.NewSize(400, audioMin)
	p.arrange = func(s fyne.Size) {
		p.title.place(inset, 0, 100, 20)
		y := float32(20)
		h := s.Height - y - gap
		place(p.scroll, inset, y, s.Width-3*inset-stripWidth, h)
		place(p.master, s.Width-inset-stripWidth, y, stripWidth, h)
		p.empty.place(inset, y, 300, 40)
	}
	p.ExtendBaseWidget(p)
	return p
}

// toggleMasterMute is for the keyboard.
func (p *audioPanel) toggleMasterMute() { p.master.toggleMute() }

func (p *audioPanel) update(s *engine.State) {
	items := p.spare[:0]
	for i := range s.Sources {
		if v := &s.Sources[i]; v.HasAudio {
			items = append(items, bankItem{v.ID, v.Name})
		}
	}
	p.spare = items
	if !slices.Equal(items, p.items) {
		p.items, p.strips, p.row.objects = slices.Clone(items), nil, nil
		for _, it := range items {
			a := newAudioStrip(p.desk, it.id, it.name)
			p.strips = append(p.strips, a)
			p.row.add(a)
		}
		p.row.min = fyne.NewSize(float32(len(items))*(stripWidth+gap), 100)
		show(p.empty, len(items) == 0)
		p.row.Refresh()
		p.scroll.Refresh()
		p.row.arrange(p.row.Size())
	}
	n := 0
	for i := range s.Sources {
		v := &s.Sources[i]
		if !v.HasAudio {
			continue
		}
		p.strips[n].show(v.Strip.GainDB, v.Strip.Pan, v.Strip.Muted, v.Meter, p.desk.calm)
		n++
	}
	p.master.show(s.Master.GainDB, 0, s.Master.Muted, s.Master.Meter, p.desk.calm)
}
