package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
)

// result is how a run of the program went.
type result struct {
	out, err string
	status   int
}

// cli runs the program to its end, with a configuration folder of the test's own.
func cli(t testing.TB, config string, args ...string) result {
	t.Helper()
	return runCommand(t, config, program(t), args...)
}

func runCommand(t testing.TB, config, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = environment(config)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// environment has no display, no keyring and the given configuration folder.
func environment(config string) []string {
	var env []string
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); name != "DISPLAY" && name != "WAYLAND_DISPLAY" && name != "XDG_CONFIG_HOME" && name != "DBUS_SESSION_BUS_ADDRESS" {
			env = append(env, v)
		}
	}
	return append(env, "XDG_CONFIG_HOME="+config, "DBUS_SESSION_BUS_ADDRESS=disabled:")
}

// withSecrets is a configuration folder with credentials.
func withSecrets(t testing.TB, secrets map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	raw, err := json.Marshal(secrets)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "crosspoint", "credentials.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, raw)
	return dir
}

func write(t testing.TB, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// oneLine finds the line of stderr that has all the words, and checks that it is a
// sentence.
func oneLine(t testing.TB, r result, words ...string) {
	t.Helper()
	for line := range strings.Lines(r.err) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			t.Log(strings.TrimSpace(line))
			sentence(t, "stderr", strings.TrimSuffix(line, "\n"))
			return
		}
	}
	t.Errorf("no line on stderr says %q; there is:\n%s", words, r.err)
}

// TestValidateFindsEveryMistake: each kind of mistake is listed with its place, all at
// once, and opening the show says the same.
func TestValidateFindsEveryMistake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := write(t, filepath.Join(dir, "bad.json"), []byte(`{"format":1,"name":5,"colour":1,
"canvas":{"width":641,"height":360,"fps":"0","color":"rec709"},
"sources":[{"id":"a","kind":"synthetic","settings":{"camera":99}},{"id":"a","kind":"bars"},{"id":"b","kind":"hologram"},
  {"id":"c","kind":"file","settings":{}},{"id":"d","kind":"bars","audio":{"gain_db":99,"pan":2,"delay_ms":-2000}}],
"scenes":[{"id":"s","layers":[{"source":"nobody"},{"source":"s"},{"source":"a","opacity":2,"fit":"huge","x":"left"}]}],
"overlays":[{"id":"o","layers":[{"source":"a","width":-5}]}],
"transition":{"kind":"explode","frames":0}, "fade_to_black":{"frames":900},
"renditions":[{"id":"main","video":{"codec":"vp7","width":641,"bitrate_kbps":-1,"keyframe_seconds":0}}],
"destinations":[{"id":"x","kind":"rtmp","rendition":"other","settings":{"url":"http://x"}},{"id":"y","kind":"pigeon"}],
"recordings":[{"id":"r","settings":{"container":"avi"}}],
"start":{"program":"nothing"}}`))
	r := cli(t, dir, "validate", bad)
	if r.status != 1 {
		t.Errorf("status %d", r.status)
	}
	oneLine(t, r, "there may be more mistakes", "run it again") // of what only a whole show asks for
	for _, place := range []string{
		"$.name", "$.colour", "$.canvas.width", "$.canvas.fps", "$.canvas.color",
		"$.sources[0].settings.camera", "$.sources[1].id", "$.sources[2].kind", "$.sources[3].settings.path",
		"$.sources[4].audio.gain_db", "$.sources[4].audio.pan", "$.sources[4].audio.delay_ms",
		"$.scenes[0].layers[0].source", "$.scenes[0].layers[1].source", "$.scenes[0].layers[2].opacity", "$.scenes[0].layers[2].fit",
		"$.scenes[0].layers[2].x", "$.overlays[0].layers[0].width", "$.transition.kind", "$.transition.frames", "$.fade_to_black.frames",
		"$.renditions[0].video.codec", "$.renditions[0].video.width", "$.renditions[0].video.bitrate_kbps", "$.renditions[0].video.keyframe_seconds",
		"$.destinations[0].rendition", "$.destinations[0].settings.url", "$.destinations[1].kind", "$.recordings[0].settings.container", "$.start.program",
	} {
		if n := strings.Count("\n"+r.out, "\n"+place+": "); n != 1 {
			t.Errorf("%s is named %d times", place, n)
		}
	}
	for line := range strings.Lines(r.out) {
		sentence(t, "validate", strings.TrimSuffix(line, "\n"))
	}
	run := cli(t, dir, "run", "--headless", "--for", "1s", bad)
	if run.status != 1 {
		t.Errorf("running it: status %d", run.status)
	}
	oneLine(t, run, "bad.json: $.canvas.width: ", "even")
	oneLine(t, run, "bad.json is not a show that can be opened")

	for name, c := range map[string]struct {
		text  string
		words []string
	}{
		"newer":  {`{"format": 99}`, []string{"$.format", "99", "newer"}},
		"broken": {`{"format": 1,`, []string{"$: ", "ends too early"}},
		"empty":  {``, []string{"$: "}},
		"list":   {`[]`, []string{"$"}},
		"binary": {"\x00\xff\xfe", []string{"$"}},
	} {
		path := write(t, filepath.Join(dir, name+".json"), []byte(c.text))
		before := cli(t, dir, "validate", path)
		after, err := os.ReadFile(path)
		if before.status != 1 || err != nil || string(after) != c.text {
			t.Errorf("%s: status %d; the file has become %q", name, before.status, after)
		}
		for _, w := range c.words {
			if !strings.Contains(before.out, w) {
				t.Errorf("%s: %q is not in %q", name, w, before.out)
			}
		}
	}
	good := cli(t, dir, "validate", "demo")
	if good.status != 0 {
		t.Errorf("the demo show: status %d, %s", good.status, good.out)
	}
}

