package engine

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/outputs"
)

func TestPlain(t *testing.T) {
	for _, c := range [][2]string{
		{"network: av: open srt://127.0.0.1:9: input/output error", "open srt://127.0.0.1:9: input/output error"},
		{"rtmp: the stream key is missing", "the stream key is missing"},
		{"the encoder (av: open h264_nvenc: no device) is not there", "the encoder (open h264_nvenc: no device) is not there"},
		{"file: record.mp4 cannot be played: av: the data is damaged", "record.mp4 cannot be played: the data is damaged"},
		{"it has failed and is passed by: audio: inserts: no such model", "it has failed and is passed by: no such model"},
		{"the out point (3 s) must lie behind 12:30", "the out point (3 s) must lie behind 12:30"},
		{"", ""},
	} {
		if got := Plain(c[0]); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		}
	}
}

// eachErrorText calls each with every text that fmt.Errorf or errors.New are called with below
// root, tests aside, and the file's path from there.
func eachErrorText(t *testing.T, root string, each func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "testkit" {
			return filepath.SkipDir // of tests
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			lit, isText := call.Args[0].(*ast.BasicLit)
			if !ok || !isText || lit.Kind != token.STRING || fun.Sel.Name != "Errorf" && fun.Sel.Name != "New" {
				return true
			}
			if text, err := strconv.Unquote(lit.Value); err == nil {
				each(strings.TrimPrefix(path, root+string(filepath.Separator)), text)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestErrorsOfAllPackagesArePlain: whatever begins an error with its package's name is known.
func TestErrorsOfAllPackagesArePlain(t *testing.T) {
	prefix := regexp.MustCompile(`^([a-z][a-z0-9]*): `)
	// They reach a terminal and no operator's panel, or name what is read ("write: disk full").
	others := map[string]bool{"latency": true, "soak": true, "ui": true, "write": true}
	seen := 0
	eachErrorText(t, filepath.Join("..", ".."), func(path, text string) {
		m := prefix.FindStringSubmatch(text)
		if m == nil || others[m[1]] {
			return
		}
		seen++
		if strings.HasPrefix(Plain(text), m[1]+": ") {
			t.Errorf("%s begins an error with %q, which words.go does not know", path, m[0])
		}
	})
	if seen < 100 {
		t.Errorf("%d errors were looked at", seen)
	}
}

// subjects are the words that texts for the operator begin with: what something has happened to.
var subjects = map[string]bool{
	"a": true, "an": true, "the": true, "this": true, "there": true, "no": true, "nothing": true, "only": true, "one": true,
	"bonding": true, "chapters": true, "congestion": true, "connections": true, "files": true, "librist": true, "pictures": true,
	"port": true, "simulcast": true, "transport-wide": true, "writing": true,
}

// hasSubject reports whether a text without its package's name says what it is about: by a word
// of subjects, by a name with a capital, or by what is filled in. A bare verb ("send to …",
// "carries …") says of nobody what happened, or reads like an order.
func hasSubject(text string) bool {
	for strings.HasPrefix(text, "%s: ") { // a name of the operator's
		text = strings.TrimPrefix(text, "%s: ")
	}
	word, rest, _ := strings.Cut(text, " ")
	switch {
	case word == "nothing" && strings.HasPrefix(rest, "to "):
		return false
	case strings.HasPrefix(word, "%"):
		return true
	}
	return subjects[word] || word != "" && word[0] >= 'A' && word[0] <= 'Z'
}

// TestErrorsOfDestinationsHaveASubject: what a destination's errors leave once Plain has taken
// the package's name away is a sentence about something.
func TestErrorsOfDestinationsHaveASubject(t *testing.T) {
	for text, want := range map[string]bool{
		"whip: talk to %s: %s": false, "%s: send to %s: %w": false, "pipe: write to %s: %w": false, "udp: list the network interfaces: %w": false,
		"whip: restart ICE: %w": false, "rtmp: carries one track of pictures, not more": false, "rtmp: cannot carry %s": false,
		"rtmp: nothing to send": false, "srt: settings: %w": false, "pipe: name either a pipe or file, or a program": false, "srt: ": false,

		"whip: %s cannot be reached: %s": true, "%s: the stream cannot be sent to %s: %w": true, "rtmp: RTMP cannot carry %s": true,
		"whip: %s: %w (HTTP %d): check the token": true, "planner: %s: nothing on this machine encodes %s": true,
		"srt: nothing answers at %s: check the address, and that its UDP port is open": true,
	} {
		if hasSubject(Plain(text)) != want {
			t.Errorf("%q has a subject: %v, want %v", text, !want, want)
		}
	}
	seen := 0
	eachErrorText(t, filepath.Join("..", "..", "outputs"), func(path, text string) {
		plain := Plain(text)
		if plain == text && !strings.HasPrefix(text, "%s: ") || plain == "" {
			return // a part of another error, or the beginning of one that is put together
		}
		seen++
		if !hasSubject(plain) {
			t.Errorf("%s: the operator reads %q: say what it is about, in a sentence; if the first word does, it belongs to subjects", path, plain)
		}
	})
	if seen < 200 {
		t.Errorf("%d errors were looked at", seen)
	}
}

// notInTheForm are names that settings have in files and documents; the window's form calls
// them address, stream key, token and passphrase.
var notInTheForm = regexp.MustCompile(`(?i)\b(?:url|secret|server address)\b`)

// TestErrorsHaveTheFormsWords: an error of a destination names a field as the form does.
func TestErrorsHaveTheFormsWords(t *testing.T) {
	for text, want := range map[string]bool{
		"check the destination's url": true, "url names no server": true, "check the server address": true,
		"give the token as the destination's secret": true, "the address has no host name": false, "the key is not secretive": false,
	} {
		if notInTheForm.MatchString(text) != want {
			t.Errorf("%q: %v, want %v", text, !want, want)
		}
	}
	seen := 0
	eachErrorText(t, filepath.Join("..", "..", "outputs"), func(path, text string) {
		seen++
		if word := notInTheForm.FindString(text); word != "" {
			t.Errorf("%s: %q: no field of the form is called %q", path, text, word)
		}
	})
	if seen < 200 {
		t.Errorf("%d errors were looked at", seen)
	}
}

// The sentences that reach the operator of every kind of trouble, made of errors as the
// packages give them.
func TestTroublesArePlain(t *testing.T) {
	s := &State{
		Sources: []SourceState{
			{ID: "net", Name: "Gate camera", Status: SourceWaiting, Problem: Plain("network: srt://10.0.0.1:9000 does not answer")},
			{ID: "cam", Name: "camera", Status: SourceWaiting, Frames: 9, Problem: Plain("camera: /dev/video0 was unplugged")},
			{ID: "new", Name: "Hologram", Status: SourceFailed, Problem: (&unknownKindError{"hologram"}).Error()},
		},
		Destinations: []DestinationState{{ID: "yt", Name: "YouTube", Started: true, Report: outputs.Report{State: outputs.Waiting},
			Problem: Plain("rtmp: a.example.com:1935 refuses connections: no server runs there, or a firewall is in the way; trying again in 2s")}},
	}
	want := []string{
		"Gate camera has nothing to show yet: srt://10.0.0.1:9000 does not answer. It is opened again by itself; the rest of the show goes on.",
		"camera has stopped: /dev/video0 was unplugged. Its last picture stands and it is opened again by itself; the rest of the show goes on.",
		`Hologram cannot be used: this version has no "hologram": the entry is kept as it is and does nothing. The rest of the show goes on; change its settings.`,
		"YouTube is not live: a.example.com:1935 refuses connections: no server runs there, or a firewall is in the way. It is tried again by itself; everything else goes on.",
	}
	got := troubles(s)
	if len(got) != len(want) {
		t.Fatalf("%d sentences, want %d: %v", len(got), len(want), got)
	}
	for i, w := range got {
		if w.Text != want[i] {
			t.Errorf("%s, want %s", w.Text, want[i])
		}
	}
	var w warnings
	w.set("encoder main", fmt.Sprintf("The encoder of rendition %q reports: %v.", "main", "av: encode: rtmp: out of memory"), 0)
	w.set("destination d", "rtmp: the network is slow.", 0) // a destination that is called so
	for i, want := range []string{`The encoder of rendition "main" reports: encode: out of memory.`, "rtmp: the network is slow."} {
		if got := w.all()[i].Text; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
