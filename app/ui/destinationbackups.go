package ui

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// mostBackups is how many a destination may have.
const mostBackups = 7

// backupList is where else a destination is sent when that fails, by rank: a name, an
// address and a key for each. A typed key goes to the keyring when the form is saved.
type backupList struct {
	box
	desk    *desk
	heading *label
	about   *label
	add     *button
	rows    []*backupRow
	kind    string // the destination's protocol
	// changed is called as one types, resized when there are more or fewer rows.
	changed, resized func()
}

// backupRow is one backup.
type backupRow struct {
	was           scenes.Ingest // as opened; what is not shown is kept
	credential    string
	where         string // the key under credential is kept, as Credentials tell; "" is nowhere
	same          bool   // it has the destination's key
	typed         bool   // not any more since a key is being typed
	title         *label
	up, remove    *button
	name, address *field
	secret        *field
	shared        *button
}

func newBackupList(d *desk) *backupList {
	p := &backupList{desk: d, changed: func() {}, resized: func() {}}
	p.heading = newBold("BACKUPS", textSmall, colDim)
	p.about = newLabel("Where else to send when it fails, best first.", textSmall, colDim)
	p.add = newButton(d, "+ Backup", textSmall, func() { p.append(scenes.Ingest{}, true); p.refill() }).hint("Another address for the same stream")
	p.arrange = func(s fyne.Size) { p.lay(s.Width) }
	p.ExtendBaseWidget(p)
	p.box.add(p.heading, p.about, p.add)
	return p
}

// heightFor implements stacked.
func (p *backupList) heightFor(width float32) float32 { return p.lay(width) }

func (p *backupList) lay(w float32) float32 {
	aw := p.add.min.Width
	p.heading.place(0, 0, max(w-aw-gap, 1), headerHeight)
	place(p.add, w-aw, 1, aw, headerHeight-2)
	y := headerHeight + 2
	show(p.about.Text, len(p.rows) == 0)
	if len(p.rows) == 0 {
		p.about.place(0, y, w, 16)
		y += 16
	}
	for i, r := range p.rows {
		rw, uw := r.remove.min.Width, r.up.min.Width
		r.title.place(0, y, max(w-rw-uw-2*gap, 1), rowHeight)
		show(r.up, i > 0)
		place(r.up, w-rw-uw-2, y, uw, rowHeight)
		place(r.remove, w-rw, y, rw, rowHeight)
		y += rowHeight + 2
		for _, e := range []*field{r.name, r.address, r.secret} {
			h, ew := e.MinSize().Height, w
			if e == r.secret {
				sw := r.shared.min.Width
				ew = w - sw - 3
				place(r.shared, w-sw, y, sw, h)
			}
			place(e, 0, y, ew, h)
			y += h + 2
		}
		y += gap
	}
	return y
}

// open shows a destination's backups.
func (p *backupList) open(d scenes.Destination) {
	p.rows = nil
	for _, b := range d.Backups {
		same := b.Credential == nil || b.Kind == d.Kind && *b.Credential == d.Credential
		p.append(b, same)
	}
	p.refill()
}

func (p *backupList) append(in scenes.Ingest, same bool) {
	if len(p.rows) >= mostBackups {
		p.desk.tell(fmt.Sprintf("A destination can have %d backups.", mostBackups))
		return
	}
	r := &backupRow{was: in, same: same, title: newLabel("", textSmall, colDim), name: newLine(p.desk), address: newLine(p.desk), secret: newSecret(p.desk)}
	if in.Credential != nil && !same {
		r.credential = *in.Credential
	}
	r.name.SetText(in.Name)
	r.address.SetText(urlOf(in.Settings))
	r.address.SetPlaceHolder("its address")
	changed := func(string) { p.label(r); p.changed() }
	r.name.changed, r.address.changed = changed, changed
	r.secret.changed = func(text string) {
		switch {
		case text != "" && r.same:
			r.same, r.typed = false, true
			p.label(r)
		case text == "" && r.typed: // it was taken back
			r.same, r.typed = true, false
			p.label(r)
		}
		p.changed()
	}
	r.up = newButton(p.desk, "↑", textNormal, func() { p.raise(r) }).hint("Try this one earlier")
	r.remove = newButton(p.desk, "Remove", textSmall, func() {
		p.rows = slices.DeleteFunc(p.rows, func(o *backupRow) bool { return o == r })
		p.refill()
	}).hint("Take this backup away")
	r.shared = newButton(p.desk, "Same", textSmall, func() {
		r.same, r.typed = !r.same, false
		r.secret.SetText("")
		p.label(r)
		p.changed()
	}).hint("It has the same key as the destination; otherwise one of its own, or none")
	p.label(r)
	p.rows = append(p.rows, r)
	p.lookForKey(r)
}

// lookForKey finds out where the key of r's own is kept.
func (p *backupList) lookForKey(r *backupRow) {
	name, keys := r.credential, p.desk.services.Credentials
	if name == "" || keys == nil {
		return
	}
	p.desk.background(func() {
		where := keys.Where(name)
		p.desk.post(func() {
			if r.credential == name {
				r.where = where
				p.label(r)
			}
		})
	})
}

