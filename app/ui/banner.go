package ui

import (
	"fmt"
	"image/color"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
)

const (
	// bannerHeight is kept free for the banner whether or not there is trouble, so that
	// nothing moves under the pointer when there is.
	bannerHeight float32 = 24
	// bannerMore is the room for the button that counts the rest.
	bannerMore float32 = 76
	// bannerMost is how many sentences the open list shows.
	bannerMost = 8
	// noticeFor is how long the refusal of a command is shown.
	noticeFor = 6 * time.Second
	// silentAfter is when a studio whose tick does not move is reported.
	silentAfter = 2 * time.Second
	// slowShare is the share of a second's pictures that were shown again for want of time
	// from which on that is said, slowFor how long.
	slowShare = 0.02
	slowFor   = 5 * time.Second
)

// bannerPanel is the line between the monitors and the bank: the newest warning in one
// sentence, how many more there are, or that all is well. A press leads to the panel
// that the sentence is about; the count opens the rest over what is below.
type bannerPanel struct {
	box
	desk    *desk
	info    func() DocumentInfo
	ground  *canvas.Rectangle
	lamp    *lamp
	message *label
	more    *button
	sheet   *canvas.Rectangle
	rows    [bannerMost]*label
	focused bool

	open     bool
	warnings []engine.Warning // newest last
	// came is the order in which warnings came, by key: the state has the engine's own first
	// and then those about sources, renditions and outputs, whenever they began.
	came map[string]int
	last int // of came
	// above: a standing sentence, not the newest warning, is on the line.
	above       bool
	keys        []string // of the rows shown
	notice      string
	noticeUntil time.Time
	noticeGood  bool
	rates       rates
	slowUntil   time.Time // pictures have been repeated so lately
	repeated    float64   // their share in the worst second of that
	tick        int64
	tickMoved   time.Time
}

var (
	_ desktop.Mouseable = (*bannerPanel)(nil)
	_ desktop.Keyable   = (*bannerPanel)(nil)
	_ desktop.Hoverable = (*bannerPanel)(nil)
)

func newBannerPanel(d *desk, info func() DocumentInfo) *bannerPanel {
	p := &bannerPanel{desk: d, info: info, came: map[string]int{}, ground: newGround(colPanel), lamp: newLamp(), sheet: newSurface(colPanel)}
	p.message = newLabel("Starting.", textNormal, colDim)
	p.more = newButton(d, "", textSmall, p.toggle).hint("All that is wrong at present")
	p.sheet.StrokeColor, p.sheet.StrokeWidth = colAmber, 1
	p.add(p.ground, p.lamp, p.message, p.more, p.sheet)
	for i := range p.rows {
		p.rows[i] = newLabel("", textNormal, colText)
		p.add(p.rows[i])
	}
	p.min = fyne.NewSize(200, bannerHeight)
	p.arrange = p.layout
	p.ExtendBaseWidget(p)
	p.more.Hide()
	p.Resize(p.min)
	p.fold()
	return p
}

func (p *bannerPanel) layout(s fyne.Size) {
	place(p.ground, 0, 0, s.Width, bannerHeight)
	place(p.lamp, inset, 6, 12, 12)
	w := s.Width - 2*inset - 18
	if p.more.Visible() {
		w -= bannerMore + gap
		place(p.more, s.Width-bannerMore-2, 2, bannerMore, bannerHeight-4)
	}
	p.message.place(inset+18, 0, w, bannerHeight)
	place(p.sheet, 0, bannerHeight+2, s.Width, float32(len(p.keys))*bannerHeight+4)
	for i, l := range p.rows {
		l.place(inset+18, bannerHeight+4+float32(i)*bannerHeight, s.Width-2*inset-18, bannerHeight)
	}
}

// tellNotice shows a sentence for a while: about a command that was refused or, where
// good, about something that is done.
func (p *bannerPanel) tellNotice(text string, good bool) {
	p.notice, p.noticeGood, p.noticeUntil = text, good, p.desk.now().Add(noticeFor)
}