// TestWrongUsage: status 2 for a wrong command line, 1 for what cannot be done, each
// with one line.
func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	exists := write(t, filepath.Join(dir, "there.mkv"), []byte("precious"))
	list := write(t, filepath.Join(dir, "list.jsonl"), []byte("# a comment\n{\"at\": 1, \"do\": \"cut\"}\n{\"at\": 2, \"do\": \"explode\"}\n"))
	for _, c := range []struct {
		args   []string
		status int
		words  string
	}{
		{[]string{"frobnicate", "x"}, 2, ""},
		{[]string{"run", "--nosuchflag"}, 2, "nosuchflag"},
		{[]string{"run", "--headless", "--for", "soon", "demo"}, 2, "soon"},
		{[]string{"render", "demo"}, 2, "needs --duration and --output"},
		{[]string{"run", "--headless", filepath.Join(dir, "nosuch.json")}, 1, "no such file"},
		{[]string{"run", "--headless", "--for", "1s", "--record", filepath.Join(dir, "x.avi"), "demo"}, 1, ".mkv, .mp4, .mov or .ts"},
		{[]string{"run", "--headless", "--for", "1s", "--record", exists, "demo"}, 1, "exists already"},
		{[]string{"run", "--headless", "--for", "1s", "--commands", list, "demo"}, 1, "line 3"},
		{[]string{"render", "demo", "--duration", "1s", "--output", filepath.Join(dir, "no", "such", "folder", "x.mkv")}, 1, "folder"},
		{[]string{"render", "demo", "--duration", "1s", "--output", "/etc/hostname/x.mkv"}, 1, "/etc/hostname"},
		{[]string{"render", "demo", "--duration", "0s", "--output", filepath.Join(dir, "x.mkv")}, 2, "duration"},
	} {
		r := cli(t, dir, c.args...)
		if r.status != c.status {
			t.Errorf("%q: status %d, want %d; it says %q", c.args, r.status, c.status, r.err)
			continue
		}
		oneLine(t, r, "crosspoint: ", c.words)
	}
	if raw, err := os.ReadFile(exists); err != nil || string(raw) != "precious" {
		t.Errorf("a file that existed has become %q, %v", raw, err)
	}
}

