package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
	"crosspoint.studio/crosspoint/shaders"
)

// logCommand appends c to the command log, and to the session's journal, with its tick.
func (e *Engine) logCommand(c Command) {
	c = e.asDone(c)
	body, err := json.Marshal(c)
	if err != nil {
		e.log.Error("command not logged", "command", nameOf(c), "error", err)
		return
	}
	line := fmt.Sprintf(`{"at":%d,"do":%q`, e.tick, nameOf(c))
	if rest := strings.TrimPrefix(string(body), "{"); rest != "}" {
		line += "," + rest
	} else {
		line += "}"
	}
	if e.session != nil {
		e.journalCommand(c, line)
	}
	if e.opt.CommandLog == nil {
		return
	}
	if _, err := fmt.Fprintln(e.opt.CommandLog, line); err != nil {
		e.warn.set("command log", "The command log cannot be written; the show goes on without it.", e.tick)
	}
}

// asDone is a command that was just applied with what came of it where that hangs on what
// was before, so that its line means the same wherever a list begins.
func (e *Engine) asDone(c Command) Command {
	switch v := c.(type) {
	case *FadeToBlack:
		return e.asDone(*v)
	case FadeToBlack:
		v.On = &e.switcher.FadedOut
		return v
	case *SetOverlay:
		return e.asDone(*v)
	case SetOverlay:
		o, _ := e.show.Overlay(v.ID)
		v.On = &o.On
		return v
	}
	return c
}

// program checks that id names the programme.
func (e *Engine) checkProgram(id string) error {
	if id == "" || id == e.show.Programs[0].ID {
		return nil
	}
	return fmt.Errorf("there is no programme %q", id)
}

// bus checks that id can be on a bus.
func (e *Engine) bus(id string) error { return e.busIn(e.show, id) }

// busIn is bus for another show.
func (e *Engine) busIn(show *scenes.Show, id string) error {
	if id == "" {
		return nil
	}
	if _, ok := show.Scene(id); ok {
		return nil
	}
	if s, ok := show.Source(id); ok {
		if k, known := e.opt.SourceKinds[s.Kind]; known && !k.HasVideo {
			return fmt.Errorf("source %q has no picture", id)
		}
		return nil
	}
	return fmt.Errorf("there is no scene or source %q", id)
}

func (c Preview) apply(e *Engine) error {
	if err := e.checkProgram(c.Program); err != nil {
		return err
	}
	if err := e.bus(c.Scene); err != nil {
		return err
	}
	e.switcher.SetPreview(c.Scene)
	return nil
}

func (c Cut) apply(e *Engine) error {
	if err := e.checkProgram(c.Program); err != nil {
		return err
	}
	if c.Scene == "" {
		e.switcher.Cut()
		e.landKeys()
		return nil
	}
	if err := e.bus(c.Scene); err != nil {
		return err
	}
	e.switcher.CutTo(c.Scene)
	return nil
}

func (c AutoTake) apply(e *Engine) error {
	if err := e.checkProgram(c.Program); err != nil {
		return err
	}
	e.beginTransition()
	e.switcher.Auto(e.show.Transition.Frames)
	return nil
}

func (c TBar) apply(e *Engine) error {
	if err := e.checkProgram(c.Program); err != nil {
		return err
	}
	if !(c.Position >= 0 && c.Position <= 1) {
		return fmt.Errorf("the T-bar's position is 0 to 1, not %v", c.Position)
	}
	e.beginTransition()
	e.switcher.SetLever(c.Position)
	e.landKeys()
	return nil
}

// beginTransition keeps what a transition begins with; one under way stays as it is, whatever
// is chosen, edited or undone meanwhile: on air it would jump from one wipe into another.
func (e *Engine) beginTransition() {
	if e.switcher.Mode == AtRest {
		e.running = e.show.Transition
	}
}

func (c FadeToBlack) apply(e *Engine) error {
	if err := e.checkProgram(c.Program); err != nil {
		return err
	}
	on := !e.switcher.FadedOut
	if c.On != nil {
		on = *c.On
	}
	e.switcher.FadeToBlack(on, e.show.FadeToBlack.Frames)
	return nil
}

