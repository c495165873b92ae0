package rehearsal

import (
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
)

// tones is how many periods of 100 Hz a second of each further track has.
var tones = []int{7, 11}

// withTones adds tracks of a tone each to a feed with AAC, encoded for real.
func withTones(t *testing.T, p *playing, names ...string) *playing {
	t.Helper()
	for i, name := range names {
		enc, err := av.NewAudioEncoder(av.AudioEncoderOptions{BitrateBPS: 96_000, Title: name})
		if err != nil {
			t.Fatal(err)
		}
		defer enc.Close()
		sound := make([]float32, clipSeconds*media.SampleRateHz*media.Channels)
		for n := range sound {
			sound[n] = float32(0.3 * math.Sin(2*math.Pi*float64(100*tones[i])*float64(n/2)/media.SampleRateHz))
		}
		packets, err := enc.Encode(sound, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.tracks = append(p.tracks, enc.Track())
		for _, packet := range packets {
			q := *packet
			q.Track, q.Audio = len(p.tracks)-1, true
			p.order = append(p.order, &q)
		}
	}
	slices.SortStableFunc(p.order, func(a, b *media.Packet) int { return int(p.dts(a) - p.dts(b)) })
	return p
}

// TestSeveralTracksOfSound: what an RTMP stream carries beside its first track is in the
// recording, each tone on its own track, and does not disturb what is said of the first.
func TestSeveralTracksOfSound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := receiver(t, Options{RecordDir: dir})
	feed := withTones(t, play(t, ordinary, false), "Commentary", "Crowd")
	if err := publish(t, output(t, r, "rtmp", DefaultSecret, nil), feed); err != nil {
		t.Fatal(err)
	}
	rep := await(t, r, "ended", func(r Report) bool { return r.State == Ended })
	if a := rep.Audio; a == nil || a.Tracks != 3 || !slices.Equal(a.Titles, []string{"Commentary", "Crowd"}) || (a.Gaps != GapReport{}) {
		t.Errorf("sound: %+v", a)
	}
	if len(rep.Warnings) > 0 || rep.AVOffsetMS == nil {
		t.Errorf("warnings %q, flash to beep %v", rep.Warnings, show(rep.AVOffsetMS))
	}
	path := filepath.Join(dir, rep.Recording)
	for i, tone := range tones {
		cmd := exec.CommandContext(t.Context(), testkit.Program(t, "ffmpeg"), "-v", "error", "-ss", "1", "-t", "1", "-i", path, "-map", "0:a:"+strconv.Itoa(i+1), "-f", "s16le", "-ac", "1", "-")
		raw, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		rising := 0
		for n := 2; n+1 < len(raw); n += 2 {
			before, now := int16(raw[n-2])|int16(raw[n-1])<<8, int16(raw[n])|int16(raw[n+1])<<8
			if before < 0 && now >= 0 {
				rising++
			}
		}
		seconds := float64(len(raw)) / 2 / media.SampleRateHz
		if hz := float64(rising) / seconds; math.Abs(hz-float64(100*tone)) > 10 {
			t.Errorf("track %d has %.0f Hz over %.2f s, want %d", i+1, hz, seconds, 100*tone)
		}
	}
	if names, err := exec.CommandContext(t.Context(), testkit.Program(t, "ffprobe"), "-v", "error", "-select_streams", "a", "-show_entries", "stream_tags=title", "-of", "csv=p=0", path).Output(); err != nil || !strings.Contains(string(names), "Crowd") {
		t.Errorf("the recording's tracks are called %q, %v", names, err)
	}
}
