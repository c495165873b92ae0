package ui

import (
	"fmt"
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
)

// action is one thing that the operator can do: an entry of the menus, of the command
// palette and of the key sheet, all from one list.
type action struct {
	menu string // "File"; "View/Scale" is a menu in a menu; "" is in no menu
	name string
	// title replaces name where it changes with the state.
	title func() string
	// hint is what the key sheet says; empty leaves the action out of it.
	hint string
	key  fyne.KeyName
	mod  fyne.KeyModifier
	// typing: the key works while a text is being typed, too.
	typing bool
	// split: a line before it in the menu.
	split bool
	// quit: it ends the program, which is Fyne's own entry otherwise.
	quit bool
	// exact: it was typed out in the palette.
	exact bool
	// able, checked: nil is always and never.
	able, checked func() bool
	do            func()
}

func (a *action) text() string {
	if a.title != nil {
		return a.title()
	}
	return a.name
}

func (a *action) enabled() bool { return a.able == nil || a.able() }

// run does it, if it can be done now.
func (a *action) run() {
	if a.enabled() {
		a.do()
	}
}

// actor is a panel that adds to the menus, the palette and the keys.
type actor interface{ actions() []*action }

const (
	ctrl      = fyne.KeyModifierShortcutDefault
	shiftCtrl = fyne.KeyModifierShortcutDefault | fyne.KeyModifierShift
)

// allActions is everything that can be done, in the order of the menus.
func (w *window) allActions() []*action {
	d := w.desk
	list := w.files.actions()
	list = append(list, w.editActions()...)
	list = append(list, w.switchActions()...)
	for _, m := range w.monitors {
		list = append(list, m.transport.actions()...)
	}
	list = append(list, w.outputActions()...)
	list = append(list, w.viewActions()...)
	for _, p := range w.panels {
		if v, ok := p.(actor); ok {
			list = append(list, v.actions()...)
		}
	}
	for _, t := range w.side.tabs {
		if v, ok := t.panel.(actor); ok {
			list = append(list, v.actions()...)
		}
	}
	return append(list,
		&action{menu: "Help", name: "Keys", hint: "this sheet", key: fyne.KeyF1, do: w.help.toggle},
		&action{menu: "Help", name: "Find a command…", hint: "find any command by its name", key: fyne.KeyK, mod: ctrl, typing: true, do: func() { w.palette.open() }},
		&action{menu: "Help", name: "First page", able: func() bool { return d.services.Documents != nil }, do: func() { w.first.ask() }},
	)
}

func (w *window) editActions() []*action {
	d := w.desk
	label := func(what string, of func(*engine.State) string) func() string {
		return func() string {
			if d.state != nil && of(d.state) != "" {
				return what + " " + of(d.state)
			}
			return what
		}
	}
	has := func(of func(*engine.State) string) func() bool {
		return func() bool { return d.state != nil && of(d.state) != "" }
	}
	undo := func(s *engine.State) string { return s.Undo }
	redo := func(s *engine.State) string { return s.Redo }
	back := journey{"Undo", &engine.Undo{}, func(s *engine.State) (string, []string) { return s.Undo, s.UndoHeard }}
	forth := journey{"Redo", &engine.Redo{}, func(s *engine.State) (string, []string) { return s.Redo, s.RedoHeard }}
	return []*action{
		{menu: "Edit", name: "Undo", title: label("Undo", undo), hint: "take back the last edit", key: fyne.KeyZ, mod: ctrl, able: has(undo), do: func() { w.travel(back) }},
		{menu: "Edit", name: "Redo", title: label("Redo", redo), hint: "make it again", key: fyne.KeyZ, mod: shiftCtrl, able: has(redo), do: func() { w.travel(forth) }},
	}
}

