package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit"
)

// TestDisksFail: while the program records to four places, one volume fills up and another is
// taken away. The recordings there end or go on elsewhere, each is said, and a recording
// beside them, of the same encode, has every picture.
func TestDisksFail(t *testing.T) {
	t.Parallel()
	bin := program(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"small", "usb", "second"} {
		if err := os.Mkdir(at(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	settings := func(path string, more object) object {
		s := object{"path": path}
		for k, v := range more {
			s[k] = v
		}
		return s
	}
	doc := document(t, 320, 180, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "start": object{"program": "s1"},
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 800, "keyframe_seconds": 0.5}}},
		"recordings": []object{
			{"id": "good", "name": "Good", "settings": settings(at("good.mkv"), nil)},
			{"id": "full", "name": "Full", "settings": settings(at("small/full.mp4"), nil)},
			{"id": "spills", "name": "Spills", "settings": settings(at("small/spills.mkv"), object{"spill": at("second"), "spill_below_mb": 100})},
			{"id": "usb", "name": "Stick", "settings": settings(at("usb/stick.mkv"), nil)},
		},
	})
	for path, content := range map[string]string{at("show.json"): string(doc), at("commands"): `{"at": 0, "do": "start_recording"}`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The volumes are this process's own: nobody else sees them come and go.
	script := fmt.Sprintf(`set -e
cd %q
mount -t tmpfs -o size=170m small small
mount -t tmpfs -o size=170m usb usb
%q run --headless --for 12s --stats stats --commands commands show.json &
pid=$!
until grep -q '"State":"live"' stats 2>/dev/null; do kill -0 $pid; sleep 0.05; done
head -c 80000000 /dev/zero > small/other
umount -l usb
until [ -e "second/spills part 2.mkv" ]; do kill -0 $pid; sleep 0.05; done
head -c 50000000 /dev/zero > small/more
wait
cp small/*.mkv small/*.mp4 .
`, dir, bin)
	p := testkit.Start(t, nil, "unshare", "--map-root-user", "--user", "--mount", "sh", "-c", script)
	if code := p.Wait(60 * time.Second); code != 0 {
		t.Fatalf("ended with %d: %s", code, p.Output())
	}
	said := p.Output()
	for _, want := range []string{
		"Full has stopped: only", "full.mp4 is complete",
		"Spills: the disk of " + at("small") + " is running full; the recording goes on in " + at("second"),
		"Stick has stopped: the disk of " + at("usb") + " was taken away",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q but %q", want, said)
		}
	}
	if strings.Contains(said, "not good") {
		t.Errorf("it says %q", said)
	}
	was := readStats(t, at("stats"))
	complete := func(want int64, paths ...string) {
		next := uint32(0)
		n := 0
		for _, path := range paths {
			r := testkit.Read(t, filepath.Base(path), path)
			if r.Damaged > 0 {
				t.Errorf("%s: %d packets cannot be decoded", r.Name, r.Damaged)
			}
			for _, v := range r.Pictures {
				if !v.Code.OK || v.Code.Number+1 < next || v.Code.Number > next+fps/2 { // a busy machine repeats some
					t.Errorf("%s has picture %+v where %d is due", r.Name, v.Code, next)
					return
				}
				next = v.Code.Number + 1
				n++
			}
		}
		if want > 0 {
			was.has(t, strings.Join(paths, " "), n, want)
		}
	}
	complete(was.ticks, at("good.mkv"))
	complete(was.ticks, at("spills.mkv"), at("second/spills part 2.mkv"))
	complete(0, at("full.mp4"))
}

// accounted is what a program's file of statistics says of its time.
type accounted struct {
	ticks      int64 // that there were
	notEncoded int64 // pictures dropped before the encoder that dropped the most
	shaken     bool  // it did not keep up: pictures were repeated, skipped or dropped
}

// readStats reads a file of statistics to its end.
func readStats(t testing.TB, path string) (out accounted) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(string(raw)) {
		var line struct {
			Counters   struct{ Ticks, Repeated int64 }
			Renditions []struct{ Dropped int64 }
			Sources    []struct{ Skipped, Dropped, Repeated int64 }
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("statistics: %v in %s", err, text)
		}
		out.ticks = line.Counters.Ticks
		out.shaken = out.shaken || line.Counters.Repeated > 0
		for _, r := range line.Renditions { // it ends with its last destination, and its count with it
			out.notEncoded = max(out.notEncoded, r.Dropped)
		}
		for _, v := range line.Sources {
			out.shaken = out.shaken || v.Skipped+v.Dropped+v.Repeated > 0
		}
	}
	if out.ticks == 0 {
		t.Fatalf("statistics: no tick in %d bytes", len(raw))
	}
	out.shaken = out.shaken || out.notEncoded > 0
	return out
}

// has checks that a recording has n pictures of ticks but for those that came to no encoder.
func (v accounted) has(t testing.TB, what string, n int, ticks int64) {
	t.Helper()
	if int64(n) > ticks || int64(n) < ticks-v.notEncoded {
		t.Errorf("%s: %d pictures of %d; %d were not encoded", what, n, ticks, v.notEncoded)
	}
}
