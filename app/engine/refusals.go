package engine

import (
	"errors"
	"fmt"
	"slices"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// Refusal is a mistake for which going live would refuse one ingest of a destination.
type Refusal struct {
	// Field is what of the destination it is about, as in show files: "rendition",
	// "simulcast", "backups[0].kind".
	Field  string
	Backup string // the name of the backup; empty: the destination's own ingest
	Err    error
}

// Refusals are what keeps d from being sent as show has it; the rules are those by which it
// is sent. Kinds that are not among kinds are passed over.
func Refusals(show *scenes.Show, d scenes.Destination, kinds map[string]outputs.Kind) (list []Refusal) {
	r, ok := show.Rendition(d.Rendition)
	if !ok {
		return nil // the show says so
	}
	if kind, known := kinds[d.Kind]; known {
		if err := carries(kind, r); err != nil {
			list = append(list, Refusal{"rendition", "", err})
		}
		if _, err := simulcast(show, d, kind, false); err != nil {
			list = append(list, Refusal{"simulcast", "", err})
		}
	}
	for i, b := range d.Backups {
		kind, known := kinds[b.Kind]
		if !known || b.Kind == d.Kind {
			continue // or said already
		}
		err := carries(kind, r)
		if err == nil {
			_, err = simulcast(show, d, kind, true)
		}
		if err != nil {
			list = append(list, Refusal{fmt.Sprintf("backups[%d].kind", i), b.Name, err})
		}
	}
	return list
}

// carries says why an ingest of kind cannot be sent r's pictures; nil if it can.
func carries(kind outputs.Kind, r scenes.Rendition) error {
	if !slices.Contains(kind.Video, media.Codec(r.Video.Codec)) {
		return fmt.Errorf("%s cannot carry %s: choose another rendition for it, or another codec for this one (Outputs, Renditions)", kind.Title, r.Video.Codec)
	}
	return nil
}

// simulcast is the further renditions that an ingest of d, of kind, sends along: those of the
// destination, but none where a backup's kind has no such thing.
func simulcast(show *scenes.Show, d scenes.Destination, kind outputs.Kind, backup bool) ([]string, error) {
	switch n := len(d.Simulcast); {
	case n == 0 || kind.Layers == 0 && backup:
		return nil, nil
	case kind.Layers == 0:
		return nil, fmt.Errorf("%s cannot send further renditions along: take away the simulcast", kind.Title)
	case n > kind.Layers:
		return nil, fmt.Errorf("%s can send %d further renditions, not %d", kind.Title, kind.Layers, n)
	case d.DelaySeconds > 0:
		return nil, errors.New("a delayed destination cannot send further renditions: take away the delay or the simulcast")
	}
	above, _ := show.Rendition(d.Rendition)
	for _, id := range d.Simulcast {
		r, ok := show.Rendition(id)
		switch {
		case !ok:
			return nil, fmt.Errorf("there is no rendition %q", id)
		case r.Video.Codec != above.Video.Codec:
			return nil, fmt.Errorf("the rendition %q is not %s as the one before: simulcast has one codec", id, above.Video.Codec)
		case r.Program != above.Program:
			return nil, fmt.Errorf("the rendition %q shows another programme than the one before", id)
		case r.Video.Width*r.Video.Height > above.Video.Width*above.Video.Height, r.Video.BitrateKbps >= above.Video.BitrateKbps:
			return nil, fmt.Errorf("the rendition %q is not smaller than the one before: put simulcast's renditions in order of size", id)
		}
		above = r
	}
	return d.Simulcast, nil
}