// TestRenderSaysWhatWasRefused: a command of the list that is refused leaves the file whole,
// and the exit status says that it is not what was asked for.
func TestRenderSaysWhatWasRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "x.mkv")
	list := write(t, filepath.Join(dir, "list.jsonl"), []byte(`{"at": 5, "do": "preview", "scene": "no such scene"}`+"\n"))
	r := cli(t, dir, "render", "demo", "--duration", "500ms", "--output", path, "--commands", list)
	if r.status != 1 || !strings.Contains(r.err, "no such scene") || !strings.Contains(r.err, "refused: 1") {
		t.Errorf("status %d; it says %q", r.status, r.err)
	}
	n := 0
	if _, err := testkit.Decode(t.Context(), "x.mkv", path, func(*media.Frame) { n++ }); err != nil || n != 15 {
		t.Errorf("%d pictures, not 15; %v", n, err)
	}
}

// TestBadMaterial: sources, encoders and destinations that cannot work say why in one
// line each, and everything else goes on: the recording is whole.
func TestBadMaterial(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "picture.png"), []byte("\x89PNG\r\n\x1a\nthis is none"))
	write(t, filepath.Join(dir, "film.mp4"), []byte("neither is this a film, however long one reads in it"))
	locked := testkit.StartSRT(t, srtPass)
	const wrong = "wrong but long enough"
	config := withSecrets(t, map[string]string{"wrong": wrong, "short": "short"})
	srt := func(id, credential string) object {
		return object{"id": id, "kind": "srt", "settings": object{"url": locked.URL()}, "credential": credential}
	}
	show := write(t, filepath.Join(dir, "show.json"), document(t, 320, 180, fps, object{
		"sources": append(cameras(1),
			object{"id": "nofile", "kind": "file", "settings": object{"path": "no such film.mp4"}},
			object{"id": "nofilm", "kind": "file", "settings": object{"path": "film.mp4"}},
			object{"id": "noimage", "kind": "image", "settings": object{"path": "picture.png"}},
			object{"id": "nonet", "kind": "network", "settings": object{"url": fmt.Sprintf("rtmp://127.0.0.1:%d/live/secretkey", ports.Free(t))}}),
		"scenes": cameraScenes(1),
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 800}},
			{"id": "odd", "video": object{"bitrate_kbps": 801, "encoder": "nosuchencoder"}},
			{"id": "newer", "video": object{"bitrate_kbps": 802, "codec": "av1"}}},
		"destinations": []object{
			srt("locked", "wrong"), srt("tooshort", "short"), srt("nosecret", "nobody"),
			{"id": "exotic", "kind": "rtmp", "rendition": "odd", "settings": object{"url": "rtmp://127.0.0.1:1/live/secretkey"}},
			{"id": "av1srt", "kind": "srt", "rendition": "newer", "settings": object{"url": "srt://127.0.0.1:1"}},
		},
		"recordings": []object{{"id": "unwritable", "settings": object{"path": "/etc/hostname/show.mkv"}}},
		"start":      object{"program": "s1", "preview": "s1"},
	}))
	file := filepath.Join(dir, "show.mkv")
	commands := write(t, filepath.Join(dir, "list.jsonl"), []byte(`{"at": 3, "do": "start_recording", "recordings": ["unwritable"]}`+"\n"))
	stats := filepath.Join(dir, "stats.jsonl")
	r := cli(t, config, "run", "--headless", "--live", "--for", "15s", "--record", file, "--commands", commands, "--stats", stats, show)
	if r.status != 0 {
		t.Errorf("status %d", r.status)
	}
	oneLine(t, r, "no such film.mp4", "does not exist")
	oneLine(t, r, "film.mp4 cannot be played")
	oneLine(t, r, "picture.png")
	oneLine(t, r, "nonet", "refuses connections")
	oneLine(t, r, "refused the passphrase")
	oneLine(t, r, "passphrase must have 10 to 79 characters")
	oneLine(t, r, `its key is kept under "nobody" and cannot be used`)
	oneLine(t, r, "nosuchencoder")
	oneLine(t, r, "cannot carry av1")
	oneLine(t, r, "unwritable has stopped", "/etc/hostname")
	for _, secret := range []string{wrong, "secretkey", "panic", "goroutine "} {
		if strings.Contains(r.err+r.out, secret) {
			t.Errorf("%q is in what the program says:\n%s", secret, r.err)
		}
	}
	last := testkit.Read(t, "recording", file)
	readStats(t, stats).has(t, "the recording, which may not suffer", len(last.Pictures), 15*fps)
	raw, err := os.ReadFile(stats)
	if err != nil || strings.Count(string(raw), "\n") < 4 {
		t.Errorf("statistics: %d lines, %v", strings.Count(string(raw), "\n"), err)
	}
	for line := range strings.Lines(string(raw)) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of statistics is not JSON: %s", line)
		}
	}
}

