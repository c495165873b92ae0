package ui

import (
	"bytes"
	"fmt"
	"image/color"

	"fyne.io/fyne/v2/canvas"

	"crosspoint.studio/crosspoint/assets"
)

// icon is one of assets' drawings in a colour of the theme.
type icon struct{ *canvas.Image }

func newIcon(name string, ink color.Color) *icon {
	i := &icon{&canvas.Image{FillMode: canvas.ImageFillContain}}
	i.set(name, ink)
	return i
}

// set changes drawing and colour, if they differ.
func (i *icon) set(name string, ink color.Color) {
	r := iconResource{name, ink}
	if i.Resource == r {
		return
	}
	if assets.IconSVG(name) == nil {
		panic("ui: there is no icon " + name)
	}
	i.Resource = r
	i.Refresh()
}

// name of the drawing.
func (i *icon) name() string { return i.Resource.(iconResource).drawing }

// iconResource is a drawing in the value that a colour has now.
type iconResource struct {
	drawing string
	ink     color.Color
}

// Name implements fyne.Resource; Fyne keeps drawn icons by it.
func (r iconResource) Name() string { return r.drawing + r.hex() + ".svg" }

// Content implements fyne.Resource.
func (r iconResource) Content() []byte {
	return bytes.ReplaceAll(assets.IconSVG(r.drawing), []byte("currentColor"), []byte(r.hex()))
}

func (r iconResource) hex() string {
	red, green, blue, _ := r.ink.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", red>>8, green>>8, blue>>8)
}
