package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// region is a part of the window that can be hidden; the values are stable, for
// preferences.
type region string

// Regions.
const (
	regionPreview    region = "preview"
	regionTransition region = "transition"
	regionProgram    region = "program"
	regionBank       region = "bank"
	regionAudio      region = "audio"
	regionSide       region = "side"
	regionStatus     region = "status"
)

// regions in the order of the View menu, with their names there.
var regions = []struct {
	id    region
	title string
}{
	{regionPreview, "Preview"},
	{regionTransition, "Transition"},
	{regionProgram, "Programme"},
	{regionBank, "Scenes and sources"},
	{regionAudio, "Audio mixer"},
	{regionSide, "Side column"},
	{regionStatus, "Status bar"},
}

// arrangement is how the operator likes the window; it is kept in the preferences.
type arrangement struct {
	Side float32 `json:"side"` // share of the width
	Top  float32 `json:"top"`  // most of the height that the monitors take
	Bank float32 `json:"bank"` // share of what is below them; 0 is by rows of cells
	// Hidden regions; nil when all show.
	Hidden map[region]bool `json:"hidden,omitempty"`
	Tab    string          `json:"tab,omitempty"` // of the side column
}

func usualArrangement() arrangement { return arrangement{Side: 0.235, Top: 0.5} }

const (
	transitionWidth float32 = 156
	transitionWide  float32 = 280
	transitionLow   float32 = 172 // the least height of CUT, AUTO, FTB and the lever
	sideMax         float32 = 620
	bankLow         float32 = 120
	audioMin        float32 = 140
	leastMonitor    float32 = 150 // width
	// leastWideMonitor is the least width of a monitor with its whole title.
	leastWideMonitor float32 = 300
	// drawerBelow is the width under which the side column lies over the others.
	drawerBelow float32 = 860
	// leastBoth is the least height for the monitors with anything below the banner.
	leastBoth = transitionLow - 30 + bannerHeight + 2*gap + bankLow
	// statusAbove is the least height with a status line: below it CUT, AUTO and the names in
	// the bank need the room more. What is wrong stands in the banner all the same.
	statusAbove float32 = 370
)

// workspace places the regions: the monitors with the transition block between
// them, the line that says what is wrong, the bank and the mixer below, the side
// column at the right, the status line at the foot, a bar with a question at the top
// while there is one.
type workspace struct {
	arrangement
	desk       *desk
	root       *box
	preview    *monitorPanel
	transition *transitionPanel
	program    *monitorPanel
	banner     *bannerPanel
	bank       *bankPanel
	audio      *audioPanel
	side       *sidePanel
	status     *statusPanel
	bar        *questionBar
	// seams are the gaps that are no dividers: under the banner, over the status line.
	seams [2]*canvas.Rectangle

	// under the drawer: it hides what is there and keeps presses from it.
	under *veil

	sideEdge, topEdge, bankEdge *divider
	items                       int     // of the bank at the last layout
	foot                        float32 // of the monitors, likewise
	// drawn out: the side column shows although the window is too narrow to have it
	// beside the rest.
	drawn bool
	// latest of bank and mixer that was asked for; it stays where both have no room.
	latest region
	// changed is told after the hand changed something.
	changed func(arrangement)
}

func newWorkspace(d *desk, preview *monitorPanel, transition *transitionPanel, program *monitorPanel, banner *bannerPanel, bank *bankPanel, audio *audioPanel, side *sidePanel, status *statusPanel) *workspace {
	w := &workspace{
		arrangement: usualArrangement(), desk: d, root: &box{}, preview: preview, transition: transition, program: program, banner: banner,
		bank: bank, audio: audio, side: side, status: status, bar: newQuestionBar(d), latest: regionBank, changed: func(arrangement) {},
		under: newVeil(newGround(colPanel), func(fyne.Position) {}),
	}
	usual := usualArrangement()
	w.sideEdge = newDivider(d, true, func(by float32) { w.Side = w.clampSide(w.side.Size().Width-by) / w.width(); w.again() },
		func() { w.Side = usual.Side; w.again() })
	w.topEdge = newDivider(d, false, w.moveTop, func() { w.Top = usual.Top; w.again() })
	w.bankEdge = newDivider(d, false, w.moveBank, func() { w.Bank = usual.Bank; w.again() })
	for i := range w.seams {
		w.seams[i] = newGround(colBackground)
		w.root.add(w.seams[i])
	}
	// In the order of Tab: what is asked comes first.
	w.root.add(w.bar, preview, transition, program, banner, bank, audio, w.topEdge, w.bankEdge, status, w.under, w.sideEdge, side)
	w.root.min = fyne.NewSize(600, 300)
	w.root.arrange = w.layout
	w.bar.changed = w.relayout
	side.opened = func(id string) { w.Tab = id; w.changed(w.arrangement) }
	w.root.ExtendBaseWidget(w.root)
	return w
}

