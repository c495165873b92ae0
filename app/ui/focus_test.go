package ui

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// After a destination was saved or given up, the keys are the desk's again.
func TestKeysComeBackFromAClosedForm(t *testing.T) {
	b := newBench(t, aState())
	p := b.keys.outputs
	for _, c := range []struct {
		name string
		take func() fyne.Focusable
	}{
		{"the key's text", func() fyne.Focusable { return p.form.secret }},
		{"the list of services", func() fyne.Focusable { return p.form.service }},
		{"the button", func() fyne.Focusable { return p.form.cancel }},
	} {
		p.edit("", false)
		b.show(aState())
		b.canvas.Focus(c.take())
		b.show(aState())
		if b.canvas.Focused() != c.take() {
			t.Fatalf("%s: the form lost the keyboard while it was open", c.name)
		}
		press(p.form.cancel)
		b.show(aState())
		if o := b.canvas.Focused(); o != nil {
			t.Errorf("%s: the closed form has the keyboard: %T", c.name, o)
		}
	}
	b.sent(t)
	b.keys.down(fyne.KeyB, 0)
	wantSent(t, b, &engine.FadeToBlack{})
}

// A field that Tab came to below the edge of its list is scrolled to.
func TestWhatHasTheKeyboardIsScrolledTo(t *testing.T) {
	s := quad()
	for i := range 30 {
		id := "more" + layerID(i)
		s.Show.Sources = append(s.Show.Sources, scenes.Source{ID: id, Name: id, Kind: "synthetic"})
	}
	b, p := showBench(t, s)
	entry := p.source.form.rows[0].entry
	scroll := p.column.scroll
	below := func() bool {
		path, ok := pathTo(scroll, entry, nil)
		if !ok {
			t.Fatal("the field is not in the list")
		}
		y := float32(0)
		for _, o := range path[2:] {
			y += o.Position().Y
		}
		return y+entry.Size().Height > scroll.Offset.Y+scroll.Size().Height
	}
	if !below() {
		t.Fatal("the field can be seen from the start; the test needs a longer list")
	}
	b.canvas.Focus(entry)
	b.show(s)
	if below() {
		t.Errorf("the field is out of sight at an offset of %v", scroll.Offset.Y)
	}
	at := scroll.Offset
	scroll.ScrollToTop() // the operator's wheel is not fought with
	b.show(s)
	if scroll.Offset == at {
		t.Error("the list was scrolled back")
	}
}

// Fyne's own menus and dialogs keep the keyboard; they are not below the window's content.
func TestForeignFocusIsLeftAlone(t *testing.T) {
	lost := false
	var has fyne.Focusable = widget.NewCheck("", nil)
	f := focusFollower{focused: func() fyne.Focusable { return has }, unfocus: func() { lost = true }}
	f.follow(container.NewStack())
	if lost {
		t.Error("a control that is not the panels' lost the keyboard")
	}
}
