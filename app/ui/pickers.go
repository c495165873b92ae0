package ui

import (
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/widget"

	"crosspoint.studio/crosspoint/scenes/sources"
)

// Pickers of x-picker that the window has itself; the others are lists that
// Services.Inventory knows.
const (
	pickFile   = "file"
	pickFolder = "folder"
	pickColor  = "color"
	pickText   = "text"
)

// maxListed is how many choices a list shows; typing into the field narrows it.
const maxListed = 24

// lastFolderKey is where the preferences keep the folder last chosen from.
const lastFolderKey = "folder"

// pickListed fetches the choices of a picker and opens them under a control. What
// is typed narrows a long list.
func (d *desk) pickListed(under fyne.CanvasObject, picker, typed string, picked func(string)) {
	inventory := d.services.Inventory
	d.background(func() {
		list, ok := inventory.Choices(picker)
		d.post(func() {
			if !ok || len(list) == 0 {
				d.tell("There is no " + picker + " to choose on this machine; a name can be typed instead.")
				return
			}
			dropDown(under, choiceItems(list, typed, picked))
		})
	})
}

// choiceItems are the entries of a list of choices.
func choiceItems(list []Choice, typed string, picked func(string)) []*fyne.MenuItem {
	exact := false
	for _, c := range list {
		exact = exact || c.Value == typed
	}
	var items []*fyne.MenuItem
	left := 0
	for _, c := range list {
		name := c.Label
		if name == "" {
			name = c.Value
		}
		if len(list) > maxListed && typed != "" && !exact && !strings.Contains(strings.ToLower(name+" "+c.Value), strings.ToLower(typed)) {
			continue
		}
		if len(items) == maxListed {
			left++
			continue
		}
		it := fyne.NewMenuItem(name, func() { picked(c.Value) })
		it.Checked = c.Value == typed
		items = append(items, it)
	}
	if len(items) == 0 {
		return choiceItems(list, "", picked)
	}
	if left > 0 {
		it := fyne.NewMenuItem(strconv.Itoa(left)+" more: type a part of the name first", func() {})
		it.Disabled = true
		items = append(items, it)
	}
	return items
}

