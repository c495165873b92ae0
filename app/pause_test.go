package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A pause stands at the picture that shows, not at whatever the file had been read ahead
// to: the same list gives the same pictures and sound, and what is paused for n ticks is
// n ticks later.
func TestRendersWithPausesAreTheSame(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	render := func(show, commands, output string) (hash string) {
		t.Helper()
		args := []string{"render", show, "--duration", "2s", "--hash", "--output", filepath.Join(dir, output)}
		if commands != "" {
			args = append(args, "--commands", commands)
		}
		status, out, errs := cli(t, args...)
		if status != 0 || errs != "" {
			t.Fatalf("status %d: %s%s", status, out, errs)
		}
		_, hash, _ = strings.Cut(out, "\n")
		return hash
	}
	const head = `{"format":2,"canvas":{"width":128,"height":72,"fps":30},`
	render(file("camera.json", head+`"sources":[{"id":"a","kind":"synthetic"}]}`), "", "clip.mkv")

	show := file("clip.json", head+`"sources":[{"id":"a","kind":"file","settings":{"path":"clip.mkv","hardware":"off"}}]}`)
	list := file("pause.jsonl", `{"at":20,"do":"pause","source":"a","paused":true}
{"at":30,"do":"pause","source":"a","paused":false}
{"at":40,"do":"seek","source":"a","position":0.5}
{"at":40,"do":"pause","source":"a","paused":true}
`)
	first := render(show, list, "1.mkv")
	for _, output := range []string{"2.mkv", "3.mkv", "4.mkv"} {
		if got := render(show, list, output); got != first {
			t.Errorf("another time\n%s, the first time\n%s", got, first)
		}
	}
	// Tick 19 shows picture 19, which stands until 30 and is played on from there; from 40
	// on there is picture 15. So says a list of seeks.
	seeks := file("seek.jsonl", `{"at":20,"do":"seek","source":"a","position":0.634}
{"at":20,"do":"pause","source":"a","paused":true}
{"at":30,"do":"pause","source":"a","paused":false}
{"at":40,"do":"seek","source":"a","position":0.5}
{"at":40,"do":"pause","source":"a","paused":true}
`)
	pictures := func(hash string) string { line, _, _ := strings.Cut(hash, "\n"); return line }
	if got := render(show, seeks, "5.mkv"); pictures(got) != pictures(first) {
		t.Errorf("with seeks to where it shows\n%s, without\n%s", got, first)
	}
}

// AAC codes noise as how loud it is, and a decoder makes up the rest: after a seek it has
// to make up the same every time, however far it had read ahead before.
func TestRendersWithSeeksInNoiseAreTheSame(t *testing.T) {
	dir := t.TempDir()
	clip := filepath.Join(dir, "noise.m4a")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "anoisesrc=d=3:c=pink:seed=1:r=44100", "-c:a", "aac", "-b:a", "64k", clip).CombinedOutput(); err != nil {
		t.Fatalf("making a file: %v: %s", err, out)
	}
	show, list := filepath.Join(dir, "show.json"), filepath.Join(dir, "list.jsonl")
	for path, text := range map[string]string{
		show: `{"format":2,"canvas":{"width":128,"height":72,"fps":30},"sources":[{"id":"a","kind":"file","settings":{"path":"noise.m4a"}}]}`,
		list: `{"at":10,"do":"seek","source":"a","position":1.5}` + "\n" + `{"at":20,"do":"seek","source":"a","position":0.7}` + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var first string
	for _, output := range []string{"1.mkv", "2.mkv", "3.mkv", "4.mkv", "5.mkv"} {
		status, out, errs := cli(t, "render", show, "--commands", list, "--duration", "1s", "--hash", "--output", filepath.Join(dir, output))
		if status != 0 || errs != "" {
			t.Fatalf("status %d: %s%s", status, out, errs)
		}
		_, hash, _ := strings.Cut(out, "\n")
		if first == "" {
			first = hash
		}
		if hash != first {
			t.Errorf("%s\n%s, the first time\n%s", output, hash, first)
		}
	}
}
