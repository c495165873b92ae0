package ui

import (
	"fmt"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"github.com/go-gl/glfw/v3.3/glfw"
)

// Fyne does not tell when a window is minimised and does not choose a display. Its
// desktop driver stands on GLFW, which does both; the window's context made current
// is the way to it. Where that does not hold (a test driver), nothing happens.

// Open readies the desktop's library. An error is a display that does not take this
// program, as another user's does not; asked again for a moment, for a display may be about
// to begin. To be called on the main goroutine, before Run.
func Open() error {
	for try := 1; ; try++ {
		err := initialised()
		if err == nil || try == openTries {
			return err
		}
		time.Sleep(openPause)
	}
}

const (
	openTries = 5
	openPause = 200 * time.Millisecond
)

// initialised tries once. GLFW's binding prints what its platform says and returns nothing
// then; that it is not ready is told by a panic of whatever comes next.
func initialised() (err error) {
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("the display does not take this program: %v", e)
		}
	}()
	if err := glfw.Init(); err != nil {
		return fmt.Errorf("the display does not take this program: %w", err)
	}
	glfw.GetTime()
	return nil
}

// native runs f with a window's GLFW window, on Fyne's goroutine, if there is one.
func native(win fyne.Window, f func(*glfw.Window)) {
	w, ok := win.(interface{ RunWithContext(func()) })
	if !ok {
		return
	}
	w.RunWithContext(func() {
		if v := glfw.GetCurrentContext(); v != nil {
			f(v)
		}
	})
}

// onMinimised tells when a window goes to an icon and comes back. GLFW says it for
// WM_STATE on X11, SIZE_MINIMIZED on Windows, miniaturising on macOS; Wayland says
// nothing.
func onMinimised(win fyne.Window, told func(bool)) {
	native(win, func(v *glfw.Window) {
		v.SetIconifyCallback(func(_ *glfw.Window, iconified bool) { told(iconified) })
	})
}

// shutMenus shuts what is open of a window's menus when the keyboard goes elsewhere, and has
// none open then. Fyne opens them when Alt is let go with no other key since it was pressed,
// and GLFW reports all keys as let go once a window has lost the keyboard (glfwSetKeyCallback,
// "synthetic key release events"): Alt+Tab would open one. Fyne told of another key before that
// does not.
func shutMenus(win fyne.Window) {
	native(win, func(v *glfw.Window) {
		key, focus := v.SetKeyCallback(nil), v.SetFocusCallback(nil)
		v.SetKeyCallback(key)
		v.SetFocusCallback(func(v *glfw.Window, focused bool) {
			if !focused {
				key(v, glfw.KeyLeftShift, 0, glfw.Release, 0)
				if c, ok := win.Canvas().(interface{ DismissMenu() bool }); ok {
					c.DismissMenu()
				}
			}
			focus(v, focused)
		})
	})
}

// display is a screen of the desktop; places and sizes are the desktop's.
type display struct {
	// name is what the system calls it: a connector on X11 ("HDMI-1"), a model elsewhere, the
	// second of a model with a 2 behind it.
	name                string
	x, y, width, height int
}

// has reports whether a point of the desktop is on the display.
func (d display) has(x, y int) bool {
	return x >= d.x && x < d.x+d.width && y >= d.y && y < d.y+d.height
}

// desktopScreens are the displays of the desktop as GLFW knows them. Windows are Fyne's;
// those of a test driver have no displays. For Fyne's goroutine.
type desktopScreens struct{}

// list is the displays there are, the primary one first.
func (desktopScreens) list(win fyne.Window) []display {
	var all []display
	native(win, func(*glfw.Window) {
		for _, m := range glfw.GetMonitors() {
			if mode := m.GetVideoMode(); mode != nil {
				x, y := m.GetPos()
				name := numbered(m.GetName(), func(n string) bool { return slices.ContainsFunc(all, func(d display) bool { return d.name == n }) })
				all = append(all, display{name, x, y, mode.Width, mode.Height})
			}
		}
	})
	return all
}

// middle is where on the desktop the middle of win is.
func (desktopScreens) middle(win fyne.Window) (x, y int) {
	native(win, func(v *glfw.Window) {
		x, y = v.GetPos()
		w, h := v.GetSize()
		x, y = x+w/2, y+h/2
	})
	return x, y
}

// move brings win to a display before it is made full screen there.
func (desktopScreens) move(win fyne.Window, to display) {
	native(win, func(v *glfw.Window) { v.SetPos(to.x, to.y) })
}

// fill makes sure that win, which is full screen, is so on that display: Fyne takes the
// one that the window was on, and a window manager may not have moved it yet.
func (desktopScreens) fill(win fyne.Window, to display) {
	native(win, func(v *glfw.Window) {
		at := func(m *glfw.Monitor) bool { x, y := m.GetPos(); return x == to.x && y == to.y }
		if m := v.GetMonitor(); m != nil && at(m) {
			return
		}
		for _, m := range glfw.GetMonitors() {
			if mode := m.GetVideoMode(); mode != nil && at(m) {
				v.SetMonitor(m, 0, 0, mode.Width, mode.Height, mode.RefreshRate)
				return
			}
		}
	})
}

// hasKeyboard reports whether keys go to win.
func (desktopScreens) hasKeyboard(win fyne.Window) (has bool) {
	native(win, func(v *glfw.Window) { has = v.GetAttrib(glfw.Focused) == glfw.True })
	return has
}

// restore brings win back from its icon.
func (desktopScreens) restore(win fyne.Window) {
	native(win, func(v *glfw.Window) {
		if v.GetAttrib(glfw.Iconified) == glfw.True {
			v.Restore()
		}
	})
}

// onDisplays tells when a display is plugged in or taken away; for all windows of the
// process, there is one such callback.
func onDisplays(win fyne.Window, told func()) {
	native(win, func(*glfw.Window) {
		glfw.SetMonitorCallback(func(*glfw.Monitor, glfw.PeripheralEvent) { told() })
	})
}
