package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"crosspoint.studio/crosspoint/scenes/sources"
)

// controls lists what can be seen below o and takes presses.
func controls(o fyne.CanvasObject) []fyne.CanvasObject {
	if !o.Visible() {
		return nil
	}
	var list []fyne.CanvasObject
	switch o.(type) {
	case desktop.Mouseable, fyne.Tappable:
		list = append(list, o)
	}
	switch v := o.(type) {
	case *field:
		return list
	case *fyne.Container:
		for _, c := range v.Objects {
			list = append(list, controls(c)...)
		}
	case *container.Scroll:
		list = append(list, controls(v.Content)...)
	case interface{ children() []fyne.CanvasObject }:
		for _, c := range v.children() {
			list = append(list, controls(c)...)
		}
	}
	return list
}

// drawn is what the rectangles, lines and pictures below o look like.
func drawn(o fyne.CanvasObject, into *strings.Builder) {
	if !o.Visible() {
		return
	}
	list := []fyne.CanvasObject{}
	switch v := o.(type) {
	case *canvas.Rectangle:
		fmt.Fprint(into, v.Position(), v.Size(), v.FillColor, v.StrokeColor, v.StrokeWidth, ";")
	case *canvas.Line:
		fmt.Fprint(into, v.Position1, v.Position2, v.StrokeColor, ";")
	case *canvas.Image:
		if v.Image != nil {
			fmt.Fprint(into, v.Image, ";")
		}
	case *fyne.Container:
		list = v.Objects
	case interface{ children() []fyne.CanvasObject }:
		list = v.children()
	case fyne.Widget:
		list = test.WidgetRenderer(v).Objects()
	}
	for _, c := range list {
		drawn(c, into)
	}
}

// Tab comes to whatever can be pressed with the pointer, and what has the keyboard can be
// told from the same thing without it.
func TestWhateverTakesAPressIsReachedByTab(t *testing.T) {
	b := newBenchWith(t, everything(), Services{
		Documents: &fakeDocuments{info: DocumentInfo{Name: "Sunday", Path: "/shows/sunday.json", Dirty: true}},
		Machine:   goldenMachine{}, Logs: goldenLogs{}, Rehearsal: goldenRehearsal{},
		SourceKinds: map[string]sources.Kind{"file": sources.File(), "synthetic": sources.Synthetic()},
	})
	b.clock = b.clock.Add(time.Second)
	seenBefore := map[fyne.CanvasObject]bool{}
	look := func(where string) {
		b.show(everything())
		seen := map[fyne.CanvasObject]bool{}
		b.canvas.Unfocus()
		for range 400 {
			b.canvas.(interface{ FocusNext() }).FocusNext()
			f, _ := b.canvas.Focused().(fyne.CanvasObject)
			if f == nil || seen[f] {
				break
			}
			seen[f] = true
			if seenBefore[f] {
				continue
			}
			seenBefore[f] = true
			var with, without strings.Builder
			b.show(everything())
			drawn(f, &with)
			b.canvas.Unfocus()
			b.show(everything())
			drawn(f, &without)
			b.canvas.Focus(f.(fyne.Focusable))
			if with.String() == without.String() {
				t.Errorf("%s: with the keyboard %s looks as without it", where, describeControl(f))
			}
		}
		for _, c := range controls(b.place.root) {
			if _, lamp := c.(*meter); lamp {
				continue // a press resets its clip lamp, as Output › Reset clip lamps does
			}
			if !seen[c] {
				t.Errorf("%s: Tab never came to %s", where, describeControl(c))
			}
		}
	}
	for _, tab := range b.side.tabs {
		b.side.openID(tab.id)
		look(tab.id)
	}
	b.desk.sound = soundChoice{source: "cam1"}
	b.side.openID("sound")
	look("a strip")
}

func describeControl(o fyne.CanvasObject) string {
	name := typeName(o)
	if b, ok := o.(*button); ok {
		name += " " + b.caption.full
	}
	return fmt.Sprintf("%s at %v, %v", name, o.Position(), o.Size())
}
