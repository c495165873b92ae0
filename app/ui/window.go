package ui

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// How often the window looks at the state.
const (
	pollFast = time.Second / 30
	pollSlow = time.Second / 10
	// pollAsleep is for a window that is minimised.
	pollAsleep = time.Second / 4
	// After a command the window looks pollHurry apart, hurried times, for the state that
	// shows it: longer than a tick of the slowest canvas is not worth it.
	pollHurry = 4 * time.Millisecond
	hurried   = 12
	// slowAfter polls without anything new the window looks less often.
	slowAfter = 15
)

// wholeEvery is how many polls are one drawn whole where OpenGL is drawn by the processor.
// Fyne knows no repaint but that of everything: 15 to 20 ms of processor time for 1.2
// million pixels, of which 12 strips are half a millisecond. So it is 30 a second where that
// is an eighth of the machine or less, and 15 or 10 on smaller ones.
func wholeEvery(processors int) int {
	switch {
	case processors >= 8:
		return 1
	case processors >= 4:
		return 2
	}
	return 3
}

// wholeEvery is how many polls are one drawn whole at present: as chosen, or as suits the
// machine.
func (w *window) wholeEvery(s *engine.State) int {
	switch n := int(w.desk.drawn.Load()); {
	case n > 0:
		return max(int(time.Second/pollFast)/n, 1)
	case s.GPU.Software:
		return w.every
	}
	return 1
}

// Options are what the window is told at the start.
type Options struct {
	// Title is the window's; empty means "Crosspoint".
	Title string
	// Services are what panels need besides the engine.
	Services Services
	// Icon is the window's picture, PNG or SVG; nil leaves Fyne's.
	Icon []byte
	// Notice is a sentence for the status line at the start, or empty.
	Notice string
	// MapPath, if not empty, is a file that lists, as JSON, the controls that can be
	// seen and where, for tests that operate the window from outside.
	MapPath string
	// Quit, if set, ends the studio when the window is closed, which stays until Run's ctx ends.
	Quit func()
}

// panel is one part of the window.
type panel interface {
	fyne.Widget
	update(*engine.State)
}

// window is all panels and the loop that feeds them.
type window struct {
	desk      *desk
	keys      *keyboard
	focus     focusFollower
	panels    []panel
	status    *statusPanel
	banner    *bannerPanel
	side      *sidePanel
	lists     *showPanel
	place     *workspace
	help      *helpPanel
	palette   *commandPalette
	first     *firstPage
	files     *files
	looks     *looks
	menus     *menuBar
	projector *projector
	content   fyne.CanvasObject
	monitors  [2]*monitorPanel

	// setTitle shows what the window is called; title is what it shows.
	setTitle func(string)
	title    string
	// overlay is the dialog or list that lies over the panels, nil for none; clear takes all
	// of them away.
	overlay func() fyne.CanvasObject
	clear   func()
	// quit ends the window, without asking.
	quit func()

	mapped *windowMap // nil: nobody reads it

	// every is how many polls are one drawn whole where the processor draws OpenGL.
	every int

	// carried has a token when a command was carried out: the next state shows it.
	carried chan struct{}

	// busy: an update waits for Fyne's goroutine, which then owns the live images.
	// Updates never pile up behind a slow window.
	busy atomic.Bool
	// hidden: the window is minimised, and nothing is drawn for it.
	hidden  atomic.Bool
	noticed struct {
		sync.Mutex
		text string
		good bool
	}
}

