package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// The commands of running recordings.
type (
	// SplitRecording begins a new file with the picture of this tick: of the recordings
	// named, or of all that run, those of sources on their own too; of a source that is
	// recorded as it comes, with its next keyframe.
	SplitRecording struct {
		Recordings []string `json:"recordings,omitempty"`
	}
	// PauseRecording leaves out what comes until it is resumed; without Paused it toggles.
	// The recordings named, or all that run.
	PauseRecording struct {
		Recordings []string `json:"recordings,omitempty"`
		Paused     *bool    `json:"paused,omitempty"`
	}
	// SetMark notes this moment under a name, which becomes a chapter of the recordings that
	// run, those of sources on their own too; without one it gets a number. It is refused while
	// nothing is recording.
	SetMark struct {
		Name string `json:"name,omitempty"`
	}
)

// maxMarks is how many marks State keeps, the newest ones.
const maxMarks = 200

// maxMarkName bounds a mark's name, in bytes: what Nero's chapters hold.
const maxMarkName = 255

// recorders are the running recordings named, or all; what they record is being written.
func (d *deliveries) recorders(ids []string) ([]*delivery, error) {
	if len(ids) == 0 {
		return d.programmeRecorders(), nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*delivery
	for _, id := range ids {
		v := d.dest[id]
		if v == nil || !v.recording || !v.isRunning() || v.stopping.Load() {
			return nil, fmt.Errorf("%q is not recording", id)
		}
		if v.output() == nil {
			return nil, fmt.Errorf("%q has not begun yet", id)
		}
		list = append(list, v)
	}
	return list, nil
}

// programmeRecorders are the running recordings of the show, in its order.
func (d *deliveries) programmeRecorders() (list []*delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.e.show.Recordings {
		if v := d.dest[r.ID]; v != nil && v.recording && v.isRunning() && !v.stopping.Load() && v.output() != nil {
			list = append(list, v)
		}
	}
	return list
}

// everyRecorder are all running recordings, those of sources on their own behind the show's.
func (d *deliveries) everyRecorder() []*delivery {
	return append(d.programmeRecorders(), d.isoRecorders()...)
}

// isoRecorders are the running recordings of sources on their own, in the order of their names.
func (d *deliveries) isoRecorders() (list []*delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(d.dest)) {
		if v := d.dest[id]; v.iso != nil && v.ring == nil && v.isRunning() && !v.stopping.Load() && v.output() != nil {
			list = append(list, v)
		}
	}
	return list
}

// output is what delivers, once it has been made.
func (v *delivery) output() outputs.Output {
	if !v.opened.Load() {
		return nil
	}
	return v.legs[0].out
}

// now is the tick's time.
func (e *Engine) now() time.Duration { return media.TickTime(e.tick, e.fps) }

// forceKeyframe makes this tick's picture a keyframe of v's encode.
func (v *delivery) forceKeyframe() {
	if v.opened.Load() && v.legs[0].link != nil && v.legs[0].link.video != nil {
		v.legs[0].link.video.forceNext.Store(true)
	}
}

func (c SplitRecording) apply(e *Engine) error {
	list, err := e.outs.recorders(c.Recordings)
	if err != nil {
		return err
	}
	if len(c.Recordings) == 0 {
		list = e.outs.everyRecorder()
	}
	if len(list) == 0 {
		return errNothingRecords
	}
	for _, v := range list {
		if s, ok := v.output().(outputs.Splitter); ok {
			s.Split(e.now())
			v.forceKeyframe()
		}
	}
	return nil
}

func (c PauseRecording) apply(e *Engine) error {
	list, err := e.outs.recorders(c.Recordings)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errNothingRecords
	}
	for _, v := range list {
		p, ok := v.output().(outputs.Pauser)
		if !ok {
			continue
		}
		v.mu.Lock()
		paused := !v.paused
		if c.Paused != nil {
			paused = *c.Paused
		}
		changes := paused != v.paused
		v.paused = paused
		v.mu.Unlock()
		if changes {
			p.Pause(e.now(), paused)
			v.forceKeyframe()
		}
	}
	return nil
}

func (c SetMark) apply(e *Engine) error {
	name := strings.TrimSpace(c.Name)
	if len(name) > maxMarkName {
		return fmt.Errorf("the name of a mark has at most %d bytes", maxMarkName)
	}
	if len(e.outs.everyRecorder()) == 0 {
		return errNothingRecords // it would be in no file, and whoever set it would look for it
	}
	e.markCount++
	if name == "" {
		name = fmt.Sprintf("Mark %d", e.markCount)
	}
	m := outputs.Mark{At: e.now(), Name: name}
	// State has shared the list: it is never written to, only replaced.
	marks := append(e.marks[:len(e.marks):len(e.marks)], m)
	e.marks = marks[max(len(marks)-maxMarks, 0):]
	if e.session != nil {
		e.session.line(sessionLine{At: e.tick, Mark: name})
	}
	e.mark(m)
	return nil
}

// mark tells every running recording of a mark.
func (e *Engine) mark(m outputs.Mark) {
	for _, v := range e.outs.everyRecorder() {
		if c, ok := v.output().(outputs.Chapterer); ok {
			c.Mark(m)
		}
	}
}

// followCuts marks a change of what is on programme.
func (e *Engine) followCuts() {
	if e.switcher.Program == e.marked {
		return
	}
	e.marked = e.switcher.Program
	e.mark(e.cutMark())
}

// cutMark is what is on programme as a mark of this tick.
func (e *Engine) cutMark() outputs.Mark {
	m := outputs.Mark{At: e.now(), Name: "Black", Cut: true}
	if s, ok := e.show.Scene(e.switcher.Program); ok {
		m.Name = s.Name
	} else if s, ok := e.show.Source(e.switcher.Program); ok {
		m.Name = s.Name
	}
	return m
}

// RecordingState is what surfaces show of a recording besides what they show of every
// destination. Which file is being written, how long it all lasts and whether it is paused
// in the file by now is in Report.
type RecordingState struct {
	// GoodTo is the time up to which everything recorded since the start has been read again
	// and found good, on the recording's own timeline; files are read when they are closed.
	GoodTo time.Duration
	// Checked files have been read again, of Files closed ones.
	Checked, Files int
	// Length is of the files that are closed, together.
	Length time.Duration
	// Problem is one sentence about the newest file that was not found good.
	Problem string
}