func (p *bannerPanel) toggle() {
	p.open = !p.open
	p.fold()
}

// fold brings the list to what is open and what there is.
func (p *bannerPanel) fold() {
	n := 0
	p.keys = p.keys[:0]
	if rest := p.rest(); p.open && len(rest) > 0 {
		for i := len(rest) - 1; i >= 0 && n < bannerMost; i-- {
			p.rows[n].setText(sentence(rest[i].Text))
			p.keys = append(p.keys, rest[i].Key)
			n++
		}
	} else {
		p.open = false
	}
	show(p.sheet, n > 0)
	for i, l := range p.rows {
		show(l.Text, i < n)
	}
	s := fyne.NewSize(p.Size().Width, bannerHeight)
	if n > 0 {
		s.Height += float32(n)*bannerHeight + 6
	}
	p.Resize(s)
	p.layout(s)
}

func (p *bannerPanel) update(s *engine.State) {
	now := p.desk.now()
	if s.Tick != p.tick || p.tickMoved.IsZero() {
		p.tick, p.tickMoved = s.Tick, now
	}
	warnings := p.byAge(s.Warnings)
	if err := p.info().Unkept; err != nil {
		// First, as the oldest: what is on air matters more.
		warnings = append([]engine.Warning{{Key: "document", Text: fmt.Sprintf("The changes of the show would not survive a crash: they cannot be kept (%v). What is on air is not touched; save the show (Ctrl+S).", err)}}, warnings...)
	}
	frozen := now.Sub(p.tickMoved) > silentAfter
	faded := s.Black >= 1 && (s.Live || s.Recording || len(warnings) == 0)
	if above := frozen || faded; above != p.above || !slices.EqualFunc(p.warnings, warnings, sameWarning) {
		p.warnings, p.above = warnings, above
		p.count()
		p.fold()
	}
	if p.rates.read(s) && p.rates.repeated >= slowShare {
		if now.After(p.slowUntil) {
			p.repeated = 0
		}
		p.repeated, p.slowUntil = max(p.repeated, p.rates.repeated), now.Add(slowFor)
	}
	switch n := len(p.warnings); {
	case frozen:
		p.say(shapeSquare, colBad, colInk, "The studio has not moved for "+clockText(now.Sub(p.tickMoved))+"; what is on air may be frozen. What was recorded up to then is safe; if it stays so, close Crosspoint and start it again.")
	case now.Before(p.noticeUntil) && p.noticeGood:
		p.say(shapeDisc, colPanel, colText, p.notice)
	case now.Before(p.noticeUntil):
		p.say(shapeTriangle, colAmber, colInk, p.notice)
	case faded:
		p.say(shapeTriangle, colAmber, colInk, "The programme is faded to black; FTB (B) brings it back.")
	case s.Master.Muted && (s.Live || s.Recording || n == 0):
		p.say(shapeTriangle, colAmber, colInk, "The programme's sound is muted; MUTE of Programme in the mixer brings it back.")
	case n > 0:
		p.say(shapeTriangle, colAmber, colInk, sentence(p.warnings[n-1].Text))
	case now.Before(p.slowUntil):
		p.say(shapeTriangle, colAmber, colInk, fmt.Sprintf("This machine is too slow at present: up to %.0f %% of the pictures were shown twice. Everything runs on; close other programs.", 100*p.repeated))
	default:
		p.say(shapeDisc, colPanel, colDim, "All is well.")
	}
}

// byAge is warnings in the order in which they came.
func (p *bannerPanel) byAge(warnings []engine.Warning) []engine.Warning {
	for key := range p.came {
		if !slices.ContainsFunc(warnings, func(w engine.Warning) bool { return w.Key == key }) {
			delete(p.came, key)
		}
	}
	for _, w := range warnings {
		if _, known := p.came[w.Key]; !known {
			p.last++
			p.came[w.Key] = p.last
		}
	}
	warnings = slices.Clone(warnings)
	slices.SortStableFunc(warnings, func(a, b engine.Warning) int { return p.came[a.Key] - p.came[b.Key] })
	return warnings
}