func (w *window) switchActions() []*action {
	k := w.keys
	list := []*action{
		{menu: "Switch", name: "Cut", hint: "CUT: swap preview and programme", key: fyne.KeyReturn, do: k.transition.doCut},
		{menu: "Switch", name: "Auto", hint: "AUTO: run, halt or continue the transition", key: fyne.KeySpace, do: k.transition.doAuto},
		{menu: "Switch", name: "Fade to black", hint: "fade to black and back", key: fyne.KeyB, do: k.transition.doFTB},
		{menu: "Switch", name: "Next kind of transition", hint: "next kind of transition", key: fyne.KeyT, do: k.transition.nextKind, split: true},
		{menu: "Switch", name: "Transition one frame shorter", hint: "transition one frame shorter", key: fyne.KeyLeftBracket, do: func() { k.transition.changeRate(-1) }},
		{menu: "Switch", name: "Transition one frame longer", hint: "transition one frame longer", key: fyne.KeyRightBracket, do: func() { k.transition.changeRate(+1) }},
		{menu: "Switch", name: "Show scenes or sources", hint: "scenes or sources in the bank", key: fyne.KeyTab, mod: ctrl, do: func() { k.bank.open(!k.bank.sources) }, split: true},
	}
	return list
}

func (w *window) outputActions() []*action {
	d, k := w.desk, w.keys
	name := func(on func(*engine.State) bool, start, stop string) func() string {
		return func() string {
			if d.state != nil && on(d.state) {
				return stop
			}
			return start
		}
	}
	return []*action{
		{menu: "Output", name: "Go live", title: name(func(s *engine.State) bool { return s.Live }, "Go live", "Stop streaming…"), hint: "go live; twice: stop", key: fyne.KeyL, mod: ctrl, do: func() { d.openTab("outputs"); k.outputs.toggleLive() }},
		{menu: "Output", name: "Record", title: name(func(s *engine.State) bool { return s.Recording }, "Record", "Stop recording…"), hint: "record; twice: stop", key: fyne.KeyR, do: func() { d.openTab("outputs"); k.outputs.toggleRecording() }},
		{menu: "Output", name: "Pause recording", title: name(func(s *engine.State) bool { return pausedAll(s) }, "Pause recording", "Resume recording"), hint: "pause recording, and go on", key: fyne.KeyP, able: k.outputs.records, do: k.outputs.pauseAll, split: true},
		{menu: "Output", name: "New recording file", hint: "go on recording in a new file", key: fyne.KeyN, able: k.outputs.splits, do: func() { d.send(&engine.SplitRecording{}) }},
		{menu: "Output", name: "Mark this moment", hint: "mark this moment as a chapter", key: fyne.KeyC, do: func() { d.send(&engine.SetMark{}) }},
		{menu: "Output", name: "Add a destination…", do: func() { d.openTab("outputs"); k.outputs.fresh(false) }, split: true},
		{menu: "Output", name: "Add a recording…", do: func() { d.openTab("outputs"); k.outputs.fresh(true) }},
		{menu: "Output", name: "Add a rendition…", do: func() { d.openTab("outputs"); k.outputs.freshRendition() }},
		{menu: "Output", name: "Plan and check…", do: func() { d.openTab("outputs"); k.outputs.openPreflight() }},
		{menu: "Output", name: "Mute", hint: "mute the chosen sound, or the master", key: fyne.KeyM, do: k.audio.toggleMute, split: true},
		{menu: "Output", name: "Reset clip lamps", do: func() { d.send(&engine.ResetClip{}) }},
	}
}

func (w *window) viewActions() []*action {
	list := []*action{
		{menu: "View", name: "Full screen", hint: "full screen", key: fyne.KeyF11, do: func() { w.keys.fullscreen() }},
		{menu: "View", name: "Safe areas on preview", hint: "safe areas on preview", key: fyne.KeyS, checked: func() bool { return w.keys.preview.safeAreasShown }, do: w.keys.preview.toggleSafe},
	}
	for _, p := range projections {
		a := &action{menu: "View/Projector", name: p.title, checked: func() bool { return w.projector.showing(p.kind) }, do: func() { w.projector.toggle(p.kind) }}
		if p.kind == projectProgram {
			a.key, a.mod, a.hint = fyne.KeyF11, ctrl, "programme full screen on another display"
		}
		list = append(list, a)
	}
	for i, r := range regions {
		list = append(list, &action{menu: "View", name: r.title, split: i == 0, checked: func() bool { return w.place.shows(r.id) },
			do: func() { w.place.show(r.id, !w.place.shows(r.id)) }})
	}
	for i, t := range w.side.tabs {
		list = append(list, &action{menu: "View/Tab", name: t.title, checked: func() bool { return w.place.shows(regionSide) && w.side.open == i }, do: func() { w.desk.openTab(t.id) }})
	}
	list = append(list, &action{menu: "View", name: "Everything in its usual place", do: w.place.reset})
	for _, light := range []bool{false, true} {
		name := "Dark"
		if light {
			name = "Light"
		}
		list = append(list, &action{menu: "View/Theme", name: name, checked: func() bool { return inLight.Load() == light }, do: func() { w.looks.setLight(light) }})
	}
	for _, percent := range scales {
		list = append(list, &action{menu: "View/Scale", name: fmt.Sprintf("%d %%", percent), checked: func() bool { return w.looks.percent() == percent }, do: func() { w.looks.setPercent(percent) }})
	}
	for _, n := range drawnRates {
		name := "As often as suits this machine"
		if n > 0 {
			name = fmt.Sprintf("%d times a second", n)
		}
		list = append(list, &action{menu: "View/Pictures and meters", name: name, checked: func() bool { return w.looks.perSecond() == n }, do: func() { w.looks.setPerSecond(n) }})
	}
	return list
}

