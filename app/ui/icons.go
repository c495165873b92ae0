package ui

import (
	"bytes"
	"fmt"
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/assets"
)

// icon is one of assets' drawings in a colour of the theme; it changes with the
// theme when it is refreshed.
type icon struct {
	*canvas.Image
	name string
	ink  color.Color
	made string // what Resource was made for
}

func newIcon(name string, ink color.Color) *icon {
	i := &icon{Image: &canvas.Image{FillMode: canvas.ImageFillContain}}
	i.set(name, ink)
	return i
}

// set changes drawing and colour, if they differ.
func (i *icon) set(name string, ink color.Color) {
	r, g, b, a := ink.RGBA()
	key := fmt.Sprintf("%s-%02x%02x%02x%02x.svg", name, r>>8, g>>8, b>>8, a>>8)
	i.name, i.ink = name, ink
	if key == i.made {
		return
	}
	i.made = key
	raw := assets.IconSVG(name)
	if raw == nil {
		panic("ui: there is no icon " + name)
	}
	hex := fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
	i.Resource = fyne.NewStaticResource(key, bytes.ReplaceAll(raw, []byte("currentColor"), []byte(hex)))
	i.Image.Refresh()
}

// rethemed follows a change of the theme's colours.
func (i *icon) rethemed() { i.set(i.name, i.ink) }
