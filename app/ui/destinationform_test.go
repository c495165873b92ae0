package ui

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
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

// Removing what runs ends the stream, which undo does not bring back: the question says it.
func TestRemovingWhatRunsSaysSo(t *testing.T) {
	s := liveState()
	s.Show.Destinations = []scenes.Destination{{ID: "a", Name: "Stage", Kind: "rtmp", Rendition: "main"}}
	s.Show.Recordings = []scenes.Recording{{ID: "r", Name: "Disk", Rendition: "main"}}
	b := newBench(t, s)
	p := b.keys.outputs
	remove := p.form.remove
	asks := func(what, id string, recording bool, question, tip string) {
		t.Helper()
		p.edit(id, recording)
		b.show(b.desk.state)
		if !strings.Contains(remove.main.tip, tip) {
			t.Errorf("%s: its tip is %q", what, remove.main.tip)
		}
		press(remove.main)
		wantLabel(t, what, remove.question, question)
		if cut := remove.question.Text.Text; cut != question {
			t.Errorf("%s: there is room for %q only", what, cut)
		}
	}
	asks("a live destination", "a", false, "Stop and remove?", "does not start it again")
	asks("a recording at rest", "r", true, "Remove?", "undo brings it back")
	b.clock = b.clock.Add(doubleClick)
	runs := *s
	runs.Recordings = slices.Clone(s.Recordings)
	runs.Recordings[0].Started = true
	b.show(&runs) // while it is asked
	press(remove.yes)
	wantSent(t, b)
	asks("a recording that runs", "r", true, "Stop and remove?", "does not start it again")
	b.clock = b.clock.Add(doubleClick)
	press(remove.yes)
	wantSent(t, b, &engine.RemoveRecording{ID: "r"})
	asks("the destination again", "a", false, "Stop and remove?", "does not start it again")
	s.Destinations[0].Started = false
	b.show(s)
	if remove.asking() {
		t.Error("it still asks about a stream that has ended")
	}
}