// TestFullDisk: a recording is refused on a disk that is too small and on one that may
// not be written, and ends well on one that fills up; the operator is told, and the
// other recording goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	show := write(t, filepath.Join(dir, "show.json"), document(t, 320, 180, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "start": object{"program": "s1", "preview": "s1"},
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 800}}},
		"recordings": []object{
			{"id": "small", "settings": object{"path": filepath.Join(dir, "small", "a.mkv")}},
			{"id": "filling", "settings": object{"path": filepath.Join(dir, "filling", "b.mkv")}},
			{"id": "readonly", "settings": object{"path": filepath.Join(dir, "readonly", "c.mkv")}},
		},
	}))
	for _, d := range []string{"small", "filling", "readonly"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	commands := write(t, filepath.Join(dir, "list.jsonl"), []byte(`{"at": 0, "do": "start_recording", "recordings": ["small", "filling", "readonly"]}`+"\n"))
	// In a mount namespace of its own, so that the disks end with the program; an
	// ordinary user becomes root there.
	flags := "-m"
	if os.Getuid() != 0 {
		flags = "-rm"
	}
	script := `mount -t tmpfs -o size=32m small "$1/small" && mount -t tmpfs -o size=112m filling "$1/filling" && mount -t tmpfs -o size=200m,ro readonly "$1/readonly" || exit 77
(until [ -s "$1/filling/b.mkv" ]; do sleep 0.1; done; sleep 4; head -c 70000000 /dev/zero >"$1/filling/other") &
fill=$!; dir=$1; shift; "$@"; status=$?; kill $fill 2>/dev/null; cp "$dir/filling/b.mkv" "$dir/b.mkv"; ls "$dir/small"; exit $status`
	whole, stats := filepath.Join(dir, "whole.mkv"), filepath.Join(dir, "stats.jsonl")
	r := runCommand(t, dir, "unshare", flags, "sh", "-c", script, "sh", dir,
		program(t), "run", "--headless", "--for", "20s", "--record", whole, "--commands", commands, "--stats", stats, show)
	if r.status == 77 {
		t.Fatalf("no small disks can be made: %s", r.err)
	}
	if r.status != 0 {
		t.Errorf("status %d", r.status)
	}
	oneLine(t, r, "only", "MB are free", "small")
	oneLine(t, r, "MB are free", "too little to go on", "b.mkv is complete")
	oneLine(t, r, "readonly has stopped", "read-only")
	if strings.Contains(r.out, "a.mkv") {
		t.Errorf("an empty recording is left on the small disk: %q", r.out)
	}
	filled := testkit.Read(t, "filled", filepath.Join(dir, "b.mkv"))
	if n := len(filled.Pictures); n < 3*fps || n > 17*fps || filled.Damaged != 0 {
		t.Errorf("the recording on the full disk has %d pictures, %d damaged; want three to seventeen seconds of twenty, whole", n, filled.Damaged)
	}
	readStats(t, stats).has(t, "the other recording", len(testkit.Read(t, "whole", whole).Pictures), 20*fps)
}

