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

// TestErrorsOfAllPackagesArePlain: whatever begins an error with its package's name is known.
func TestErrorsOfAllPackagesArePlain(t *testing.T) {
	prefix := regexp.MustCompile(`^([a-z][a-z0-9]*): `)
	// They reach a terminal and no operator's panel, or name what is read ("write: disk full").
	others := map[string]bool{"latency": true, "soak": true, "ui": true, "write": true}
	root := filepath.Join("..", "..")
	seen := 0
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
			text, err := strconv.Unquote(lit.Value)
			if m := prefix.FindStringSubmatch(text); err == nil && m != nil && !others[m[1]] {
				seen++
				if strings.HasPrefix(Plain(text), m[1]+": ") {
					t.Errorf("%s begins an error with %q, which words.go does not know", path, m[0])
				}
			}
			return true
		})
		return nil
	})
	if err != nil || seen < 100 {
		t.Errorf("%d errors were looked at, %v", seen, err)
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
