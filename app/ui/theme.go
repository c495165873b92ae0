package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// The colours of the window, all of them. Red is on air and green is next, and
// nothing else is; amber is "look here"; each comes with a word or a shape.
var (
	colBackground = rgb(0x16181c) // the desk
	colPanel      = rgb(0x1e2126) // a panel on the desk
	colWell       = rgb(0x0d0e10) // behind pictures and in fader slots
	colControl    = rgb(0x30353d) // a button
	colHover      = rgb(0x3c424c)
	colLine       = rgb(0x3a3f47)
	colText       = rgb(0xe4e6ea)
	colDim        = rgb(0xa2a8b2) // 7:1 on colPanel
	colOff        = rgb(0x999999) // tally off
	colProgram    = rgb(0xd00000)
	colPreview    = rgb(0x00d000)
	colAmber      = rgb(0xf0a818)
	colBad        = rgb(0xff6058) // text and lamps of trouble, legible on dark
	colGood       = rgb(0x35c46a)
	colFocus      = rgb(0x62a8ff)
	colBlack      = rgb(0x000000)
	colWhite      = rgb(0xffffff)
	colInk        = rgb(0x08100a) // text on green and amber
	colShade      = color.Color(color.NRGBA{0, 0, 0, 0xc8})
	colNone       = color.Color(color.NRGBA{})

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

// rgb is boxed once, here: a conversion at each use would allocate.
func rgb(v uint32) color.Color {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

// controlRoom is the dark theme under Fyne's own widgets (scroll bars, tool tips).
type controlRoom struct{ fyne.Theme }

func newTheme() fyne.Theme { return controlRoom{theme.DefaultTheme()} }

func (t controlRoom) Color(name fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	switch name {
	case theme.ColorNameBackground:
		return colBackground
	case theme.ColorNameForeground:
		return colText
	case theme.ColorNamePrimary, theme.ColorNameFocus:
		return colFocus
	case theme.ColorNameButton, theme.ColorNameInputBackground:
		return colControl
	case theme.ColorNameHover:
		return colHover
	case theme.ColorNameScrollBar:
		return colOff
	}
	return t.Theme.Color(name, theme.VariantDark)
}

func (t controlRoom) Size(name fyne.ThemeSizeName) float32 {
	switch name {
	case theme.SizeNameText:
		return textNormal
	case theme.SizeNamePadding:
		return gap / 2
	case theme.SizeNameScrollBar:
		return 8
	case theme.SizeNameScrollBarSmall:
		return 4
	}
	return t.Theme.Size(name)
}
