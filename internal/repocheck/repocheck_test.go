package repocheck

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "crosspoint.studio/crosspoint"

// layers are the rows of docs/ARCHITECTURE.md, low to high: a package imports only
// lower rows. A path stands for its subfolders too unless they are listed.
var layers = []struct {
	row   int
	paths []string
}{
	{0, []string{"internal/media", "internal/supervise", "internal/host", "internal/sysmon", "internal/priority", "internal/logtail", "internal/atomicfile", "shaders", "assets"}},
	{1, []string{"scenes", "internal/cutlist", "internal/av", "internal/audio", "internal/framecode", "compositor/gpu", "compositor/cpu", "outputs/planner"}},
	{2, []string{"compositor", "scenes/sources", "outputs", "internal/audio/inserts"}},
	{3, []string{"outputs/rtmp", "outputs/srt", "outputs/whip", "outputs/ts", "outputs/pipe", "outputs/camera", "outputs/record", "outputs/uplink"}},
	{4, []string{"app/engine"}},
	{5, []string{"app/ui", "app/rehearsal", "app/document", "app/credentials", "app/preflight"}},
	{6, []string{"app"}},
	{7, []string{""}},
}

// besides are folders that are in no row, or import within theirs, for a reason.
var besides = map[string]string{
	"internal/repocheck": "tests only",
	"internal/testkit":   "tests only",
	"internal/bench":     "a program beside the product",
	"internal/e2e":       "tests only",
	"app/ui/internal":    "a part of the window",
}

// owners: a library and the only folder that may import it.
var owners = map[string]string{
	"github.com/asticode/go-astiav":  "internal/av",
	"github.com/go-gl/gl/":           "compositor/gpu",
	"github.com/go-gl/glfw":          "app/ui",
	"github.com/gen2brain/malgo":     "internal/audio",
	"fyne.io/fyne":                   "app/ui",
	"github.com/yutopp/go-rtmp":      "outputs/rtmp",
	"github.com/pion":                "outputs/whip",
	"github.com/spf13/cobra":         "app",
	"github.com/zalando/go-keyring":  "app/credentials",
	"github.com/godbus":              "internal/priority",
	"github.com/santhosh-tekuri":     "scenes",
	"github.com/go-text/typesetting": "scenes/sources",
}

// wallNanos are the files that may use the wall clock's nanoseconds, which are not for telling
// how long something takes: the clock is set now and then, and a number does not have what
// time.Time has against that.
var wallNanos = map[string]string{
	"app/document/manager.go": "a name",
}

// longest is how many lines a file may have.
const longest = 800

type file struct {
	name string // slash path from the root
	dir  string
	test bool
	ast  *ast.File
}

func sources(t *testing.T) []file {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var out []file
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && p != root && (strings.HasPrefix(name, ".") || name == "bin" || name == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(set, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		dir := path.Dir(rel)
		if dir == "." {
			dir = ""
		}
		out = append(out, file{rel, dir, strings.HasSuffix(name, "_test.go"), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("found %d Go files below %s: the walk is broken", len(out), root)
	}
	return out
}

// row of a folder; the longest listed path that it is or lies below decides.
func row(dir string) (int, bool) {
	best, at := -1, 0
	for _, l := range layers {
		for _, p := range l.paths {
			if (dir == p || p != "" && strings.HasPrefix(dir, p+"/")) && len(p) > best {
				best, at = len(p), l.row
			}
		}
	}
	return at, best >= 0
}

func excused(dir string) bool {
	for p := range besides {
		if dir == p || strings.HasPrefix(dir, p+"/") {
			return true
		}
	}
	return false
}

func TestImportsGoDownwards(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		from, known := row(f.dir)
		if !known && !excused(f.dir) {
			t.Errorf("%s: folder %q is in no row of the layers", f.name, f.dir)
			continue
		}
		for _, imp := range f.ast.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			to, ours := strings.CutPrefix(p, module+"/")
			if !ours || strings.HasPrefix(to, f.dir+"/") || strings.HasPrefix(f.dir, to+"/") && excused(f.dir) {
				continue
			}
			if !strings.HasPrefix(f.dir, "internal/testkit") && (strings.HasPrefix(to, "internal/testkit") || strings.HasPrefix(to, "internal/e2e")) {
				t.Errorf("%s imports %s, which is for tests", f.name, to)
			}
			down, listed := row(to)
			if excused(f.dir) && !known || excused(to) {
				continue
			}
			if !listed || down >= from {
				t.Errorf("%s (row %d) imports %s (row %d): imports go downwards only", f.name, from, to, down)
			}
		}
	}
}

// TestTheTableOfLayersIsTrue: docs/ARCHITECTURE.md has the rows that are tested here, and
// every folder in them is there.
func TestTheTableOfLayersIsTrue(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		var names []string
		for _, p := range l.paths {
			if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(p))); err != nil || !info.IsDir() {
				t.Errorf("row %d has %q, which is no folder", l.row, p)
			}
			if p == "" {
				p = "main"
			}
			names = append(names, "`"+p+"`")
		}
		if want := fmt.Sprintf("\n| %d | %s", l.row, strings.Join(names, ", ")); !strings.Contains(string(page), want) {
			t.Errorf("the table of docs/ARCHITECTURE.md has no row %q", strings.TrimSpace(want))
		}
	}
}

func TestLibrariesHaveOneOwner(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || strings.HasPrefix(f.dir, "internal/testkit/") { // real peers for tests
			continue
		}
		for _, imp := range f.ast.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			for lib, owner := range owners {
				if strings.HasPrefix(p, lib) && f.dir != owner && !strings.HasPrefix(f.dir, owner+"/") {
					t.Errorf("%s imports %s, which belongs to %s alone", f.name, p, owner)
				}
			}
		}
	}
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	docs := map[string]string{}
	seen := map[string]bool{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		seen[f.dir] = true
		if f.ast.Doc != nil {
			docs[f.dir] += f.ast.Doc.Text()
		}
	}
	for dir := range seen {
		if len(docs[dir]) < 60 {
			t.Errorf("package %q has no package comment worth the name", dir)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, f := range sources(t) {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(f.name)))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), "\n"); n > longest {
			t.Errorf("%s has %d lines; %d is the limit: split it by idea", f.name, n, longest)
		}
	}
}

func TestDurationsAreOfASteadyClock(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || wallNanos[f.name] != "" || excused(f.dir) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Unix") && len(s.Sel.Name) > len("Unix") {
				t.Errorf("%s uses %s: keep a time.Time, or how long after one", f.name, s.Sel.Name)
			}
			return true
		})
	}
}
