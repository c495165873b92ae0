package rtmp

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// mp4a is AAC's FourCC.
const mp4a = "6d703461"

// multitrackBodies are messages as the specification's figures have them.
var multitrackBodies = map[string]string{
	"one track":             "95" + "01" + mp4a + "03" + "aabb",
	"configuration":         "95" + "00" + mp4a + "03" + "1190",
	"three tracks":          "95" + "11" + mp4a + "00" + "000001" + "aa" + "01" + "000002" + "bbcc" + "02" + "000000",
	"AAC beside Opus":       "95" + "21" + mp4a + "04" + "000001" + "aa" + "4f707573" + "05" + "000001" + "dd",
	"enhanced, not several": "91" + mp4a + "aa",
	"end":                   "95" + "02" + mp4a + "03",
	"nanoseconds":           "97" + "02" + "0000ff" + "05" + "01" + mp4a + "03" + "aa",
	"a long modifier":       "97" + "ff" + "00ff" + strings.Repeat("00", 256) + "01" + mp4a + "aa",
}

func TestTrackBodies(t *testing.T) {
	for id, config := range []bool{false, true} {
		got := hex.EncodeToString(appendTrackAudio(nil, byte(3), config, []byte{1, 2}))
		if want := "95" + []string{"01", "00"}[id] + mp4a + "03" + "0102"; got != want {
			t.Errorf("config %v: %s, want %s", config, got, want)
		}
	}
	for name, want := range map[string]string{
		"one track": "3 frame aabb", "configuration": "3 config 1190", "three tracks": "0 frame aa, 1 frame bbcc, 2 frame ",
		"AAC beside Opus": "4 frame aa", "enhanced, not several": "0 frame aa", "end": "3 other ", "nanoseconds": "3 frame aa", "a long modifier": "0 frame aa",
	} {
		var got []string
		err := parseAudio(unhex(t, multitrackBodies[name]), func(v tag) error {
			got = append(got, fmt.Sprintf("%d %s %x", v.Track, [...]string{"", "config", "frame", "other"}[v.Kind], v.Data))
			return nil
		})
		if s := strings.Join(got, ", "); err != nil || s != want {
			t.Errorf("%s: %q, %v; want %q", name, s, err, want)
		}
	}
	for name, s := range map[string]string{
		"nothing": "", "no codec": "95" + "01" + "6d70", "no form": "95", "several in several": "95" + "15" + mp4a + "00000000", "an unknown form": "95" + "31" + mp4a + "00",
		"more than there is": "95" + "11" + mp4a + "00" + "000009" + "aa", "a cut size": "95" + "11" + mp4a + "00" + "00", "a cut modifier": "97" + "05" + "00", "modifiers without an end": "97" + "0000",
		"no codec of a track": "95" + "21" + "6d", "no number": "95" + "21" + mp4a,
	} {
		if err := parseAudio(unhex(t, s), func(tag) error { return nil }); !errors.Is(err, errTag) {
			t.Errorf("%s: %v", name, err)
		}
	}
	stop := errors.New("stop")
	if err := parseAudio(unhex(t, multitrackBodies["three tracks"]), func(tag) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the caller's error becomes %v", err)
	}
}

