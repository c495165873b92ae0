package e2e

import (
	"fmt"
	"hash/fnv"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
)

// TestRenderIsDeterministic: the demo show, rendered twice with a command list, gives
// the same pictures and sound before encoding and after decoding; with another list,
// others.
func TestRenderIsDeterministic(t *testing.T) {
	dir := t.TempDir()
	const seconds = 4
	list := func(name string, cut int) string {
		return write(t, filepath.Join(dir, name), []byte(fmt.Sprintf(`{"at": %d, "do": "cut", "scene": "scene2"}
{"at": 50, "do": "preview", "scene": "pip"}
{"at": 50, "do": "auto"}
{"at": "2.5s", "do": "overlay", "id": "lower"}
{"at": 90, "do": "ftb"}
`, cut)))
	}
	one, other := list("one.jsonl", 20), list("other.jsonl", 21)
	type rendering struct {
		hashes   string
		pictures []uint64
		reading  *testkit.Reading
	}
	render := func(name, commands string) rendering {
		t.Helper()
		path := filepath.Join(dir, name)
		began := time.Now()
		r := cli(t, dir, "render", "demo", "--commands", commands, "--duration", fmt.Sprintf("%ds", seconds), "--output", path, "--hash")
		if r.status != 0 {
			t.Fatalf("status %d: %s", r.status, r.err)
		}
		t.Logf("%s in %.1f s", name, time.Since(began).Seconds())
		var v rendering
		for line := range strings.Lines(r.out) {
			if strings.Contains(line, "fnv64a") {
				v.hashes += line
			}
		}
		if strings.Count(v.hashes, "\n") != 2 {
			t.Fatalf("%q has not two hashes", r.out)
		}
		var err error
		v.reading, err = testkit.Decode(t.Context(), name, path, func(f *media.Frame) { v.pictures = append(v.pictures, pictureHash(f)) })
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	a, b, c := render("a.mkv", one), render("b.mkv", one), render("c.mp4", other)
	if a.hashes != b.hashes {
		t.Errorf("two renderings of the same differ before encoding:\n%s%s", a.hashes, b.hashes)
	}
	if a.hashes == c.hashes {
		t.Error("another command list gives the same hashes: they say nothing")
	}
	if len(a.pictures) != seconds*fps {
		t.Errorf("%d pictures, want %d", len(a.pictures), seconds*fps)
	}
	if !slices.Equal(a.pictures, b.pictures) {
		t.Error("two renderings of the same differ after decoding")
	}
	if !slices.Equal(a.reading.Beeps, b.reading.Beeps) || len(a.reading.Beeps) < seconds-1 {
		t.Errorf("beeps at %v and %v", a.reading.Beeps, b.reading.Beeps)
	}
	for tick, p := range a.reading.Pictures {
		want := uint8(1)
		if tick >= 20 {
			want = 2
		}
		if tick < 50 && (!p.Code.OK || p.Code.Camera != want || int(p.Code.Number) != tick) {
			t.Errorf("picture %d is %+v, want camera %d's of that number", tick, p.Code, want)
		}
	}
}

// pictureHash is that of a picture's visible samples.
func pictureHash(f *media.Frame) uint64 {
	h := fnv.New64a()
	for i, p := range f.Planes {
		rowBytes, rows := media.PlaneSize(f.Format, f.Width, f.Height, i)
		for y := range rows {
			_, _ = h.Write(p.Data[y*p.Stride : y*p.Stride+rowBytes]) // a hash takes everything
		}
	}
	return h.Sum64()
}
