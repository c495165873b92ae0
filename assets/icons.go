package assets

import "embed"

// Icon is the program's, PNG, 512x512, drawn from icons/crosspoint.svg.
//
//go:embed icons/crosspoint.png
var Icon []byte

//go:embed icons/*.svg
var icons embed.FS

// IconSVG is one of the window's icons by name: 24x24, in strokes and fills of
// "currentColor". It is nil when there is no such icon.
func IconSVG(name string) []byte {
	b, err := icons.ReadFile("icons/" + name + ".svg")
	if err != nil {
		return nil
	}
	return b
}
