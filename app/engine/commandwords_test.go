package engine

import (
	"strings"
	"testing"
)

// What is wrong with a command is said in the words of whoever wrote the list.
func TestCommandsThatCannotBeRead(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`not json`, "this is not a JSON object"},
		{`[1]`, `a command is a JSON object such as {"do": "cut"}`},
		{`null`, `a command is a JSON object such as {"do": "cut"}`},
		{`{"scene":"a"}`, `"do" has to name a command`},
		{`{"do":"cutt"}`, `there is no command "cutt"; did you mean "cut"?`},
		{`{"do":"cut","scen":"a"}`, `command "cut": there is no field "scen"; did you mean "scene"?`},
		{`{"do":"preview"}`, `command "preview": "scene" is missing`},
		{`{"do":"tbar"}`, `command "tbar": "position" is missing`},
		{`{"do":"seek"}`, `command "seek": "source" and "position" are missing`},
		{`{"do":"preview","scene":5}`, `command "preview": "scene" has to be text in quotes, not a number`},
		{`{"do":"seek","source":"a","position":"5s"}`, `command "seek": "position" has to be a number, not text`},
		{`{"do":"fade_rate","frames":1.5}`, `command "fade_rate": "frames" has to be a whole number, not 1.5`},
		{`{"do":"strip","source":"a","muted":1}`, `command "strip": "muted" has to be true or false, not a number`},
		{`{"do":"go_live","destinations":"a"}`, `command "go_live": "destinations" has to be a list in [ ], not text`},
	} {
		got, err := ParseCommand([]byte(c.line))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, %v; want %s", c.line, got, err, c.want)
		}
	}
}

func TestEveryCommandSaysWhatItNeeds(t *testing.T) {
	for _, name := range CommandNames() {
		wanting := false
		for _, f := range CommandFields(name) {
			wanting = wanting || !strings.HasPrefix(f, "[")
		}
		if _, err := ParseCommand([]byte(`{"do":"` + name + `"}`)); wanting != (err != nil) {
			t.Errorf("%s %v: %v", name, CommandFields(name), err)
		}
	}
}

// TestFieldsOfListsAreNoFieldsOfCommands: "at" and "do" of a line are the list's own, so a
// command with a field of that name could not be written in a list, nor replayed from a log.
func TestFieldsOfListsAreNoFieldsOfCommands(t *testing.T) {
	for _, name := range CommandNames() {
		for _, f := range CommandFields(name) {
			if f = strings.Trim(f, "[]"); f == "at" || f == "do" {
				t.Errorf("%s has a field %q", name, f)
			}
		}
	}
}
