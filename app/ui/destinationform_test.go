package ui

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/rtmp"
	"crosspoint.studio/crosspoint/outputs/srt"
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

// A key that was pasted with its address goes to the keyring like one that was typed.
func TestKeysInAddressesAreKeptApart(t *testing.T) {
	kinds := map[string]outputs.Kind{"rtmp": rtmp.Kind(), "srt": srt.Kind()}
	type backup struct {
		in            scenes.Ingest
		settings, key string // that it is to have
	}
	own, none := "own", ""
	for _, c := range []struct {
		name             string
		kind, url, typed string
		credential       string
		backups          []backup
		settings         string // as saved
		key              string // kept for it
		said             bool
	}{
		{name: "Twitch", url: "rtmp://live.twitch.tv/app/live_123_abc", settings: `{"url":"rtmp://live.twitch.tv/app"}`, key: "live_123_abc", said: true},
		{name: "with a query", url: " rtmps://h:443/app/KEY?bandwidthtest=true ", settings: `{"url":"rtmps://h:443/app"}`, key: "KEY?bandwidthtest=true", said: true},
		{name: "a key is typed", url: "rtmp://h/app/instance", typed: "KEY", settings: `{"url":"rtmp://h/app/instance"}`, key: "KEY"},
		{name: "a key is kept", url: "rtmp://h/app/instance", credential: "old", settings: `{"url":"rtmp://h/app/instance"}`, key: "old key"},
		{name: "backups", url: "rtmp://h/app/KEY", settings: `{"url":"rtmp://h/app"}`, key: "KEY", said: true, backups: []backup{
			{scenes.Ingest{Name: "the same", Kind: "rtmp", Settings: []byte(`{"insecure":true,"url":"rtmp://two/app/KEY"}`)}, `{"insecure":true,"url":"rtmp://two/app"}`, "KEY"},
			{scenes.Ingest{Name: "another", Kind: "rtmp", Settings: []byte(`{"url":"rtmp://three/app/KEY3"}`)}, `{"url":"rtmp://three/app"}`, "KEY3"},
			{scenes.Ingest{Name: "none so far", Kind: "rtmp", Settings: []byte(`{"url":"rtmp://four/app/KEY4"}`), Credential: &none}, `{"url":"rtmp://four/app"}`, "KEY4"},
			{scenes.Ingest{Name: "kept", Kind: "rtmp", Settings: []byte(`{"url":"rtmp://five/app/instance"}`), Credential: &own}, `{"url":"rtmp://five/app/instance"}`, "own key"},
			{scenes.Ingest{Name: "in none", Kind: "rtmp", Settings: []byte(`{"url":"rtmp://six/app"}`)}, `{"url":"rtmp://six/app"}`, "KEY"},
		}},
		{name: "of a backup alone", kind: "srt", url: "srt://h:9000", settings: `{"url":"srt://h:9000"}`, said: true, backups: []backup{
			{scenes.Ingest{Name: "b", Kind: "rtmp", Settings: []byte(`{"url":"rtmp://two/app/KEY"}`)}, `{"url":"rtmp://two/app"}`, "KEY"},
		}},
		{name: "of a backup that shares a kept one", url: "rtmp://h/app", credential: "old", settings: `{"url":"rtmp://h/app"}`, key: "old key", backups: []backup{
			{scenes.Ingest{Name: "b", Kind: "rtmp", Settings: []byte(`{"url":"rtmp://two/app/instance"}`)}, `{"url":"rtmp://two/app/instance"}`, "old key"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.kind == "" {
				c.kind = "rtmp"
			}
			v := &vault{kept: map[string]string{"old": "old key", "own": "own key"}}
			s := aState()
			d := scenes.Destination{ID: "a", Name: "Stage", Kind: c.kind, Rendition: "main", Credential: c.credential, Enabled: true, Settings: []byte(`{"url":"` + c.url + `"}`), Standby: scenes.Cold, BackAfterSeconds: 10}
			for _, b := range c.backups {
				d.Backups = append(d.Backups, b.in)
			}
			s.Show.Destinations = []scenes.Destination{d}
			b := newBenchWith(t, s, Services{Credentials: v, OutputKinds: kinds})
			said := ""
			b.desk.said = func(text string) { said = text }
			p := b.keys.outputs
			press(p.cards[0].edit)
			f := p.form
			f.secret.SetText(c.typed)
			if got, want := f.secret.PlaceHolder == "taken from the address by Save", c.said && c.key != ""; got != want {
				t.Errorf("the field of the key says %q", f.secret.PlaceHolder)
			}
			press(f.save)
			got, ok := sentOne(t, b).(*engine.PutDestination)
			if !ok {
				t.Fatalf("it was not saved: %s", f.faults[0].full)
			}
			if string(got.Destination.Settings) != c.settings || v.kept[got.Destination.Credential] != c.key {
				t.Errorf("saved %s with the key %q, want %s with %q", got.Destination.Settings, v.kept[got.Destination.Credential], c.settings, c.key)
			}
			for i, in := range got.Destination.Backups {
				if want := c.backups[i]; string(in.Settings) != want.settings || v.kept[*in.Credential] != want.key {
					t.Errorf("%s: saved %s with the key %q, want %s with %q", in.Name, in.Settings, v.kept[*in.Credential], want.settings, want.key)
				}
			}
			if (said != "") != c.said || strings.Contains(said, "KEY") {
				t.Errorf("the window says %q", said)
			}
		})
	}
}

// Where no keys can be kept, the address is left as it is, and what that means is said.
func TestKeyInAnAddressWithoutAKeyring(t *testing.T) {
	b := newBenchWith(t, aState(), Services{OutputKinds: map[string]outputs.Kind{"rtmp": rtmp.Kind()}})
	press(b.keys.outputs.adds[0])
	f := b.keys.outputs.form
	f.name.SetText("Stage")
	f.address.SetText("rtmp://h/app")
	if f.secret.PlaceHolder != noneKept {
		t.Errorf("without a key the field says %q", f.secret.PlaceHolder)
	}
	f.address.SetText("rtmp://h/app/KEY")
	if f.secret.PlaceHolder != "in the address, and so in the show's file" {
		t.Errorf("the field of the key says %q", f.secret.PlaceHolder)
	}
	press(f.save)
	got, ok := sentOne(t, b).(*engine.PutDestination)
	if !ok || string(got.Destination.Settings) != `{"url":"rtmp://h/app/KEY"}` || got.Destination.Credential != "" {
		t.Errorf("saved %+v", got)
	}
}

// A key may be told to hosts that the operator has typed, or typed a key for: what else is in a
// show may be somebody else's.
func TestWhoMayBeToldAKey(t *testing.T) {
	const stays, typed = "rtmp://theirs.example/live", "rtmp://mine.example/live"
	for _, c := range []struct {
		name string
		edit func(f *outputForm)
		want []outputs.Recipient
	}{
		{"another name", func(f *outputForm) { f.name.SetText("Other") }, nil},
		{"the same address", func(f *outputForm) { f.address.SetText(typed); f.address.SetText(stays) }, nil},
		{"another address", func(f *outputForm) { f.address.SetText(typed) }, []outputs.Recipient{{Host: "mine.example", Clear: true}}},
		{"encrypted", func(f *outputForm) { f.address.SetText("rtmps://theirs.example/live") }, []outputs.Recipient{{Host: "theirs.example"}}},
		{"a key", func(f *outputForm) { f.secret.SetText("k") }, []outputs.Recipient{{Host: "theirs.example", Clear: true}}},
	} {
		s := backedUp()
		d := &s.Show.Destinations[0]
		d.Kind, d.Settings, d.Credential, d.Backups = "rtmp", json.RawMessage(`{"url":"`+stays+`"}`), "tube", nil
		v := &vault{kept: map[string]string{"tube": "old"}}
		kinds := map[string]outputs.Kind{"rtmp": rtmp.Kind()}
		b := newBenchWith(t, s, Services{Credentials: v, OutputKinds: kinds})
		f := b.keys.outputs.form
		b.keys.outputs.edit(d.ID, false)
		c.edit(f)
		f.doSave()
		if sent := len(b.sent(t)); sent != 1 || !slices.Equal(v.told["tube"], c.want) {
			t.Errorf("%s: %d commands, and %v may be told, want %v", c.name, sent, v.told["tube"], c.want)
		}
	}
}