// Extensions of files that sources play and show.
var (
	movieFiles = []string{".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".ts", ".mts", ".m2ts", ".flv", ".mpg", ".mpeg", ".mxf", ".wmv", ".ogv", ".gif"}
	soundFiles = []string{".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus"}
	mediaFiles = slices.Concat(movieFiles, soundFiles)
	imageFiles = []string{".png", ".jpg", ".jpeg", ".webp"}
)

// pickPath opens the file chooser, in the folder of what is there or in the last one.
func (d *desk) pickPath(over fyne.CanvasObject, spec *formField, have string, picked func(string)) {
	if spec.picker == pickFolder {
		d.chooseFolder(over, have, picked)
		return
	}
	d.chooseFile(over, extensionsOf(spec.files), have, picked)
}

func extensionsOf(files string) []string {
	switch files {
	case "image":
		return imageFiles
	case "media":
		return mediaFiles
	}
	return nil
}

// chooseFile asks for a file; extensions nil allows any.
func (d *desk) chooseFile(over fyne.CanvasObject, extensions []string, have string, picked func(string)) {
	d.startFolder(foldersOf(have), func(at fyne.ListableURI) { d.openFileChooser(over, extensions, at, picked) })
}

func (d *desk) openFileChooser(over fyne.CanvasObject, extensions []string, at fyne.ListableURI, picked func(string)) {
	win := windowOf(over)
	if win == nil {
		return
	}
	f := dialog.NewFileOpen(func(r fyne.URIReadCloser, err error) {
		if err != nil {
			d.tell(sentence("the file cannot be opened: " + err.Error()))
			return
		}
		if r == nil {
			return
		}
		_ = r.Close() // only its name is wanted
		rememberFolder(filepath.Dir(r.URI().Path()))
		picked(r.URI().Path())
	}, win)
	f.SetTitleText("Choose a file")
	f.SetView(dialog.ListView) // icons break names after nine letters
	if len(extensions) > 0 {
		f.SetFilter(storage.NewExtensionFileFilter(bothCases(extensions)))
	}
	f.SetLocation(at)
	f.Resize(fyne.NewSize(win.Canvas().Size().Width*0.7, win.Canvas().Size().Height*0.8))
	f.Show()
}

func (d *desk) chooseFolder(over fyne.CanvasObject, have string, picked func(string)) {
	d.startFolder(foldersOf(have), func(at fyne.ListableURI) { d.openFolderChooser(over, at, picked) })
}

func (d *desk) openFolderChooser(over fyne.CanvasObject, at fyne.ListableURI, picked func(string)) {
	win := windowOf(over)
	if win == nil {
		return
	}
	f := dialog.NewFolderOpen(func(u fyne.ListableURI, err error) {
		if err != nil {
			d.tell(sentence("the folder cannot be opened: " + err.Error()))
			return
		}
		if u == nil {
			return
		}
		rememberFolder(u.Path())
		picked(u.Path())
	}, win)
	f.SetLocation(at)
	f.Resize(fyne.NewSize(win.Canvas().Size().Width*0.7, win.Canvas().Size().Height*0.8))
	f.Show()
}

func bothCases(extensions []string) []string {
	var out []string
	for _, e := range extensions {
		out = append(out, e, strings.ToUpper(e))
	}
	return out
}

func rememberFolder(dir string) { fyne.CurrentApp().Preferences().SetString(lastFolderKey, dir) }

// foldersOf are the folders that a chooser opens in, the first that is there.
func foldersOf(have string) []string {
	return []string{have, filepath.Dir(have), fyne.CurrentApp().Preferences().String(lastFolderKey)}
}

// folderSilent is how long folders may take to be listed before a chooser opens elsewhere.
const folderSilent = 3 * time.Second

// startFolder calls open, on Fyne's goroutine, with the first of some folders that can be
// listed, or else the home folder: Fyne's choosers list theirs on that goroutine, which a share
// whose server is gone would stop for good. One chooser is on its way at a time.
func (d *desk) startFolder(folders []string, open func(fyne.ListableURI)) {
	if d.choosing {
		return
	}
	d.choosing = true
	opened := func(at fyne.ListableURI) {
		d.choosing = false
		open(at)
	}
	d.listed(folders, func(at fyne.ListableURI) {
		if at != nil {
			opened(at)
			return
		}
		home, _ := os.UserHomeDir() // "" is no folder
		d.listed([]string{home, "/"}, func(at fyne.ListableURI) {
			if at == nil {
				d.choosing = false
				d.tell("The disk does not answer, so no file can be chosen now.")
				return
			}
			opened(at)
		})
	})
}

// listed calls done, on Fyne's goroutine, with the first of some folders that can be listed; nil
// is none in time.
func (d *desk) listed(folders []string, done func(fyne.ListableURI)) {
	over := false // of Fyne's goroutine
	answer := func(at fyne.ListableURI) {
		d.post(func() {
			if !over {
				over = true
				done(at)
			}
		})
	}
	late := time.AfterFunc(folderSilent, func() { answer(nil) })
	d.background(func() {
		at := d.list(folders)
		late.Stop()
		answer(at)
	})
}

// firstListed is the first of some folders that can be listed, nil for none. It may never return.
func firstListed(folders []string) fyne.ListableURI {
	for _, dir := range folders {
		if !filepath.IsAbs(dir) {
			continue
		}
		if _, err := os.ReadDir(dir); err != nil {
			continue
		}
		if u, err := storage.ListerForURI(storage.NewFileURI(dir)); err == nil {
			return u
		}
	}
	return nil
}

// windowOf is the window that an object is in.
func windowOf(o fyne.CanvasObject) fyne.Window {
	c := fyne.CurrentApp().Driver().CanvasForObject(o)
	for _, w := range fyne.CurrentApp().Driver().AllWindows() {
		if w.Canvas() == c {
			return w
		}
	}
	return nil
}

// palette are the colours that a swatch offers.
var palette = []string{
	"#ffffff", "#c0c4cc", "#80868f", "#404650", "#101418", "#000000",
	"#d02020", "#e86a10", "#f0c020", "#30a050", "#1a9aa8", "#2060d0",
	"#6040c0", "#c03090", "#00ff00", "#0000ff", "#101828d0", "#00000080",
}

// swatch shows a colour; a press offers others.
type swatch struct {
	box
	press  *button
	chip   *canvas.Rectangle
	picked func(string)
}

func newSwatch(d *desk, picked func(string)) *swatch {
	s := &swatch{picked: picked, chip: newSurface(colNone)}
	s.press = newButton(d, "", textSmall, s.open)
	s.add(s.press, s.chip)
	s.min = fyne.NewSize(20, 20)
	s.arrange = func(size fyne.Size) {
		place(s.press, 0, 0, size.Width, size.Height)
		place(s.chip, 4, 4, size.Width-8, size.Height-8)
	}
	s.ExtendBaseWidget(s)
	return s
}

func (s *swatch) set(text string) {
	col := color.Color(colNone)
	if c, ok := sources.ParseColor(text); ok {
		col = c
	}
	fill(s.chip, col, colLine, 1)
}

// open shows the palette under the swatch.
func (s *swatch) open() {
	c := fyne.CurrentApp().Driver().CanvasForObject(s)
	if c == nil {
		return
	}
	const cell, columns = 28, 6
	sheet := &box{}
	sheet.ExtendBaseWidget(sheet)
	pop := widget.NewPopUp(sheet, c)
	for i, text := range palette {
		b := newSwatch(s.press.desk, nil)
		b.set(text)
		b.press.press = func() { pop.Hide(); s.picked(text) }
		place(b, float32(i%columns)*cell, float32(i/columns)*cell, cell-2, cell-2)
		sheet.add(b)
	}
	rows := (len(palette) + columns - 1) / columns
	sheet.min = fyne.NewSize(columns*cell, float32(rows)*cell)
	pop.ShowAtRelativePosition(fyne.NewPos(0, s.Size().Height), s)
}

// roundTo rounds to a multiple of unit.
func roundTo(v, unit float64) float64 { return math.Round(v/unit) * unit }
