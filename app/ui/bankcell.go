package ui

import (
	"image/color"
	"math"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
)

const (
	cellLabel float32 = 20 // height of the line under a cell's picture
	markWidth float32 = 32 // of PGM and PVW
	tagHeight float32 = 16
	cellBar   float32 = 4   // width of the bar of sound
	cellSmall float32 = 108 // least width of a cell that shrinks so that all are seen
	cellLeast float32 = 96  // and where the bank is low
	cellTight float32 = 136 // narrower, PGM and PVW stand on the picture and not by the name
)

// cellHeight is how high a cell of a width is.
func cellHeight(width float32) float32 {
	return (width-2*cellEdge)*9/16 + 2*cellEdge + cellLabel
}

// bankCell is one scene or source: a click previews it, a double click cuts to it.
type bankCell struct {
	box
	desk *desk
	item bankItem
	// place in the bank, counted from 0; -1 is none, and no key.
	place int

	frame, well *canvas.Rectangle
	view        *liveImage
	number      *label
	name        *label
	mark        *label            // PGM, PVW
	tag         *canvas.Rectangle // behind it, where it is on the picture
	badge       *canvas.Rectangle
	badgeText   *label // HELD, LOST, …
	track, bar  *canvas.Rectangle
	peakDB      float64 // that the bar shows
	lastPress   time.Time
	focused     bool
	tally       engine.Tally
}

var (
	_ desktop.Mouseable = (*bankCell)(nil)
	_ desktop.Keyable   = (*bankCell)(nil)
)

func newBankCell(d *desk) *bankCell {
	c := &bankCell{desk: d, view: d.views.add(), peakDB: math.Inf(-1)}
	c.frame, c.well = newGround(colControl), canvas.NewRectangle(colBlack)
	c.number = newBold("", textNormal, colText)
	c.name = newLabel("", textNormal, colText)
	c.mark = newBold("", textSmall, colText)
	c.mark.Alignment = fyne.TextAlignTrailing
	c.tag = newSurface(colNone)
	c.badge, c.badgeText = newSurface(colNone), newBold("", textSmall, colInk)
	c.badgeText.Alignment = fyne.TextAlignCenter
	c.track, c.bar = canvas.NewRectangle(colShade), canvas.NewRectangle(colMeterLow)
	c.add(c.frame, c.well, c.view.img, c.track, c.bar, c.tag, c.number, c.name, c.mark, c.badge, c.badgeText)
	c.min = fyne.NewSize(cellNarrow, cellHeight(cellNarrow))
	c.arrange = c.layout
	c.ExtendBaseWidget(c)
	return c
}

func (c *bankCell) layout(s fyne.Size) {
	place(c.frame, 0, 0, s.Width, s.Height)
	x, w, h := cellEdge, s.Width-2*cellEdge, (s.Width-2*cellEdge)*9/16
	place(c.well, x, cellEdge, w, h)
	place(c.view.img, x, cellEdge, w, h)
	y := s.Height - cellLabel
	c.number.place(x+4, y, 16, cellLabel)
	c.placeName()
	c.mark.place(x+w-markWidth-4, y, markWidth, cellLabel)
	if c.tight() {
		c.mark.place(x+w-markWidth-4, cellEdge+h-tagHeight, markWidth, tagHeight)
		place(c.tag, x+w-markWidth-4, cellEdge+h-tagHeight, markWidth+4, tagHeight)
	}
	place(c.track, x, cellEdge, cellBar, h)
	c.level(c.track.Visible(), c.peakDB)
	const badge = 76
	place(c.badge, x+w-badge-3, cellEdge+3, badge, 18)
	c.badgeText.place(x+w-badge-3, cellEdge+3, badge, 18)
}

// tight: the name needs the whole line.
func (c *bankCell) tight() bool { return c.Size().Width < cellTight }

// placeName gives the name the room that the mark leaves.
func (c *bankCell) placeName() {
	s := c.Size()
	w := s.Width - 2*cellEdge - 22 - 4
	if c.mark.full != "" && !c.tight() {
		w -= markWidth + 4
	}
	c.name.place(cellEdge+22, s.Height-cellLabel, w, cellLabel)
}

// assign gives the cell its place in the bank; n counts from 0, -1 is none.
func (c *bankCell) assign(n int, item bankItem) {
	c.item, c.place = item, n
	key := ""
	if n >= 0 && n < 10 {
		key = strconv.Itoa((n + 1) % 10)
	}
	c.number.setText(key)
	c.name.setText(item.name)
}

// stop ends the cell's picture, for a cell that leaves the bank.
func (c *bankCell) stop() { c.view.aim(engine.ViewSpec{}) }

