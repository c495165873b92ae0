package ui

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"crosspoint.studio/crosspoint/scenes/sources"
)

const trialSchema = `{
  "type": "object",
  "required": ["address"],
  "properties": {
    "address": {"type": "string", "minLength": 1, "title": "Address", "x-order": 2, "description": "As in rtmp://host/app", "pattern": "^rtmps?://[^/]+/.+"},
    "name": {"type": "string", "title": "Name", "x-order": 1, "maxLength": 5},
    "delay": {"type": "integer", "title": "Delay", "minimum": 20, "maximum": 8000, "default": 120, "x-unit": "ms"},
    "size": {"type": "integer", "title": "Size", "minimum": 16, "multipleOf": 2},
    "level": {"type": "number", "title": "Level", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "ink": {"type": "string", "title": "Ink", "x-picker": "color", "default": "#ffffff"},
    "box": {"type": "string", "title": "Box", "x-picker": "color", "default": ""},
    "loop": {"type": "boolean", "title": "Loop", "default": false},
    "mode": {"enum": ["tcp", "udp"], "title": "Mode", "default": "tcp"},
    "bits": {"enum": [16, 24, 32], "title": "Key", "default": 16, "x-advanced": true},
    "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2, "title": "Tags"},
    "gains": {"type": "array", "items": {"type": "number"}, "minItems": 2, "title": "Gains"},
    "deep": {"type": "object", "title": "Deep"}
  }
}`

func trialFields(t *testing.T) map[string]*formField {
	t.Helper()
	list, err := readFields(json.RawMessage(trialSchema))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*formField{}
	for i := range list {
		out[list[i].key] = &list[i]
	}
	if list[0].key != "delay" && list[0].key != "name" {
		t.Errorf("the first field is %q", list[0].key)
	}
	if out["deep"] != nil {
		t.Error("a field was made of an object")
	}
	return out
}

func TestFieldsSayWhatIsWrong(t *testing.T) {
	fields := trialFields(t)
	for _, c := range []struct{ key, text, value, problem string }{
		{"address", "", "", "Address is needed."},
		{"address", "http://x", "", "Address has to begin with rtmp:// or rtmps://."},
		{"address", "rtmp://host", "", "Address is not complete. What is wanted: As in rtmp://host/app."},
		{"address", "rtmp://host/live", `"rtmp://host/live"`, ""},
		{"name", "longer", "", "Name may have at most 5 characters; this has 6."},
		{"name", "日本語", `"日本語"`, ""},
		{"name", "", "", ""},
		{"name", "\xff", "", "Name has characters that are no text."},
		{"delay", "", "", ""},
		{"delay", "fast", "", "Delay has to be a number, as in 120."},
		{"delay", "NaN", "", "Delay has to be a number, as in 120."},
		{"delay", "1e999", "", "Delay has to be a number, as in 120."},
		{"delay", "20.5", "", "Delay has to be a whole number, as in 120."},
		{"delay", "19", "", "Delay has to be from 20 to 8000."},
		{"delay", "8001", "", "Delay has to be from 20 to 8000."},
		{"delay", " 200 ", "200", ""},
		{"delay", "2e3", "2000", ""},
		{"size", "15", "", "Size has to be 16 or more."},
		{"size", "17", "", "Size has to be even."},
		{"size", "18", "18", ""},
		{"level", "0", "", "Level has to be more than 0."},
		{"level", "1", "", "Level has to be less than 1."},
		{"level", "0,25", "0.25", ""},
		{"ink", "red", "", "Ink has to be a colour such as #ff8000, or #ff800080 with alpha."},
		{"ink", "#ffff", "", "Ink has to be a colour such as #ff8000, or #ff800080 with alpha."},
		{"ink", "#FF8000", `"#FF8000"`, ""},
		{"ink", "", "", ""},
		{"box", "", `""`, ""},
		{"tags", "a\n\n b \n", `["a","b"]`, ""},
		{"tags", "a\nb\nc", "", "Tags may have at most 2 lines."},
		{"tags", "", "", ""},
		{"gains", "1", "", "Gains needs at least 2 lines."},
		{"gains", "1\nx", "", "Each line of Gains has to be a number."},
		{"gains", "1\n-2.5", "[1,-2.5]", ""},
	} {
		value, problem := fields[c.key].parse(c.text)
		if string(value) != c.value || problem != c.problem {
			t.Errorf("%s %q: %s, %q; want %s, %q", c.key, c.text, value, problem, c.value, c.problem)
		}
	}
}

func TestSchemaThatIsNone(t *testing.T) {
	for _, s := range []string{"", "[", `{"properties": []}`, `{"properties": {"a": {"type": "string", "pattern": "("}}}`} {
		if _, err := readFields(json.RawMessage(s)); err == nil {
			t.Errorf("%q was read without an error", s)
		}
	}
}