// TestStopWithinFiveSeconds: SIGTERM ends the program within 5 s, in order, while it is
// live to a host that does not answer, a server that says nothing, and a frozen one.
func TestStopWithinFiveSeconds(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { stopWithinFiveSeconds(a) })
}

func stopWithinFiveSeconds(t testing.TB) {
	dir := t.TempDir()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		var held []net.Conn
		for {
			c, err := mute.Accept()
			if err != nil {
				break
			}
			held = append(held, c)
		}
		for _, c := range held {
			_ = c.Close() // the test is over
		}
	})
	t.Cleanup(func() {
		_ = mute.Close() // Accept returns
		wg.Wait()
	})
	nginx, srt := testkit.StartNginx(t), testkit.StartSRT(t, "")
	show := write(t, filepath.Join(dir, "show.json"), document(t, 320, 180, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "start": object{"program": "s1", "preview": "s1"},
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 800}}},
		"destinations": []object{
			{"id": "unreachable", "kind": "rtmp", "settings": object{"url": "rtmp://192.0.2.1/live/key"}}, // RFC 5737: nobody
			{"id": "unreachable2", "kind": "srt", "settings": object{"url": "srt://192.0.2.1:9000"}},
			{"id": "unreachable3", "kind": "whip", "settings": object{"url": "http://192.0.2.1/whip"}},
			{"id": "mute", "kind": "rtmp", "settings": object{"url": "rtmp://" + mute.Addr().String() + "/live/key"}},
			{"id": "mute2", "kind": "whip", "settings": object{"url": "http://" + mute.Addr().String() + "/whip"}},
			{"id": "frozen", "kind": "rtmp", "settings": object{"url": nginx.URL("live/show")}},
			{"id": "frozen2", "kind": "srt", "settings": object{"url": srt.URL()}},
		},
	}))
	file := filepath.Join(dir, "show.mkv")
	stats := filepath.Join(dir, "stats.jsonl")
	p := testkit.Start(t, func(c *exec.Cmd) { c.Env = environment(dir) }, program(t), "run", "--headless", "--live", "--record", file, "--stats", stats, show)
	live := func() bool {
		raw, err := os.ReadFile(stats)
		if err != nil {
			return false
		}
		n := 0
		var line struct {
			Destinations []struct {
				ID     string
				Report struct{ State string }
			}
		}
		lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
		if json.Unmarshal([]byte(lines[len(lines)-1]), &line) != nil {
			return false
		}
		for _, d := range line.Destinations {
			if strings.HasPrefix(d.ID, "frozen") && d.Report.State == "live" {
				n++
			}
		}
		return n == 2
	}
	testkit.Eventually(t, 20*time.Second, "the servers that will freeze do not get the show", live)
	nginx.Freeze()
	srt.Freeze()
	<-time.After(1500 * time.Millisecond) // the kernel's buffers and ours fill up
	began := time.Now()
	p.Signal(syscall.SIGTERM)
	status := p.Wait(20 * time.Second)
	took := time.Since(began)
	t.Logf("stopped in %v with status %d", took.Round(10*time.Millisecond), status)
	if took > 5*time.Second || status != 0 {
		t.Errorf("stopping took %v and ended with status %d; every stop ends within 5 s, in order", took, status)
	}
	r := testkit.Read(t, "recording", file)
	if len(r.Pictures) < 2*fps || r.Damaged != 0 {
		t.Errorf("the recording has %d pictures, %d damaged", len(r.Pictures), r.Damaged)
	}
	next, was := r.Pictures[0].Code.Number, readStats(t, stats)
	for i, picture := range r.Pictures {
		// A machine that did not keep up shows one again, or passes some over.
		again := was.shaken && picture.Code.Number+1 >= next && picture.Code.Number < next+fps/2
		if !picture.Code.OK || picture.Code.Number != next && !again {
			t.Errorf("picture %d of the recording is %+v, want number %d", i, picture.Code, next)
			break
		}
		next = picture.Code.Number + 1
	}
}
