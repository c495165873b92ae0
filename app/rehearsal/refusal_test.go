package rehearsal

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
)

func port(t *testing.T, r *Receiver, kind string) int {
	t.Helper()
	u, err := url.Parse(r.URLs()[kind])
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func refusedWith(part string) func(Report) bool {
	return func(r Report) bool { return r.State == Refused && strings.Contains(r.Problem, part) }
}

func TestRefusesWrongKeys(t *testing.T) {
	r := receiver(t, Options{Secret: "right-key", Passphrase: "a passphrase of ours"})
	cases := []struct {
		name, kind, secret string
		settings           map[string]any
		problem            string // "": the far end refuses without telling us
	}{
		{"rtmp key", "rtmp", "wrong-key", nil, "wrong stream key"},
		{"rtmp application", "rtmp", "right-key", map[string]any{"url": strings.Replace(r.URLs()["rtmp"], "/live", "/other", 1)}, ""},
		{"srt passphrase", "srt", "quite another phrase", nil, ""},
		{"srt without encryption", "srt", "", nil, ""},
		{"whip key", "whip", "", map[string]any{"url": strings.Replace(r.URLs()["whip"], "right-key", "wrong", 1)}, "wrong stream key"},
		{"whip token", "whip", "wrong-token", nil, "wrong stream key"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := publish(t, output(t, r, c.kind, c.secret, c.settings), play(t, ordinary, c.kind == "whip"))
			if !outputs.IsPermanent(err) {
				t.Errorf("Run = %v, which is not permanent", err)
			}
			if err != nil && (strings.Contains(err.Error(), "right-key") || c.secret != "" && strings.Contains(err.Error(), c.secret)) {
				t.Errorf("the error shows a key: %v", err)
			}
			if c.problem != "" {
				await(t, r, "refused for its key", refusedWith(c.problem))
			}
		})
	}
	for _, rep := range r.Reports() {
		if rep.State != Refused || rep.Packets > 0 {
			t.Errorf("%+v was not refused", rep)
		}
	}
}

func TestTakesThePassphraseAndToken(t *testing.T) {
	r := receiver(t, Options{Secret: "right-key", Passphrase: "a passphrase of ours", NoDecode: true})
	for _, kind := range []string{"srt", "whip"} {
		secret, settings := "a passphrase of ours", map[string]any(nil)
		if kind == "whip" {
			secret, settings = "right-key", map[string]any{"url": strings.Replace(r.URLs()["whip"], "right-key", "studio", 1)}
		}
		feed := play(t, ordinary, kind == "whip")
		feed.order = feed.order[:60]
		if err := publish(t, output(t, r, kind, secret, settings), feed); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		await(t, r, kind+" ended", func(rep Report) bool {
			return rep.Protocol == kind && rep.State == Ended && rep.Packets > 20 && (kind == "srt" || rep.Name == "studio")
		})
	}
}

func TestRefusesNamesInUse(t *testing.T) {
	for _, kind := range []string{"rtmp", "srt", "whip"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := receiver(t, Options{NoDecode: true})
			secret := map[string]string{"rtmp": DefaultSecret}[kind]
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			first := make(chan error, 1)
			go func() {
				first <- output(t, r, kind, secret, nil).Run(ctx, long(t, ordinary, kind == "whip", 12))
			}()
			await(t, r, "being received", func(r Report) bool { return r.State == Receiving && r.Packets > 3 })
			if err := publish(t, output(t, r, kind, secret, nil), play(t, ordinary, kind == "whip")); err == nil {
				t.Error("a second stream of the same name was taken")
			}
			await(t, r, "refused", refusedWith("in use"))
			if kind != "whip" {
				other := map[string]any{"url": r.URLs()[kind], "stream_id": "second"}
				if kind == "rtmp" {
					secret = DefaultSecret + "?name=second"
					delete(other, "stream_id")
				}
				feed := play(t, ordinary, false)
				feed.order = feed.order[:40]
				if err := publish(t, output(t, r, kind, secret, other), feed); err != nil {
					t.Errorf("a stream of another name: %v", err)
				}
				await(t, r, "another name's", func(r Report) bool { return r.Name == "second" && r.State == Ended && r.Packets > 10 })
			}
			cancel()
			if err := <-first; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("the first stream: %v", err)
			}
			// The name is free again.
			feed := play(t, ordinary, kind == "whip")
			feed.order = feed.order[:40]
			await(t, r, "over", func(r Report) bool { return r.ID == 1 && r.State == Ended })
			secret = map[string]string{"rtmp": DefaultSecret}[kind]
			if err := publish(t, output(t, r, kind, secret, nil), feed); err != nil {
				t.Errorf("the name after its stream's end: %v", err)
			}
		})
	}
}

// misleading is a feed whose tracks do not show that it has B-frames.
type misleading struct{ *playing }

func TestRefusesBFramesOverWebRTC(t *testing.T) {
	r := receiver(t, Options{})
	feed := play(t, delayed, true)
	for _, p := range feed.order { // the publisher refuses what is reordered; hide it
		if !p.Audio {
			p.PTS = p.DTS
		}
	}
	err := publish(t, output(t, r, "whip", "", nil), misleading{feed})
	if err == nil {
		t.Error("the publisher was not told")
	}
	rep := await(t, r, "refused", refusedWith("B-frames"))
	if rep.Protocol != "whip" {
		t.Errorf("protocol %s", rep.Protocol)
	}
}

func TestRefusesReceiversOfSRT(t *testing.T) {
	r := receiver(t, Options{})
	err := publish(t, output(t, r, "srt", "", map[string]any{"stream_id": "#!::r=show,m=request"}), play(t, ordinary, false))
	if err == nil {
		t.Error("taken")
	}
	rep := await(t, r, "refused", refusedWith("asks to receive"))
	if rep.Name != "show" {
		t.Errorf("name %q", rep.Name)
	}
}

func TestWarnsOfLongKeyframeInterval(t *testing.T) {
	r := receiver(t, Options{NoDecode: true})
	if err := publish(t, output(t, r, "rtmp", DefaultSecret, nil), play(t, longGOP, false)); err != nil {
		t.Fatal(err)
	}
	rep := await(t, r, "ended", func(r Report) bool { return r.State == Ended })
	if len(rep.Warnings) != 1 || !strings.Contains(rep.Warnings[0], "keyframes are up to 5.0 s apart") {
		t.Errorf("warnings %q", rep.Warnings)
	}
}

func TestCountsMissingPictures(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { countsMissingPictures(a) })
}

func countsMissingPictures(t testing.TB) {
	r := receiver(t, Options{NoDecode: true})
	feed := play(t, ordinary, false)
	feed.leaveOut = func(n int64) bool { return n >= 40 && n < 43 || n == 100 }
	if err := publish(t, output(t, r, "srt", "", nil), feed); err != nil {
		t.Fatal(err)
	}
	rep := await(t, r, "ended", func(r Report) bool { return r.State == Ended })
	if g := rep.Video.Gaps; g.Count != 2 || g.MissingSeconds < 0.1330 || g.MissingSeconds > 0.1337 {
		t.Errorf("gaps %+v, want 2 of 4 pictures in all", g)
	}
	if rep.Video.FPS != (media.Rational{Num: clipFPS, Den: 1}) {
		t.Errorf("rate %v", rep.Video.FPS)
	}
	if len(rep.Warnings) != 1 || !strings.Contains(rep.Warnings[0], "pictures are missing: 0.13 s in 2 gaps") {
		t.Errorf("warnings %q", rep.Warnings)
	}
}
