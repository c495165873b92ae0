package engine

import (
	"fmt"

	"crosspoint.studio/crosspoint/scenes"
)

// Commands that edit the show document. Each makes a new show or is refused with a
// sentence; each can be undone. Put adds an element, or replaces the one with its id.
type (
	// RenameShow changes the show's name.
	RenameShow struct {
		Name string `json:"name"`
	}
	// SetStart changes what programme and preview show when the show is opened.
	SetStart struct {
		Start scenes.Start `json:"start"`
	}
	// SetFadeRate changes the length of fade to black, in frames, 1..250.
	SetFadeRate struct {
		Frames int `json:"frames"`
	}
	// AddSource adds a source at the end.
	AddSource struct {
		Source scenes.Source `json:"source"`
	}
	// UpdateSource replaces the source of the same id; it is reopened only when its
	// kind or settings differ.
	UpdateSource struct {
		Source scenes.Source `json:"source"`
	}
	// RemoveSource takes a source out of the show and, with Cascade, the layers that use it.
	RemoveSource struct {
		ID      string `json:"id"`
		Cascade bool   `json:"cascade,omitempty"`
	}
	// AddScene adds a scene at the end.
	AddScene struct {
		Scene scenes.Scene `json:"scene"`
	}
	// UpdateScene replaces the scene of the same id, layers and all.
	UpdateScene struct {
		Scene scenes.Scene `json:"scene"`
	}
	// RemoveScene takes a scene out of the show and, with Cascade, the layers that use it.
	RemoveScene struct {
		ID      string `json:"id"`
		Cascade bool   `json:"cascade,omitempty"`
	}
	// SetLayers replaces the layers of a scene or an overlay, bottom to top. Merge
	// joins it in undo to the command before it of the same id (dragging).
	SetLayers struct {
		ID     string         `json:"id"`
		Layers []scenes.Layer `json:"layers"`
		Merge  bool           `json:"merge,omitempty"`
	}
	// PutOverlay adds or replaces a downstream key.
	PutOverlay struct {
		Overlay scenes.Overlay `json:"overlay"`
	}
	// RemoveOverlay takes a downstream key out of the show.
	RemoveOverlay struct {
		ID string `json:"id"`
	}
	// PutRendition adds or replaces an encoding.
	PutRendition struct {
		Rendition scenes.Rendition `json:"rendition"`
	}
	// RemoveRendition takes an encoding out of the show and, with Cascade, what uses it.
	RemoveRendition struct {
		ID      string `json:"id"`
		Cascade bool   `json:"cascade,omitempty"`
	}
	// PutDestination adds or replaces a destination.
	PutDestination struct {
		Destination scenes.Destination `json:"destination"`
	}
	// RemoveDestination takes a destination out of the show; one that is live is
	// stopped first.
	RemoveDestination struct {
		ID string `json:"id"`
	}
	// PutRecording adds or replaces a recording.
	PutRecording struct {
		Recording scenes.Recording `json:"recording"`
	}
	// RemoveRecording takes a recording out of the show; one that runs is stopped first.
	RemoveRecording struct {
		ID string `json:"id"`
	}
	// SetISO changes which sources are recorded on their own, and how.
	SetISO struct {
		ISO scenes.ISO `json:"iso"`
	}
	// Reorder moves an element to place To, counted from 0, of the list it is in.
	Reorder struct {
		ID string `json:"id"`
		To int    `json:"to"`
	}
	// ReplaceShow changes the whole document at once (open, new). Sources that are
	// the same in both keep running; there is nothing to undo after it.
	ReplaceShow struct {
		Show *scenes.Show `json:"show"`
	}
	// Undo takes back the newest edit of the show. What is on air, fades and keys
	// stay as they are; one that would take something off the air is refused.
	Undo struct{}
	// Redo makes the edit again that Undo took back.
	Redo struct{}
)

// showEdit is a command that edits the show document and does nothing else.
type showEdit interface {
	edit(s *scenes.Show) (*scenes.Show, error)
}

