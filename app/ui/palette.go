package ui

import (
	"encoding/json"
	"slices"
	"sort"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"crosspoint.studio/crosspoint/app/engine"
)

const (
	paletteRows          = 12
	paletteRow   float32 = 26
	paletteWidth float32 = 620
)

// commandPalette finds any command by its name: what the menus have, what can be done to the
// scenes, sources and outputs there are, and the engine's commands as they are
// written in command lists, with fields: "fade_rate frames=25".
type commandPalette struct {
	box
	desk        *desk
	all         func() []*action
	veil        *veil
	sheet       *canvas.Rectangle
	entry       *paletteEntry
	marker      *canvas.Rectangle
	rows        [paletteRows]paletteLine
	more        *label
	found       []*action
	chosen, top int
	fit         int // rows that there is room for
	// send carries out a command, or asks first; what is what the palette calls it.
	send func(what string, cmd engine.Command)
	// focus gives the keyboard to an object, or takes it away with nil.
	focus func(fyne.Focusable)
}

type paletteLine struct {
	name, from, key *label
}

func newPalette(d *desk, all func() []*action, send func(what string, cmd engine.Command)) *commandPalette {
	p := &commandPalette{desk: d, all: all, send: send, sheet: newSurface(colPanel), marker: newSurface(colMarked), fit: paletteRows, focus: func(fyne.Focusable) {}}
	p.sheet.StrokeColor, p.sheet.StrokeWidth = colLine, 1
	p.entry = newPaletteEntry(p)
	p.veil = newVeil(canvas.NewRectangle(colShade), p.press)
	p.add(p.veil, p.sheet, p.entry, p.marker)
	for i := range p.rows {
		r := paletteLine{newLabel("", textNormal, colText), newLabel("", textSmall, colDim), newBold("", textSmall, colDim)}
		r.key.Alignment = fyne.TextAlignTrailing
		p.rows[i] = r
		p.add(r.name, r.from, r.key)
	}
	p.more = newLabel("", textSmall, colDim)
	p.add(p.more)
	p.arrange = func(s fyne.Size) {
		place(p.veil, 0, 0, s.Width, s.Height)
		w := min(paletteWidth, s.Width-2*gap)
		x, y := (s.Width-w)/2, min(s.Height*0.1, 80)
		fit := min(max(int((s.Height-y-82-gap)/paletteRow), 1), paletteRows)
		place(p.sheet, x, y, w, 82+float32(fit)*paletteRow)
		place(p.entry, x+inset, y+inset, w-2*inset, 36)
		if fit != p.fit {
			p.fit = fit
			p.walk(0) // draws
		}
		for i, r := range p.rows {
			show(r.name.Text, i < fit)
			show(r.from.Text, i < fit)
			show(r.key.Text, i < fit)
			top := y + 52 + float32(i)*paletteRow
			r.name.place(x+2*inset, top, w-230, paletteRow)
			r.from.place(x+w-210, top, 100, paletteRow)
			r.key.place(x+w-106, top, 94, paletteRow)
		}
		p.more.place(x+2*inset, y+54+float32(fit)*paletteRow, w-4*inset, 20)
		p.mark()
	}
	p.ExtendBaseWidget(p)
	p.Hide()
	return p
}

// open shows the palette and gives it the keyboard.
func (p *commandPalette) open() {
	p.desk.tips.clear()
	p.entry.SetText("")
	p.search("")
	p.Show()
	p.focus(p.entry)
}

// close takes it away again.
func (p *commandPalette) close() {
	if p.Visible() {
		p.Hide()
		p.focus(nil)
	}
}

