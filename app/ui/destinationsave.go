package ui

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// fault is one sentence about what keeps the form from being saved.
func (f *outputForm) fault() string {
	if strings.TrimSpace(f.name.Text) == "" {
		return "Give it a name."
	}
	if f.rendition.Selected == "" {
		return "Choose the rendition to send."
	}
	kind, ok := f.desk.services.OutputKinds[f.kind]
	if !ok || kind.New == nil {
		return ""
	}
	secret := strings.TrimSpace(f.secret.Text)
	if secret == "" && f.credential != "" {
		secret = "kept-elsewhere" // of a length that every kind takes
	}
	raw, err := json.Marshal(f.collected())
	rehearsal := !f.recording && strings.TrimSpace(f.address.Text) == rehearsalURL
	if err == nil && !rehearsal {
		_, err = kind.New(raw, outputs.Options{Secret: secret})
	}
	if err != nil {
		return said(err)
	}
	if f.recording {
		return ""
	}
	d := f.destination(raw)
	if list := engine.Refusals(f.show, d, f.desk.services.OutputKinds); len(list) > 0 {
		if name := list[0].Backup; name != "" {
			return name + ": " + said(list[0].Err)
		}
		return said(list[0].Err)
	}
	if rehearsal {
		return ""
	}
	if !f.hasKey() && f.desk.services.Credentials != nil {
		_, secret = f.keyApart(f.kind, raw) // which backups may share
	}
	return f.backupFault(d, secret)
}

// collected are the settings as typed.
func (f *outputForm) collected() map[string]json.RawMessage {
	all := maps.Clone(f.settings)
	if f.more != nil {
		all = maps.Clone(f.more.values)
	}
	if f.recording {
		all["path"], all["container"] = quoted(f.address.Text), quoted(f.container.Selected)
	} else {
		all[addressKey(f.kind)] = quoted(f.address.Text)
	}
	return all
}

func (f *outputForm) doSave() {
	if f.saving != nil {
		return
	}
	if f.fault() != "" || f.more != nil && !f.more.valid() || !f.recording && !f.plan.valid() {
		f.check()
		return
	}
	raw, err := json.Marshal(f.collected())
	if err != nil { // strings and what was JSON before
		panic(err)
	}
	if f.recording {
		v := scenes.Recording{ID: f.id, Name: strings.TrimSpace(f.name.Text), Rendition: f.rendition.Selected, Tracks: f.chosenTracks(), Settings: raw}
		if v.ID == "" {
			v.ID = f.show.FreshID("recording")
		}
		f.desk.send(&engine.PutRecording{Recording: v})
		f.close()
		return
	}
	v := f.destination(raw)
	taken := f.takeKeys(v)
	if taken {
		if raw, err = json.Marshal(f.collected()); err != nil { // as above
			panic(err)
		}
		v = f.destination(raw)
	}
	if v.ID == "" {
		v.ID = f.show.FreshID(f.kind)
	}
	secret := strings.TrimSpace(f.secret.Text)
	if secret != "" && v.Credential == "" {
		v.Credential = credentialName(v.Name)
	}
	var secrets map[string]string // by their names in the keyring
	v.Backups, secrets = f.backups.ingests(v)
	if secret != "" {
		secrets[v.Credential] = secret
	}
	switch {
	case len(secrets) == 0 && (len(f.newRecipients(v)) == 0 || f.desk.services.Credentials == nil):
		f.desk.send(&engine.PutDestination{Destination: v})
		f.close()
	case f.desk.services.Credentials == nil:
		f.say("Keys cannot be kept on this machine (the log says why).", "Nothing was changed; without a key it can be saved.")
	default:
		f.keep(secrets, v, taken)
	}
}

// pendingSave is a destination whose keys are being put into the keyring, which may ask its
// owner and take minutes.
type pendingSave struct {
	destination scenes.Destination
	rows        []*backupRow // of its backups
	taken       bool         // some of the keys stood in addresses
	dropped     bool         // the operator has taken it back
	shows       int          // outputForm.shows when it began
}

