package preflight

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/record"
	"crosspoint.studio/crosspoint/outputs/rtmp"
	"crosspoint.studio/crosspoint/outputs/srt"
	"crosspoint.studio/crosspoint/outputs/whip"
	"crosspoint.studio/crosspoint/scenes"
)

func TestMain(m *testing.M) {
	av.RouteLogs(slog.New(slog.DiscardHandler))
	leaks.VerifyTestMain(m)
}

func kinds() map[string]outputs.Kind {
	m := map[string]outputs.Kind{}
	for _, k := range []outputs.Kind{rtmp.Kind(), srt.Kind(), whip.Kind(), record.Kind()} {
		m[k.Name] = k
	}
	return m
}

func parse(t testing.TB, text string) *scenes.Show {
	t.Helper()
	show, err := scenes.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return show
}

// check runs everything and returns findings by subject.
func check(t testing.TB, o Options) (map[string]Finding, Verdict) {
	t.Helper()
	got := map[string]Finding{}
	worst, err := Run(t.Context(), o, func(f Finding) {
		t.Logf("%-11s %-7s %s: %s %q", f.Check, f.Verdict, f.Subject, f.Text, f.Changes)
		got[f.Subject] = f
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, worst
}

// TestAgainstRealServers: servers that take the stream, and each way in which they do not;
// nothing is published anywhere.
func TestAgainstRealServers(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { againstRealServers(a) })
}

func againstRealServers(t testing.TB) {
	nginx, endpoint := testkit.StartNginx(t), testkit.StartWHIP(t, "token")
	receiver, second := testkit.StartSRT(t, "a passphrase of ours"), testkit.StartSRT(t, "a passphrase of ours")
	refused := fmt.Sprintf("127.0.0.1:%d", ports.Free(t))
	dir := t.TempDir()
	// Five pictures a second: the encoders are to be found fast enough beside all the rest.
	show := parse(t, fmt.Sprintf(`{"format": 2, "canvas": {"width": 320, "height": 180, "fps": "5"},
	 "renditions": [{"id": "main", "video": {"bitrate_kbps": 400}}, {"id": "file", "video": {"bitrate_kbps": 900}}],
	 "destinations": [
	  {"id": "a", "name": "good rtmp", "kind": "rtmp", "settings": {"url": %q}, "credential": "key",
	   "backups": [{"name": "second ingest", "settings": {"url": "rtmp://crosspoint.invalid/backup"}}]},
	  {"id": "b", "name": "no server", "kind": "rtmp", "settings": {"url": "rtmp://%s/live"}, "credential": "key"},
	  {"id": "c", "name": "no such name", "kind": "rtmp", "settings": {"url": "rtmp://crosspoint.invalid/live"}, "credential": "key"},
	  {"id": "d", "name": "wrong passphrase", "kind": "srt", "settings": {"url": %q}, "credential": "other"},
	  {"id": "e", "name": "good srt", "kind": "srt", "settings": {"url": %q}, "credential": "pass"},
	  {"id": "f", "name": "good whip", "kind": "whip", "settings": {"url": %q}, "credential": "token"},
	  {"id": "g", "name": "lost key", "kind": "rtmp", "settings": {"url": %q}, "credential": "gone"},
	  {"id": "h", "name": "off", "kind": "rtmp", "settings": {"url": "rtmp://127.0.0.1:9/live"}, "enabled": false}],
	 "recordings": [{"id": "r", "rendition": "file", "settings": {"path": "show.mkv", "spill": "/nowhere/at/all"}}]}`,
		nginx.URL("live"), refused, second.URL(), receiver.URL(), endpoint.URL("show"), nginx.URL("live")))
	secrets := map[string]string{"key": "show", "pass": "a passphrase of ours", "other": "another passphrase", "token": "token"}
	got, worst := check(t, Options{Show: show, Kinds: kinds(), RecordDir: dir, Cores: 2, UplinkKbps: 50_000, Encode: 4 * time.Second,
		Secret: func(name string, _ []outputs.Recipient) (string, error) {
			if s, ok := secrets[name]; ok {
				return s, nil
			}
			return "", os.ErrNotExist
		}})
	for subject, want := range map[string]struct {
		verdict Verdict
		part    string
	}{
		"good rtmp":                          {Go, "opens the application"},
		"good srt":                           {Go, "takes the connection with the passphrase"},
		"good whip":                          {Go, "answers"},
		"no server":                          {NoGo, "refuses connections"},
		"no such name":                       {NoGo, "name"},
		"wrong passphrase":                   {NoGo, "passphrase"},
		"lost key":                           {NoGo, "enter it again"},
		"Encodes":                            {Go, "for 7 destinations"},
		dir:                                  {Go, "GB free"},
		"main (320x180 at 5, h264 400 kb/s)": {Go, "kept up"},
		"file (320x180 at 5, h264 900 kb/s)": {Go, "kept up"},
		"good rtmp, second ingest":           {NoGo, "does not exist"},
		"/nowhere/at/all":                    {NoGo, "another folder"},
	} {
		f, ok := got[subject]
		if !ok || f.Verdict != want.verdict || !strings.Contains(f.Text, want.part) {
			t.Errorf("%s: %s %q, want %s with %q", subject, f.Verdict, f.Text, want.verdict, want.part)
		}
		for _, secret := range secrets {
			if len(secret) > 6 && strings.Contains(f.Text, secret) {
				t.Errorf("%s: %q tells a secret", subject, f.Text)
			}
		}
	}
	if _, ok := got["off"]; ok {
		t.Error("a disabled destination was called")
	}
	if worst != NoGo {
		t.Errorf("the whole is %s, want no-go", worst)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the disk test left %v behind", left)
	}
	if _, err := os.Stat(nginx.Recorded("show")); err == nil {
		t.Error("something was published")
	}
}

// TestPlanThatDoesNotFit: two streams over an uplink for one.
func TestPlanThatDoesNotFit(t *testing.T) {
	show := parse(t, `{"format": 2, "canvas": {"width": 1920, "height": 1080, "fps": "30"},
	 "destinations": [{"id": "a", "name": "A", "kind": "rtmp", "settings": {"url": "rtmp://a.invalid/live"}},
	  {"id": "b", "name": "B", "kind": "rtmp", "settings": {"url": "rtmp://b.invalid/live"}}]}`)
	f := Options{Show: show, Kinds: kinds(), UplinkKbps: 10_000, Cores: 2}.plan()
	if f.Verdict != NoGo || !strings.Contains(f.Text, "uplink") || len(f.Changes) == 0 {
		t.Errorf("%s %q %q, want a refusal with changes that fit", f.Verdict, f.Text, f.Changes)
	}
}

// TestRefusedByTheShowItself: what going live would refuse is a no-go, whatever its server says.
func TestRefusedByTheShowItself(t *testing.T) {
	show := parse(t, `{"format": 2, "canvas": {"width": 320, "height": 180, "fps": "30"},
	 "renditions": [{"id": "main", "video": {"codec": "hevc"}}, {"id": "low", "video": {"codec": "hevc", "width": 160, "height": 90, "bitrate_kbps": 100}}, {"id": "av1", "video": {"codec": "av1"}}],
	 "destinations": [
	  {"id": "a", "name": "A", "kind": "srt", "simulcast": ["low"], "settings": {"url": "srt://127.0.0.1:9"}},
	  {"id": "b", "name": "B", "kind": "whip", "rendition": "av1", "settings": {"url": "http://127.0.0.1:9/b"}, "backups": [{"name": "second", "kind": "srt", "settings": {"url": "srt://127.0.0.1:9"}}]}]}`)
	got, worst := check(t, Options{Show: show, Kinds: kinds(), RecordDir: t.TempDir(), Encode: 100 * time.Millisecond})
	for subject, want := range map[string]string{"A": "It cannot go live: SRT cannot send further renditions along", "B, second": "It cannot go live: SRT cannot carry av1"} {
		if f := got[subject]; f.Verdict != NoGo || !strings.Contains(f.Text, want) {
			t.Errorf("%s: %s %q, want %q", subject, f.Verdict, f.Text, want)
		}
	}
	if _, asked := got["B"]; asked || worst != NoGo {
		t.Errorf("B was asked: %v; the whole is %s", asked, worst)
	}
}

// TestTooMuchToEncode: x264's slowest preset cannot keep up with 2160p60 here.
func TestTooMuchToEncode(t *testing.T) {
	show := parse(t, `{"format": 2, "canvas": {"width": 3840, "height": 2160, "fps": "60"},
	 "renditions": [{"id": "main", "video": {"preset": "slow"}}],
	 "destinations": [{"id": "a", "kind": "rtmp", "settings": {"url": "rtmp://a.invalid/live"}}]}`)
	f := Options{Show: show, Kinds: kinds(), Encode: time.Second}.encode(t.Context())
	if len(f) != 1 || f[0].Verdict != NoGo || !strings.Contains(f[0].Text, "missed") {
		t.Errorf("%+v, want missed pictures", f)
	}
}

// slowOnce is an encoder that takes long for one picture.
type slowOnce struct {
	at    int64
	takes time.Duration
}

func (e slowOnce) Name() string { return "slow" }
func (e slowOnce) Close()       {}

func (e slowOnce) Encode(_ *media.Frame, pts int64, _ bool) ([]*media.Packet, error) {
	if pts == e.at {
		time.Sleep(e.takes)
	}
	return nil, nil
}

// TestBehindAsInTheShow: an encoder misses pictures when as many wait for it as may in the show,
// and not before, whatever their rate.
func TestBehindAsInTheShow(t *testing.T) {
	for _, c := range []struct {
		fps     string
		divisor int
		takes   int // pictures
		missed  bool
	}{
		{"25", 1, engine.PictureDepth, false},
		{"25", 1, engine.PictureDepth + 2, true},
		{"30000/1001", 1, engine.PictureDepth, false},
		{"60", 1, engine.PictureDepth, false},
		{"60", 1, engine.PictureDepth + 2, true},
		{"60", 2, engine.PictureDepth, false},
		{"60", 2, engine.PictureDepth + 2, true},
	} {
		t.Run(fmt.Sprintf("%s by %d, %d pictures", c.fps, c.divisor, c.takes), func(t *testing.T) {
			show := parse(t, fmt.Sprintf(`{"format": 2, "canvas": {"width": 64, "height": 36, "fps": %q},
			 "renditions": [{"id": "main", "video": {"frame_divisor": %d}}],
			 "destinations": [{"id": "a", "kind": "rtmp", "settings": {"url": "rtmp://a.invalid/live"}}]}`, c.fps, c.divisor))
			synctest.Test(t, func(t *testing.T) {
				o := Options{Show: show, Kinds: kinds(), Encode: 3 * time.Second}
				fps := show.Renditions[0].Video.FPS(show.Canvas.FPS)
				o.openEncoder = func(opt av.VideoEncoderOptions) (encoder, error) {
					return slowOnce{at: 20, takes: media.TickTime(int64(c.takes), fps)}, nil
				}
				f := o.encode(t.Context())
				if missed := len(f) == 1 && strings.Contains(f[0].Text, "missed"); missed != c.missed {
					t.Errorf("%+v; want pictures missed: %v", f, c.missed)
				}
			})
		})
	}
}

// TestFoldersAndContext: a folder that is not there is said, and the context ends a run.
func TestFoldersAndContext(t *testing.T) {
	show := parse(t, `{"format": 2, "canvas": {"width": 320, "height": 180, "fps": "30"},
	 "destinations": [{"id": "a", "kind": "rtmp", "settings": {"url": "rtmp://192.0.2.1/live"}}],
	 "recordings": [{"id": "r", "settings": {"path": "/nowhere/at/all/show.mkv"}}]}`)
	o := Options{Show: show, Kinds: kinds(), RecordDir: t.TempDir(), Encode: time.Minute}
	if f := o.disk(t.Context(), o.recordDirs()[0]); f.Verdict != NoGo || f.Subject != "/nowhere/at/all" {
		t.Errorf("a folder that is not there: %+v", f)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := Run(ctx, o, func(Finding) {}); err == nil {
		t.Error("the context ended and Run did not say so")
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("Run ended %v after it began", d)
	}
}

// TestKeyringThatDoesNotAnswer: the check of a destination ends all the same.
func TestKeyringThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locked, name, began := make(chan struct{}), "tube", time.Now()
		o := Options{Secret: func(string, []outputs.Recipient) (string, error) { <-locked; return "key", nil }}
		secret, err := o.secret(t.Context(), scenes.Ingest{Credential: &name})
		if took := time.Since(began); secret != "" || err == nil || !strings.Contains(err.Error(), "unlock it") || took != secretTimeout {
			t.Errorf("after %v: %q, %v", took, secret, err)
		}
		close(locked)
	})
}
