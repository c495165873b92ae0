package ui

import (
	"fmt"
	"image/color"
	"math"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/internal/media"
)

// label is a line of text that is redrawn only when it changes, and cut with an
// ellipsis where it does not fit.
type label struct {
	*canvas.Text
	full  string
	width float32 // the room there is; 0 is unlimited
}

func newLabel(text string, size float32, col color.Color) *label {
	t := canvas.NewText(text, col)
	t.TextSize = size
	t.TextStyle.TabWidth = int(drawing.Load()) // see there
	return &label{Text: t, full: text}
}

func newBold(text string, size float32, col color.Color) *label {
	l := newLabel(text, size, col)
	l.TextStyle.Bold = true
	return l
}

// set changes text and colour, if they differ.
func (l *label) set(text string, col color.Color) {
	if l.full == text && l.Color == col {
		return
	}
	l.full, l.Color = text, col
	l.fit()
	l.Refresh()
}

func (l *label) setText(text string) { l.set(text, l.Color) }

// place moves the label into a box, vertically centred.
func (l *label) place(x, y, w, h float32) {
	if l.width != w {
		l.width = w
		l.fit()
		l.Refresh()
	}
	th := l.MinSize().Height
	l.Move(fyne.NewPos(x, y+(h-th)/2))
	l.Resize(fyne.NewSize(w, th))
}

// fit cuts the text to the room there is.
func (l *label) fit() {
	l.Text.Text = l.full
	if l.width <= 0 || l.full == "" || l.measure(l.full) <= l.width {
		return
	}
	r := []rune(l.full)
	lo, hi := 0, len(r)-1
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if l.measure(string(r[:mid])+"…") <= l.width {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	l.Text.Text = string(r[:lo]) + "…"
}

func (l *label) measure(s string) float32 {
	return fyne.MeasureText(s, l.TextSize, l.TextStyle).Width
}

// fill changes a rectangle's colours if they differ.
func fill(r *canvas.Rectangle, inner, stroke color.Color, width float32) {
	if r.FillColor == inner && r.StrokeColor == stroke && r.StrokeWidth == width {
		return
	}
	r.FillColor, r.StrokeColor, r.StrokeWidth = inner, stroke, width
	r.Refresh()
}

func place(o fyne.CanvasObject, x, y, w, h float32) {
	o.Move(fyne.NewPos(x, y))
	o.Resize(fyne.NewSize(w, h))
}

func show(o fyne.CanvasObject, visible bool) {
	switch {
	case visible && !o.Visible():
		o.Show()
	case !visible && o.Visible():
		o.Hide()
	}
}

// framesText is a length in frames as s:ff, for example 0:09 or 1:05.
func framesText(frames int, fps media.Rational) string {
	per := int(math.Round(fps.Float()))
	if per < 1 {
		per = 1
	}
	digits := 2
	if per > 100 {
		digits = 3
	}
	return fmt.Sprintf("%d:%0*d", frames/per, digits, frames%per)
}

// clockText is a duration as m:ss or h:mm:ss.
func clockText(d time.Duration) string {
	s := int(d / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// bitrateText is bits per second in words.
func bitrateText(bps int64) string {
	if bps < 1_000_000 {
		return fmt.Sprintf("%d kb/s", (bps+500)/1000)
	}
	return fmt.Sprintf("%.1f Mb/s", float64(bps)/1e6)
}

// gainText is a gain in dB; the bottom of the fader is silence.
func gainText(db float64) string {
	if db <= silenceDB {
		return "-inf"
	}
	if math.Abs(db) < 0.05 {
		return "0.0"
	}
	return fmt.Sprintf("%+.1f", db)
}

// countText is a count, short when it is large.
func countText(n int64) string {
	if n >= 100_000 {
		return fmt.Sprintf("%d k", n/1000)
	}
	return fmt.Sprint(n)
}
