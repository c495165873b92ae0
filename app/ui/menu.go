package ui

import (
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

// menuBar keeps Fyne's menus in step with what can be done.
type menuBar struct {
	actions []*action
	recent  func() []*action // under File/Open recent
	screens func() []*action // at the end of View/Projector
	typing  func() bool      // a text has the keyboard
	acted   func() bool      // the key at hand has been carried out
	set     func(*fyne.MainMenu)

	main  *fyne.MainMenu
	items map[*action]*fyne.MenuItem
	files []*action // of the recent ones now in the menu
	shows []*action // displays for the projector, likewise
	shown string    // what the menus say
	next  time.Time // of the next look
}

// recentMenu is where recent files are listed.
const recentMenu = "File/Open recent"

// menuPace is how often the menus are compared with the state.
const menuPace = 250 * time.Millisecond

// update rebuilds the menus when anything in them has changed.
func (m *menuBar) update(now time.Time) {
	if now.Before(m.next) {
		return
	}
	m.next = now.Add(menuPace)
	files, shows := m.recent(), m.screens()
	if said := m.say(files, shows); said != m.shown {
		m.shown, m.files, m.shows = said, files, shows
		m.build()
		m.set(m.main)
	}
}

// say is all that the menus show as one text.
func (m *menuBar) say(files, shows []*action) string {
	var b strings.Builder
	for _, list := range [...][]*action{m.actions, files, shows} {
		for _, a := range list {
			if a.menu == "" {
				continue
			}
			b.WriteString(a.text())
			b.WriteByte(mark(a.enabled()))
			b.WriteByte(mark(a.checked != nil && a.checked()))
		}
	}
	return b.String()
}

func mark(on bool) byte {
	if on {
		return '1'
	}
	return '0'
}

// build makes the menus; a menu stands where its first entry does.
func (m *menuBar) build() {
	m.main = fyne.NewMainMenu()
	m.items = map[*action]*fyne.MenuItem{}
	menus := map[string]*fyne.Menu{}
	for _, a := range m.actions {
		if a.menu == "" {
			continue
		}
		m.put(menus, a)
		if a.menu == "File" && a.key == fyne.KeyO {
			m.menu(menus, recentMenu)
			for _, f := range m.files {
				m.put(menus, f)
			}
		}
	}
	for _, a := range m.shows {
		m.put(menus, a)
	}
	// A menu in a menu that has nothing in it cannot be opened.
	for path, menu := range menus {
		top, name, nested := strings.Cut(path, "/")
		if nested && len(menu.Items) == 0 {
			for _, item := range menus[top].Items {
				if item.Label == name {
					item.Disabled = true
					item.ChildMenu = nil
				}
			}
		}
	}
}

func (m *menuBar) put(menus map[string]*fyne.Menu, a *action) {
	menu := m.menu(menus, a.menu)
	if a.split && len(menu.Items) > 0 {
		menu.Items = append(menu.Items, fyne.NewMenuItemSeparator())
	}
	item := fyne.NewMenuItem(a.text(), a.run)
	item.IsQuit = a.quit
	item.Disabled = !a.enabled()
	item.Checked = a.checked != nil && a.checked()
	if a.key != "" {
		item.Shortcut = menuKey{a, m}
	}
	m.items[a] = item
	menu.Items = append(menu.Items, item)
}

// menu finds or makes a menu by its path.
func (m *menuBar) menu(menus map[string]*fyne.Menu, path string) *fyne.Menu {
	if v, ok := menus[path]; ok {
		return v
	}
	top, name, nested := strings.Cut(path, "/")
	if !nested {
		menus[path] = fyne.NewMenu(path)
		m.main.Items = append(m.main.Items, menus[path])
		return menus[path]
	}
	parent := m.menu(menus, top)
	menus[path] = fyne.NewMenu(name)
	item := fyne.NewMenuItem(name, nil)
	item.ChildMenu = menus[path]
	parent.Items = append(parent.Items, item)
	return menus[path]
}

// fyneShortcut is the name under which Fyne looks for a key's action.
func fyneShortcut(key fyne.KeyName, mod fyne.KeyModifier) string {
	return (&desktop.CustomShortcut{KeyName: key, Modifier: mod}).ShortcutName()
}
