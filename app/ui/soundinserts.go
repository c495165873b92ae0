package ui

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// insertEditor is the inserts of a strip or a bus in their order, and the curve and the
// numbers of the chosen one.
type insertEditor struct {
	desk    *desk
	head    *heading
	list    *showList
	adds    *flow
	addOf   *button
	bypass  *button
	actions *flow
	curve   *curveView
	note    *paragraph
	rows    []stacked

	owner   soundChoice
	defs    []scenes.Insert
	chosen  string
	kind    string // whose rows there are
	about   string // what that kind does
	numbers numbers
	items   []listItem
	written time.Duration
	fresh   bool // the next insert that appears is to be chosen
	rebuilt func()
}

func newInsertEditor(d *desk, rebuilt func()) *insertEditor {
	e := &insertEditor{desk: d, rebuilt: rebuilt, head: newHeading("INSERTS, IN ORDER"), curve: newCurveView()}
	e.list = newShowList(d)
	e.list.onSelect = e.choose
	e.list.onMove = func(id string, to int) {
		d.send(&engine.MoveInsert{Source: e.owner.source, Bus: e.owner.bus, ID: id, To: to})
	}
	e.list.onRemove = e.remove
	e.addOf = newButton(d, "+ Insert ▾", textSmall, e.openAdd).hint("Adds a processor at the end")
	e.adds = newFlow(e.addOf)
	e.bypass = newButton(d, "Bypass", textSmall, e.toggleBypass).hint("Lets the sound pass it by; its settings stay")
	e.actions = newFlow(e.bypass,
		newButton(d, "↑", textSmall, func() { e.list.step(e.chosen, -1, true) }).hint("Moves it before the one above (Alt+Up)"),
		newButton(d, "↓", textSmall, func() { e.list.step(e.chosen, +1, true) }).hint("Moves it behind the one below (Alt+Down)"),
		newButton(d, "Remove", textSmall, func() { e.remove(e.chosen) }).hint("Takes it out (Delete); undo brings it back"),
	)
	e.note = newParagraph("", textSmall, colDim, 3)
	return e
}

// parts are the editor's parts of a column.
func (e *insertEditor) parts() []stacked {
	e.actions.gone = e.chosen == ""
	return append([]stacked{e.head, e.list, e.adds, e.actions, e.note, e.curve}, e.rows...)
}

func (e *insertEditor) choose(id string) {
	e.chosen = id
	e.update(e.owner, e.defs, nil, 0, true)
	e.rebuilt()
}

func (e *insertEditor) remove(id string) {
	if id != "" {
		e.desk.send(&engine.RemoveInsert{Source: e.owner.source, Bus: e.owner.bus, ID: id})
	}
}

func (e *insertEditor) toggleBypass() {
	if i := e.index(); i >= 0 {
		bypassed := !e.defs[i].Bypassed
		e.desk.send(&engine.SetInsert{Source: e.owner.source, Bus: e.owner.bus, ID: e.chosen, Bypassed: &bypassed})
	}
}

func (e *insertEditor) index() int {
	return slices.IndexFunc(e.defs, func(v scenes.Insert) bool { return v.ID == e.chosen })
}

func (e *insertEditor) openAdd() {
	var items []*fyne.MenuItem
	for _, k := range scenes.InsertKinds() {
		items = append(items, fyne.NewMenuItem(k.Title, func() { e.addKind(k.Name) }))
	}
	dropDown(e.addOf, items)
}

func (e *insertEditor) addKind(kind string) {
	e.fresh = true
	e.desk.send(&engine.AddInsert{Source: e.owner.source, Bus: e.owner.bus, Insert: scenes.Insert{Kind: kind}})
}

// set gives one setting of the chosen insert.
func (e *insertEditor) set(key string, value any) {
	raw, err := json.Marshal(map[string]any{key: value})
	if err != nil {
		e.desk.tell(said(err))
		return
	}
	e.desk.move(fmt.Sprintf("insert:%s:%s:%s:%s", e.owner.source, e.owner.bus, e.chosen, key),
		&engine.SetInsert{Source: e.owner.source, Bus: e.owner.bus, ID: e.chosen, Settings: raw})
}

// titleOf is the operator's name of a kind of insert.
func titleOf(kind string) string {
	for _, k := range scenes.InsertKinds() {
		if k.Name == kind {
			return k.Title
		}
	}
	return kind
}

