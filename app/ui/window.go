package ui

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
)

// How often the window looks at the state.
const (
	pollFast = time.Second / 30
	pollSlow = time.Second / 10
	// slowAfter polls without anything new the window looks less often.
	slowAfter = 15
)

// Options are what the window is told at the start.
type Options struct {
	// Title is the window's; empty means "Crosspoint".
	Title string
	// ShowPath is the show's file, named in the title; empty is the demo show.
	ShowPath string
	// Services are what panels need besides the engine.
	Services Services
	// Icon is the window's picture, PNG or SVG; nil leaves Fyne's.
	Icon []byte
	// Notice is a sentence for the status line at the start, or empty.
	Notice string
	// OnClose is called once, on the goroutine of Run, before Run returns.
	OnClose func()
}

// title is what stands over the window.
func (o Options) title() string {
	t := o.Title
	if t == "" {
		t = "Crosspoint"
	}
	if o.ShowPath != "" {
		t += " - " + filepath.Base(o.ShowPath)
	}
	return t
}

// panel is one part of the window.
type panel interface {
	fyne.Widget
	update(*engine.State)
}

// window is all panels and the loop that feeds them.
type window struct {
	desk     *desk
	keys     *keyboard
	panels   []panel
	status   *statusPanel
	banner   *bannerPanel
	side     *sidePanel
	place    *workspace
	help     *helpPanel
	content  fyne.CanvasObject
	monitors [2]*monitorPanel

	// busy: an update waits for Fyne's goroutine, which then owns the live images.
	// Updates never pile up behind a slow window.
	busy    atomic.Bool
	noticed struct {
		sync.Mutex
		text string
	}
}

// Run opens the window and blocks until it is closed or ctx ends. It has to be
// called on the main goroutine, once per process. It stops nothing of the studio.
func Run[V Picture](ctx context.Context, s Studio[V], opt Options) error {
	a := app.NewWithID("studio.crosspoint.app")
	a.Settings().SetTheme(newTheme())
	if opt.Icon != nil {
		a.SetIcon(fyne.NewStaticResource("crosspoint.png", opt.Icon))
	}
	win := a.NewWindow(opt.title())
	win.SetPadded(false)
	w := newWindow(anyStudio[V]{s}, opt.Services)
	w.keys.fullscreen = func() { win.SetFullScreen(!win.FullScreen()) }
	w.keys.unfocus = win.Canvas().Unfocus
	win.SetContent(w.content)
	win.Resize(fyne.NewSize(1366, 728)) // fits 1366x768 with a title bar
	w.listen(win.Canvas())
	if opt.Notice != "" {
		w.notice(opt.Notice)
	}

	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { w.desk.sender.run(ctx) })
	running.Go(func() { w.poll(ctx, fyne.Do) })
	running.Go(func() {
		<-ctx.Done()
		fyne.Do(a.Quit)
	})
	win.SetCloseIntercept(stop)
	win.ShowAndRun()
	stop()
	running.Wait()
	w.desk.work.close(workGrace)
	w.desk.views.closeAll()
	if opt.OnClose != nil {
		opt.OnClose()
	}
	return nil
}

// newWindow builds the panels; nothing runs yet.
func newWindow(s studio, services Services) *window {
	w := &window{}
	w.desk = newDesk(s, services, w.notice)
	d := w.desk
	preview, program := newMonitorPanel(d, engine.ViewPreview), newMonitorPanel(d, engine.ViewProgram)
	transition, bank, audio, outs := newTransitionPanel(d), newBankPanel(d), newAudioPanel(d), newOutputsPanel(d)
	w.status, w.banner, w.help = newStatusPanel(d), newBannerPanel(d), newHelpPanel()
	w.monitors = [2]*monitorPanel{preview, program}
	w.side = newSidePanel(d,
		side("Outputs", "outputs", outs),
		side("Show", "show", newShowPanel(d)),
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
		fullscreen: func() {}, unfocus: func() {},
	}
	d.keyDown = func(e *fyne.KeyEvent) { w.keys.down(e.Name, currentModifiers()) }
	w.place = newWorkspace(d, preview, transition, program, w.banner, bank, audio, w.side, w.status)
	w.content = container.NewStack(w.place.root, d.tips, w.help)
	return w
}

// listen takes the canvas's keys. Fyne swallows Tab and, on some systems, what it
// takes for shortcuts; everything else arrives as key-down.
func (w *window) listen(c fyne.Canvas) {
	if dc, ok := c.(desktop.Canvas); ok {
		dc.SetOnKeyDown(func(e *fyne.KeyEvent) { w.desk.keyDown(e) })
	}
	c.AddShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyTab, Modifier: fyne.KeyModifierShortcutDefault}, func(fyne.Shortcut) {
		w.keys.bank.open(!w.keys.bank.sources)
	})
}

func currentModifiers() fyne.KeyModifier {
	if d, ok := fyne.CurrentApp().Driver().(desktop.Driver); ok {
		return d.CurrentKeyModifiers()
	}
	return 0
}

// notice keeps a sentence for the status line; for any goroutine.
func (w *window) notice(text string) {
	w.noticed.Lock()
	defer w.noticed.Unlock()
	w.noticed.text = text
}

func (w *window) takeNotice() string {
	w.noticed.Lock()
	defer w.noticed.Unlock()
	text := w.noticed.text
	w.noticed.text = ""
	return text
}

// poll reads the state and the pictures until ctx ends and passes them to Fyne's
// goroutine through do, which must not wait. Where OpenGL is drawn by the
// processor every repaint of the window costs a whole one, so pictures and meters
// come together at every second poll, and what is urgent at every poll.
func (w *window) poll(ctx context.Context, do func(func())) {
	var last *engine.State
	idle, count := 0, 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if idle < slowAfter {
			timer.Reset(pollFast)
		} else {
			timer.Reset(pollSlow)
		}
		s := w.desk.studio.State()
		if s == nil || s.Show == nil || w.busy.Load() {
			idle++
			continue
		}
		count++
		calm := s.GPU.Software && count%2 == 0
		fresh := false
		if !calm {
			fresh = w.desk.views.take(time.Now())
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
	w.desk.state, w.desk.calm = s, calm
	if text := w.takeNotice(); text != "" {
		w.banner.tellNotice(text)
	}
	if fresh {
		w.desk.views.flip()
	}
	for _, p := range w.panels {
		p.update(s)
	}
	w.place.follow()
}