func (c SetTransition) apply(e *Engine) error {
	t := e.show.Transition
	if c.Kind != "" {
		if !slices.Contains(shaders.Transitions(), c.Kind) {
			return fmt.Errorf("there is no transition %q; there are %s", c.Kind, strings.Join(shaders.Transitions(), ", "))
		}
		t.Kind = scenes.TransitionKind(c.Kind)
	}
	if c.Frames != 0 {
		t.Frames = c.Frames
	}
	if c.Color != "" {
		t.Color = c.Color
	}
	if c.Softness != nil {
		t.Softness = *c.Softness
	}
	if c.Direction != "" {
		t.Direction = scenes.Direction(c.Direction)
	}
	return e.edit(e.show.SetTransition(t))
}

func (c SetOverlay) apply(e *Engine) error {
	o, ok := e.show.Overlay(c.ID)
	if !ok {
		return fmt.Errorf("there is no overlay %q", c.ID)
	}
	on := !o.On
	if c.On != nil {
		on = *c.On
	}
	return e.edit(e.show.SetOverlayOn(c.ID, on))
}

func (c GoLive) apply(e *Engine) error         { return e.outs.goLive(c.Destinations, c.Group) }
func (c StopLive) apply(e *Engine) error       { return e.outs.stop(c.Destinations, c.Group, false) }
func (c StartRecording) apply(e *Engine) error { return e.outs.startRecording(c.Recordings) }
func (c StopRecording) apply(e *Engine) error {
	if err := e.outs.stop(c.Recordings, "", true); err != nil {
		return err
	}
	e.outs.isoFollows()
	return nil
}

// seeker finds a source that can be positioned.
func (e *Engine) seeker(id string) (sources.Seeker, error) {
	in := e.inputs[id]
	if in == nil {
		return nil, fmt.Errorf("there is no source %q", id)
	}
	s, ok := in.src.(sources.Seeker)
	if !ok {
		return nil, fmt.Errorf("source %q cannot be paused or positioned", id)
	}
	return s, nil
}

func (c Seek) apply(e *Engine) error {
	s, err := e.seeker(c.Source)
	if err != nil {
		return err
	}
	if !(c.Position >= 0) {
		return fmt.Errorf("a position is a number of seconds from the in point, not %v", c.Position)
	}
	in := e.inputs[c.Source]
	in.expectTurn()
	at := time.Duration(c.Position * float64(time.Second))
	in.sought = &at
	s.Seek(c.Position)
	return nil
}

func (c Pause) apply(e *Engine) error {
	s, err := e.seeker(c.Source)
	if err != nil {
		return err
	}
	in := e.inputs[c.Source]
	changes := in.paused != c.Paused
	if changes {
		in.paused = c.Paused
		in.expectTurn()
	}
	if p, ok := s.(sources.Pauser); ok && changes && c.Paused {
		if at, ok := in.showing(media.TickTime(e.tick, e.fps)); ok {
			p.PauseAt(at)
			return nil
		}
	}
	s.SetPaused(c.Paused)
	return nil
}

func (c RestartSource) apply(e *Engine) error {
	in := e.inputs[c.Source]
	if in == nil {
		return fmt.Errorf("there is no source %q", c.Source)
	}
	fresh := e.begin(in.def, in, false)
	e.inputs[c.Source] = fresh
	e.order[slices.Index(e.order, in)] = fresh
	e.desk.reconcile(e)
	return nil
}

func (ResetClip) apply(e *Engine) error {
	for _, b := range e.desk.order {
		b.bus.ClearClip()
	}
	for _, in := range e.order {
		in.strip.ClearClip()
	}
	return nil
}

// edit makes an edited show the current one.
func (e *Engine) edit(show *scenes.Show, err error) error {
	if err != nil {
		return err
	}
	before := e.show
	e.show = show
	e.reconcile(before)
	e.dropNext()
	// What is gone from the show is gone from the buses.
	if e.bus(e.switcher.Program) != nil {
		e.switcher.Program = ""
	}
	if e.bus(e.switcher.Preview) != nil {
		e.switcher.Preview = ""
	}
	if e.switcher.HasChosen && e.bus(e.switcher.Chosen) != nil {
		e.switcher.Chosen = ""
	}
	return nil
}