// update brings the editor to a chain; it reports whether its parts are others now. With
// fresh false the definitions are those of the last time, and only states are new.
func (e *insertEditor) update(owner soundChoice, defs []scenes.Insert, states []engine.InsertState, now time.Duration, fresh bool) bool {
	if since := now - e.written; !fresh && since >= 0 && since < textEvery {
		return false
	}
	e.written = now
	if owner != e.owner {
		e.owner, e.chosen, e.fresh = owner, "", false
	} else if e.fresh && len(defs) > len(e.defs) {
		e.chosen, e.fresh = defs[len(defs)-1].ID, false
	}
	e.defs = defs
	if e.index() < 0 {
		e.chosen = ""
		if len(defs) > 0 {
			e.chosen = defs[0].ID
		}
	}
	note, ink := "", colDim
	before := len(e.items)
	e.items = e.items[:0]
	for i, v := range defs {
		it := listItem{id: v.ID, name: titleOf(v.Kind), dim: v.Bypassed}
		if needsKey(v) {
			it.detail = "needs a key"
			if v.ID == e.chosen {
				note, ink = "It does nothing until Key names the source that turns this sound down.", colWarn
			}
		}
		if i < len(states) && states[i].ID == v.ID {
			if db := roundTo(states[i].ReductionDB, 0.1); db > 0 {
				it.detail = fmt.Sprintf("-%.1f dB", db)
			}
			if states[i].Problem != "" {
				it.detail = "FAILED"
				if v.ID == e.chosen {
					note, ink = sentence(states[i].Problem), colBad
				}
			}
		}
		if v.Bypassed {
			it.detail = "bypassed"
		}
		e.items = append(e.items, it)
	}
	e.list.set(e.items, e.chosen)
	i := e.index()
	kind := ""
	if i >= 0 {
		v := defs[i]
		kind = v.Kind
		e.numbers = readNumbers(v.Settings)
		e.bypass.lit(v.Bypassed, colAmber, colInk)
		if fresh {
			e.curve.set(v.Kind, v.Settings)
		}
	} else {
		e.curve.gone = true
	}
	changed := before != len(e.items)
	if kind != e.kind {
		e.kind, e.about, changed = kind, describe(kind), true
		e.makeRows()
	}
	if note == "" {
		note = e.about
	}
	changed = changed || note != e.note.text // it may have another number of lines
	e.note.set(note, ink)
	for _, r := range e.rows {
		r.(follower).follow()
	}
	return changed
}

// needsKey reports whether an insert does nothing for want of a source to listen to.
func needsKey(v scenes.Insert) bool { return v.Kind == "ducker" && v.Key() == "" }

func describe(kind string) string {
	for _, k := range scenes.InsertKinds() {
		if k.Name == kind {
			return k.Description
		}
	}
	return ""
}

// follower is a row that shows a value of the state.
type follower interface{ follow() }

// makeRows makes a row for each setting of the chosen kind.
func (e *insertEditor) makeRows() {
	e.rows = nil
	for _, k := range scenes.InsertKinds() {
		if k.Name != e.kind {
			continue
		}
		fields, err := readFields(k.Schema)
		if err != nil {
			panic("ui: the schema of inserts: " + err.Error())
		}
		for i := range fields {
			e.rows = append(e.rows, e.newRow(&fields[i]))
		}
	}
}

func (e *insertEditor) newRow(f *formField) stacked {
	raw := func() json.RawMessage {
		var all map[string]json.RawMessage
		if i := e.index(); i < 0 || json.Unmarshal(e.defs[i].Settings, &all) != nil {
			return nil
		}
		return all[f.key]
	}
	switch {
	case f.isNumeric() && f.low != nil && f.high != nil:
		f.title = strings.TrimSpace(f.title)
		return newParamRow(e.desk, f, scaleOf(*f.low, *f.high), func() float64 { return e.numbers[f.key] }, func(v float64) { e.set(f.key, v) })
	case f.kind == boolField:
		return newChoiceRow(e.desk, f.title, []string{"Yes", "No"}, []json.RawMessage{json.RawMessage("true"), json.RawMessage("false")}, raw,
			func(v json.RawMessage) { e.set(f.key, v) })
	case f.kind == choiceField:
		var names []string
		for _, c := range f.choices {
			names = append(names, strings.TrimSpace(plainText(c)+" "+f.unit))
		}
		return newChoiceRow(e.desk, f.title, names, f.choices, raw, func(v json.RawMessage) { e.set(f.key, v) })
	}
	// What is left is the id of a source.
	names, values := []string{"nothing"}, []json.RawMessage{json.RawMessage(`""`)}
	if s := e.desk.state; s != nil {
		for _, v := range s.Sources {
			if v.HasAudio && v.ID != e.owner.source {
				names = append(names, v.Name)
				values = append(values, jsonText(v.ID))
			}
		}
	}
	return newChoiceRow(e.desk, f.title, names, values, raw, func(v json.RawMessage) { e.set(f.key, v) })
}

// jsonText is a text as JSON.
func jsonText(text string) json.RawMessage {
	raw, err := json.Marshal(text)
	if err != nil {
		panic("ui: a text that is none: " + err.Error()) // texts always can be
	}
	return raw
}