// update shows what the item's sources are doing; it is called for cells in view only.
func (c *bankCell) update(s *engine.State, needs []string, source map[string]*engine.SourceState, late *lateness) {
	c.view.aimAt(engine.ViewSource, c.item.id, thumbnailFPS, 480)
	show(c.well, c.view.img.Image == nil)
	c.tally = s.Tally[c.item.id]
	c.paint()
	worst, isLate, sound := engine.SourceRunning, false, false
	peak := math.Inf(-1)
	for _, id := range needs {
		v := source[id]
		if v == nil {
			continue
		}
		if trouble(v.Status) > trouble(worst) {
			worst = v.Status
		}
		isLate = isLate || late.late[id]
		if v.HasAudio {
			sound = true
			peak = max(peak, v.Meter.PeakDB[0], v.Meter.PeakDB[1])
		}
	}
	switch {
	case trouble(worst) > 2:
		c.setBadge(strings.ToUpper(worst.String()), colAmber, colInk)
	case isLate:
		c.setBadge("LATE", colAmber, colInk)
	case trouble(worst) > 0:
		c.setBadge(strings.ToUpper(worst.String()), colDim, colInk)
	default:
		c.setBadge("", colNone, colInk)
	}
	if !c.desk.calm {
		c.level(sound, peak)
	}
}

// level draws the bar of sound at the picture's left; it is redrawn when a pixel changes.
func (c *bankCell) level(sound bool, peakDB float64) {
	show(c.track, sound)
	show(c.bar, sound)
	if !sound {
		return
	}
	c.peakDB = peakDB
	full := c.track.Size().Height
	h := float32(math.Round(float64(meterPart(peakDB) * full)))
	col := colMeterLow
	switch {
	case peakDB >= meterRedDB:
		col = colMeterHigh
	case peakDB >= meterYellowDB:
		col = colMeterMid
	}
	at := c.track.Position()
	if bar := c.bar; h == bar.Size().Height && at.Y+full-h == bar.Position().Y && col == bar.FillColor {
		return
	}
	c.bar.FillColor = col
	place(c.bar, at.X, at.Y+full-h, cellBar, h)
	canvas.Refresh(c.bar)
}

func (c *bankCell) setBadge(text string, ground, ink color.Color) {
	fill(c.badge, ground, colNone, 0)
	c.badgeText.set(text, ink)
}

func (c *bankCell) paint() {
	stroke, width := colNone, float32(0)
	if c.focused {
		stroke, width = colFocus, 3
	}
	ground, ink, mark := colControl, colText, ""
	switch c.tally {
	case engine.OnProgram:
		ground, ink, mark = colProgram, colWhite, "PGM"
	case engine.OnPreview:
		ground, ink, mark = colPreview, colInk, "PVW"
	}
	fill(c.frame, ground, stroke, width)
	if show(c.tag, c.tight() && mark != ""); c.tag.Visible() {
		fill(c.tag, ground, colNone, 0)
	}
	c.number.set(c.number.full, ink)
	c.name.set(c.name.full, ink)
	if (mark == "") != (c.mark.full == "") {
		c.mark.set(mark, ink)
		c.placeName()
	}
	c.mark.set(mark, ink)
}

// MouseDown implements desktop.Mouseable.
func (c *bankCell) MouseDown(e *desktop.MouseEvent) {
	if e.Button != desktop.MouseButtonPrimary {
		return
	}
	if !c.focused {
		c.desk.stopTyping()
	}
	c.desk.tips.leave(c)
	now := c.desk.now()
	if now.Sub(c.lastPress) < doubleClick {
		c.lastPress = time.Time{}
		c.desk.send(&engine.Cut{Scene: c.item.id})
		return
	}
	c.lastPress = now
	c.desk.send(&engine.Preview{Scene: c.item.id})
}

// MouseUp implements desktop.Mouseable.
func (c *bankCell) MouseUp(*desktop.MouseEvent) {}

// MouseIn implements desktop.Hoverable.
func (c *bankCell) MouseIn(*desktop.MouseEvent) {
	c.desk.tips.over(c, "Click: preview "+c.item.name+keyHint("", c.place)+". Double click: cut to it"+keyHint(shortcutName+"+", c.place)+".")
}

// MouseMoved implements desktop.Hoverable.
func (c *bankCell) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (c *bankCell) MouseOut() { c.desk.tips.leave(c) }

// FocusGained implements fyne.Focusable.
func (c *bankCell) FocusGained() { c.focused = true; c.paint() }

// FocusLost implements fyne.Focusable.
func (c *bankCell) FocusLost() { c.focused = false; c.paint() }

// TypedRune implements fyne.Focusable.
func (c *bankCell) TypedRune(rune) {}

// TypedKey implements fyne.Focusable; KeyDown does the work, without key repeat.
func (c *bankCell) TypedKey(*fyne.KeyEvent) {}

// KeyDown implements desktop.Keyable: Space previews, Enter cuts.
func (c *bankCell) KeyDown(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace:
		c.desk.send(&engine.Preview{Scene: c.item.id})
	case fyne.KeyReturn, fyne.KeyEnter:
		c.desk.send(&engine.Cut{Scene: c.item.id})
	default:
		c.desk.keyDown(e)
	}
}

// KeyUp implements desktop.Keyable.
func (c *bankCell) KeyUp(*fyne.KeyEvent) {}