// rest is the warnings that are not on the line.
func (p *bannerPanel) rest() []engine.Warning {
	if n := len(p.warnings); n > 0 && !p.above {
		return p.warnings[:n-1]
	}
	return p.warnings
}

// count says how many sentences there are besides the one on the line.
func (p *bannerPanel) count() {
	n := len(p.rest())
	show(p.more, n > 0)
	if n > 0 {
		p.more.look(fmt.Sprintf("%d more", n), colControl, colText)
	}
}

func (p *bannerPanel) say(sign shape, ground, ink color.Color, text string) {
	lampInk := ink
	if ground == colPanel {
		lampInk = colGood
	}
	p.lamp.set(sign, lampInk)
	show(p.ground, p.focused || ground != colPanel)
	if p.focused {
		fill(p.ground, ground, colFocus, 3)
	} else {
		fill(p.ground, ground, colNone, 0)
	}
	p.message.set(text, ink)
}

func sameWarning(a, b engine.Warning) bool { return a.Key == b.Key && a.Text == b.Text }

// tabOf is the side panel that a warning is about.
func tabOf(key string) string {
	about, _, _ := strings.Cut(key, " ")
	switch about {
	case "output", "destination":
		return "outputs"
	case "source":
		return "show"
	case "encoder", "audio", "compositor":
		return "stats"
	}
	return "log"
}

// MouseDown implements desktop.Mouseable.
func (p *bannerPanel) MouseDown(e *desktop.MouseEvent) {
	if e.Button != desktop.MouseButtonPrimary {
		return
	}
	if !p.focused {
		p.desk.stopTyping()
	}
	row := int((e.Position.Y - bannerHeight - 4) / bannerHeight)
	switch {
	case e.Position.Y <= bannerHeight:
		p.follow()
	case row >= 0 && row < len(p.keys):
		p.desk.openTab(tabOf(p.keys[row]))
	}
}

// follow leads to what the newest sentence is about.
func (p *bannerPanel) follow() {
	if n := len(p.warnings); n > 0 && !p.above && p.desk.now().After(p.noticeUntil) {
		p.desk.openTab(tabOf(p.warnings[n-1].Key))
	} else if n == 0 && p.desk.now().Before(p.slowUntil) {
		p.desk.openTab("stats")
	}
}

// MouseUp implements desktop.Mouseable.
func (p *bannerPanel) MouseUp(*desktop.MouseEvent) {}

// MouseIn implements desktop.Hoverable: a sentence that does not fit is told whole.
func (p *bannerPanel) MouseIn(*desktop.MouseEvent) {
	if p.message.Text.Text != p.message.full {
		p.desk.tips.over(p, p.message.full)
	}
}

// MouseMoved implements desktop.Hoverable.
func (p *bannerPanel) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (p *bannerPanel) MouseOut() { p.desk.tips.leave(p) }

// FocusGained implements fyne.Focusable.
func (p *bannerPanel) FocusGained() {
	p.focused = true
	p.MouseIn(nil)
	fill(p.ground, p.ground.FillColor, colFocus, 3)
}

// FocusLost implements fyne.Focusable.
func (p *bannerPanel) FocusLost() {
	p.focused = false
	p.MouseOut()
	fill(p.ground, p.ground.FillColor, colNone, 0)
}

// TypedRune implements fyne.Focusable.
func (p *bannerPanel) TypedRune(rune) {}

// TypedKey implements fyne.Focusable; KeyDown does the work, without key repeat.
func (p *bannerPanel) TypedKey(*fyne.KeyEvent) {}

// KeyDown implements desktop.Keyable: Space and Enter lead to the panel.
func (p *bannerPanel) KeyDown(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		p.follow()
	default:
		p.desk.keyDown(e)
	}
}

// KeyUp implements desktop.Keyable.
func (p *bannerPanel) KeyUp(*fyne.KeyEvent) {}
