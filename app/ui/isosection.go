package ui

import (
	"fmt"
	"image/color"
	"slices"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// isoSection is the matrix of sources that are recorded on their own: for each whether it
// goes along with the recordings, how its recording is doing, and a button of its own.
type isoSection struct {
	box
	desk    *desk
	heading *label
	empty   *label
	all     *button
	rows    []*isoRow
}

// isoRow is one source.
type isoRow struct {
	id      string
	chosen  *button
	name    *label
	state   *label
	act     *askButton
	started bool
}

func newISOSection(d *desk) *isoSection {
	p := &isoSection{desk: d}
	p.heading = newBold("SOURCES ON THEIR OWN (ISO)", textSmall, colDim)
	p.empty = newLabel("No source that can be recorded on its own.", textSmall, colDim)
	p.all = newButton(d, "All", textSmall, p.chooseAll).hint("Record every source on its own with the recordings, or none")
	p.arrange = func(s fyne.Size) { p.layOut(s.Width) }
	p.refill()
	p.ExtendBaseWidget(p)
	return p
}

// layOut places the rows and returns the height of it all.
func (p *isoSection) layOut(w float32) float32 {
	aw := p.all.min.Width
	p.heading.place(0, 0, w-aw-gap, headerHeight)
	place(p.all, w-aw, 1, aw, headerHeight-2)
	y := headerHeight + 3
	if len(p.rows) == 0 {
		p.empty.place(0, y, w, 20)
		return y + 24
	}
	for _, r := range p.rows {
		const mark, act float32 = 34, 44
		half, asked := (w-mark-act-3*gap)/2, act
		if r.act.asking() { // in the place of the state
			asked = max(act, min(cardAsk, half+act))
		}
		place(r.chosen, 0, y, mark, rowHeight)
		place(r.act, w-asked, y, asked, rowHeight)
		r.name.place(mark+gap, y, half, rowHeight)
		r.state.place(mark+2*gap+half, y, max(half+act-asked, 1), rowHeight)
		y += rowHeight + 3
	}
	return y
}

func (p *isoSection) refill() {
	p.objects = p.objects[:0]
	p.add(p.heading, p.all)
	if len(p.rows) == 0 {
		p.add(p.empty)
	}
	for _, r := range p.rows {
		p.add(r.chosen, r.name, r.state, r.act)
	}
}

// update follows s; changed says that there are other rows than before.
func (p *isoSection) update(s *engine.State) (changed bool) {
	var list []engine.SourceState
	for _, v := range s.Sources {
		if v.Recordable {
			list = append(list, v)
		}
	}
	if !slices.EqualFunc(p.rows, list, func(r *isoRow, v engine.SourceState) bool { return r.id == v.ID }) {
		p.rows = nil
		for _, v := range list {
			p.rows = append(p.rows, p.newRow(v.ID))
		}
		p.refill()
		changed = true
	}
	chosen := 0
	for i, r := range p.rows {
		on := slices.Contains(s.Show.ISO.Sources, r.id)
		if on {
			chosen++
		}
		name := list[i].Name
		if !list[i].HasVideo {
			name += " (sound)"
		}
		r.name.set(name, colText)
		text, ink := "off", color.Color(colDim)
		switch {
		case on && s.Recording:
			text, ink = "from the next REC", colWarn
		case on && s.Show.ISO.WithRecording:
			text = "with REC"
		}
		r.started = false
		for _, d := range s.ISOs {
			if d.ID != r.id {
				continue
			}
			r.started = d.Started
			switch look := lookOf(d); {
			case d.Problem != "":
				text, ink = d.Problem, look.ink()
			case d.Started && d.Report.State != outputs.Confirmed && detailText(d) != "":
				text, ink = detailText(d), look.ink()
			case d.Finishing:
				text, ink = recordingFacts(d), look.ink()
			case d.Started:
				text, ink = clockText(d.Uptime)+"  "+sizeText(d.Report.SentBytes), look.ink()
			}
		}
		r.state.set(text, ink)
		if r.started { // red is for what is being recorded
			r.chosen.lit(on, colProgram, colWhite)
		} else {
			r.chosen.lit(on, colLit, colOnLit)
		}
		if r.started {
			r.act.look("Stop", colProgram, colWhite)
		} else {
			r.act.look("Rec", colControl, colText)
		}
	}
	p.all.lit(chosen > 0 && chosen == len(p.rows), colLit, colOnLit)
	return changed
}

func (p *isoSection) newRow(id string) *isoRow {
	r := &isoRow{id: id, name: newLabel("", textSmall, colText), state: newLabel("", textSmall, colDim)}
	r.chosen = newButton(p.desk, "ISO", textSmall, func() { p.choose(id) }).hint("Record this source on its own whenever the programme is recorded")
	asks := func() string {
		if r.started {
			return askStop
		}
		return ""
	}
	r.act = newAskButton(p.desk, "Rec", textSmall, asks, func() {
		if r.started {
			p.desk.send(&engine.StopISO{Sources: []string{id}})
		} else {
			p.desk.send(&engine.StartISO{Sources: []string{id}})
		}
	})
	r.act.main.hint("Record this source on its own now; while it records: stop")
	r.act.turned = func() { p.layOut(p.Size().Width) }
	return r
}

// firstChoice is iso, coded as in new shows where the show has said nothing of it yet: it
// records nothing that could become other than it was.
func firstChoice(iso scenes.ISO) scenes.ISO {
	if iso.Untouched() {
		iso.Codec = scenes.ISOAuto
	}
	return iso
}

// choose changes whether a source goes along with the recordings.
func (p *isoSection) choose(id string) {
	s := p.desk.state
	if s == nil {
		return
	}
	iso := firstChoice(p.desk.draft().ISO)
	if i := slices.Index(iso.Sources, id); i >= 0 {
		iso.Sources = slices.Delete(slices.Clone(iso.Sources), i, i+1)
	} else {
		iso.Sources = append(slices.Clone(iso.Sources), id)
	}
	p.desk.send(&engine.SetISO{ISO: iso})
}

// chooseAll chooses every source, or none when all are.
func (p *isoSection) chooseAll() {
	s := p.desk.state
	if s == nil || len(p.rows) == 0 {
		return
	}
	iso := firstChoice(p.desk.draft().ISO)
	all := !slices.ContainsFunc(p.rows, func(r *isoRow) bool { return !slices.Contains(iso.Sources, r.id) })
	iso.Sources = nil
	for _, r := range p.rows {
		if !all {
			iso.Sources = append(iso.Sources, r.id)
		}
	}
	p.desk.send(&engine.SetISO{ISO: iso})
}

// replaySection starts and saves the replay buffer and plays from it.
type replaySection struct {
	box
	desk    *desk
	heading *label
	facts   *label
	run     *askButton
	save    *button
	in, out *button
	angle   *button
	speeds  []*button
	set     *button
	setting *replaySettings

	angles []string // "" is the programme
	chosen int
	source string // that shows replays; "" is none
	on     bool
	// saved is the newest replay's file that was told of, followed that a state was seen.
	saved    string
	followed bool
	pressed  pressTime // of run
	// resized is called when the section's height changes, opened when its settings show.
	resized, opened func()
}

// replaySpeeds are those that have a button.
var replaySpeeds = []float64{0.25, 0.5, 0.75, 1}

func newReplaySection(d *desk) *replaySection {
	p := &replaySection{desk: d, angles: []string{""}, resized: func() {}, opened: func() {}}
	p.heading = newBold("REPLAY", textSmall, colDim)
	p.facts = newLabel("", textSmall, colDim)
	p.run = newAskButton(d, "Start", textSmall, p.asksStop, p.toggleRun)
	p.run.turned = func() { p.layOut(p.Size().Width) }
	p.run.main.hint("Keep the last seconds of the programme in memory; while it runs: stop and forget them")
	p.save = newButton(d, "Save", textSmall, func() { d.send(&engine.SaveReplay{Angle: p.chosenAngle()}) }).hint("Write what is kept to a file, now")
	p.in = newButton(d, "In", textSmall, func() { d.send(&engine.MarkReplay{Point: "in"}) }).hint("The replay begins here; without it, it is the last five seconds")
	p.out = newButton(d, "Out", textSmall, func() { d.send(&engine.MarkReplay{Point: "out"}) }).hint("The replay ends here; without it, it goes up to now")
	p.angle = newButton(d, "Programme", textSmall, func() { p.chosen = (p.chosen + 1) % len(p.angles) }).hint("What is shown again, or saved: press for the next angle")
	for _, v := range replaySpeeds {
		p.speeds = append(p.speeds, newButton(d, fmt.Sprintf("%.0f %%", 100*v), textSmall, func() { p.play(v) }).hint(fmt.Sprintf("Show the replay at %.0f %% of its speed", 100*v)))
	}
	p.set = newButton(d, "Set up", textSmall, p.toggleSettings).hint("How much is kept, of which sources, and where it is saved")
	p.setting = newReplaySettings(d)
	p.setting.Hide()
	p.setting.resized = func() { p.resized() }
	p.add(p.heading, p.facts, p.set, p.setting, p.run, p.save, p.in, p.out, p.angle)
	for _, b := range p.speeds {
		p.add(b)
	}
	p.arrange = func(s fyne.Size) { p.layOut(s.Width) }
	p.ExtendBaseWidget(p)
	return p
}

// layOut places the controls and returns their height.
func (p *replaySection) layOut(w float32) float32 {
	p.heading.place(0, 0, 64, headerHeight)
	sw := p.set.min.Width
	p.facts.place(64, 0, w-64-sw-gap, headerHeight)
	place(p.set, w-sw, 1, sw, headerHeight-2)
	y := headerHeight + 3
	row := func(first float32, list ...fyne.CanvasObject) { // the first is so many times as wide
		each := (w - float32(len(list)-1)*gap) / (float32(len(list)-1) + first)
		x, width := float32(0), first*each
		for _, b := range list {
			place(b, x, y, width, rowHeight)
			x, width = x+width+gap, each
		}
		y += rowHeight + gap
	}
	for _, b := range []*button{p.save, p.in, p.out} {
		show(b, !p.run.asking())
	}
	if p.run.asking() { // in the place of them all
		row(1, p.run)
	} else {
		row(1, p.run, p.save, p.in, p.out)
	}
	playing := []fyne.CanvasObject{p.angle}
	for _, b := range p.speeds {
		playing = append(playing, b)
	}
	row(2, playing...)
	if p.setting.Visible() {
		h := p.setting.heightFor(w)
		place(p.setting, 0, y, w, h)
		y += h
	}
	return y
}

// asksStop is what is asked before the buffer is stopped: what it keeps is gone then.
func (p *replaySection) asksStop() string {
	if p.on {
		return askReplay
	}
	return ""
}

// toggleRun starts the buffer, or stops it. The second half of a double click would undo what
// the first has done.
func (p *replaySection) toggleRun() {
	switch {
	case p.pressed.double(p.desk):
	case p.on:
		p.desk.send(&engine.StopReplay{})
	default:
		p.desk.send(&engine.StartReplay{})
	}
}

// toggleSettings opens and closes what the buffer keeps.
func (p *replaySection) toggleSettings() {
	show(p.setting, !p.setting.Visible())
	p.set.lit(p.setting.Visible(), colLit, colOnLit)
	if s := p.desk.state; s != nil {
		p.update(s)
	}
	p.resized()
	if p.setting.Visible() {
		p.opened()
	}
}

func (p *replaySection) chosenAngle() string { return p.angles[p.chosen] }

func (p *replaySection) play(speed float64) {
	id := p.source
	if id == "" {
		kind, known := p.desk.services.SourceKinds["replay"]
		switch {
		case !p.on:
			p.desk.sender.failed("There is nothing to show again yet: Start keeps the last seconds.")
			return
		case !known:
			p.desk.sender.failed("Nothing shows replays yet: add a source of the kind Instant replay (Show, Sources, More).")
			return
		}
		id = p.desk.addSource("", "replay", kind.Title, nil)
		p.desk.send(&engine.Preview{Scene: id})
		p.desk.said(kind.Title + " was added as a source and is on preview.")
	}
	p.desk.send(&engine.PlayReplay{Source: id, Angle: p.chosenAngle(), Speed: speed})
}

func (p *replaySection) update(s *engine.State) {
	r := s.Replay
	p.on, p.source = r.Running, ""
	for _, v := range s.Sources {
		if v.Kind == "replay" {
			p.source = v.ID
			break
		}
	}
	if r.Saved != p.saved {
		if r.Saved != "" && p.followed {
			p.desk.said("The replay is saved: " + fileName(r.Saved) + ".")
		}
		p.saved = r.Saved
	}
	p.followed = true
	p.angles = append([]string{""}, s.Show.Replay.Angles...)
	if p.chosen >= len(p.angles) {
		p.chosen = 0
	}
	name := "Programme"
	if v, ok := s.Show.Source(p.chosenAngle()); ok {
		name = v.Name
	}
	p.angle.look(name, colControl, colText)
	if r.Running {
		p.run.look("Stop", colProgram, colWhite)
	} else {
		p.run.look("Start", colControl, colText)
	}
	p.in.lit(r.HasIn, colAmber, colInk)
	p.out.lit(r.HasOut, colAmber, colInk)
	text, ink := "off", color.Color(colDim)
	switch {
	case r.Problem != "":
		text, ink = r.Problem, colBad
	case r.HasIn && r.HasOut:
		text, ink = fmt.Sprintf("%.1f s marked", (r.Out-r.In).Seconds()), colText
	case r.Running && r.Saved != "":
		text, ink = fmt.Sprintf("%.0f s kept, saved %s", r.Held.Seconds(), fileName(r.Saved)), colText
	case r.Running:
		text, ink = fmt.Sprintf("%.0f s kept, %s", r.Held.Seconds(), sizeText(int64(r.Bytes))), colText
	}
	p.facts.set(text, ink)
	if p.setting.Visible() {
		p.setting.update(s)
	}
}