// Run opens the window and blocks until it is closed or ctx ends. It has to be
// called on the main goroutine, once per process. It stops nothing of the studio.
func Run[V Picture](ctx context.Context, s Studio[V], opt Options) error {
	a := app.NewWithID("studio.crosspoint.app")
	a.Settings().SetTheme(newTheme())
	chooseNamesOnly()
	if opt.Icon != nil {
		a.SetIcon(fyne.NewStaticResource("crosspoint.png", opt.Icon))
	}
	w := newWindow(anyStudio[V]{s}, opt.Services, a.Preferences())
	w.looks.load() // before there is a window: it says how large one is
	win := a.NewWindow(cmp.Or(opt.Title, "Crosspoint"))
	win.SetMaster()
	win.SetPadded(false)
	if opt.Notice != "" {
		w.notice(sentence(opt.Notice))
	}
	ctx, stop := context.WithCancel(ctx)
	w.attach(win, a.NewWindow)
	w.quit = w.closing(opt.Quit, stop)
	if opt.MapPath != "" {
		w.mapped = &windowMap{path: opt.MapPath}
	}

	var running sync.WaitGroup
	running.Go(func() { w.desk.sender.run(ctx) })
	running.Go(func() { w.poll(ctx, fyne.Do) })
	over := make(chan struct{}) // Fyne's loop is
	running.Go(func() {
		<-ctx.Done()
		quitUnless(over, a)
	})
	win.SetCloseIntercept(w.askClose)
	a.Lifecycle().SetOnStarted(func() {
		onMinimised(win, w.setHidden)
		shutMenus(win)
		w.projector.look()
		onDisplays(win, func() { fyne.Do(w.projector.displaysChanged) })
	})
	win.ShowAndRun()
	close(over)
	stop()
	running.Wait()
	w.desk.work.close(workGrace)
	w.desk.sets.closeAll()
	return nil
}

// quitUnless ends Fyne's loop unless it is over. When a signal has just ended it, Fyne calls
// what it is given here and now, and panics, for its windows are gone.
func quitUnless(over <-chan struct{}, a fyne.App) {
	select {
	case <-over:
		return
	default:
	}
	defer func() { _ = recover() }()
	fyne.Do(a.Quit)
}

// newWindow builds the panels; nothing runs yet.
func newWindow(s studio, services Services, prefs fyne.Preferences) *window {
	w := &window{setTitle: func(string) {}, overlay: func() fyne.CanvasObject { return nil }, clear: func() {}, quit: func() {}, carried: make(chan struct{}, 1), every: wholeEvery(runtime.NumCPU())}
	w.desk = newDesk(s, services, w.notice)
	w.desk.sender.carried = func() {
		select {
		case w.carried <- struct{}{}:
		default:
		}
	}
	d := w.desk
	preview, program := newMonitorPanel(d, engine.ViewPreview), newMonitorPanel(d, engine.ViewProgram)
	transition, bank, audio, outs := newTransitionPanel(d), newBankPanel(d), newAudioPanel(d), newOutputsPanel(d)
	w.status, w.banner, w.help = newStatusPanel(d), newBannerPanel(d, func() DocumentInfo { return w.files.info() }), newHelpPanel()
	w.monitors = [2]*monitorPanel{preview, program}
	w.lists = newShowPanel(d)
	w.side = newSidePanel(d,
		side("Outputs", "outputs", outs),
		side("Show", "show", w.lists),
		side("Sound", "sound", newSoundPanel(d)),
		side("Log", "log", newLogPanel(d)),
		side("Stats", "stats", newStatsPanel(d)),
		side("Rehearsal", "rehearsal", newRehearsalPanel(d)),
	)
	w.panels = []panel{preview, transition, program, w.banner, bank, w.side, audio, w.status}
	d.openTab = func(id string) {
		w.side.openID(id)
		w.place.show(regionSide, true)
	}
	w.keys = &keyboard{
		desk: d, bank: bank, transition: transition, audio: audio, outputs: outs, preview: preview, help: w.help,
		fullscreen: func() {}, escape: w.escape,
	}
	d.keyDown = w.keyDown
	d.entered = func() { w.keys.enteredAt = d.now() }
	w.focus.unfocus, w.focus.focused = func() { d.stopTyping() }, func() fyne.Focusable { return d.focused() }
	w.place = newWorkspace(d, preview, transition, program, w.banner, bank, audio, w.side, w.status)
	d.said = w.done
	w.files = &files{desk: d, said: w.done, docs: services.Documents, bar: w.place.bar, audience: func() string { return w.projector.audience() }, choose: func(bool, string, func(string)) {}, closeWindow: w.askClose}
	w.first = newFirstPage(d, w.files)
	w.files.another = func() { w.first.askCanvas(fyne.CurrentApp().Driver().CanvasForObject(w.content)) }
	w.files.opened = func() { w.first.shut(); w.side.forget() }
	w.first.covers = func(all bool) { // Tab and the keys of the desk do not go under it
		d.tips.clear()
		d.stopTyping()
		w.keys.covered = all
		show(w.place.root, !all)
	}
	w.place.bar.asked = func() { // its answers are where Tab goes next
		d.stopTyping()
		if w.first.Visible() {
			w.first.shut()
		}
	}
	w.projector = &projector{desk: d, keys: w.keys, screens: desktopScreens{}, prefs: prefs, covered: func() bool { return w.overlay() != nil || w.palette.Visible() }, newWindow: func(title string) fyne.Window { return fyne.CurrentApp().NewWindow(title) }}
	w.palette = newPalette(d, func() []*action {
		return slices.Concat(w.stateActions(), w.keys.actions, w.files.recentActions(), w.projector.actions())
	}, w.sendAsked)
	w.content = container.NewStack(w.place.root, w.first, d.tips, w.palette, w.help)
	w.looks = &looks{prefs: prefs, place: w.place, content: w.content, drawn: d.drawn}
	w.keys.actions = w.allActions()
	w.help.fill(w.keys.actions)
	w.menus = &menuBar{actions: w.keys.actions, recent: w.files.recentActions, screens: w.projector.actions, typing: func() bool { return false }, acted: func() bool { return w.keys.acted }, set: func(*fyne.MainMenu) {}}
	return w
}

