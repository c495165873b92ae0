package ui

import (
	"runtime"
	"strconv"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"crosspoint.studio/crosspoint/app/engine"
)

// shortcutName is what the key of shortcuts is called here.
var shortcutName = map[bool]string{true: "Cmd", false: "Ctrl"}[runtime.GOOS == "darwin"]

// keyboard turns keys into actions. It works on key-down events, which do not repeat: a
// held Space is one AUTO. While a text is typed, keys are the text's (see menuKey).
type keyboard struct {
	desk       *desk
	bank       *bankPanel
	transition *transitionPanel
	audio      *audioPanel
	outputs    *outputsPanel
	preview    *monitorPanel
	help       *helpPanel
	fullscreen func()
	// covered: the desk cannot be seen, and keys without Ctrl leave it alone.
	covered bool
	// escape closes what lies over the window; it reports whether there was something.
	escape func() bool
	// acted: the key that is being handled has done its action. It may have put the
	// keyboard into a text, for which Fyne would carry the same key out once more.
	acted bool
	// enteredAt is when Enter last ended a text: pressed twice it must not cut.
	enteredAt time.Time
	// actions by key, filled by window.bind.
	actions []*action
}

// digits in the order of the bank's numbers.
var digits = map[fyne.KeyName]int{
	fyne.Key1: 0, fyne.Key2: 1, fyne.Key3: 2, fyne.Key4: 3, fyne.Key5: 4,
	fyne.Key6: 5, fyne.Key7: 6, fyne.Key8: 7, fyne.Key9: 8, fyne.Key0: 9,
}

func isDigit(name fyne.KeyName) bool { _, ok := digits[name]; return ok }

// down acts on one key.
func (k *keyboard) down(name fyne.KeyName, mod fyne.KeyModifier) {
	if k.help.Visible() {
		k.help.Hide()
		if name == fyne.KeyF1 || name == fyne.KeyEscape {
			return
		}
	}
	if k.covered && name != fyne.KeyEscape && name != fyne.KeyF1 && name != fyne.KeyF11 && (mod&fyne.KeyModifierShortcutDefault == 0 || isDigit(name)) {
		return
	}
	if n, ok := digits[name]; ok {
		k.digit(n, mod)
		return
	}
	if name == fyne.KeyEscape {
		if !k.escape() {
			k.desk.stopTyping()
		}
		return
	}
	if name == fyne.KeyEnter {
		name = fyne.KeyReturn
	}
	if (name == fyne.KeyReturn || name == fyne.KeySpace) && k.desk.now().Sub(k.enteredAt) < doubleClick {
		k.desk.tell("So soon after Enter in a text Enter and Space do nothing; now they are CUT and AUTO again.")
		return
	}
	if a := k.find(name, mod); a != nil {
		k.acted = true
		k.desk.post(func() { k.acted = false })
		a.run()
	}
}

// keyDown acts on a key of the window that neither a text nor a control has used. A dialog
// or a list that lies over the panels keeps all keys from them: Fyne hands out those that
// nothing in it has asked for.
func (w *window) keyDown(e *fyne.KeyEvent) {
	over := w.overlay()
	switch {
	case over != nil:
		if e.Name == fyne.KeyEscape {
			over.Hide()
		}
	case w.palette.Visible() && e.Name != fyne.KeyEscape: // a press beside its rows took the keyboard from its text
		w.palette.focus(w.palette.entry)
	default:
		w.keys.down(e.Name, currentModifiers())
	}
}

func currentModifiers() fyne.KeyModifier {
	if d, ok := fyne.CurrentApp().Driver().(desktop.Driver); ok {
		return d.CurrentKeyModifiers()
	}
	return 0
}

// pass hands on a key of which a control with the keyboard makes no use. Space and Enter end
// there: whoever looks at its blue frame does not mean the programme.
func (d *desk) pass(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		d.tell("Space and Enter are for what has the blue frame; Esc gives them back to AUTO and CUT.")
	default:
		d.keyDown(e)
	}
}

// find is the action of a key. Shift alone makes no difference, so that a locked
// keyboard still cuts.
func (k *keyboard) find(name fyne.KeyName, mod fyne.KeyModifier) *action {
	if mod == fyne.KeyModifierShift {
		mod = 0
	}
	for _, a := range k.actions {
		if a.key == name && a.mod == mod {
			return a
		}
	}
	return nil
}

// keyHint is the key of place n in a tool tip, " (Ctrl+3)"; the eleventh has none.
func keyHint(mod string, n int) string {
	if n < 0 || n > 9 {
		return ""
	}
	return " (" + mod + strconv.Itoa((n+1)%10) + ")"
}

func (k *keyboard) digit(n int, mod fyne.KeyModifier) {
	if mod&fyne.KeyModifierAlt != 0 {
		k.bank.overlays.toggle(n)
		return
	}
	id, ok := k.bank.id(n)
	switch {
	case !ok:
	case mod&fyne.KeyModifierShortcutDefault != 0:
		k.desk.send(&engine.Cut{Scene: id})
	case mod&^fyne.KeyModifierShift == 0:
		k.desk.send(&engine.Preview{Scene: id})
	}
}

// menuKey is an action's key as Fyne's menus show it. Fyne carries out what matches by
// name, after the key-down event; keyboard has done that already, except while a
// text has the keyboard and sees the key-downs itself. So the name is the key's only
// then, and only for what works while typing.
type menuKey struct {
	action *action
	menus  *menuBar
}

// ShortcutName implements fyne.Shortcut.
func (m menuKey) ShortcutName() string {
	if m.action.typing && m.menus.typing() && !m.menus.acted() {
		return fyneShortcut(m.action.key, m.action.mod)
	}
	return "shown only"
}

// Key implements fyne.KeyboardShortcut.
func (m menuKey) Key() fyne.KeyName { return m.action.key }

// Mod implements fyne.KeyboardShortcut.
func (m menuKey) Mod() fyne.KeyModifier { return m.action.mod }