func TestOffersMultitrack(t *testing.T) {
	for name, c := range map[string]struct {
		objects []any
		want    bool
	}{
		"nothing":              {[]any{map[string]any{"fmsVer": "x"}, nil}, false},
		"the bit":              {[]any{map[string]any{"capsEx": 2.0}}, true},
		"in the second object": {[]any{nil, map[string]any{"capsEx": 15.0}}, true},
		"other bits":           {[]any{map[string]any{"capsEx": 13.0}}, false},
		"not a number":         {[]any{map[string]any{"capsEx": "2"}}, false},
		"AAC is decoded":       {[]any{map[string]any{"capsEx": 2.0, "audioFourCcInfoMap": map[string]any{"mp4a": 1.0}}}, true},
		"all is passed on":     {[]any{map[string]any{"capsEx": 2.0, "audioFourCcInfoMap": map[string]any{"*": 4.0}}}, true},
		"AAC is only encoded":  {[]any{map[string]any{"capsEx": 2.0, "audioFourCcInfoMap": map[string]any{"mp4a": 2.0}}}, false},
		"only Opus":            {[]any{map[string]any{"capsEx": 2.0, "audioFourCcInfoMap": map[string]any{"Opus": 7.0}}}, false},
	} {
		if got := offersMultitrack(c.objects); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// threeTracks are pictures and three tracks of sound.
func threeTracks(t testing.TB) []media.Track {
	tracks := testTracks(t)
	for i, name := range []string{"Programme", "Commentary", "Crowd"} {
		sound := tracks[1]
		sound.Title, sound.BitrateBPS = name, 96_000+1000*i
		tracks = append(tracks[:1+i:1+i], sound)
	}
	return tracks
}

// threeTrackFeed has n pictures and as many blocks of each track.
func threeTrackFeed(t testing.TB, n int64) *testFeed {
	f := newTestFeed(threeTracks(t), media.RecordLimits)
	for i := range n {
		f.q.Put(fakePicture(i, 500))
		for track := 1; track <= 3; track++ {
			p := fakeSound(i)
			p.Track = track
			p.Data = fmt.Appendf(nil, "track %d block %d", track, i)
			f.q.Put(p)
		}
	}
	f.q.Close()
	return f
}

// TestSeveralTracks: three tracks of sound arrive at a server that takes them, each whole,
// by itself, in order and with its name.
func TestSeveralTracks(t *testing.T) {
	t.Parallel()
	ts := startServer(t, nil)
	const blocks = 60
	feed := threeTrackFeed(t, blocks)
	if err := newPublisher(t, "rtmp://"+ts.addr+"/live", "key").Run(t.Context(), feed); err != nil {
		t.Fatal(err)
	}
	r := ts.stream(0)
	<-r.closed
	var names []string
	for _, v := range r.tracks {
		names = append(names, fmt.Sprintf("%s %q %d", v.Codec, v.Title, v.BitrateBPS))
	}
	// The first is described by the stream's own metadata, which has no names.
	if want := []string{`h264 "" 1000000`, `aac "" 96000`, `aac "Commentary" 97000`, `aac "Crowd" 98000`}; !slices.Equal(names, want) {
		t.Fatalf("tracks %q, want %q", names, want)
	}
	next := map[int]int64{}
	last := map[int]int64{}
	for _, p := range r.packets {
		if p.Track > 0 {
			if want := fmt.Sprintf("track %d block %d", p.Track, next[p.Track]); string(p.Data) != want || !p.Audio {
				t.Fatalf("got %q, want %q", p.Data, want)
			}
		}
		if p.DTS < last[p.Track] {
			t.Errorf("track %d goes from %d to %d ms", p.Track, last[p.Track], p.DTS)
		}
		next[p.Track]++
		last[p.Track] = p.DTS
	}
	for track := range 4 {
		if next[track] != blocks {
			t.Errorf("%d packets of track %d, want %d", next[track], track, blocks)
		}
	}
	if w := feed.lastReport().Warning; w != "" {
		t.Errorf("a warning: %s", w)
	}
}

// TestOneTrackTaken: nginx has never heard of tracks; it gets the first, and that is said.
func TestOneTrackTaken(t *testing.T) {
	t.Parallel()
	n := startNginx(t)
	feed := newTestFeed(threeTracks(t), media.LiveLimits)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- newPublisher(t, n.url("live"), "tracks").Run(ctx, feed) }()
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		for i := int64(0); ctx.Err() == nil; i++ {
			feed.q.Put(fakePicture(i, 500))
			for track := 1; track <= 3; track++ {
				p := fakeSound(i)
				p.Track = track
				feed.q.Put(p)
			}
			<-tick.C
		}
	}()
	report := feed.waitState(t, outputs.Confirmed, 10*time.Second)
	if !strings.Contains(report.Warning, "one track of sound, so only Programme of 3 is sent") {
		t.Errorf("the warning is %q", report.Warning)
	}
	if report.DroppedPackets != 0 {
		t.Errorf("%d packets count as lost that nobody is owed", report.DroppedPackets)
	}
	if s, found := n.stat(t, "tracks"); !found || s.Audio != "AAC" {
		t.Errorf("nginx has %+v, %v", s, found)
	}
	cancel()
	<-done
	<-pumped
}

// TestTooManyTracks are refused before anything is opened.
func TestTooManyTracks(t *testing.T) {
	tracks := testTracks(t)
	for range MaxSoundTracks {
		tracks = append(tracks, tracks[1])
	}
	if _, err := newPlan(tracks); err == nil {
		t.Errorf("%d tracks of sound are accepted", len(tracks)-1)
	}
	if p, err := newPlan(tracks[:len(tracks)-1]); err != nil || len(p.sound()) != MaxSoundTracks {
		t.Errorf("%v", err)
	}
}
