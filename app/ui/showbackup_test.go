package ui

import (
	"slices"
	"testing"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

func TestSourcesBackupIsChosen(t *testing.T) {
	s := quad()
	s.Show.Sources = []scenes.Source{{ID: "a", Name: "Camera A", Kind: "file"}, {ID: "b", Name: "Camera B", Kind: "file"}, {ID: "odd", Name: "Odd", Kind: "from-the-future"}}
	b := newBenchWith(t, s, buildServices())
	e := newSourceEditor(b.desk)
	e.update(s, "a")
	if e.backup.form == nil {
		t.Fatal("there is nothing to choose from")
	}
	c := e.backup.form.rows[0].choice
	if want := []string{"none", "Camera B"}; !slices.Equal(c.names, want) || c.chosen != 0 {
		t.Errorf("it offers %q, chosen %d; want %q, the first", c.names, c.chosen, want)
	}
	c.pick(1)
	want := s.Show.Sources[0]
	want.Backup = "b"
	wantSent(t, b, &engine.UpdateSource{Source: want})

	s.Show.Sources[0].Backup = "odd" // set in a file: it stays to be seen
	s.Show.Sources[1].Name = "Left"
	e.update(s, "a")
	c = e.backup.form.rows[0].choice
	if want := []string{"none", "Left", "Odd"}; !slices.Equal(c.names, want) || c.chosen != 2 {
		t.Errorf("it offers %q, chosen %d; want %q, the last", c.names, c.chosen, want)
	}
	s.Show.Sources = s.Show.Sources[:1]
	s.Show.Sources[0].Backup = ""
	e.update(s, "a")
	if e.backup.form != nil {
		t.Error("the only source is offered a backup")
	}
	e.update(s, "")
}
