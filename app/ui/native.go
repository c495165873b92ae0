package ui

import (
	"fyne.io/fyne/v2"
	"github.com/go-gl/glfw/v3.3/glfw"
)

// Fyne does not tell when a window is minimised and does not choose a display. Its
// desktop driver stands on GLFW, which does both; the window's context made current
// is the way to it. Where that does not hold (a test driver), nothing happens.

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

// otherDisplay moves win to a display that the main window is not on, before it is made
// full screen; it reports whether there is one.
func otherDisplay(win, main fyne.Window) bool {
	x, y := 0, 0
	native(main, func(v *glfw.Window) {
		x, y = v.GetPos()
		w, h := v.GetSize()
		x, y = x+w/2, y+h/2
	})
	moved := false
	native(win, func(v *glfw.Window) {
		for _, m := range glfw.GetMonitors() {
			mx, my := m.GetPos()
			mode := m.GetVideoMode()
			if mode == nil || x >= mx && x < mx+mode.Width && y >= my && y < my+mode.Height {
				continue
			}
			v.SetPos(mx, my)
			moved = true
			return
		}
	})
	return moved
}
