package ui

import (
	"encoding/json"
	"slices"
	"strings"

	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// Services show a stream's address with its key at the end, and that is what is pasted. Whoever
// has the show's file could send in its owner's name, so the key goes where keys are kept.

// keyApart is the key that stands in an ingest's own settings, and the settings without it; ""
// is none.
func (f *outputForm) keyApart(kind string, settings json.RawMessage) (rest json.RawMessage, key string) {
	if k := f.desk.services.OutputKinds[kind]; k.SecretApart != nil {
		return k.SecretApart(settings)
	}
	return settings, ""
}

// newRecipients are those whom the operator has just given kept keys to, by the keys' names, by
// typing their addresses. What the show had before it was opened here may be somebody else's.
func (f *outputForm) newRecipients(v scenes.Destination) map[string][]outputs.Recipient {
	had, all := f.recipients(f.original), f.recipients(v)
	for name, list := range all {
		list = slices.DeleteFunc(list, func(r outputs.Recipient) bool { return slices.Contains(had[name], r) })
		if all[name] = list; len(list) == 0 {
			delete(all, name)
		}
	}
	return all
}

// recipients are who is told the keys of a destination, by the keys' names.
func (f *outputForm) recipients(v scenes.Destination) map[string][]outputs.Recipient {
	all := map[string][]outputs.Recipient{}
	add := func(kind string, settings json.RawMessage, name string) {
		if r, told := f.desk.services.OutputKinds[kind].SecretTo(settings); told && name != "" {
			all[name] = append(all[name], r)
		}
	}
	add(v.Kind, v.Settings, v.Credential)
	for _, in := range v.Backups {
		if in.Credential != nil {
			add(in.Kind, in.Settings, *in.Credential)
		}
	}
	return all
}

// hasKey reports whether the destination has a key of its own, kept or typed.
func (f *outputForm) hasKey() bool {
	return f.credential != "" || strings.TrimSpace(f.secret.Text) != ""
}

// takeKeys moves keys that stand in the addresses of a destination, which is typed without
// fault, to the fields of keys. It reports whether there was one.
func (f *outputForm) takeKeys(v scenes.Destination) (taken bool) {
	if f.desk.services.Credentials == nil {
		return false // it could not be sent to any more
	}
	had, own := f.hasKey(), ""
	if !had {
		var rest json.RawMessage
		if rest, own = f.keyApart(f.kind, v.Settings); own != "" {
			taken = true
			f.secret.SetText(own)
			f.address.SetText(urlOf(rest))
		}
	}
	for i, in := range v.Backups {
		r := f.backups.rows[i]
		shares := r.same && in.Kind == f.kind
		if *in.Credential != "" || shares && had {
			continue
		}
		rest, key := f.keyApart(in.Kind, in.Settings)
		if key == "" {
			continue
		}
		taken = true
		if r.was, r.was.Settings = in, rest; !shares || key != own {
			r.same, r.typed = false, false
			r.secret.SetText(key)
			f.backups.label(r)
		}
		r.address.SetText(urlOf(rest))
	}
	return taken
}

// tellKey says of a destination without a key of its own what becomes of one in its address.
func (f *outputForm) tellKey() {
	if f.recording || f.credential != "" {
		return // lookForKey says where it is kept
	}
	text := noneKept
	if raw, err := json.Marshal(f.collected()); err == nil && !f.hasKey() {
		switch _, key := f.keyApart(f.kind, raw); {
		case key == "":
		case f.desk.services.Credentials == nil:
			text = "in the address, and so in the show's file"
		default:
			text = "taken from the address by Save"
		}
	}
	if f.secret.PlaceHolder != text {
		f.secret.SetPlaceHolder(text)
	}
}
