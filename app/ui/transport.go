package ui

import (
	"fmt"
	"slices"
	"time"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

const (
	// transportHeight is the strip under a monitor in a show that has clips.
	transportHeight float32 = 30
	// clipJump is how far the keys go back and on.
	clipJump = 5 * time.Second
)

// transport plays the media file of a bus: from the start, play and pause, where it is
// and how long it still lasts. Of several, the one on top has it; its name chooses
// another. The strip is there whenever the show has a clip, so that nothing moves when
// another scene comes.
type transport struct {
	box
	desk *desk
	bus  engine.ViewBus

	name    *button
	restart *iconButton
	play    *iconButton
	time    *label // where it is
	scrub   *scrubBar
	rest    *label // how long it still lasts
	word    *label // loop, cued, end
	empty   *label

	show   *scenes.Show // clips are of this show and id, which has so many
	id     string
	known  int
	clips  []string // sources that can be positioned, top first
	chosen string
	clip   engine.ClipState
	source string // whose clip that is; "": none

	named string // on the name, and of how many clips it is one
	of    int
	said  struct{ at, rest, length time.Duration } // in the texts, in whole seconds
}

func newTransport(d *desk, bus engine.ViewBus) *transport {
	t := &transport{desk: d, bus: bus}
	where, mod := "on preview", ""
	if bus == engine.ViewProgram {
		where, mod = "on programme", "Alt+"
	}
	t.name = newButton(d, "", textSmall, t.nextClip)
	t.name.caption.Alignment = fyne.TextAlignLeading
	t.restart = newIconButton(d, "restart", t.fromStart).hintIcon("Go to the start of the clip " + where + " (" + mod + "Home)")
	t.play = newIconButton(d, "play", t.toggle).hintIcon("Play or pause the clip " + where + " (" + mod + "K)")
	t.time, t.rest = newLabel("", textSmall, colText), newLabel("", textSmall, colDim)
	t.time.TextStyle.Monospace, t.rest.TextStyle.Monospace = true, true
	t.time.Alignment, t.rest.Alignment = fyne.TextAlignTrailing, fyne.TextAlignTrailing
	t.word = newBold("", textSmall, colDim)
	t.word.Alignment = fyne.TextAlignCenter
	t.empty = newLabel("No clip "+where, textSmall, colDim)
	t.scrub = newScrubBar(d, t.seek)
	t.add(t.name, t.restart, t.play, t.time, t.scrub, t.rest, t.word, t.empty)
	t.min = fyne.NewSize(200, transportHeight)
	t.arrange = t.layout
	t.ExtendBaseWidget(t)
	return t
}

func (t *transport) layout(s fyne.Size) {
	const icons = rowHeight
	word := float32(38)
	y, h := (s.Height-rowHeight)/2, rowHeight
	t.empty.place(2, 0, s.Width-4, s.Height)
	clock := t.time.measure("0:00") + 4
	if t.clip.Length >= time.Hour {
		clock = t.time.measure("0:00:00") + 4
	}
	minus := t.rest.measure("−") + 2
	fixed := 2*icons + 2 + 2*clock + minus + word + 5*gap
	if s.Width-fixed < 60 { // the bar is worth more than a word that the play button says too
		fixed -= word
		word = 0
	}
	// The bar needs room to be hit; the name takes what it can spare.
	name := min(max(s.Width-fixed-120, 0), 160)
	if name < 36 {
		name = 0
	}
	x := float32(0)
	if name > 0 {
		place(t.name, x, y, name, h)
		x += name + gap
	}
	place(t.restart, x, y, icons, h)
	place(t.play, x+icons+2, y, icons, h)
	x += 2*icons + 2 + gap
	t.time.place(x, y, clock, h)
	x += clock + gap
	right := s.Width - word
	t.word.place(right, y, word, h)
	right -= clock + minus
	t.rest.place(right, y, clock+minus, h)
	place(t.scrub, x, y, max(right-gap-x, 1), h)
	has := t.source != ""
	show(t.name, has && name > 0)
	for _, o := range []fyne.CanvasObject{t.restart, t.play, t.time.Text, t.scrub, t.rest.Text} {
		show(o, has)
	}
	show(t.word.Text, has && word > 0)
	show(t.empty.Text, !has)
}

// clipsOf is the sources that id shows and that can be positioned, top first.
func clipsOf(s *engine.State, id string) []string {
	if id == "" {
		return nil
	}
	all, err := s.Show.SourcesOf(id)
	if err != nil {
		return nil // an id that is no more; the next state has another
	}
	var out []string
	for i := len(all) - 1; i >= 0; i-- {
		if c := clipOf(s, all[i]); c != nil && c.Seekable {
			out = append(out, all[i])
		}
	}
	return out
}

// noClip is where nothing can be positioned.
var noClip engine.ClipState

func clipOf(s *engine.State, source string) *engine.ClipState {
	for i := range s.Sources {
		if s.Sources[i].ID == source {
			return &s.Sources[i].Clip
		}
	}
	return nil
}

// countClips is how many sources of the show can be positioned.
func countClips(s *engine.State) int {
	n := 0
	for i := range s.Sources {
		if s.Sources[i].Clip.Seekable {
			n++
		}
	}
	return n
}

func (t *transport) update(s *engine.State) {
	id := s.Preview
	if t.bus == engine.ViewProgram {
		id = s.Program
	}
	// A source that was just added has no state yet.
	if n := countClips(s); s.Show != t.show || id != t.id || n != t.known {
		t.show, t.id, t.known = s.Show, id, n
		t.clips = clipsOf(s, id)
	}
	source := ""
	switch {
	case len(t.clips) == 0:
	case slices.Contains(t.clips, t.chosen):
		source = t.chosen
	default:
		source = t.clips[0]
	}
	clip := clipOf(s, source)
	if clip == nil || !clip.Seekable {
		source, clip = "", &noClip
	}
	long := clip.Length >= time.Hour
	moved := source != t.source || long != (t.clip.Length >= time.Hour)
	if source != t.source {
		t.scrub.release()
		t.said.length, t.of = -1, -1
	}
	t.source, t.clip = source, *clip
	if moved {
		t.layout(t.Size())
		t.Refresh()
	}
	if source == "" {
		return
	}
	t.sayName(s)
	if !t.desk.calm {
		t.scrub.follow(clip.Position, clip.Length)
		t.sayTime()
	}
	if t.playing() {
		t.play.icon.set("pause", colText)
	} else {
		t.play.icon.set("play", colText)
	}
	switch {
	case clip.Parked && !clip.Paused:
		t.word.set("CUED", colWarn)
	case clip.Over:
		t.word.set("END", colWarn)
	case clip.Loop:
		t.word.set("LOOP", colDim)
	default:
		t.word.set("", colDim)
	}
}

// sayTime writes where the clip is and how long it still lasts, when a second has passed.
func (t *transport) sayTime() {
	at, length := t.scrub.at.Truncate(time.Second), t.clip.Length
	// Rounded up: it says 0:00 at the end and no sooner.
	rest := (max(length-t.scrub.at, 0) + time.Second - time.Millisecond).Truncate(time.Second)
	if t.said.at == at && t.said.rest == rest && t.said.length == length {
		return
	}
	t.said.at, t.said.rest, t.said.length = at, rest, length
	t.time.setText(clockText(at))
	if length <= 0 {
		t.rest.setText("")
		return
	}
	t.rest.setText("−" + clockText(rest))
	t.scrub.tip = fmt.Sprintf("%s of %s; press or drag to go there (arrows: 1 s, Page: 10 s, Home, End)", clockText(at), clockText(length))
}

func (t *transport) sayName(s *engine.State) {
	name := nameOf(s, t.source)
	if name == t.named && len(t.clips) == t.of {
		return
	}
	t.named, t.of = name, len(t.clips)
	if n := len(t.clips); n > 1 {
		t.name.look(fmt.Sprintf("%d/%d %s", slices.Index(t.clips, t.source)+1, n, name), colControl, colText)
		t.name.hint(name + ": press for the next clip of the scene")
		return
	}
	t.name.look(name, colNone, colText)
	t.name.hint(name)
}

// playing: it moves, or will when it is cut to.
func (t *transport) playing() bool { return t.source != "" && !t.clip.Paused && !t.clip.Over }

func (t *transport) nextClip() {
	if n := len(t.clips); n > 1 {
		t.chosen = t.clips[(slices.Index(t.clips, t.source)+1)%n]
		t.update(t.desk.state)
	}
}

// toggle plays or pauses; at its end it plays again from the start.
func (t *transport) toggle() {
	switch {
	case t.source == "":
	case t.playing():
		t.desk.send(&engine.Pause{Source: t.source, Paused: true})
	default:
		if t.clip.Over {
			t.desk.send(&engine.Seek{Source: t.source})
		}
		if t.clip.Paused {
			t.desk.send(&engine.Pause{Source: t.source})
		}
	}
}

func (t *transport) fromStart() {
	if t.source != "" {
		t.scrub.release()
		t.desk.send(&engine.Seek{Source: t.source})
	}
}

// jump goes on or back.
func (t *transport) jump(by time.Duration) {
	if t.source != "" {
		t.scrub.ask(t.scrub.at + by)
	}
}

func (t *transport) seek(at time.Duration) {
	if t.source != "" {
		t.desk.move("seek "+t.source, &engine.Seek{Source: t.source, Position: at.Seconds()})
	}
}

// actions are the keys of this bus's clip.
func (t *transport) actions() []*action {
	menu, where, mod := "Clip", "the clip on preview", fyne.KeyModifier(0)
	if t.bus == engine.ViewProgram {
		menu, where, mod = "Clip/On programme", "the clip on programme", fyne.KeyModifierAlt
	}
	has := func() bool { return t.source != "" }
	return []*action{
		{menu: menu, name: "Play or pause", hint: "play or pause " + where, key: fyne.KeyK, mod: mod, able: has, do: t.toggle},
		{menu: menu, name: "Back 5 seconds", hint: where + ": back 5 s", key: fyne.KeyJ, mod: mod, able: has, do: func() { t.jump(-clipJump) }},
		{menu: menu, name: "On 5 seconds", hint: where + ": on 5 s", key: fyne.KeyL, mod: mod, able: has, do: func() { t.jump(clipJump) }},
		{menu: menu, name: "To the start", hint: where + ": to the start", key: fyne.KeyHome, mod: mod, able: has, do: t.fromStart},
	}
}

// iconButton is a button with a drawing in place of words.
type iconButton struct {
	button
	icon *icon
}

func newIconButton(d *desk, name string, press func()) *iconButton {
	b := &iconButton{icon: newIcon(name, colText)}
	b.init(d, "", textSmall, press)
	b.add(b.icon)
	b.min = fyne.NewSize(rowHeight, rowHeight)
	b.arrange = func(s fyne.Size) {
		place(b.back, 0, 0, s.Width, s.Height)
		const size = 16
		place(b.icon, (s.Width-size)/2, (s.Height-size)/2, size, size)
	}
	b.ExtendBaseWidget(b)
	return b
}

// hintIcon is hint.
func (b *iconButton) hintIcon(text string) *iconButton {
	b.hint(text)
	return b
}