// keep puts keys into the keyring with who may be told them, and then the destination into the
// show.
func (f *outputForm) keep(secrets map[string]string, v scenes.Destination, taken bool) {
	keys := f.desk.services.Credentials
	p := &pendingSave{destination: v, taken: taken, rows: slices.Clone(f.backups.rows), shows: f.shows}
	f.saving = p
	f.save.look("Saving", colControl, colDim)
	all, added := f.recipients(v), f.newRecipients(v)
	started := f.desk.work.start(func() {
		var err error
		var kept []string
		for _, name := range slices.Sorted(maps.Keys(secrets)) {
			if err = keys.Set(name, secrets[name], all[name]...); err != nil {
				break
			}
			kept = append(kept, name)
		}
		for _, name := range slices.Sorted(maps.Keys(added)) {
			if _, typed := secrets[name]; err == nil && !typed {
				err = keys.Allow(name, added[name]...)
			}
		}
		f.desk.post(func() { f.saved(p, kept, err) })
	})
	if !started {
		f.saving = nil
		f.check()
		f.desk.tell("Too much is still being done; " + v.Name + " was not saved.")
	}
}

// saved ends a save; kept are the names under which keys are kept now. The form
// may show something else by then.
func (f *outputForm) saved(p *pendingSave, kept []string, err error) {
	shown := f.saving == p
	if shown {
		f.saving = nil
	}
	switch {
	case p.dropped:
	case p.shows != f.shows:
		f.desk.tell(p.destination.Name + " was not saved: another show was opened meanwhile.")
	case err == nil:
		f.desk.send(&engine.PutDestination{Destination: p.destination})
		if p.taken {
			f.desk.said(p.destination.Name + " is saved. The key in its address is kept apart from the show now.")
		}
		if shown && f.Visible() {
			f.close()
		}
	case !shown:
		f.desk.tell(fmt.Sprintf("%s was not saved: %s", p.destination.Name, said(err)))
	default:
		names := f.keptAs(p, kept)
		f.check()
		if len(names) == 0 {
			f.say("The key could not be kept; nothing was changed.", said(err))
			break
		}
		f.say("Not every key could be kept; the show is as it was.", said(err), "Kept already: "+strings.Join(names, ", ")+".")
	}
}

// keptAs notes under which names keys are kept already, so that another try uses
// those again, and says whose they are.
func (f *outputForm) keptAs(p *pendingSave, kept []string) (whose []string) {
	if slices.Contains(kept, p.destination.Credential) {
		f.credential = p.destination.Credential
		whose = append(whose, "the destination's")
	}
	for i, in := range p.destination.Backups {
		if name := *in.Credential; name != p.destination.Credential && slices.Contains(kept, name) {
			p.rows[i].credential = name
			f.backups.lookForKey(p.rows[i])
			whose = append(whose, in.Name+"'s")
		}
	}
	return whose
}

// destination is what has been typed, with these settings.
func (f *outputForm) destination(settings json.RawMessage) scenes.Destination {
	v := f.original
	v.ID, v.Name, v.Kind, v.Rendition = f.id, strings.TrimSpace(f.name.Text), f.kind, f.rendition.Selected
	v.Settings, v.Credential, v.Enabled = settings, f.credential, f.enabled
	v = f.withPicks(withPlan(v, f.plan.values))
	v.Backups, _ = f.backups.ingests(v)
	return v
}

// asksRemove is the question before removing.
func (f *outputForm) asksRemove() string {
	if f.started {
		return askRemove
	}
	return "Remove?"
}

func (f *outputForm) doRemove() {
	if f.recording {
		f.desk.send(&engine.RemoveRecording{ID: f.id})
	} else {
		f.desk.send(&engine.RemoveDestination{ID: f.id})
	}
	f.close()
}

// close goes back to the list; a save that still runs does not reach the show any more.
func (f *outputForm) close() {
	if f.saving != nil {
		f.saving.dropped = true
		f.saving = nil
	}
	f.secret.SetText("")
	f.backups.forget()
	f.done()
}

// forget closes the form, whose show is not open any more; no save that still runs reaches
// the next one.
func (f *outputForm) forget() {
	f.shows++
	if f.Visible() {
		f.close()
	}
}

// credentialName is a name in the keyring that no other destination has, as a show file may
// hold it: at most 64 letters, digits and dashes.
func credentialName(name string) string {
	var tail [4]byte
	_, _ = rand.Read(tail[:]) // never fails
	words := strings.FieldsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
	})
	plain := strings.Join(words, "-")
	return strings.TrimLeft(plain[:min(len(plain), 48)]+"-", "-") + hex.EncodeToString(tail[:])
}
