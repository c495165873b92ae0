package ui

import (
	"encoding/json"
	"fmt"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/scenes"
)

// backupChoice is the choice of the source that stands in for another: those with a
// picture for one with a picture, those with sound alone for one with sound alone.
type backupChoice struct {
	desk *desk
	form *form // nil: there is nothing to choose from
	// offered is what the form offers, as written in its schema, to see when that changes.
	offered string
}

// backupChoices are the ids and names to choose from for source id, "" first.
func backupChoices(d *desk, s *scenes.Show, id string) (ids, names []string) {
	own, ok := s.Source(id)
	if !ok {
		return nil, nil
	}
	ids, names = []string{""}, []string{"none"}
	for _, v := range s.Sources {
		k, known := d.services.SourceKinds[v.Kind]
		same := known && k.HasVideo == d.services.SourceKinds[own.Kind].HasVideo
		if v.ID != id && (same || v.ID == own.Backup) {
			ids, names = append(ids, v.ID), append(names, v.Name)
		}
	}
	return ids, names
}

// follow brings the form to the show; changed says that it is another form.
func (c *backupChoice) follow(s *scenes.Show, id string, resized func(), scrolled func(*fyne.ScrollEvent)) (changed bool) {
	ids, names := backupChoices(c.desk, s, id)
	offered := fmt.Sprintf("%q %q %q", id, ids, names)
	if offered != c.offered {
		c.offered, c.form, changed = offered, nil, true
		if len(ids) > 1 {
			c.form = c.newForm(id, ids, names)
			c.form.resized, c.form.scrolled = resized, scrolled
		}
	}
	if c.form == nil {
		return changed
	}
	if v, ok := s.Source(id); ok {
		c.form.set(fmt.Appendf(nil, `{"backup": %q}`, v.Backup))
	}
	return changed
}

func (c *backupChoice) newForm(id string, ids, names []string) *form {
	list, err := json.Marshal(ids)
	if err != nil { // texts
		panic(err)
	}
	schema := fmt.Appendf(nil, `{"type": "object", "properties": {"backup": {"enum": %s, "default": "", "title": "Stands in when it is lost",
	"description": "The source whose picture and sound are taken wherever this one is shown, while it shows nothing new for a second though it should, or has failed"}}}`, list)
	f, err := newForm(c.desk, schema, func(raw json.RawMessage) {
		var set struct {
			Backup string `json:"backup"`
		}
		if json.Unmarshal(raw, &set) == nil {
			c.desk.changeSource(id, func(v *scenes.Source) { v.Backup = set.Backup })
		}
	})
	if err != nil { // the schema is the one above
		panic(err)
	}
	f.rows[0].choice.rename(names...)
	return f
}
