package ui

import (
	"image/color"
	"sync/atomic"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// The colours of the window, all of them. Red is on air and green is next, and
// nothing else is; amber is "look here"; each comes with a word or a shape. Of two
// values the first is for the dark theme, the second for the light one. Every text has
// at least 4.5:1 to what is under it (WCAG 2.2, AA), which TestTextCanBeRead sees.
var (
	colBackground             = both(0x16181c, 0xc9cdd4) // the desk
	colPanel                  = both(0x1e2126, 0xe4e7ec) // a panel on the desk
	colWell                   = both(0x0d0e10, 0xb4bac4) // behind faders and in slots
	colControl                = both(0x30353d, 0xf7f8fa) // a button
	colHover                  = both(0x3c424c, 0xffffff)
	colLine                   = both(0x3a3f47, 0xa9afb9)
	colText                   = both(0xe4e6ea, 0x14171b)
	colDim                    = both(0xaab0ba, 0x454b55) // 7:1 on colPanel
	colOff                    = both(0x999999, 0x7c828c) // tally off
	colProgram                = rgb(0xd00000)
	colPreview                = rgb(0x00d000)
	colLit                    = both(0xa2a8b2, 0x454b55) // a button that is chosen
	colOnLit                  = both(0x0d0e10, 0xffffff) // text on it, and on colFocus
	colAmber                  = both(0xf0a818, 0xe09000) // surfaces and lamps
	colWarn                   = both(0xf0a818, 0x6a3c00) // text that says "look here"
	colBad                    = both(0xff6058, 0x900c08) // text and lamps of trouble
	colGood                   = both(0x35c46a, 0x0b5226)
	colFocus                  = both(0x62a8ff, 0x1564d0)
	colBlack                  = rgb(0x000000)
	colWhite                  = rgb(0xffffff)
	colInk                    = rgb(0x08100a) // text on green and amber
	colShade                  = glaze(0x000000, 0xc8)
	colFaint                  = glaze(0xffffff, 0x96) // lines over pictures
	colNone                   = glaze(0x000000, 0x00)
	colWidget     color.Color = widgetInk{}
	colMarked                 = glaze(0x4088e0, 0x80) // behind what is chosen in a list or a text

	// Meter zones of CONVENTIONS: green below -20, yellow to -9, red from there.
	colMeterLow  = rgb(0x2fae4e)
	colMeterMid  = rgb(0xe0c020)
	colMeterHigh = rgb(0xe83028)
)

// Sizes, in Fyne's units (pixels at scale 1).
const (
	gap       float32 = 6 // between panels and between controls
	inset     float32 = 8 // inside a panel
	tallyEdge float32 = 4 // frame of programme and preview
	cellEdge  float32 = 3 // frame of a bank cell

	textSmall  float32 = 11
	textNormal float32 = 13
	textLarge  float32 = 16
	textHuge   float32 = 20

	rowHeight    float32 = 26 // of a small button
	headerHeight float32 = 24
)

// inLight: the light theme shows. It is Fyne's to have one theme a process.
var inLight atomic.Bool

// drawing counts the themes and scales there have been. Fyne 2.7 keeps the pictures of
// texts by what they say, size, style and colour, which are the same in the next theme, and
// forgets them at a change only where the window is not full screen
// (internal/driver/glfw, RescaleContext). So the count is part of each text's style, as
// the width of tabs, of which there are none, and of the colours that Fyne's widgets get;
// pictures that are not used any more go after a minute.
var drawing atomic.Int64

// drawnInk is a colour of one count of drawing.
type drawnInk struct {
	color.Color
	drawing int64
}

// ink is a colour that follows the theme: what was drawn with it has its new
// value at the next refresh, without being told.
type ink struct{ dark, light color.NRGBA }

// RGBA implements color.Color.
func (c *ink) RGBA() (r, g, b, a uint32) {
	if inLight.Load() {
		return c.light.RGBA()
	}
	return c.dark.RGBA()
}

// widgetInk is the text of Fyne's widgets. Fyne 2.7 makes the colour of keys in its
// menus of the low bytes of 16-bit values, alpha times 0.95 among them; these come
// out as a colour that can be read, where an opaque one comes out at a fifth of it.
type widgetInk struct{}

// RGBA implements color.Color.
func (widgetInk) RGBA() (r, g, b, a uint32) {
	if inLight.Load() {
		return 0x1313, 0x1616, 0x1a1a, 0xf0f0
	}
	return 0xdada, 0xdcdc, 0xe0e0, 0xf0f0
}

// both makes a colour of one value for each theme, 0xRRGGBB.
func both(dark, light uint32) color.Color { return &ink{opaque(dark), opaque(light)} }

// rgb is the same in both themes.
func rgb(v uint32) color.Color { return both(v, v) }

// glaze is rgb with an alpha, 0..255.
func glaze(v uint32, alpha uint8) color.Color {
	c := opaque(v)
	c.A = alpha
	return &ink{c, c}
}

func opaque(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

// controlRoom is the theme under Fyne's own widgets (menus, entries, scroll bars).
type controlRoom struct{ fyne.Theme }

func newTheme() fyne.Theme { return controlRoom{theme.DefaultTheme()} }

// Color implements fyne.Theme.
func (t controlRoom) Color(name fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	return drawnInk{t.color(name), drawing.Load()}
}

func (t controlRoom) color(name fyne.ThemeColorName) color.Color {
	switch name {
	case theme.ColorNameBackground:
		return colPanel // see newGround
	case theme.ColorNameForeground:
		return colWidget
	case theme.ColorNamePlaceHolder, theme.ColorNameDisabled:
		return colDim
	case theme.ColorNamePrimary:
		return colFocus
	case theme.ColorNameFocus:
		return colMarked
	case theme.ColorNameButton, theme.ColorNameInputBackground:
		return colControl
	case theme.ColorNameInputBorder, theme.ColorNameSeparator:
		return colLine
	case theme.ColorNameMenuBackground, theme.ColorNameOverlayBackground, theme.ColorNameHeaderBackground:
		return colPanel
	case theme.ColorNameHover:
		return colHover
	case theme.ColorNameSelection:
		return colMarked
	case theme.ColorNameScrollBar:
		return colOff
	case theme.ColorNameError:
		return colBad
	case theme.ColorNameWarning:
		return colAmber
	case theme.ColorNameSuccess:
		return colGood
	}
	if inLight.Load() {
		return t.Theme.Color(name, theme.VariantLight)
	}
	return t.Theme.Color(name, theme.VariantDark)
}

// Size implements fyne.Theme.
func (t controlRoom) Size(name fyne.ThemeSizeName) float32 {
	switch name {
	case theme.SizeNameText:
		return textNormal
	case theme.SizeNameCaptionText:
		return textSmall
	case theme.SizeNamePadding:
		return gap / 2
	case theme.SizeNameInnerPadding:
		return gap
	case theme.SizeNameInlineIcon:
		return textLarge
	case theme.SizeNameScrollBar:
		return 8
	case theme.SizeNameScrollBarSmall:
		return 4
	}
	return t.Theme.Size(name)
}
