package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	receiver "crosspoint.studio/crosspoint/app/rehearsal"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/rtmp"
)

// shortFeed is one second of pictures and sound, sent in real time.
type shortFeed struct {
	tracks  []media.Track
	packets []*media.Packet
	start   time.Time
}

func newShortFeed(t testing.TB) *shortFeed {
	t.Helper()
	video, err := av.NewVideoEncoder(av.VideoEncoderOptions{
		Encoder: "libx264", Width: 320, Height: 180, FPS: media.Rational{Num: 30, Den: 1}, BitrateBPS: 500_000, Threads: 1, Preset: "ultrafast",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer video.Close()
	audio, err := av.NewAudioEncoder(av.AudioEncoderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer audio.Close()
	f := &shortFeed{tracks: []media.Track{video.Track(), audio.Track()}}
	add := func(track int, packets []*media.Packet, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packets {
			q := *p
			q.Track, q.Audio = track, track == 1
			f.packets = append(f.packets, &q)
		}
	}
	pool := media.NewFramePool(media.I420, 320, 180, 2)
	for n := range int64(36) {
		picture := pool.Get()
		picture.Fill(byte(40+n), 128, 128)
		packets, err := video.Encode(picture, n, false)
		picture.Release()
		add(0, packets, err)
	}
	packets, err := video.Flush()
	add(0, packets, err)
	packets, err = audio.Encode(make([]float32, 57600*media.Channels), 0)
	add(1, packets, err)
	slices.SortStableFunc(f.packets, func(a, b *media.Packet) int { return int(f.dts(a) - f.dts(b)) })
	return f
}

func (f *shortFeed) dts(p *media.Packet) time.Duration {
	return media.TimeOf(p.DTS, f.tracks[p.Track].TimeBase)
}
func (f *shortFeed) Tracks() []media.Track { return f.tracks }
func (f *shortFeed) Next(ctx context.Context) (*media.Packet, error) {
	if f.start.IsZero() {
		f.start = time.Now()
	}
	if len(f.packets) == 0 {
		return nil, io.EOF
	}
	p := f.packets[0]
	f.packets = f.packets[1:]
	timer := time.NewTimer(time.Until(f.start.Add(f.dts(p))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return p, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
func (f *shortFeed) Queued() time.Duration { return 0 }
func (f *shortFeed) RequestKeyframe()      {}
func (f *shortFeed) Report(outputs.Report) {}

// screen is what a command has written.
type screen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// await waits for a match of pattern and returns its groups.
func (s *screen) await(t testing.TB, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if m := re.FindStringSubmatch(s.String()); m != nil {
			return m
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("the output does not show %s:\n%s", pattern, s)
		}
	}
}

// startRehearse runs the command; end stops it and returns its error.
func startRehearse(t testing.TB, args ...string) (out *screen, end func() error) {
	t.Helper()
	out = &screen{}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := newRehearse(&console{out: out, err: io.Discard, level: new(slog.LevelVar), log: slog.New(slog.DiscardHandler)})
	cmd.SetArgs(args)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	done := make(chan error, 1)
	go func() { done <- cmd.ExecuteContext(ctx) }()
	end = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = end() })
	return out, end
}

// sendRTMP publishes a second of video to url under key.
func sendRTMP(t testing.TB, url, key string) error {
	t.Helper()
	o, err := rtmp.Kind().New(fmt.Appendf(nil, `{"url": %q}`, url), outputs.Options{Secret: key})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return o.Run(ctx, newShortFeed(t))
}

func TestRehearsePrintsLines(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { rehearsePrintsLines(a) })
}

func rehearsePrintsLines(t testing.TB) {
	dir := filepath.Join(t.TempDir(), "takes")
	out, end := startRehearse(t, "--record", dir)
	m := out.await(t, `RTMP  (rtmp://127\.0\.0\.1:\d+/live)  with the stream key rehearsal\n  SRT   srt://127\.0\.0\.1:\d+\n  WHIP  http://127\.0\.0\.1:\d+/whip/rehearsal\n`)
	if err := sendRTMP(t, m[1], "wrong"); !outputs.IsPermanent(err) {
		t.Errorf("a wrong key: %v", err)
	}
	out.await(t, `rtmp "live": refused; wrong stream key\n`)
	if err := sendRTMP(t, m[1], receiver.DefaultSecret); err != nil {
		t.Fatal(err)
	}
	out.await(t, `rtmp "live": ended, h264 [a-z ]+ \+ aac, 320x180, 30 fps, .*0 gaps, .* packets, [1-3]s\n`)
	if err := end(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(out.String(), "refused"); n != 1 {
		t.Errorf("the refusal is told %d times", n)
	}
	if strings.Contains(out.String(), "wrong\n") || strings.Contains(out.String(), "\x1b") {
		t.Errorf("output:\n%s", out)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("recordings %v, %v", files, err)
	}
}

func TestRehearsePrintsJSON(t *testing.T) {
	out, end := startRehearse(t, "--json")
	m := out.await(t, `"rtmp":"(rtmp:[^"]+)"`)
	if err := sendRTMP(t, m[1], receiver.DefaultSecret); err != nil {
		t.Fatal(err)
	}
	out.await(t, `"state":"ended"`)
	if err := end(); err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, text := range lines {
		var line struct {
			Time    time.Time
			URLs    map[string]string
			Streams []receiver.Report
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("line %d: %v: %s", i, err, text)
		}
		if (i == 0) != (len(line.URLs) == 3) || line.Time.IsZero() {
			t.Errorf("line %d: %s", i, text)
		}
		if i == len(lines)-1 && (len(line.Streams) != 1 || line.Streams[0].Video == nil || line.Streams[0].Video.Pictures != 36) {
			t.Errorf("last line: %s", text)
		}
	}
}

func TestRehearseRefusesWrongUsage(t *testing.T) {
	for _, args := range [][]string{{"--rtmp-port", "70000"}, {"--srt-port", "-1"}, {"extra"}} {
		_, end := startRehearse(t, args...)
		if err := end(); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

func TestRehearsalTableIsRedrawn(t *testing.T) {
	var out bytes.Buffer
	show := showTable(&out)
	old := receiver.Report{ID: 1, Protocol: "srt", Name: "old", State: receiver.Ended, Began: time.Now().Add(-time.Hour), Seconds: 5}
	now := receiver.Report{ID: 2, Protocol: "rtmp", Name: "live", State: receiver.Receiving, Began: time.Now(), Warnings: []string{"a warning"}}
	for range 2 {
		if err := show(time.Now(), []receiver.Report{old, now}); err != nil {
			t.Fatal(err)
		}
	}
	if s := out.String(); strings.Contains(s, `"old"`) || strings.Count(s, "\x1b[3F\x1b[J") != 1 || strings.Count(s, "a warning") != 2 {
		t.Errorf("drawn: %q", s)
	}
}