// formBench is a form in a window of its own.
func formBench(t *testing.T, schema string, services Services) (*bench, *form, *[]string) {
	t.Helper()
	b := newBenchWith(t, aState(), services)
	var given []string
	f, err := newForm(b.desk, json.RawMessage(schema), func(raw json.RawMessage) { given = append(given, string(raw)) })
	if err != nil {
		t.Fatal(err)
	}
	win := test.NewTempWindow(t, newColumn(f))
	win.Resize(fyne.NewSize(320, 900))
	b.canvas = win.Canvas()
	return b, f, &given
}

func (f *form) row(key string) *formRow {
	for _, r := range f.rows {
		if r.spec.key == key {
			return r
		}
	}
	return nil
}

// enter types text into a field and leaves it.
func (b *bench) enter(e *field, text string) {
	b.canvas.Focus(e)
	e.SetText("")
	test.Type(e, text)
	b.canvas.Unfocus()
}

func TestFormGivesWhatIsGoodAndKeepsWhatItDoesNotKnow(t *testing.T) {
	b, f, given := formBench(t, trialSchema, Services{})
	f.set(json.RawMessage(`{"address":"rtmp://a/b","future":{"x":1},"deep":{"y":2}}`))
	b.enter(f.row("delay").entry, "5")
	if len(*given) != 0 || f.row("delay").problem.text == "" {
		t.Fatalf("a delay of 5 was given as %v, with the problem %q", *given, f.row("delay").problem.text)
	}
	b.enter(f.row("delay").entry, "500")
	press(f.row("mode").choice.buttons[1])
	press(f.row("loop").choice.buttons[0])
	want := `{"address":"rtmp://a/b","deep":{"y":2},"delay":500,"future":{"x":1},"loop":true,"mode":"udp"}`
	if n := len(*given); n != 3 || (*given)[2] != want {
		t.Fatalf("given %v, want %s at the end", *given, want)
	}
	b.enter(f.row("delay").entry, "")
	if got := (*given)[3]; strings.Contains(got, "delay") {
		t.Errorf("an emptied number is kept: %s", got)
	}
	before := len(*given)
	b.enter(f.row("name").entry, "")
	if len(*given) != before {
		t.Error("leaving an empty field gave something")
	}
}

