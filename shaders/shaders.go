// Package shaders embeds the fragment shaders. A transition is one file in
// transitions/; its name without the ending is its name in show files and
// commands. Nothing here talks to a GPU.
package shaders

import (
	"embed"
	"io/fs"
	"path"
	"sort"
	"strings"
)

//go:embed *.glsl transitions/*.glsl
var files embed.FS

// Layer draws one layer onto one plane group; see the file for its variants.
func Layer() string { return read("layer.glsl") }

// Fade draws the whole picture towards one colour.
func Fade() string { return read("fade.glsl") }

// Transitions lists the names of all transitions, sorted.
func Transitions() []string {
	entries, err := fs.ReadDir(files, "transitions")
	if err != nil {
		panic("shaders: embedded folder missing: " + err.Error())
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".glsl"))
	}
	sort.Strings(names)
	return names
}

// Transition is the whole fragment shader of a named transition.
func Transition(name string) (source string, ok bool) {
	b, err := files.ReadFile(path.Join("transitions", path.Base(name)+".glsl"))
	if err != nil {
		return "", false
	}
	return read("transition.glsl") + "\n#line 1\n" + string(b), true
}

func read(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic("shaders: embedded file missing: " + err.Error())
	}
	return string(b)
}
