package av

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// written is a file of 3 s of numbered pictures, two of three B-frames, with these chapters. Not closed, it is as a
// crash leaves it.
func written(t *testing.T, path, format string, chapters []Chapter, closed bool) {
	t.Helper()
	e := x264(t, VideoEncoderOptions{GOP: 30, BFrames: 2})
	m, err := NewMuxer(MuxerOptions{Format: format, Path: path, Tracks: []media.Track{e.Track()}, FragmentDuration: 250 * time.Millisecond, StartAtZero: true, Timecode: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range encoded(t, e, 60, 90) {
		if err := m.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	if !closed {
		if err := m.Flush(); err != nil {
			t.Fatal(err)
		}
		m.free() // no trailer: as after a crash
		return
	}
	if err := m.SetChapters(chapters, 3*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

func chaptersIn(t *testing.T, path string) ([]Chapter, int) {
	t.Helper()
	in, err := OpenInput(t.Context(), path, InputOptions{AllStreams: true})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	p := NewInputPacket()
	defer p.Free()
	n := 0
	for in.ReadPacket(p) == nil {
		n++
	}
	return in.Chapters(), n
}

func TestChapters(t *testing.T) {
	want := []Chapter{{0, time.Second, "Begin"}, {time.Second, 2500 * time.Millisecond, "Zweites Kapitel: Ünïcode"}, {2500 * time.Millisecond, 3 * time.Second, ""}}
	given := slices.Clone(want)
	for i := range given {
		given[i].End = 0
	}
	for format, name := range map[string]string{"matroska": "a.mkv", "mp4": "a.mp4", "mov": "a.mov"} {
		path := filepath.Join(t.TempDir(), name)
		written(t, path, format, given, true)
		got, packets := chaptersIn(t, path)
		if !slices.Equal(got, want) || packets != 90 {
			t.Errorf("%s: %v and %d packets, want %v and 90", format, got, packets, want)
		}
	}
}

func TestRemuxFinishes(t *testing.T) {
	for format, name := range map[string]string{"matroska": "a.mkv", "mp4": "a.mp4", "mpegts": "a.ts"} {
		dir := t.TempDir()
		from, to := filepath.Join(dir, name), filepath.Join(dir, "b"+filepath.Ext(name))
		written(t, from, format, nil, false)
		if err := Remux(t.Context(), from, to, RemuxOptions{Format: format, Chapters: []Chapter{{At: time.Second, Title: "Goal"}}}); err != nil {
			t.Fatal(err)
		}
		chapters, packets := chaptersIn(t, to)
		if packets != 90 {
			t.Errorf("%s: %d packets, want 90", format, packets)
		}
		if format != "mpegts" && (len(chapters) != 1 || chapters[0].Title != "Goal") {
			t.Errorf("%s: chapters %v", format, chapters)
		}
		in, err := OpenInput(t.Context(), to, InputOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if d := in.Duration(); d < 2900*time.Millisecond || d > 3200*time.Millisecond {
			t.Errorf("%s: lasts %v, want 3 s", format, d)
		}
		if n, ok := in.Timecode(media.NewRational(30, 1)); format != "mpegts" && (!ok || n != 60) {
			t.Errorf("%s: its timecode is %d (%v), want 60", format, n, ok)
		}
		in.Close()
		if err := Remux(t.Context(), from, to, RemuxOptions{Format: format}); err == nil {
			t.Errorf("%s: an existing file was written over", format)
		}
	}
}

// TestRemuxKeepsToTheEnd: a file whose middle cannot be read is not taken for its beginning.
func TestRemuxKeepsToTheEnd(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.mp4")
	e := x264(t, VideoEncoderOptions{GOP: 30})
	m, err := NewMuxer(MuxerOptions{Format: "mp4", Path: whole, Tracks: []media.Track{e.Track()}, FragmentDuration: 250 * time.Millisecond, StartAtZero: true})
	if err != nil {
		t.Fatal(err)
	}
	filler := slices.Concat([]byte{0, 0, 0, 1, 12}, bytes.Repeat([]byte{0xff}, 30_000), []byte{0x80}) // ISO/IEC 14496-10 7.3.2.7
	for _, p := range encoded(t, e, 0, 360) {
		p.Data = slices.Concat(p.Data, filler)
		if err := m.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	m.free()
	raw, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	quarter := len(raw)/4 + bytes.Index(raw[len(raw)/4:], []byte("moof"))
	for name, c := range map[string]struct {
		change func(b []byte) []byte
		want   error
	}{
		"whole":        {func(b []byte) []byte { return b }, nil},
		"cut":          {func(b []byte) []byte { return b[:len(b)-100_000] }, nil},
		"zeros behind": {func(b []byte) []byte { return append(b[:len(b)/4], make([]byte, len(b)*3/4)...) }, nil},
		"damaged": {func(b []byte) []byte {
			copy(b[quarter:], "junk")
			copy(b[quarter-4:], []byte{0x7f})
			return b
		}, ErrPart},
		"damaged at the beginning": {func(b []byte) []byte { // of which the header alone can be read
			clear(b[bytes.Index(b, []byte("moof"))-4:][:4096])
			return b
		}, ErrPart},
	} {
		from, to := filepath.Join(dir, name+".mp4"), filepath.Join(dir, name+" copy.mp4")
		if err := os.WriteFile(from, c.change(slices.Clone(raw)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Remux(t.Context(), from, to, RemuxOptions{Format: "mp4"}); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if _, err := os.Stat(to); (err == nil) != (c.want == nil) {
			t.Errorf("%s: the copy: %v", name, err)
		}
	}
}