func TestFormTakesBackOnEscapeAndStepsNumbers(t *testing.T) {
	b, f, given := formBench(t, trialSchema, Services{})
	f.set(json.RawMessage(`{"address":"rtmp://a/b","delay":300}`))
	e := f.row("delay").entry
	b.canvas.Focus(e)
	e.SetText("4")
	e.KeyDown(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if e.Text != "300" || len(*given) != 0 || b.canvas.Focused() != nil {
		t.Errorf("after Escape: %q, given %v, the keyboard is with %T", e.Text, *given, b.canvas.Focused())
	}
	b.canvas.Focus(e)
	e.TypedKey(&fyne.KeyEvent{Name: fyne.KeyUp})
	e.TypedKey(&fyne.KeyEvent{Name: fyne.KeyPageUp})
	e.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	if e.Text != "310" {
		t.Errorf("300 + 1 + 10 - 1 is shown as %q", e.Text)
	}
}

func TestFormFollowsTheStudioAndARefusal(t *testing.T) {
	b, f, _ := formBench(t, trialSchema, Services{})
	was := json.RawMessage(`{"address":"rtmp://a/b","delay":300}`)
	f.set(was)
	b.enter(f.row("delay").entry, "400")
	f.set(was) // not yet come back
	if got := f.row("delay").entry.Text; got != "400" {
		t.Errorf("right after giving it the field shows %q", got)
	}
	b.clock = b.clock.Add(formReturns + time.Millisecond)
	f.set(was) // it never will
	if got := f.row("delay").entry.Text; got != "300" {
		t.Errorf("after a refusal the field shows %q", got)
	}
	f.set(json.RawMessage(`{"address":"rtmp://c/d"}`)) // undo on another surface
	if got := f.row("address").entry.Text; got != "rtmp://c/d" {
		t.Errorf("after a change elsewhere the field shows %q", got)
	}
	e := f.row("address").entry
	b.canvas.Focus(e)
	e.SetText("rtmp://half")
	f.set(json.RawMessage(`{"address":"rtmp://e/f","delay":50}`))
	if e.Text != "rtmp://half" {
		t.Errorf("a change elsewhere took what is being typed: %q", e.Text)
	}
	if got := f.row("delay").entry.Text; got != "50" {
		t.Errorf("the field beside it shows %q", got)
	}
}

func TestFormChecksTheWholeObject(t *testing.T) {
	b, f, given := formBench(t, trialSchema, Services{})
	f.check = func(raw json.RawMessage) error {
		if strings.Contains(string(raw), `"size":20`) {
			return errors.New("a size of 20 goes with no delay")
		}
		return nil
	}
	f.set(json.RawMessage(`{"address":"rtmp://a/b"}`))
	b.enter(f.row("size").entry, "20")
	if len(*given) != 0 || f.whole.text != "A size of 20 goes with no delay." {
		t.Errorf("given %v, said %q", *given, f.whole.text)
	}
	b.clock = b.clock.Add(formReturns)
	f.set(json.RawMessage(`{"address":"rtmp://a/b"}`)) // as the studio has it
	if f.row("size").entry.Text != "20" || f.whole.text == "" {
		t.Errorf("what is wrong has gone before it could be put right: %q, said %q", f.row("size").entry.Text, f.whole.text)
	}
	b.enter(f.row("size").entry, "22")
	if len(*given) != 1 || f.whole.text != "" {
		t.Errorf("given %v, said %q", *given, f.whole.text)
	}
	b.clock = b.clock.Add(formReturns)
	f.set(nil)
	if f.valid() || f.row("address").problem.text != "Address is needed." {
		t.Errorf("a form without what is needed is valid; it says %q", f.row("address").problem.text)
	}
}

func TestFormSaysWhatAFieldIsAndPassesTheWheelOn(t *testing.T) {
	b, f, _ := formBench(t, trialSchema, Services{})
	r := f.row("address")
	if r.about.tip != "As in rtmp://host/app" || r.entry.tip != r.about.tip {
		t.Errorf("the tool tip is %q", r.about.tip)
	}
	turned := 0
	f.scrolled = func(*fyne.ScrollEvent) { turned++ }
	r.wheel.Scrolled(&fyne.ScrollEvent{})
	if turned != 1 || r.wheel.Size() != r.entry.Size() {
		t.Errorf("the wheel turned %d times over %v of %v", turned, r.wheel.Size(), r.entry.Size())
	}
	b.canvas.Focus(r.entry)
	if b.desk.tips.owner != r.entry {
		t.Error("a field that has the keyboard shows no tool tip")
	}
}

// fakeInventory has two cameras and many fonts.
type fakeInventory struct{}

func (fakeInventory) Choices(picker string) ([]Choice, bool) {
	switch picker {
	case "camera":
		return []Choice{{"/dev/video0", "Desk camera"}, {"/dev/video2", "Capture card"}}, true
	case "font":
		var list []Choice
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
			list = append(list, Choice{Value: "Font " + string(c)}, Choice{Value: "Serif " + string(c)})
		}
		return list, true
	}
	return nil, false
}

func TestPickersListWhatThereIs(t *testing.T) {
	list, _ := fakeInventory{}.Choices("camera")
	got := ""
	items := choiceItems(list, "/dev/video2", func(v string) { got = v })
	if len(items) != 2 || items[0].Label != "Desk camera" || !items[1].Checked || items[0].Checked {
		t.Fatalf("cameras are listed as %v", items)
	}
	items[0].Action()
	if got != "/dev/video0" {
		t.Errorf("picked %q", got)
	}
	fonts, _ := fakeInventory{}.Choices("font")
	if items := choiceItems(fonts, "serif c", nil); len(items) != 1 || items[0].Label != "Serif C" {
		t.Errorf("the fonts for %q are %v", "serif c", items)
	}
	if items := choiceItems(fonts, "", nil); len(items) != maxListed+1 || !items[maxListed].Disabled {
		t.Errorf("all fonts are %d entries", len(items))
	}

	b, f, given := formBench(t, string(sources.Camera().Schema), Services{Inventory: fakeInventory{}})
	f.set(json.RawMessage(`{}`))
	r := f.row("device")
	press(r.picker)
	if b.canvas.Overlays().Top() == nil {
		t.Error("the picker opened no list")
	}
	r.pickText("/dev/video2")
	if len(*given) != 1 || (*given)[0] != `{"device":"/dev/video2"}` {
		t.Errorf("given %v", *given)
	}
}

