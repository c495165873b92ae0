package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/cutlist"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// SessionExtension ends the name of the journal beside a recording.
const SessionExtension = ".session"

// sessionBytes is how much of the journal may wait for a slow disk; what finds it full is
// left out, and the cut lists are not written.
const sessionBytes = 16 << 20

// session is the journal of what happens while something is recorded: one JSON object a
// line, beside the first recording. From it the cut lists are made when the last of its
// recordings has ended, and the show can be cut again from its files. observe
// and end are of the tick goroutine; file is for the outputs'.
type session struct {
	log   *slog.Logger
	warn  func(text string) // the operator, "" that all is well again
	files *journal          // notes the journal until its cut lists are written; nil without a state folder

	keys   map[string]bool // of the tick goroutine
	looked bool            // the same

	mu      sync.Mutex
	buf     bytes.Buffer    // guarded by mu; not written yet
	lost    bool            // guarded by mu
	path    string          // guarded by mu; "" while no file is known
	second  string          // guarded by mu; the journal's path if no programme is recorded
	named   map[string]bool // guarded by mu; files that are in it
	closing bool            // guarded by mu
	last    bool            // guarded by mu; the studio ends: what cannot be written now is given up
	wake    chan struct{}
	done    chan struct{}
}

// The lines of a journal.
type (
	sessionHead struct {
		Session int             `json:"session"` // version of the format
		At      int64           `json:"at"`      // tick of the first line that follows
		Began   string          `json:"began"`   // by the wall clock, RFC 3339
		Base    string          `json:"base"`    // what relative paths of the show are relative to
		Show    json.RawMessage `json:"show"`    // with what was on programme and preview at At as its start
		// Switcher is how the switcher stood at At; older journals are without it.
		Switcher *SwitcherState `json:"switcher,omitempty"`
	}
	sessionLine struct {
		At   int64         `json:"at"`
		Look *cutlist.Look `json:"look,omitempty"`
		Mark string        `json:"mark,omitempty"`
		File *sessionFile  `json:"file,omitempty"`
		Left *sessionPause `json:"left,omitempty"`
		// Show is what Undo or Redo made of the show, in the place of the command: the edits
		// of before the recording are not in the journal. Older journals have the command.
		Show json.RawMessage `json:"show,omitempty"`
		End  bool            `json:"end,omitempty"`
	}
	sessionFile struct {
		Path   string `json:"path"`
		Source string `json:"source,omitempty"` // empty: the programme
		// Recording is whose file it is, where it is the programme's; empty in older journals.
		Recording string `json:"recording,omitempty"`
		// First is the tick of its first picture; the file's own timecode is believed where
		// it has one.
		First int64 `json:"first"`
		// Sample is, of sound alone, its first audio frame, at 48 kHz from studio time 0.
		Sample int64 `json:"sample,omitempty"`
		// Copied: it has the source's pictures as they came, at the ticks at which they were
		// shown, however many there are of them.
		Copied bool `json:"copied,omitempty"`
	}
	// sessionPause is what a pause leaves out of a file, first without its end.
	sessionPause struct {
		Path string `json:"path"`
		From int64  `json:"from"`
		To   int64  `json:"to,omitempty"` // the first tick that is there again
	}
)

// beginSession starts a journal unless one runs, of which something is still being recorded: what
// was stopped, and is being written, keeps its own, which is told nothing more. Of the tick
// goroutine; the deliveries' mu is held.
func (e *Engine) beginSession() {
	if s := e.session; s != nil && !e.outs.recordsFor(s, false) {
		e.session, e.closing = nil, append(e.closing, s)
	}
	if e.session != nil || !e.opt.CutLists {
		return
	}
	start := *e.show
	start.Start = scenes.Start{Program: e.switcher.Program, Preview: e.switcher.Preview}
	show, err := journalShow(&start)
	if err != nil {
		e.log.Error("no session journal", "error", err)
		return
	}
	e.warn.clear("session") // of the one before
	s := &session{log: e.log, named: map[string]bool{}, keys: map[string]bool{}, wake: make(chan struct{}, 1), done: make(chan struct{}), files: e.keeper.journal,
		warn: e.warner("session")}
	s.line(sessionHead{1, e.tick, time.Now().Format(time.RFC3339), e.opt.BaseDir, show, e.switcherState()})
	from := e.tick - media.UnitsIn(keptLooksFor, e.fps.Inv())
	for i := range e.lately {
		if i+1 < len(e.lately) && e.lately[i+1].At <= from {
			continue
		}
		s.line(sessionLine{At: e.lately[i].At, Look: &e.lately[i]})
	}
	e.session = s
	go s.run()
}

