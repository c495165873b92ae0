package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// copyOrNot joins what the source of v sends as it comes, where that is to be and can be; nil
// without an error: it is encoded.
func (d *deliveries) copyOrNot(v *delivery, on sink) (*link, error) {
	if v.iso == nil || v.ring != nil || v.iso.codec == scenes.ISOEncode {
		return nil, nil
	}
	c := v.iso.copier
	c.use(1)
	why := v.iso.awaitCopy(d.isoWait(v.iso.in))
	if why == "" {
		why = v.iso.unfit(c, v.def.Settings)
	}
	if why == "" && c.isAlone() != v.iso.sounds {
		why = "it has changed"
	}
	if why == "" {
		l := &link{key: isoKey(v.iso.id) + " copied", copied: c, users: 1}
		if l.stream = c.add(on, v.begins.At); l.stream != nil {
			d.opens.Lock()
			defer d.opens.Unlock()
			d.links[l.key] = l
			return l, nil
		}
		why = "it has changed"
	}
	c.use(-1)
	if v.iso.codec == scenes.ISOCopy {
		return nil, fmt.Errorf("%s cannot be copied: %s; start its recording again when it can, or have ISO recordings encoded", v.iso.in.def.Name, why)
	}
	d.e.log.Debug("source encoded for its own recording", "source", v.iso.id, "reason", why)
	return nil, nil
}

// awaitCopy waits until it is known what the source sends and a picture of it, or sound that it
// has alone, has been decoded, at most limit, and says why it cannot be copied; empty when it
// can. What is not decoded is not shown or heard, and has no place in studio time.
func (s *isoSource) awaitCopy(limit time.Duration) string {
	decoded, what := &s.in.size, "no picture"
	if s.sounds {
		decoded, what = &s.in.sounded, "no sound"
	}
	if s.in.kind.Pacing == sources.Still || !s.in.coded.Load() && decoded.Load() != 0 {
		return "it does not arrive coded"
	}
	timeout := time.NewTimer(max(limit, 0))
	defer timeout.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		ok, why := s.copier.can()
		if ok && decoded.Load() != 0 || why != "" {
			return why
		}
		select {
		case <-look.C:
			if s.in.inTrouble() {
				return "nothing comes from it"
			}
			if !s.in.coded.Load() && decoded.Load() != 0 {
				return "it does not arrive coded"
			}
		case <-s.in.done:
			return "it has ended"
		case <-timeout.C:
			if ok {
				return what + " of it has been decoded yet"
			}
			return "what it sends is not known yet"
		}
	}
}

// unfit says why a file of these settings cannot have what comes; empty when it can.
func (s *isoSource) unfit(c *copier, settings json.RawMessage) string {
	var set struct{ Container string }
	_ = json.Unmarshal(settings, &set) // the recorder says what is wrong with them
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.coming {
		if t.Codec == media.Opus && (set.Container == "ts" || set.Container == "mov") {
			return "a " + set.Container + " file cannot hold its Opus sound"
		}
	}
	return ""
}

// copier is the one of a source, which outlives its inputs. Of the tick goroutine.
func (e *Engine) copier(id string) *copier {
	c := e.copiers[id]
	if c == nil {
		c = newCopier(e.fps, func(why string) {
			if why == "" {
				e.warn.clear("copy " + id)
				return
			}
			e.warn.set("copy "+id, fmt.Sprintf("The source %q is not recorded on its own any more: %s. Stop its recording and start it again: then it is encoded.", id, why), e.state.Load().Tick)
		})
		if e.copiers == nil {
			e.copiers = map[string]*copier{}
		}
		e.copiers[id] = c
	}
	return c
}

// keepCopies makes sources that may be recorded as they come keep the newest group of
// pictures, so that a recording begins with the tick at which it is started.
func (e *Engine) keepCopies() {
	for _, in := range e.order {
		e.copier(in.def.ID).keep(e.keepsCopy(in.def.ID))
	}
	for id := range e.copiers {
		if e.inputs[id] == nil {
			delete(e.copiers, id)
		}
	}
}

func (e *Engine) keepsCopy(id string) bool {
	return e.show.ISO.Codec != scenes.ISOEncode && slices.Contains(e.show.ISO.Sources, id)
}