// Every kind's schema makes a form whose every field takes nonsense with a sentence
// or a value, and never both.
func TestEveryKindOfSourceHasAForm(t *testing.T) {
	for _, k := range []sources.Kind{
		sources.File(), sources.Network(), sources.Camera(), sources.Screen(), sources.Microphone(), sources.Image(),
		sources.Text(), sources.Clock(), sources.Colour(), sources.Bars(), sources.Synthetic(),
	} {
		fields, err := readFields(k.Schema)
		if err != nil || len(fields) == 0 {
			t.Errorf("%s: %d fields, %v", k.Name, len(fields), err)
		}
		for _, f := range fields {
			if f.kind == boolField || f.kind == choiceField {
				continue
			}
			for _, text := range []string{"", " ", "-1", "1e308", "½", "\x00", "<b>", strings.Repeat("z", 100_000)} {
				value, problem := f.parse(text)
				if value != nil && problem != "" {
					t.Errorf("%s.%s: %.20q is both %.40s and wrong", k.Name, f.key, text, value)
				}
				if value != nil && !json.Valid(value) {
					t.Errorf("%s.%s: %.20q became %.40s", k.Name, f.key, text, value)
				}
				if problem != "" && (!strings.HasSuffix(problem, ".") || len(problem) > 300) {
					t.Errorf("%s.%s: %q is no sentence", k.Name, f.key, problem)
				}
			}
		}
	}
}

func TestTabLeavesATextOfSeveralLines(t *testing.T) {
	b := newBench(t, aState())
	var o fyne.CanvasObject = newField(b.desk, 3)
	if v, ok := o.(fyne.Tabbable); !ok || v.AcceptsTab() {
		t.Error("Tab is typed into a title")
	}
}

// Enter begins another line there, so how such a text is given stands beside its title.
func TestATextOfSeveralLinesSaysHowItIsGiven(t *testing.T) {
	_, f, _ := formBench(t, `{"type": "object", "properties": {
	 "text": {"type": "string", "title": "Text", "x-order": 1, "x-picker": "text"},
	 "font": {"type": "string", "title": "Font", "x-order": 2}}}`, Services{})
	r := f.row("text")
	wantLabel(t, "beside the title", r.given, "Ctrl+Enter or leaving it applies it")
	if r.given.Text.Text != r.given.full || r.given.Position().X < r.title.measure(r.title.full) {
		t.Errorf("it reads %q at %v", r.given.Text.Text, r.given.Position())
	}
	if f.row("font").given != nil {
		t.Error("a text of one line says how it is given")
	}
}

// A press on a control gives the keyboard back from every text, whatever it is in: Space is
// AUTO again, and no digit goes into a stream key. Escape leaves each of them too.
func TestAPressElsewhereLeavesEveryText(t *testing.T) {
	b := newBenchWith(t, aState(), Services{Logs: goldenLogs{}})
	p := b.keys.outputs
	p.edit("", false)
	p.form.setKind("rtmp")
	press(p.form.backups.add)
	row := p.form.backups.rows[0]
	for _, l := range []*field{p.form.name, p.form.address, p.form.secret, row.name, row.address, row.secret} {
		b.canvas.Focus(l)
		if b.canvas.Focused() != l {
			t.Fatalf("%q cannot be typed into", l.PlaceHolder)
		}
		press(b.keys.bank.cells[1])
		if o := b.canvas.Focused(); o != nil {
			t.Errorf("after a press on a cell the keyboard is with %T %q", o, l.PlaceHolder)
		}
		l.SetText("typed")
		b.canvas.Focus(l)
		l.KeyDown(&fyne.KeyEvent{Name: fyne.KeyEscape})
		if b.canvas.Focused() != nil || l.Text != "typed" {
			t.Errorf("after Escape the keyboard is with %T, the text is %q", b.canvas.Focused(), l.Text)
		}
	}
	if !p.form.secret.Password || !row.secret.Password {
		t.Error("a key can be read as it is typed")
	}
	p.openPreflight()
	b.canvas.Focus(p.preflight.uplink)
	press(b.keys.transition.cut)
	if b.canvas.Focused() != nil {
		t.Error("a press on CUT left the keyboard with the uplink")
	}
	b.side.openID("log")
	var log *logPanel
	for _, tab := range b.side.tabs {
		if v, ok := tab.panel.(*logPanel); ok {
			log = v
		}
	}
	b.canvas.Focus(log.filter)
	press(log.list)
	if b.canvas.Focused() != nil {
		t.Error("a press on a line left the keyboard with the filter")
	}
	// A list of Fyne's own knows no press elsewhere either.
	b.side.openID("outputs")
	p.preflight.leave()
	p.edit("", false)
	b.canvas.Focus(p.form.rendition)
	press(b.keys.bank.cells[0])
	if b.canvas.Focused() != nil {
		t.Error("a press on a cell left the keyboard with a list")
	}
	// What has the keyboard and is pressed keeps it.
	b.canvas.Focus(b.keys.transition.tbar)
	press(b.keys.transition.tbar)
	if b.canvas.Focused() != b.keys.transition.tbar {
		t.Error("the lever lost the keyboard by a press on itself")
	}
}
