package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every mistake is found before the show, with its place, and not when it is too late.
func TestValidateFindsWhatSchemasCannotSay(t *testing.T) {
	dir := t.TempDir()
	clip := filepath.Join(dir, "clip.mp4")
	if err := os.WriteFile(clip, []byte("only its being there is looked at"), 0o600); err != nil {
		t.Fatal(err)
	}
	source := func(kind, settings string) string {
		return fmt.Sprintf(`"sources":[{"id":"a","kind":%q,"settings":%s}]`, kind, settings)
	}
	destination := func(kind, settings, more string) string {
		return fmt.Sprintf(`"destinations":[{"id":"d","kind":%q,"settings":%s%s}]`, kind, settings, more)
	}
	rendition := func(video, more string) string {
		return fmt.Sprintf(`"renditions":[{"id":"r","video":%s}]%s`, video, more)
	}
	two := func(video, low, more string) string {
		return fmt.Sprintf(`"renditions":[{"id":"r","video":%s},{"id":"low","video":%s}],%s`, video, low, more)
	}
	for _, c := range []struct{ name, show, want string }{
		{"text colour", source("text", `{"color":"blue"}`), `$.sources[0].settings.color: is "blue"; a colour is written #rgb, #rrggbb or #rrggbbaa`},
		{"colour", source("color", `{"color":"blue"}`), `$.sources[0].settings.color: must be a colour as #rgb, #rrggbb or #rrggbbaa`},
		{"in behind out", source("file", `{"path":"clip.mp4","in":5,"out":3}`), `$.sources[0].settings: the out point (3 s) must lie behind the in point (5 s)`},
		{"file beside the show", source("file", `{"path":"clip.mp4"}`), ""},
		{"no such file", source("file", `{"path":"clop.mp4"}`), "$.sources[0].settings.path: there is no file " + filepath.Join(dir, "clop.mp4")},
		{"no such picture", source("image", `{"path":"/no/such.png"}`), `$.sources[0].settings.path: there is no file /no/such.png`},
		{"a folder", source("image", fmt.Sprintf(`{"path":%q}`, dir)), "is a folder, not a file"},
		{"address", source("network", `{"url":"camera"}`), `$.sources[0].settings: its address has to begin with rtmp://`},
		{"time zone", source("clock", `{"timezone":"Mars/One"}`), `$.sources[0].settings: there is no time zone "Mars/One"`},
		{"rtmp address", destination("rtmp", `{"url":"rtmp://"}`, ""), `$.destinations[0].settings.url: must be rtmp:// or rtmps:// with a server`},
		{"rtmp without its key", destination("rtmp", `{"url":"rtmp://a/b"}`, ""), ""},
		{"rtmp with a key elsewhere", destination("rtmp", `{"url":"rtmp://a/b"}`, `,"credential":"k"`), ""},
		{"rehearsal", destination("srt", `{"url":"rehearsal:"}`, ""), ""},
		{"srt port", destination("srt", `{"url":"srt://host"}`, ""), `$.destinations[0].settings: the address needs a port`},
		{"backup", destination("srt", `{"url":"srt://host:1"}`, `,"backups":[{"settings":{"url":"srt://host"}}]`), `$.destinations[0].backups[0].settings: the address needs a port`},
		{"encoder", rendition(`{"encoder":"h264_foo"}`, ""), `$.renditions[0].video.encoder: there is no encoder "h264_foo"`},
		{"another codec's encoder", rendition(`{"codec":"hevc","encoder":"libx264"}`, ""), `$.renditions[0].video.encoder: libx264 makes h264, but the codec here is hevc`},
		{"preset", rendition(`{"preset":"warp9"}`, ""), `$.renditions[0].video.preset: no encoder has a preset "warp9"`},
		{"codec of a destination", rendition(`{"codec":"prores"}`, ","+destination("whip", `{"url":"https://a/b"}`, "")), `$.destinations[0].rendition: WebRTC (WHIP) cannot carry prores`},
		{"simulcast of a kind that cannot", two("{}", `{"width":640,"height":360}`, destination("rtmp", `{"url":"rtmp://a/b"}`, `,"simulcast":["low"]`)), `$.destinations[0].simulcast: RTMP cannot send further renditions along`},
		{"simulcast with a delay", two("{}", `{"width":640,"height":360}`, destination("whip", `{"url":"https://a/b"}`, `,"simulcast":["low"],"delay_seconds":5`)), `$.destinations[0].simulcast: a delayed destination cannot send further renditions`},
		{"simulcast that is not smaller", two(`{"width":640,"height":360}`, "{}", destination("whip", `{"url":"https://a/b"}`, `,"simulcast":["low"]`)), `$.destinations[0].simulcast: the rendition "low" is not smaller`},
		{"simulcast", two("{}", `{"width":640,"height":360}`, destination("whip", `{"url":"https://a/b"}`, `,"simulcast":["low"]`)), ""},
		{"codec of a backup", rendition(`{"codec":"av1"}`, ","+destination("whip", `{"url":"https://a/b"}`, `,"backups":[{"kind":"srt","settings":{"url":"srt://host:1"}}]`)), `$.destinations[0].backups[0].kind: SRT cannot carry av1`},
		{"codec of a source's file", rendition(`{"codec":"av1"}`, `,"iso":{"sources":["a"],"settings":{"container":"ts"}},`+source("bars", "{}")), `$.iso.settings.container: ts files cannot hold av1`},
		{"replays", `"replay":{"settings":{"path":"replays","container":"mov"}}`, ""},
		{"what replays have no use for", `"replay":{"settings":{"spill":"/second"}}`, `$.replay.settings.spill: there is no such setting here`},
		{"codec of a file", rendition(`{"codec":"prores"}`, `,"recordings":[{"id":"rec"}]`), `$.recordings[0].settings.container: mkv files cannot hold prores`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, "show.json")
			if err := os.WriteFile(path, []byte(`{"format":2,`+c.show+`}`), 0o600); err != nil {
				t.Fatal(err)
			}
			status, out, errs := cli(t, "validate", path)
			if want := min(len(c.want), 1); status != want || !strings.Contains(out, c.want) {
				t.Errorf("status %d, want %d and %q\n%s%s", status, want, c.want, out, errs)
			}
			if n := strings.Count(out, "\n"); n != 1 {
				t.Errorf("%d lines, want one:\n%s", n, out)
			}
		})
	}
}

// What keeps a document from being a show hides what it asks of encoders and outputs, which
// is said: its mistakes are not all.
func TestValidateSaysWhereThereMayBeMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "show.json")
	for show, more := range map[string]bool{
		`{"format":2,"renditions":[{"id":"r","video":{"encoder":"h264_foo"}}],"start":{"program":"nobody"}}`: true,
		`{"format":2,"renditions":[{"id":"r","video":{"encoder":"h264_foo"}}]}`:                              false,
		`{"format":99}`: false,
	} {
		if err := os.WriteFile(path, []byte(show), 0o600); err != nil {
			t.Fatal(err)
		}
		status, out, errs := cli(t, "validate", path)
		if said := strings.Contains(errs, "run it again"); status != 1 || said != more || strings.Contains(out, "run it again") {
			t.Errorf("%s: status %d, said %v, want %v\n%s%s", show, status, said, more, out, errs)
		}
	}
}
