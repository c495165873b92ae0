package ui

import (
	"fyne.io/fyne/v2"

	"crosspoint.studio/crosspoint/app/engine"
)

// keyboard turns keys into the same acts as the panels'. It works on key-down events,
// which do not repeat: a held Space is one AUTO.
type keyboard struct {
	desk       *desk
	bank       *bankPanel
	transition *transitionPanel
	audio      *audioPanel
	outputs    *outputsPanel
	preview    *monitorPanel
	help       *helpPanel
	fullscreen func()
	unfocus    func()
}

// digits in the order of the bank's numbers.
var digits = map[fyne.KeyName]int{
	fyne.Key1: 0, fyne.Key2: 1, fyne.Key3: 2, fyne.Key4: 3, fyne.Key5: 4,
	fyne.Key6: 5, fyne.Key7: 6, fyne.Key8: 7, fyne.Key9: 8, fyne.Key0: 9,
}

// down acts on one key.
func (k *keyboard) down(name fyne.KeyName, mod fyne.KeyModifier) {
	if k.help.Visible() {
		k.help.Hide()
		if name == fyne.KeyF1 || name == fyne.KeyEscape {
			return
		}
	}
	if n, ok := digits[name]; ok {
		k.digit(n, mod)
		return
	}
	if mod&fyne.KeyModifierShortcutDefault != 0 {
		if name == fyne.KeyL {
			k.outputs.toggleLive()
		}
		return
	}
	if mod&^fyne.KeyModifierShift != 0 {
		return
	}
	switch name {
	case fyne.KeyReturn, fyne.KeyEnter:
		k.transition.doCut()
	case fyne.KeySpace:
		k.transition.doAuto()
	case fyne.KeyT:
		k.transition.nextKind()
	case fyne.KeyLeftBracket:
		k.transition.changeRate(-1)
	case fyne.KeyRightBracket:
		k.transition.changeRate(+1)
	case fyne.KeyB:
		k.transition.doFTB()
	case fyne.KeyM:
		k.audio.toggleMasterMute()
	case fyne.KeyR:
		k.outputs.toggleRecording()
	case fyne.KeyS:
		k.preview.toggleSafe()
	case fyne.KeyF11:
		k.fullscreen()
	case fyne.KeyF1:
		k.help.toggle()
	case fyne.KeyEscape:
		k.unfocus()
	}
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