// attach puts the panels into a real window.
func (w *window) attach(win fyne.Window, newWindow func(string) fyne.Window) {
	w.keys.fullscreen = func() { win.SetFullScreen(!win.FullScreen()) }
	w.desk.stopTyping = win.Canvas().Unfocus
	w.overlay = win.Canvas().Overlays().Top
	w.desk.focused = func() fyne.Focusable {
		if w.overlay() != nil { // which has a keyboard of its own
			return nil
		}
		return win.Canvas().Focused()
	}
	w.setTitle, w.menus.set = win.SetTitle, win.SetMainMenu
	w.menus.typing = func() bool {
		_, typing := w.desk.focused().(fyne.Shortcutable)
		return typing
	}
	w.palette.focus = func(o fyne.Focusable) {
		if o == nil {
			win.Canvas().Unfocus()
			return
		}
		win.Canvas().Focus(o)
	}
	w.clear = func() {
		for o := w.overlay(); o != nil; o = w.overlay() {
			win.Canvas().Overlays().Remove(o)
		}
	}
	w.files.choose = chooser(w.desk, win, w.looks.prefs, w.desk.tell)
	w.looks.win = win
	w.projector.main, w.projector.newWindow = win, newWindow
	w.menus.update(w.desk.now())
	win.SetContent(w.content)
	win.Resize(fyne.NewSize(1366, 728)) // fits 1366x768 with a title bar
	if dc, ok := win.Canvas().(desktop.Canvas); ok {
		dc.SetOnKeyDown(func(e *fyne.KeyEvent) { w.desk.keyDown(e) })
	}
	win.SetOnDropped(w.dropped)
}

// escape closes what lies over the window.
func (w *window) escape() bool {
	switch {
	case w.palette.Visible():
		w.palette.close()
	case w.place.bar.asking():
		w.place.bar.dismiss()
	case w.first.Visible():
		w.first.shut()
	case w.keys.transition.drawer.Visible():
		w.keys.transition.toggleDrawer()
	default:
		return w.place.pushIn()
	}
	return true
}

