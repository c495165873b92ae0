package ui

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
)

// What is filled in for one show never reaches the next, whose ids may be the same.
func TestAnotherShowClosesTheFormOfTheOneBefore(t *testing.T) {
	v := &vault{kept: map[string]string{}}
	docs := &fakeDocuments{info: DocumentInfo{Name: "Sunday", Path: "/a"}}
	b := newBenchWith(t, backedUp(), Services{Credentials: v, Documents: docs})
	b.files.choose = func(_ bool, _ string, done func(string)) { done("/shows/chosen") }
	p := b.keys.outputs
	p.edit("a", false)
	p.form.name.SetText("Typed")
	p.form.secret.SetText("a key")
	b.keys.down(fyne.KeyO, ctrl)
	wantDiary(t, docs, "open /shows/chosen")
	if p.form.Visible() || !p.scroll.Visible() || p.form.secret.Text != "" {
		t.Error("the form of the show before still stands")
	}

	p.openPreflight()
	b.keys.down(fyne.KeyO, ctrl)
	if p.preflight.Visible() || !p.scroll.Visible() {
		t.Error("the plan of the show before still stands")
	}

	lists := b.lists
	b.desk.openTab("show")
	lists.remove("cam1")
	if lists.ask.deed == nil {
		t.Fatal("nothing is asked")
	}
	b.keys.down(fyne.KeyO, ctrl)
	if lists.ask.deed != nil {
		t.Error("what was asked about the show before is still asked")
	}

	// A keyring that takes long: the destination goes nowhere, even where the form shows
	// something else by then.
	var late []func()
	b.desk.post = func(f func()) { late = append(late, f) }
	p.edit("a", false)
	late = nil // what looks for keys
	p.form.secret.SetText("k")
	p.form.doSave()
	p.edit("", false)
	p.forget()
	for _, f := range late {
		f()
	}
	wantSent(t, b)
	if got, _ := b.takeNotice(); got != "Stage was not saved: another show was opened meanwhile." {
		t.Errorf("the window says %q", got)
	}
}

// What is typed into the form is given up by Save and Cancel alone.
func TestNothingTakesTheFormsPlace(t *testing.T) {
	b := newBench(t, backedUp())
	p := b.keys.outputs
	p.edit("", false)
	p.form.name.SetText("Typed")
	p.ready.press()
	if !p.form.Visible() || p.preflight.Visible() {
		t.Error("the plan took the form's place")
	}
	if got, _ := b.takeNotice(); !strings.HasPrefix(got, "Save or cancel") {
		t.Errorf("the window says %q", got)
	}
	b.menuItem(t, "Output/Add a destination…").Action()
	if p.form.name.Text != "Typed" {
		t.Error("a new destination took the form's place")
	}
	p.form.cancel.press()
	p.ready.press()
	if !p.preflight.Visible() {
		t.Error("the plan does not open")
	}
}
