package engine

import (
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// reconcile makes the running inputs those of e.show; before is the show they are of.
func (e *Engine) reconcile(before *scenes.Show) {
	old := e.inputs
	e.inputs = make(map[string]*input, len(e.show.Sources))
	e.order = e.order[:0]
	next := e.soon()
	for _, def := range e.show.Sources {
		in := old[def.ID]
		delete(old, def.ID)
		if in == nil || in.def.Kind != def.Kind || string(in.def.Settings) != string(def.Settings) || in.def.Name != def.Name && in.kind.DrawsName {
			in = e.begin(def, in, next[def.ID])
		} else {
			in.def = def
			if def.WhenIdle != scenes.IdleWait || next[def.ID] {
				in.opening.want() // it plays on from now on, or may be on air at any time
			}
		}
		e.inputs[def.ID] = in
		e.order = append(e.order, in)
	}
	for _, in := range old {
		e.retire(in)
	}
	e.desk.reconcile(e)
	e.keepCopies()
	if before != nil {
		e.outs.reconcile(before, e.show)
	}
}

// begin starts the input of def, where there is one in the place of old, whose picture stays
// until the first of the new one: it may be on air. wanted: it is not to wait for its turn.
func (e *Engine) begin(def scenes.Source, old *input, wanted bool) *input {
	var after <-chan struct{}
	if old != nil {
		e.retire(old)
		after = old.done
	}
	in := e.newInput(def)
	in.lastFresh = media.TickTime(e.tick, e.fps)
	if old != nil {
		in.inherit(old)
	}
	if wanted {
		in.opening.want()
	}
	in.start(e.ctx, e.log, after)
	e.desk.mixer.Add(in.strip)
	return in
}

// soon are the sources of what is on programme and on preview, and of the overlays, and those
// that may have to stand in for them.
func (e *Engine) soon() map[string]bool {
	ids := []string{e.switcher.Program, e.switcher.Preview}
	for _, o := range e.show.Overlays {
		ids = append(ids, o.ID)
	}
	list := make(map[string]bool)
	for _, id := range ids {
		for _, p := range e.looks.of(e.show, id) {
			list[p.Source] = true
		}
	}
	for range mostStandIns {
		for _, s := range e.show.Sources {
			if s.Backup != "" && list[s.ID] {
				list[s.Backup] = true
			}
		}
	}
	return list
}

// retire takes an input off the mix; it is ended after this tick's sound, in which
// it fades out. Its source, which may hold a device, ends at once, or on the virtual
// clock when that sound is there.
func (e *Engine) retire(in *input) {
	e.desk.mixer.Remove(in.strip)
	if !e.clock.Virtual() {
		in.cancel()
	}
	e.retired = append(e.retired, in)
}

// stopRetired ends retired inputs without keeping the tick waiting.
func (e *Engine) stopRetired() {
	for _, in := range e.retired {
		e.gone.Add(1)
		go func() {
			defer e.gone.Done()
			in.stop()
			// The thread may be closed already, and the textures with it.
			_ = e.device.Forget(in.def.ID)
		}()
	}
	clear(e.retired)
	e.retired = e.retired[:0]
}