// setKind follows the choice of the destination's protocol.
func (p *backupList) setKind(kind string) {
	if p.kind == kind {
		return
	}
	p.kind = kind
	for _, r := range p.rows {
		p.label(r)
	}
}

// label says what stands for the key.
func (p *backupList) label(r *backupRow) {
	r.shared.lit(r.same, colLit, colOnLit)
	switch {
	case r.same && kindOfURL(r.address.Text, p.kind) != p.kind:
		r.secret.SetPlaceHolder("no key: another protocol")
	case r.same:
		r.secret.SetPlaceHolder("the destination's key")
	case r.credential != "":
		r.secret.SetPlaceHolder(keptText(r.where))
	default:
		r.secret.SetPlaceHolder("no key")
	}
}

func (p *backupList) raise(r *backupRow) {
	if i := slices.Index(p.rows, r); i > 0 {
		p.rows[i-1], p.rows[i] = p.rows[i], p.rows[i-1]
		p.refill()
	}
}

func (p *backupList) refill() {
	p.objects = p.objects[:0]
	p.box.add(p.heading, p.about, p.add)
	for i, r := range p.rows {
		r.title.setText(fmt.Sprintf("%d: name, address, key", i+1))
		r.name.SetPlaceHolder(fmt.Sprintf("backup %d", i+1))
		p.box.add(r.title, r.up, r.remove, r.name, r.address, r.secret, r.shared)
	}
	p.Refresh()
	p.resized()
	p.changed()
}

// ingests are the backups of d as typed. One whose address is what it was keeps its
// settings; a new one has those of the destination where its protocol is the same. Keys
// that were typed have to be kept under the names in keys.
func (p *backupList) ingests(d scenes.Destination) (list []scenes.Ingest, keys map[string]string) {
	keys = map[string]string{}
	for i, r := range p.rows {
		in := r.was
		if url := strings.TrimSpace(r.address.Text); len(in.Settings) == 0 || url != urlOf(in.Settings) {
			in = backupAt(d, url)
		}
		if in.Name = strings.TrimSpace(r.name.Text); in.Name == "" {
			in.Name = fmt.Sprintf("backup %d", i+1)
		}
		credential := r.credential
		switch secret := strings.TrimSpace(r.secret.Text); {
		case r.same:
			credential = ""
			if in.Kind == d.Kind {
				credential = d.Credential
			}
		case secret != "":
			if credential == "" || p.shares(r, d) {
				credential = credentialName(d.Name + " " + in.Name)
			}
			keys[credential] = secret
		}
		in.Credential = &credential
		list = append(list, in)
	}
	return list, keys
}

// shares reports whether something else has the key of r, a backup of d, under its name: it
// would get what is typed for r.
func (p *backupList) shares(r *backupRow, d scenes.Destination) bool {
	if r.credential == d.Credential {
		return true
	}
	for _, o := range p.rows {
		if o != r && !o.same && o.credential == r.credential {
			return true
		}
	}
	if p.desk.state == nil {
		return false
	}
	return slices.ContainsFunc(p.desk.state.Show.Destinations, func(o scenes.Destination) bool {
		return o.ID != d.ID && (o.Credential == r.credential || slices.ContainsFunc(o.Backups, func(b scenes.Ingest) bool {
			return b.Credential != nil && *b.Credential == r.credential
		}))
	})
}

// forget takes what was typed as keys out of the fields.
func (p *backupList) forget() {
	for _, r := range p.rows {
		r.secret.SetText("")
	}
}

func urlOf(settings json.RawMessage) string {
	var s struct{ URL string }
	_ = json.Unmarshal(settings, &s) // other settings have no address to show
	return s.URL
}

// backupAt is a new backup of d.
func backupAt(d scenes.Destination, url string) scenes.Ingest {
	in := scenes.Ingest{Kind: kindOfURL(url, d.Kind)}
	settings := map[string]json.RawMessage{}
	if in.Kind == d.Kind {
		_ = json.Unmarshal(d.Settings, &settings) // what is no object gives nothing to copy
	}
	settings["url"] = quoted(url)
	raw, err := json.Marshal(settings)
	if err != nil { // what was JSON before
		panic(err)
	}
	in.Settings = raw
	return in
}

// backupFault is one sentence about a backup that cannot be used as typed; secret is the
// destination's key.
func (f *outputForm) backupFault(d scenes.Destination, secret string) string {
	for i, b := range d.Backups {
		kind, ok := f.desk.services.OutputKinds[b.Kind]
		if !ok || kind.New == nil {
			continue
		}
		r, key := f.backups.rows[i], ""
		switch {
		case r.same && b.Kind == d.Kind:
			key = secret
		case r.secret.Text != "":
			key = strings.TrimSpace(r.secret.Text)
		case *b.Credential != "":
			key = "kept-elsewhere" // of a length that every kind takes
		}
		if _, err := kind.New(b.Settings, outputs.Options{Secret: key}); err != nil {
			return sentence(fmt.Sprintf("%s: %s", b.Name, engine.Plain(err.Error())))
		}
	}
	return ""
}
