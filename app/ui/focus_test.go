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

// A choice from a list with the pointer leaves the keyboard with the desk, whatever had it; a
// list that Tab came to keeps it, and the keys that it does not use are the desk's.
func TestChoicesLeaveTheDeskItsKeys(t *testing.T) {
	b := newBench(t, aState())
	p := b.keys.outputs
	p.edit("r", true)
	b.show(aState())
	lists := map[string]*dropList{"container": p.form.container, "rendition": p.form.rendition}
	choose := func(name string) {
		t.Helper()
		if b.canvas.Overlays().Top() == nil {
			t.Fatalf("%s: no list opened", name)
		}
		b.canvas.Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
		b.canvas.Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
		if b.canvas.Overlays().Top() != nil {
			t.Fatalf("%s: the list is still open", name)
		}
	}
	for name, l := range lists {
		for _, had := range []fyne.Focusable{nil, p.form.name, l} {
			b.canvas.Focus(had)
			l.Tapped(&fyne.PointEvent{})
			choose(name)
			if o := b.canvas.Focused(); o != nil {
				t.Errorf("%s: chosen from with the pointer, the keyboard is with %T", name, o)
			}
		}
		b.canvas.Focus(l)
		l.KeyDown(&fyne.KeyEvent{Name: fyne.KeySpace})
		l.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
		choose(name)
		if b.canvas.Focused() != l {
			t.Errorf("%s: chosen from with keys, Tab would not go on from it", name)
		}
		wantSent(t, b)
		l.KeyDown(&fyne.KeyEvent{Name: fyne.KeyB})
		wantSent(t, b, &engine.FadeToBlack{})
		l.KeyDown(&fyne.KeyEvent{Name: fyne.KeyEscape})
		if b.canvas.Focused() != nil {
			t.Errorf("%s: Escape left it the keyboard", name)
		}
	}
	if p.form.container.Selected != "mkv" {
		t.Errorf("the first was chosen, and it shows %q", p.form.container.Selected)
	}
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