// restore brings the window to an arrangement kept before.
func (w *workspace) restore(a arrangement) {
	usual := usualArrangement()
	if a.Side < 0.1 || a.Side > 0.6 {
		a.Side = usual.Side
	}
	if a.Top < 0.15 || a.Top > 0.9 {
		a.Top = usual.Top
	}
	if a.Bank < 0 || a.Bank > 0.95 {
		a.Bank = usual.Bank
	}
	w.arrangement = a
	w.side.openID(a.Tab)
	w.relayout()
}

// reset shows everything where it was at first.
func (w *workspace) reset() {
	w.restore(usualArrangement())
	w.changed(w.arrangement)
}

// visible reports whether a region is wanted.
func (w *workspace) visible(r region) bool { return !w.Hidden[r] }

// narrow: the side column is a drawer over the others.
func (w *workspace) narrow() bool { return w.root.Size().Width < drawerBelow }

// low: there is no room for the status line.
func (w *workspace) low() bool { return w.root.Size().Height < statusAbove }

// shows reports whether a region shows, for its entry in the menu.
func (w *workspace) shows(r region) bool {
	switch {
	case r == regionSide && w.narrow():
		return w.visible(r) && w.drawn
	case r == regionStatus && w.low():
		return false
	case r == regionBank: // where only one of the two has room, the other is asked for, not hidden
		return w.visible(r) && w.bank.Visible()
	case r == regionAudio:
		return w.visible(r) && w.audio.Visible()
	}
	return w.visible(r)
}

// pushIn closes the drawer; it reports whether it was out.
func (w *workspace) pushIn() bool {
	if !w.narrow() || !w.drawn || !w.visible(regionSide) {
		return false
	}
	w.drawn = false
	w.relayout()
	return true
}

// show shows or hides a region.
func (w *workspace) show(r region, visible bool) {
	if visible && (r == regionBank || r == regionAudio) {
		w.latest = r
	}
	if visible && r == regionStatus && w.low() {
		w.desk.tell("The window is too low for the status bar, which comes back with more height; the Stats tab has its numbers.")
	}
	if r == regionSide && w.narrow() {
		w.drawn = visible
		if !visible || w.visible(r) {
			w.relayout()
			return
		}
	}
	if w.visible(r) == visible {
		w.relayout()
		return
	}
	hidden := map[region]bool{}
	for k, v := range w.Hidden {
		hidden[k] = v
	}
	hidden[r] = !visible
	if visible {
		delete(hidden, r)
	}
	w.Hidden = hidden
	w.again()
}

// again follows a change by hand.
func (w *workspace) again() {
	w.relayout()
	w.changed(w.arrangement)
}

func (w *workspace) relayout() {
	w.layout(w.root.Size())
	w.root.Refresh()
}

// follow lays out anew when the bank has another number of cells, or the monitors have
// something under them that they had not.
func (w *workspace) follow() {
	if n, foot := len(w.bank.items), w.preview.foot(); n != w.items || foot != w.foot {
		w.items, w.foot = n, foot
		w.relayout()
	}
}

func (w *workspace) width() float32 { return max(w.root.Size().Width, 1) }

func (w *workspace) clampSide(width float32) float32 {
	return min(max(width, sideMinWidth), sideMax, w.width()*0.6)
}

// moveTop drags the edge under the monitors.
func (w *workspace) moveTop(by float32) {
	h := max(w.root.Size().Height, 1)
	w.Top = min(max((w.topEdge.Position().Y+by)/h, 0.15), 0.9)
	w.again()
}

// moveBank drags the edge between bank and mixer.
func (w *workspace) moveBank(by float32) {
	bank, below := w.bank.Size().Height, w.bank.Size().Height+w.audio.Size().Height
	if below > 0 {
		w.Bank = min(max((bank+by)/below, 0.1), 0.9)
		w.again()
	}
}