// stateActions are things that can be done to what the show has now; they are in the
// palette only.
func (w *window) stateActions() []*action {
	d := w.desk
	s := d.state
	if s == nil || s.Show == nil {
		return nil
	}
	var list []*action
	add := func(name string, cmd engine.Command) {
		list = append(list, &action{name: name, do: func() { w.sendAsked(name, cmd) }})
	}
	for _, q := range quickKinds {
		list = append(list, &action{name: "Add a source: " + q.name + ", " + q.tip, do: func() {
			d.openTab("show")
			w.lists.open(partSources)
			w.lists.addKind("", q.kind)
		}})
	}
	for _, v := range s.Show.Scenes {
		add("Preview "+v.Name, &engine.Preview{Scene: v.ID})
		add("Cut to "+v.Name, &engine.Cut{Scene: v.ID})
	}
	for i := range s.Sources {
		v := &s.Sources[i]
		if v.HasVideo {
			add("Preview source "+v.Name, &engine.Preview{Scene: v.ID})
			add("Cut to source "+v.Name, &engine.Cut{Scene: v.ID})
		}
		if v.HasAudio {
			muted := !v.Strip.Muted
			add(onOff(!muted, "Unmute ", "Mute ")+v.Name, &engine.SetStrip{Source: v.ID, Muted: &muted})
		}
		add("Restart source "+v.Name, &engine.RestartSource{Source: v.ID})
	}
	for _, o := range s.Show.Overlays {
		add("Overlay "+o.Name+onOff(o.On, " off", " on"), &engine.SetOverlay{ID: o.ID})
		tied := slices.Contains(s.Next.Overlays, o.ID)
		list = append(list, &action{name: onOff(tied, "Take overlay "+o.Name+" out of the next transition", "Preview overlay "+o.Name+": with the next transition"), do: func() { d.tie(o.ID) }})
	}
	for _, v := range s.Destinations {
		add(onOff(v.Started, "Stop streaming to ", "Go live to ")+v.Name, liveCommand(v))
	}
	for _, v := range s.Recordings {
		add(onOff(v.Started, "Stop recording ", "Start recording ")+v.Name, recordCommand(v))
	}
	for _, k := range []scenes.TransitionKind{scenes.Mix, scenes.Dip, scenes.Wipe} {
		add("Transition: "+string(k), &engine.SetTransition{Kind: string(k)})
	}
	return list
}

func liveCommand(d engine.DestinationState) engine.Command {
	if d.Started {
		return &engine.StopLive{Destinations: []string{d.ID}}
	}
	return &engine.GoLive{Destinations: []string{d.ID}}
}

func recordCommand(d engine.DestinationState) engine.Command {
	if d.Started {
		return &engine.StopRecording{Recordings: []string{d.ID}}
	}
	return &engine.StartRecording{Recordings: []string{d.ID}}
}

func onOff(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}

// keyText is a key as menus and the key sheet write it.
func keyText(key fyne.KeyName, mod fyne.KeyModifier) string {
	if key == "" {
		return ""
	}
	var parts []string
	if mod&fyne.KeyModifierShortcutDefault != 0 {
		parts = append(parts, shortcutName)
	}
	if mod&fyne.KeyModifierAlt != 0 {
		parts = append(parts, "Alt")
	}
	if mod&fyne.KeyModifierShift != 0 {
		parts = append(parts, "Shift")
	}
	name := string(key)
	if key == fyne.KeyReturn {
		name = "Enter"
	}
	return strings.Join(append(parts, name), "+")
}