// search finds what fits a query, best first.
func (p *commandPalette) search(query string) {
	list := append(p.all(), commandActions(query, p.send, p.complete, p.desk.tell)...)
	type hit struct {
		a     *action
		score int
	}
	var hits []hit
	word := query
	if name, fields := commandLine(query); fields != "" {
		word = name
	}
	for _, a := range list {
		if !a.enabled() {
			continue
		}
		score, ok := fuzzy(word, a.text())
		switch {
		case !ok && !hasWords(word, a.text()+" "+a.menu):
			continue
		case !ok:
			score = 0 // any other order, or a menu's name, comes after
		case a.exact:
			score += 1000
		}
		hits = append(hits, hit{a, score})
	}
	sort.SliceStable(hits, func(i, j int) bool { return hits[i].score > hits[j].score })
	p.found = p.found[:0]
	for _, h := range hits {
		p.found = append(p.found, h.a)
	}
	p.chosen, p.top = 0, 0
	p.draw()
}

func (p *commandPalette) draw() {
	for i, r := range p.rows {
		name, from, key := "", "", ""
		if n := p.top + i; n < len(p.found) {
			a := p.found[n]
			name, from, key = a.text(), strings.ReplaceAll(a.menu, "/", " › "), keyText(a.key, a.mod)
		}
		r.name.setText(name)
		r.from.setText(from)
		r.key.setText(key)
	}
	switch n := len(p.found); {
	case n == 0:
		p.more.setText("Nothing is called that.")
	case n > p.fit:
		p.more.setText(countText(int64(n)) + " commands; type to find one, arrows to walk, Enter to do it.")
	default:
		p.more.setText("Enter does it, Esc closes.")
	}
	p.mark()
}

func (p *commandPalette) mark() {
	show(p.marker, len(p.found) > 0)
	if len(p.found) > 0 {
		at := p.rows[p.chosen-p.top].name
		place(p.marker, p.sheet.Position().X+inset, p.sheet.Position().Y+52+float32(p.chosen-p.top)*paletteRow, p.sheet.Size().Width-2*inset, paletteRow)
		at.Refresh()
		p.marker.Refresh()
	}
}

// walk moves the choice.
func (p *commandPalette) walk(by int) {
	if len(p.found) == 0 {
		return
	}
	p.chosen = min(max(p.chosen+by, 0), len(p.found)-1)
	p.top = min(max(p.top, p.chosen-p.fit+1), p.chosen)
	p.draw()
}

// do carries the chosen one out.
func (p *commandPalette) do() {
	if p.chosen >= len(p.found) {
		return
	}
	a := p.found[p.chosen]
	p.close()
	a.run()
}

// complete opens the palette with a command that wants fields.
func (p *commandPalette) complete(text string) {
	p.open()
	p.entry.SetText(text)
	p.entry.CursorColumn = len([]rune(text))
	p.search(text)
}

// press does the row that was clicked, or closes the palette.
func (p *commandPalette) press(pos fyne.Position) {
	at := pos.Subtract(p.sheet.Position())
	s := p.sheet.Size()
	if at.X < 0 || at.Y < 0 || at.X > s.Width || at.Y > s.Height {
		p.close()
		return
	}
	if n := p.top + int((at.Y-52)/paletteRow); at.Y >= 52 && n < len(p.found) && n < p.top+p.fit {
		p.chosen = n
		p.do()
	}
}

// paletteEntry is the line that is typed in.
type paletteEntry struct {
	widget.Entry
	palette *commandPalette
}

func newPaletteEntry(p *commandPalette) *paletteEntry {
	e := &paletteEntry{palette: p}
	e.SetPlaceHolder("What do you want to do?")
	e.OnChanged = p.search
	e.OnSubmitted = func(string) {
		p.desk.entered()
		p.do()
	}
	e.ExtendBaseWidget(e)
	return e
}

// TypedKey implements fyne.Focusable: what is not for the text walks the list.
func (e *paletteEntry) TypedKey(k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeyDown:
		e.palette.walk(1)
	case fyne.KeyUp:
		e.palette.walk(-1)
	case fyne.KeyPageDown:
		e.palette.walk(e.palette.fit)
	case fyne.KeyPageUp:
		e.palette.walk(-e.palette.fit)
	case fyne.KeyEscape:
		e.palette.close()
	default:
		e.Entry.TypedKey(k)
	}
}

