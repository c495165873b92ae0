package ui

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync/atomic"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
)

// scales are the sizes of everything, in per cent, that the menu offers.
var scales = []int{100, 125, 150, 175, 200}

// drawnRates are how often a second pictures and meters can be drawn, that the menu offers;
// 0 is as often as suits the machine.
var drawnRates = []int{0, 10, 15, 30}

// scaleEnv is where Fyne looks for the scale, again at every change of settings.
const scaleEnv = "FYNE_SCALE"

// Names of preferences.
const (
	prefArrangement = "arrangement"
	prefLight       = "light theme"
	prefPercent     = "scale percent"
	prefFolder      = "folder of shows"
	prefDrawn       = "drawn a second"
)

// looks are theme, scale and arrangement, kept in the app's preferences. For Fyne's
// goroutine.
type looks struct {
	prefs   fyne.Preferences
	place   *workspace
	content fyne.CanvasObject
	// win is resized so that its pixels stay when the scale changes; nil in tests.
	win fyne.Window
	// drawn is the desk's.
	drawn *atomic.Int32
}

// load brings the window to what the preferences say; called once, before it shows.
func (l *looks) load() {
	inLight.Store(l.prefs.Bool(prefLight))
	var a arrangement
	if json.Unmarshal([]byte(l.prefs.String(prefArrangement)), &a) == nil {
		l.place.restore(a)
	}
	if p := l.prefs.Int(prefPercent); p != 0 && l.known(p) {
		// The variable is this process's own; Setenv fails only for bad names.
		_ = os.Setenv(scaleEnv, fmt.Sprint(float32(p)/100))
	}
	l.drawn.Store(int32(l.perSecond()))
	l.place.changed = func(a arrangement) {
		raw, err := json.Marshal(a)
		if err != nil {
			panic(err) // numbers and words
		}
		l.prefs.SetString(prefArrangement, string(raw))
	}
}

func (l *looks) known(percent int) bool {
	for _, p := range scales {
		if p == percent {
			return true
		}
	}
	return false
}

// scale is how many pixels a unit of the window has.
func (l *looks) scale() float32 {
	if l.win == nil {
		return 1
	}
	return l.win.Canvas().Scale()
}

// percent is the scale that is chosen.
func (l *looks) percent() int {
	if p := l.prefs.Int(prefPercent); l.known(p) {
		return p
	}
	return 100
}

// setPercent changes the size of everything. The window keeps its size on the screen.
func (l *looks) setPercent(percent int) {
	l.prefs.SetInt(prefPercent, percent)
	_ = os.Setenv(scaleEnv, fmt.Sprint(float32(percent)/100)) // see load
	if l.win == nil {
		return
	}
	size, before := l.win.Canvas().Size(), l.win.Canvas().Scale()
	l.redraw()
	if after := l.win.Canvas().Scale(); after != before && !l.win.FullScreen() {
		l.win.Resize(fyne.NewSize(size.Width*before/after, size.Height*before/after))
	}
}

// perSecond is how often pictures and meters are to be drawn, a second; 0 is automatic.
func (l *looks) perSecond() int {
	if n := l.prefs.Int(prefDrawn); slices.Contains(drawnRates, n) {
		return n
	}
	return 0
}

// setPerSecond chooses it, from now on.
func (l *looks) setPerSecond(n int) {
	l.prefs.SetInt(prefDrawn, n)
	l.drawn.Store(int32(n))
}

// setLight chooses between the light theme and the dark one.
func (l *looks) setLight(light bool) {
	l.prefs.SetBool(prefLight, light)
	inLight.Store(light)
	l.redraw()
}

// redraw draws everything anew at another scale or in another theme.
func (l *looks) redraw() {
	drawing.Add(1)
	redraw(l.content)
	fyne.CurrentApp().Settings().SetTheme(newTheme())
	redraw(l.content) // the icons at the scale that is now
}

// redraw has the texts and icons below o drawn anew.
func redraw(o fyne.CanvasObject) {
	switch v := o.(type) {
	case *canvas.Text:
		v.TextStyle.TabWidth = int(drawing.Load())
	case *canvas.Image:
		if _, ok := v.Resource.(iconResource); ok {
			v.Refresh()
		}
	case *fyne.Container:
		for _, c := range v.Objects {
			redraw(c)
		}
	case *container.Scroll:
		redraw(v.Content)
	case interface{ children() []fyne.CanvasObject }:
		for _, c := range v.children() {
			redraw(c)
		}
	}
}

// children are the objects of a box, for walks over the window.
func (b *box) children() []fyne.CanvasObject { return b.objects }