// layout places everything in s.
func (w *workspace) layout(s fyne.Size) {
	if s.Width <= 0 || s.Height <= 0 {
		return
	}
	y, bottom := gap, s.Height-gap
	if show(w.bar, w.bar.asking()); w.bar.asking() {
		h := w.bar.heightFor(s.Width)
		place(w.bar, 0, 0, s.Width, h)
		y += h
	}
	status := w.visible(regionStatus) && s.Height >= statusAbove
	show(w.status, status)
	show(w.seams[1], status)
	if status {
		h := w.status.min.Height
		place(w.status, gap, s.Height-h-gap, s.Width-2*gap, h)
		place(w.seams[1], 0, s.Height-h-2*gap, s.Width, gap)
		bottom -= h + gap
	}
	right := s.Width - gap
	drawer := s.Width < drawerBelow
	sideShown := w.visible(regionSide) && (!drawer || w.drawn)
	show(w.side, sideShown)
	show(w.sideEdge, sideShown)
	show(w.under, sideShown && drawer)
	if sideShown {
		sw := w.clampSide(s.Width * w.Side)
		place(w.under, right-sw-gap, y, s.Width-right+sw+gap, s.Height-y)
		place(w.side, right-sw, y, sw, bottom-y)
		place(w.sideEdge, right-sw-gap, y, gap, bottom-y)
		if !drawer {
			right -= sw + gap
		}
	}
	bank, audio := w.visible(regionBank), w.visible(regionAudio)
	if tops := w.visible(regionPreview) || w.visible(regionTransition) || w.visible(regionProgram); tops && bottom-y < leastBoth {
		bank, audio = false, false // a question takes their room until it is answered
	}
	top := w.layoutTop(y, right, bottom, s.Height, bank || audio)
	place(w.banner, gap, top, right-gap, w.banner.Size().Height)
	place(w.seams[0], gap, top+bannerHeight, right-gap, gap)
	w.layoutBelow(top+bannerHeight+gap, right, bottom, bank, audio)
}

// layoutTop places the monitors and the transition block in the width up to right, and
// returns where what is below them begins.
func (w *workspace) layoutTop(y, right, bottom, height float32, below bool) float32 {
	preview, transition, program := w.visible(regionPreview), w.visible(regionTransition), w.visible(regionProgram)
	show(w.preview, preview)
	show(w.transition, transition)
	show(w.program, program)
	show(w.topEdge, below && (preview || transition || program))
	monitors := float32(0)
	if preview {
		monitors++
	}
	if program {
		monitors++
	}
	width := right - gap
	limit := bottom - y - bannerHeight - gap
	if below {
		limit = min(max(height*w.Top-y, transitionLow), bottom-y-bankLow-bannerHeight-gap)
	}
	tw, mw := float32(0), float32(0)
	if transition {
		tw = min(transitionWidth, width)
	}
	mh := float32(0)
	if monitors > 0 {
		between := monitors*gap - gap
		if transition {
			between += gap
		}
		mw = max((width-tw-between)/monitors, leastMonitor)
		foot := w.preview.foot()
		if monitorHeight(mw)+foot > limit {
			mw = max((limit-foot-headerHeight-2*tallyEdge)*16/9+2*tallyEdge, leastMonitor)
		}
		mh = monitorHeight(mw) + foot
		if transition {
			tw = min(max(width-monitors*mw-between, transitionWidth), transitionWide)
		}
	} else if transition {
		tw = min(width, transitionWide)
	}
	rowHeight := mh
	if transition {
		rowHeight = min(max(mh, transitionLow), limit)
		if monitors == 0 {
			rowHeight = min(limit, 330)
		}
	}
	used := monitors * (mw + gap)
	if transition {
		used += tw + gap
	}
	x := gap + max((width-(used-gap))/2, 0)
	if preview {
		place(w.preview, x, y, mw, mh)
		x += mw + gap
	}
	if transition {
		place(w.transition, x, y, tw, rowHeight)
		x += tw + gap
	}
	if program {
		place(w.program, x, y, mw, mh)
	}
	if rowHeight == 0 {
		return y
	}
	place(w.topEdge, gap, y+rowHeight, width, gap)
	return y + rowHeight + gap
}

// layoutBelow places bank and mixer.
func (w *workspace) layoutBelow(top, right, bottom float32, bank, audio bool) {
	width, height := right-gap, bottom-top
	if bank && audio && height < bankLow+gap+audioMin {
		bank, audio = w.latest == regionBank, w.latest == regionAudio
	}
	show(w.bank, bank)
	show(w.audio, audio)
	show(w.bankEdge, bank && audio)
	bh := height
	if bank && audio {
		room := height - gap
		if w.Bank > 0 {
			bh = room * w.Bank
		} else {
			bh = w.bank.heightFor(width, 1)
			for rows := 2; rows <= w.bank.rows(width); rows++ {
				if more := w.bank.heightFor(width, rows); room-more >= audioMin {
					bh = more
				}
			}
		}
		bh = max(min(bh, room-audioMin), bankLow)
		place(w.bankEdge, gap, top+bh, width, gap)
	}
	if bank {
		place(w.bank, gap, top, width, bh)
	}
	if audio {
		at := top
		if bank {
			at += bh + gap
		}
		place(w.audio, gap, at, width, bottom-at)
	}
}