// setHidden follows the window to its icon and back.
func (w *window) setHidden(hidden bool) {
	w.hidden.Store(hidden)
	w.desk.views.paused.Store(hidden)
}

// notice keeps a sentence about trouble for the line under the monitors; for any
// goroutine.
func (w *window) notice(text string) { w.keep(text, false) }

// done is notice for what went well.
func (w *window) done(text string) { w.keep(text, true) }

func (w *window) keep(text string, good bool) {
	w.noticed.Lock()
	defer w.noticed.Unlock()
	w.noticed.text, w.noticed.good = text, good
}

func (w *window) takeNotice() (text string, good bool) {
	w.noticed.Lock()
	defer w.noticed.Unlock()
	text, good = w.noticed.text, w.noticed.good
	w.noticed.text = ""
	return text, good
}

// poll reads the state and the pictures until ctx ends and passes them to Fyne's
// goroutine through do, which must not wait. Where OpenGL is drawn by the
// processor every repaint of the window costs a whole one, so pictures and meters
// come together at every wholeEvery-th poll, unless the operator wants them more or less
// often, and what is urgent at every poll. What Fyne has
// not drawn yet when the next look is due, it leaves out: a machine that has too much to do
// is drawn less often by itself.
func (w *window) poll(ctx context.Context, do func(func())) {
	var last *engine.State
	idle, count, hurry := 0, 0, 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.carried:
			hurry = hurried
		}
		asleep := w.hidden.Load() && !w.desk.sets.awake()
		urgent := hurry > 0 && !asleep
		switch {
		case asleep:
			hurry = 0
			timer.Reset(pollAsleep)
		case urgent:
			hurry--
			timer.Reset(pollHurry)
		case idle < slowAfter:
			timer.Reset(pollFast)
		default:
			timer.Reset(pollSlow)
		}
		s := w.desk.studio.State()
		if s == nil || s.Show == nil || w.busy.Load() {
			idle++
			continue
		}
		if urgent && s == last {
			continue
		}
		if asleep { // views are told to rest; nothing is drawn
			w.desk.sets.take(time.Now())
			continue
		}
		calm := urgent
		if !urgent {
			count++
			calm = count%w.wholeEvery(s) != 0
		}
		fresh := false
		if !calm {
			fresh = w.desk.sets.take(time.Now())
		}
		if s != last || fresh {
			idle = 0
		} else {
			idle++
		}
		last = s
		w.busy.Store(true)
		do(func() {
			w.apply(s, fresh, calm)
			w.busy.Store(false)
		})
	}
}

// apply brings the window to a state. For Fyne's goroutine.
func (w *window) apply(s *engine.State, fresh, calm bool) {
	w.desk.follow(s, calm)
	if text, good := w.takeNotice(); text != "" {
		w.banner.tellNotice(text, good)
	}
	if fresh {
		w.desk.sets.flip()
	}
	w.projector.update(s)
	if w.hidden.Load() {
		return
	}
	for _, p := range w.panels {
		p.update(s)
	}
	w.place.follow()
	w.focus.follow(w.content)
	w.first.follow(s)
	w.first.begin(w.place.bar)
	w.menus.update(w.desk.now())
	w.updateTitle()
	if w.mapped != nil {
		if err := w.mapped.write(w.content, w.looks.scale()); err != nil {
			w.notice(sentence("the map of the window cannot be written: " + err.Error()))
		}
	}
}

// updateTitle names the show and marks what is not saved.
func (w *window) updateTitle() {
	info := w.files.info()
	if w.files.docs == nil {
		return
	}
	title := "Crosspoint"
	if info.Name != "" {
		title = info.Name
		if s := w.desk.state; info.Path != "" && s != nil && s.Show.Name != scenes.Untitled {
			title += " (" + s.Show.Name + ")"
		}
		if info.Dirty {
			title += " *"
		}
		if info.ReadOnly != "" {
			title += " (read only)"
		}
		title += " - Crosspoint"
	}
	if title != w.title {
		w.title = title
		w.setTitle(title)
	}
}