// AcceptsTab implements fyne.Tabbable: Tab stays in the palette.
func (e *paletteEntry) AcceptsTab() bool { return true }

// fuzzy reports whether the letters of query come in text in this order, and how well:
// letters in a row, at the beginning of words, and early ones count more.
func fuzzy(query, text string) (score int, ok bool) {
	q, t := []rune(strings.ToLower(strings.TrimSpace(query))), []rune(strings.ToLower(text))
	at, run := 0, 0
	for i := 0; i < len(t) && at < len(q); i++ {
		if unicode.IsSpace(q[at]) {
			at++
			run = 0
			i--
			continue
		}
		if t[i] != q[at] {
			run = 0
			continue
		}
		run++
		score += run * 4
		if i == 0 || !unicode.IsLetter(t[i-1]) && !unicode.IsDigit(t[i-1]) {
			score += 10
		}
		at++
	}
	return score - len(t)/4, at == len(q)
}

// hasWords reports whether every word of query stands in text, in any order.
func hasWords(query, text string) bool {
	text = strings.ToLower(text)
	for _, word := range strings.Fields(strings.ToLower(query)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// commandActions are the engine's commands by their names in command lists. What stands
// behind a name in query are its fields.
func commandActions(query string, send func(what string, cmd engine.Command), complete, tell func(string)) []*action {
	typed, fields := commandLine(query)
	var list []*action
	for _, name := range engine.CommandNames() {
		form := commandForm(name)
		a := &action{name: strings.TrimSpace(name + " " + form)}
		given := ""
		if typed == name && fields != "" {
			a.name, a.exact, given = name+" "+fields, true, fields
		}
		a.do = func() {
			if given == "" && wanting(form) {
				complete(name + " ")
				return
			}
			cmd, err := parseCommandLine(name, given)
			if err != nil {
				tell(said(err))
				return
			}
			send(a.name, cmd)
		}
		list = append(list, a)
	}
	return list
}

// wanting reports whether a form has fields that may not be left out.
func wanting(form string) bool {
	for _, field := range strings.Fields(form) {
		if !strings.HasPrefix(field, "[") {
			return true
		}
	}
	return false
}

// commandLine splits a query into a command's name and its fields; the fields are empty
// when it does not look like one ("cut camera" is a search).
func commandLine(query string) (name, fields string) {
	query = strings.TrimSpace(query)
	name, fields, _ = strings.Cut(query, " ")
	if !slices.Contains(engine.CommandNames(), name) || fields != "" && !strings.Contains(fields, "=") {
		return query, ""
	}
	return name, fields
}

// commandForm is the fields of a command as they are typed; those that may be left
// out in brackets.
func commandForm(name string) string {
	var parts []string
	for _, field := range engine.CommandFields(name) {
		switch bare, optional := strings.CutPrefix(field, "["); {
		case bare == "program]" || field == "program":
		case optional:
			parts = append(parts, "["+strings.TrimSuffix(bare, "]")+"=]")
		default:
			parts = append(parts, field+"=")
		}
	}
	return strings.Join(parts, " ")
}

// parseCommandLine reads "name field=value …"; a value is JSON or else a text.
func parseCommandLine(name, fields string) (engine.Command, error) {
	m := map[string]any{"do": name}
	for _, part := range splitFields(fields) {
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			key, value = part, "true"
		}
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		m[key] = v
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return engine.ParseCommand(raw)
}

// splitFields splits at spaces outside quotes, brackets and braces.
func splitFields(text string) []string {
	depth, quote, start := 0, false, 0
	var out []string
	for i, r := range text + " " {
		switch {
		case r == '"':
			quote = !quote
		case quote:
		case r == '{' || r == '[':
			depth++
		case r == '}' || r == ']':
			depth--
		case r == ' ' && depth <= 0:
			if i > start {
				out = append(out, text[start:i])
			}
			start = i + 1
		}
	}
	return out
}
