package ui

import (
	"path/filepath"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/app/engine"
)

const (
	firstWidth  float32 = 700
	firstCard   float32 = 96
	firstRecent         = 4 // recent files on the page
)

// firstPage is where a first run begins: the demo show, one's own camera, an empty
// show, or a file. Work that an earlier run left unsaved is offered first.
type firstPage struct {
	box
	desk  *desk
	files *files
	back  *veil
	title *label
	line  *label
	cards []*card
	shape *canvasChoice // of the last two cards
	open  *button
	close *button

	recentTitle *label
	recent      []*button
	paths       []string

	recovery      *canvas.Rectangle
	recoveryText  *label
	recover, drop *button
	offered       bool
	everBegan     bool
	recoveryOf    RecoveredShow
	// covers is told that the page hides all of the desk, or no longer.
	covers func(bool)
}

// card is a large button with a picture, a name and a line about it.
type card struct {
	button
	icon  *icon
	about *label
}

func newCard(d *desk, iconName, title, about string, press func()) *card {
	c := &card{icon: newIcon(iconName, colFocus), about: newLabel(about, textNormal, colDim)}
	c.init(d, title, textLarge, press)
	c.add(c.icon, c.about)
	c.caption.Alignment = fyne.TextAlignLeading
	c.min = fyne.NewSize(200, firstCard)
	c.arrange = func(s fyne.Size) {
		place(c.back, 0, 0, s.Width, s.Height)
		place(c.icon, 20, (s.Height-40)/2, 40, 40)
		c.caption.place(84, s.Height/2-28, s.Width-96, 28)
		c.about.place(84, s.Height/2, s.Width-96, 22)
	}
	c.ExtendBaseWidget(c)
	return c
}

func newFirstPage(d *desk, f *files) *firstPage {
	p := &firstPage{desk: d, files: f, back: newVeil(canvas.NewRectangle(colBackground), func(fyne.Position) {}), covers: func(bool) {}}
	p.title = newBold("What do you want to produce?", textHuge+6, colText)
	p.line = newLabel("All but the canvas can be changed later. Nothing goes on air by itself.", textNormal, colDim)
	p.shape = newCanvasChoice(d)
	begin := func(template string) func() { return func() { f.fresh(template, p.shape.chosen()) } }
	p.cards = []*card{
		newCard(d, "media", "Look around in the demo show", "Four moving pictures, a title and a receiver to rehearse with", p.stay),
		newCard(d, "camera", "My camera", "A show with the camera and the microphone of this computer", begin("camera")),
		newCard(d, "scene", "An empty show", "Add sources and scenes yourself", begin("empty")),
	}
	p.open = newButton(d, "Open a file…", textNormal, f.openChosen).hint("Open a show that was saved before (" + shortcutName + "+O)")
	p.close = newButton(d, "Close this page", textNormal, p.shut).hint("Go on with the show that is open (Esc)")
	p.recentTitle = newBold("RECENT", textSmall, colDim)
	p.recovery = newSurface(colAmber)
	p.recoveryText = newBold("", textNormal, colInk)
	p.recover = newButton(d, "Recover", textNormal, p.takeRecovery).hint("Open the work that was not saved")
	p.drop = newButton(d, "Discard", textNormal, p.dropRecovery).hint("Remove the work that was not saved for good")
	p.add(p.back, p.title, p.line)
	for _, c := range p.cards {
		p.add(c)
	}
	p.add(p.shape, p.open, p.close, p.recentTitle)
	for i := range firstRecent {
		b := newButton(d, "", textNormal, func() { f.open(p.paths[i]) })
		b.caption.Alignment = fyne.TextAlignLeading
		p.recent = append(p.recent, b)
		p.add(b)
	}
	p.add(p.recovery, p.recoveryText, p.recover, p.drop)
	p.arrange = p.layout
	p.ExtendBaseWidget(p)
	p.Hide()
	return p
}