// EditOf is what a command makes of a show, or why it is refused; nil for a command that
// does not edit the show document, or not that alone. The show that it is given stays as
// it is.
func EditOf(c Command) func(*scenes.Show) (*scenes.Show, error) {
	if v, ok := c.(showEdit); ok {
		return v.edit
	}
	return nil
}

func (c RenameShow) edit(s *scenes.Show) (*scenes.Show, error) { return s.SetName(c.Name) }
func (c SetStart) edit(s *scenes.Show) (*scenes.Show, error)   { return s.SetStart(c.Start) }
func (c SetFadeRate) edit(s *scenes.Show) (*scenes.Show, error) {
	return s.SetFadeToBlack(scenes.FadeToBlack{Frames: c.Frames})
}
func (c AddSource) edit(s *scenes.Show) (*scenes.Show, error) { return s.AddSource(c.Source) }
func (c UpdateSource) edit(s *scenes.Show) (*scenes.Show, error) {
	return s.UpdateSource(c.Source.ID, c.Source)
}
func (c RemoveSource) edit(s *scenes.Show) (*scenes.Show, error) {
	return s.RemoveSource(c.ID, c.Cascade)
}
func (c AddScene) edit(s *scenes.Show) (*scenes.Show, error) { return s.AddScene(c.Scene) }
func (c UpdateScene) edit(s *scenes.Show) (*scenes.Show, error) {
	return s.UpdateScene(c.Scene.ID, c.Scene)
}
func (c RemoveScene) edit(s *scenes.Show) (*scenes.Show, error) {
	return s.RemoveScene(c.ID, c.Cascade)
}
func (c SetLayers) edit(s *scenes.Show) (*scenes.Show, error)     { return s.SetLayers(c.ID, c.Layers) }
func (c PutOverlay) edit(s *scenes.Show) (*scenes.Show, error)    { return s.SetOverlay(c.Overlay) }
func (c RemoveOverlay) edit(s *scenes.Show) (*scenes.Show, error) { return s.RemoveOverlay(c.ID) }
func (c PutRendition) edit(s *scenes.Show) (*scenes.Show, error)  { return s.SetRendition(c.Rendition) }
func (c PutDestination) edit(s *scenes.Show) (*scenes.Show, error) {
	return s.SetDestination(c.Destination)
}
func (c PutRecording) edit(s *scenes.Show) (*scenes.Show, error) { return s.SetRecording(c.Recording) }
func (c SetISO) edit(s *scenes.Show) (*scenes.Show, error)       { return s.SetISO(c.ISO) }
func (c Reorder) edit(s *scenes.Show) (*scenes.Show, error)      { return s.Reorder(c.ID, c.To) }
func (c RemoveRendition) edit(s *scenes.Show) (*scenes.Show, error) {
	return s.RemoveRendition(c.ID, c.Cascade)
}
func (c RemoveDestination) edit(s *scenes.Show) (*scenes.Show, error) {
	return s.RemoveDestination(c.ID)
}
func (c RemoveRecording) edit(s *scenes.Show) (*scenes.Show, error) { return s.RemoveRecording(c.ID) }