// switcherState is how the switcher stands now.
func (e *Engine) switcherState() *SwitcherState {
	s := &SwitcherState{Switcher: e.switcher, Next: e.next}
	if e.switcher.Mode != AtRest {
		running := e.running
		s.Transition = &running
	}
	return s
}

// journalShow is a show as a journal has it: without its destinations, which no show that is cut
// again has. Their addresses may have keys in them, and a journal is handed on with the recordings.
func journalShow(show *scenes.Show) ([]byte, error) {
	without := *show
	without.Destinations = []scenes.Destination{}
	return json.Marshal(&without)
}

// keptLooks is how many changes of what programme shows are kept, and keptLooksFor for how
// long, for a recording that begins later: its files may begin with a keyframe of before.
const (
	keptLooks    = 64
	keptLooksFor = time.Minute
)

// look notes what programme shows from this tick on, if that is new. Of the tick goroutine,
// after the switcher's step.
func (e *Engine) look() {
	look := cutlist.Look{Scene: e.switcher.Program, Black: e.switcher.Black >= 1 || e.switcher.Program == ""}
	look.Mixed = e.switcher.Crossing() || e.switcher.Black > 0 && e.switcher.Black < 1
	look.Source = e.wholeSource(e.switcher.Program)
	var last cutlist.Look
	if n := len(e.lately); n > 0 {
		if last = e.lately[n-1]; look == unplaced(last) {
			return
		}
	}
	if len(e.lately) == keptLooks {
		e.lately = e.lately[:copy(e.lately, e.lately[1:])]
	}
	mixes := look.Mixed && !last.Mixed && e.switcher.Crossing()
	look.At = e.tick
	e.lately = append(e.lately, look)
	if e.session == nil {
		return
	}
	if mixes && e.running.Kind != scenes.Mix {
		e.session.line(sessionLine{At: e.tick, Mark: "Transition " + string(e.running.Kind)})
	}
	noted := look // only now a place of its own in memory
	e.session.line(sessionLine{At: e.tick, Look: &noted})
}

// unplaced is a look without the tick at which it began.
func unplaced(l cutlist.Look) cutlist.Look { l.At = 0; return l }

// observe notes the keys that have come and gone. Of the tick goroutine.
func (s *session) observe(e *Engine) {
	for i := range e.show.Overlays {
		o := &e.show.Overlays[i]
		if s.keys[o.ID] != o.On {
			s.keys[o.ID] = o.On
			if o.On || s.looked {
				s.line(sessionLine{At: e.tick, Mark: fmt.Sprintf("Key %s %s", o.Name, map[bool]string{true: "on", false: "off"}[o.On])})
			}
		}
	}
	s.looked = true
}

// wholeSource is the source that is all there is of a scene, whole and over the whole
// canvas; "" is none.
func (e *Engine) wholeSource(id string) string {
	placed := e.looks.of(e.show, id)
	c := e.show.Canvas
	if len(placed) != 1 {
		return ""
	}
	p := placed[0]
	if p.X != 0 || p.Y != 0 || p.Width != float64(c.Width) || p.Height != float64(c.Height) || p.Rotation != 0 || p.Opacity != 1 || p.Crop != (scenes.Crop{}) {
		return ""
	}
	return p.Source
}

// journalCommand notes an applied command, whose line the command log has, unless it brings
// destinations (journalShow). Of the tick goroutine.
func (e *Engine) journalCommand(c Command, line string) {
	switch c.(type) {
	case Undo, *Undo, Redo, *Redo:
		show, err := journalShow(e.show)
		if err == nil {
			e.session.line(sessionLine{At: e.tick, Show: show})
			return
		}
		e.log.Error("show not in the journal", "error", err)
	case PutDestination, *PutDestination, ReplaceShow, *ReplaceShow:
		return
	}
	e.session.add([]byte(line + "\n"))
}

// file notes a file of a recording; begun says that it has its first picture, at f.First.
func (s *session) file(f sessionFile, begun bool) {
	s.mu.Lock()
	known := s.named[f.Path]
	s.named[f.Path] = known || begun
	base := strings.TrimSuffix(f.Path, filepath.Ext(f.Path)) + SessionExtension
	if s.path == "" && f.Source == "" {
		s.path = base
	} else if s.second == "" {
		s.second = base
	}
	s.mu.Unlock()
	if begun && !known {
		s.line(sessionLine{At: f.First, File: &f})
	}
}