func (p *firstPage) layout(s fyne.Size) {
	place(p.back, 0, 0, s.Width, s.Height)
	w := min(firstWidth, s.Width-4*gap)
	x := (s.Width - w) / 2
	h := 84 + 3*(firstCard+gap) + rowHeight + 2*gap
	if n := float32(len(p.paths)); n > 0 {
		h += 24 + n*(rowHeight+2)
	}
	if p.offered {
		h += 48
	}
	y := max((s.Height-h)/2, gap)
	card := firstCard
	if h > s.Height-2*gap { // a small window gets lower cards
		card = max(firstCard-(h-s.Height+2*gap)/3, 52)
	}
	p.title.place(x, y, w, 40)
	sw := p.shape.min.Width
	p.line.place(x, y+40, max(w-sw-gap, 1), 24)
	place(p.shape, x+w-sw, y+38, sw, rowHeight)
	y += 76
	show(p.recovery, p.offered)
	show(p.recoveryText.Text, p.offered)
	show(p.recover, p.offered)
	show(p.drop, p.offered)
	if p.offered {
		place(p.recovery, x, y, w, 40)
		rw, dw := p.recover.MinSize().Width, p.drop.MinSize().Width
		p.recoveryText.place(x+inset, y, w-rw-dw-4*inset, 40)
		place(p.drop, x+w-dw-inset, y+7, dw, rowHeight)
		place(p.recover, x+w-dw-rw-2*inset, y+7, rw, rowHeight)
		y += 48
	}
	for _, c := range p.cards {
		place(c, x, y, w, card)
		y += card + gap
	}
	place(p.open, x, y+gap, p.open.MinSize().Width, rowHeight)
	cw := p.close.MinSize().Width
	place(p.close, x+w-cw, y+gap, cw, rowHeight)
	y += rowHeight + 3*gap
	fits := func(y float32) bool { return y+rowHeight <= s.Height-gap } // File › Open recent has the others
	show(p.recentTitle.Text, len(p.paths) > 0 && fits(y+22))
	p.recentTitle.place(x, y, w, 20)
	y += 22
	for i, b := range p.recent {
		show(b, i < len(p.paths) && fits(y))
		place(b, x, y, w, rowHeight)
		y += rowHeight + 2
	}
}

// follow takes the page away from a desk that has gone live, or records.
func (p *firstPage) follow(s *engine.State) {
	if p.Visible() && s.Delivering() {
		p.shut()
	}
}

// begin looks, once, whether this is a first run and whether work was left behind. Where
// it is not a first run, what was left behind is offered in the bar.
func (p *firstPage) begin(bar *questionBar) {
	docs := p.files.docs
	if docs == nil || p.everBegan {
		return
	}
	p.everBegan = true
	if docs.Info().FirstRun && !p.desk.state.Delivering() {
		p.show()
	}
	p.desk.background(func() {
		r, ok := docs.Recovery()
		recent := docs.Recent()
		p.desk.post(func() {
			p.files.recent = recent
			if ok {
				p.offer(r, bar)
			}
			p.list()
		})
	})
}

func (p *firstPage) offer(r RecoveredShow, bar *questionBar) {
	text := "Work on " + showName(r.Name) + " of " + r.Time.Format("2 January, 15:04") + " was not saved."
	p.offered, p.recoveryOf = true, r
	p.recoveryText.setText(text)
	if !p.Visible() {
		bar.ask(text,
			answer{caption: "Recover", tip: "Open the work that was not saved", do: p.takeRecovery},
			answer{caption: "Discard", tip: "Remove it for good", risky: true, do: p.dropRecovery},
			answer{caption: "Later", tip: "Ask again at the next start"})
	}
}

// list shows the recent files.
func (p *firstPage) list() {
	p.paths = p.paths[:0]
	for _, r := range p.files.recent {
		if !r.Missing && len(p.paths) < firstRecent {
			p.paths = append(p.paths, r.Path)
		}
	}
	for i, path := range p.paths {
		p.recent[i].caption.setText("  " + filepath.Base(path) + "     " + filepath.Dir(path))
		p.recent[i].hint("Open " + path)
	}
	p.layout(p.Size())
	p.Refresh()
}

// ask shows the page when the operator asks for it; not while another show is refused anyway.
func (p *firstPage) ask() {
	if p.files.refused() {
		return
	}
	p.files.readRecent()
	p.show()
}

// askCanvas shows the page for its choice of a show's canvas, which has the keyboard. c is
// where the page is drawn: Fyne knows it of the page only once that has been.
func (p *firstPage) askCanvas(c fyne.Canvas) {
	if p.ask(); c != nil && p.Visible() {
		c.Focus(p.shape.size.list)
	}
}

func (p *firstPage) show() {
	p.shape.reset()
	p.list()
	p.Show()
	p.covers(true)
}

// shut closes the page and leaves the show as it is.
func (p *firstPage) shut() {
	p.Hide()
	p.covers(false)
}

// stay goes on with the demo show, which is what runs on a first run; any other show
// is replaced by it.
func (p *firstPage) stay() {
	if info := p.files.info(); info.FirstRun && info.Path == "" && !info.Dirty {
		p.shut()
		return
	}
	p.files.fresh("demo", usualCanvas())
}

func (p *firstPage) takeRecovery() {
	p.files.replacing(func() {
		p.files.run(p.files.docs.Recover, "The work of "+p.recoveryOf.Time.Format(time.TimeOnly)+" is back; save it to keep it.", func() {
			p.offered = false
			p.files.opened()
		})
	})
}

func (p *firstPage) dropRecovery() {
	p.files.run(p.files.docs.DropRecovery, "", func() {
		p.offered = false
		p.list()
	})
}