func (c RenameShow) apply(e *Engine) error        { return e.edit(c.edit(e.show)) }
func (c SetStart) apply(e *Engine) error          { return e.edit(c.edit(e.show)) }
func (c SetFadeRate) apply(e *Engine) error       { return e.edit(c.edit(e.show)) }
func (c AddSource) apply(e *Engine) error         { return e.edit(c.edit(e.show)) }
func (c UpdateSource) apply(e *Engine) error      { return e.edit(c.edit(e.show)) }
func (c RemoveSource) apply(e *Engine) error      { return e.edit(c.edit(e.show)) }
func (c AddScene) apply(e *Engine) error          { return e.edit(c.edit(e.show)) }
func (c UpdateScene) apply(e *Engine) error       { return e.edit(c.edit(e.show)) }
func (c RemoveScene) apply(e *Engine) error       { return e.edit(c.edit(e.show)) }
func (c SetLayers) apply(e *Engine) error         { return e.edit(c.edit(e.show)) }
func (c PutOverlay) apply(e *Engine) error        { return e.edit(c.edit(e.show)) }
func (c RemoveOverlay) apply(e *Engine) error     { return e.edit(c.edit(e.show)) }
func (c PutRendition) apply(e *Engine) error      { return e.edit(c.edit(e.show)) }
func (c PutDestination) apply(e *Engine) error    { return e.edit(c.edit(e.show)) }
func (c PutRecording) apply(e *Engine) error      { return e.edit(c.edit(e.show)) }
func (c SetISO) apply(e *Engine) error            { return e.edit(c.edit(e.show)) }
func (c Reorder) apply(e *Engine) error           { return e.edit(c.edit(e.show)) }
func (c RemoveRendition) apply(e *Engine) error   { return e.edit(c.edit(e.show)) }
func (c RemoveDestination) apply(e *Engine) error { return e.edit(c.edit(e.show)) }
func (c RemoveRecording) apply(e *Engine) error   { return e.edit(c.edit(e.show)) }

func (c ReplaceShow) apply(e *Engine) error {
	if c.Show == nil {
		return fmt.Errorf("there is no show to change to")
	}
	if c.Show.Canvas != e.show.Canvas {
		return fmt.Errorf("the canvas of a running show cannot change: stop, then open the show")
	}
	// Whoever made it, it has to be a show that a file could hold.
	raw, err := c.Show.Encode()
	if err != nil {
		return err
	}
	if err := e.edit(scenes.Parse(raw)); err != nil {
		return err
	}
	if e.switcher.Program == "" && e.switcher.Mode == AtRest {
		e.switcher.Program = e.show.Start.Program
	}
	if e.switcher.Preview == "" {
		e.switcher.Preview = e.show.Start.Preview
	}
	e.history.forget()
	return nil
}

// What undo is called on surfaces, and what joins moves of one control.
func (c RenameShow) undoable() (string, string)  { return "rename show", "" }
func (c SetStart) undoable() (string, string)    { return "set start", "" }
func (c SetFadeRate) undoable() (string, string) { return "set fade rate", "fade rate" }
func (c AddSource) undoable() (string, string)   { return "add source " + c.Source.Name, "" }
func (c UpdateSource) undoable() (string, string) {
	return "change source " + c.Source.Name, ""
}
func (c RemoveSource) undoable() (string, string) { return "remove source", "" }
func (c AddScene) undoable() (string, string)     { return "add scene " + c.Scene.Name, "" }
func (c UpdateScene) undoable() (string, string)  { return "change scene " + c.Scene.Name, "" }
func (c RemoveScene) undoable() (string, string)  { return "remove scene", "" }
func (c PutOverlay) undoable() (string, string)   { return "change overlay " + c.Overlay.Name, "" }
func (c RemoveOverlay) undoable() (string, string) {
	return "remove overlay", ""
}
func (c PutRendition) undoable() (string, string)    { return "change rendition " + c.Rendition.ID, "" }
func (c RemoveRendition) undoable() (string, string) { return "remove rendition " + c.ID, "" }
func (c PutDestination) undoable() (string, string) {
	return "change destination " + c.Destination.Name, ""
}
func (c RemoveDestination) undoable() (string, string) { return "remove destination", "" }
func (c PutRecording) undoable() (string, string)      { return "change recording " + c.Recording.Name, "" }
func (c RemoveRecording) undoable() (string, string)   { return "remove recording", "" }
func (c SetISO) undoable() (string, string)            { return "change ISO recordings", "iso" }
func (c Reorder) undoable() (string, string)           { return "reorder", "order " + c.ID }
func (c SetTransition) undoable() (string, string)     { return "set transition", "transition" }

func (c SetLayers) undoable() (string, string) {
	if c.Merge {
		return "change layers", "layers " + c.ID
	}
	return "change layers", ""
}