func (s *session) line(v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		s.log.Error("session line lost", "error", err)
		return
	}
	s.add(append(raw, '\n'))
}

func (s *session) add(line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buf.Len()+len(line) > sessionBytes {
		s.lost = true
		return
	}
	s.buf.Write(line)
	s.poke()
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// end closes the journal at tick; done is closed when the cut lists are written.
func (s *session) end(tick int64) {
	s.line(sessionLine{At: tick, End: true})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	s.poke()
}

// giveUp has a journal that has ended try once more at most.
func (s *session) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = true
	s.poke()
}

// followSession keeps the journal in step with the recordings. Of the tick goroutine.
func (e *Engine) followSession() {
	e.look()
	for i := 0; i < len(e.closing); i++ {
		if s := e.closing[i]; !e.outs.recording(s) {
			e.closing = slices.Delete(e.closing, i, i+1)
			e.endSession(s)
			i--
		}
	}
	s := e.session
	if s == nil {
		return
	}
	s.observe(e)
	if !e.outs.recording(s) {
		e.session = nil
		e.endSession(s)
	}
}

// endSession ends a journal, of which nothing is recorded any more.
func (e *Engine) endSession(s *session) {
	s.end(e.tick)
	e.sessions = slices.DeleteFunc(e.sessions, func(other *session) bool {
		select {
		case <-other.done:
			return true
		default:
			return false
		}
	})
	e.sessions = append(e.sessions, s)
}

// listsAtEnd is how long the end of the studio waits for cut lists on the real clock: their
// disk may not answer. Those that are left are written at the next start.
const listsAtEnd = 5 * time.Second

// closeSessions ends the journals at the end of the studio, and waits for the cut lists. It
// reports whether all that was to be written has been.
func (e *Engine) closeSessions() (written bool) {
	for _, s := range e.closing {
		e.endSession(s)
	}
	if e.session != nil {
		e.endSession(e.session)
	}
	e.session, e.closing = nil, nil
	for _, s := range e.sessions {
		s.giveUp()
	}
	var limit <-chan time.Time
	if !e.clock.Virtual() {
		limit = time.After(listsAtEnd)
	}
	for _, s := range e.sessions {
		select {
		case <-s.done:
		case <-limit:
			e.log.Error("cut lists are left to the next start: their disk does not answer in time")
			return false
		}
	}
	return true
}

// recording reports that some file of a journal is still being written.
func (d *deliveries) recording(s *session) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.recordsFor(s, true)
}

// recordsFor: some recording has not ended whose files are in the journal s, and with stopped
// also one that has been stopped and is still being written. mu is held.
func (d *deliveries) recordsFor(s *session, stopped bool) bool {
	for _, v := range d.dest {
		for ; v != nil; v = v.before.Load() {
			if v.recording && v.session == s && v.isRunning() && (stopped || !v.stopping.Load()) {
				return true
			}
		}
	}
	return false
}

// note tells the session of a file of a recording: when it is made, which the journal is
// called after, when its first picture has come, and what pauses leave out of it.
func (v *delivery) note(f outputs.FileEvent) {
	if v.session == nil || f.Closed || f.Removed || f.Path == "" {
		return
	}
	path := f.Path
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	// The tick in which it is; less than a sample may be lost in nanoseconds.
	tick := func(at time.Duration) int64 { return int64((at + 10*time.Microsecond).Seconds() * v.d.e.fps.Float()) }
	if p := f.Left; p != nil {
		left := sessionPause{Path: path, From: tick(p.From)}
		if p.Until > 0 {
			left.To = tick(p.Until)
		}
		v.session.line(sessionLine{At: max(left.From, left.To), Left: &left})
		return
	}
	line := sessionFile{Path: path, First: tick(f.First)}
	if v.iso != nil {
		line.Source = v.iso.id
		if v.sounds() {
			line.Sample = media.UnitsIn(f.First, media.NewRational(1, media.SampleRateHz))
		}
		line.Copied = v.legs[0].link != nil && v.legs[0].link.copied != nil
	} else {
		line.Recording = v.def.ID
	}
	v.session.file(line, f.Begun)
}
