package av

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
)

// saidColors are the colours that a file says by itself, and not the streams in it: by MP4's and MOV's
// colr boxes (ISO/IEC 14496-12 12.1.5), Matroska's Colour element (RFC 9559 5.1.4.1.28.16).
func saidColors(t *testing.T, path, format string) (list []media.CodePoints) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if format == "matroska" {
		value := func(id byte) uint8 {
			_, behind, found := bytes.Cut(data[:min(len(data), 4096)], []byte{0x55, id, 0x81}) // one byte long
			if !found {
				return 0
			}
			return behind[0]
		}
		c := media.CodePoints{Primaries: value(0xbb), Transfer: value(0xba), Matrix: value(0xb1)}
		c.Range = map[uint8]media.Range{1: media.Limited, 2: media.Full}[value(0xb9)]
		return []media.CodePoints{c}
	}
	for {
		_, behind, found := bytes.Cut(data, []byte("colrncl"))
		if !found {
			return list
		}
		number := func(i int) uint8 { return uint8(binary.BigEndian.Uint16(behind[1+2*i:])) }
		c := media.CodePoints{Primaries: number(0), Transfer: number(1), Matrix: number(2)}
		if behind[0] == 'x' {
			if c.Range = media.Limited; behind[7]&0x80 != 0 {
				c.Range = media.Full
			}
		}
		list, data = append(list, c), behind
	}
}

// TestFilesSayTheirColor: containers say of a stream's colour what the stream says, in files that ended
// well, that were cut off, and that were finished after that.
func TestFilesSayTheirColor(t *testing.T) {
	limited := func(m media.Matrix) media.ColorInfo { return media.ColorInfo{Matrix: m, Range: media.Limited} }
	for _, c := range []struct {
		format, encoder string
		color           media.ColorInfo
		want            media.CodePoints
		probed          [3]string // primaries, transfer, matrix by ffprobe's names
	}{
		{"mp4", "libx264", media.Rec709, media.CodePoints{Primaries: 1, Transfer: 1, Matrix: 1, Range: media.Limited}, [3]string{"bt709", "bt709", "bt709"}},
		{"mp4", "libx264", media.ColorInfo{Matrix: media.BT709, Range: media.Full}, media.CodePoints{Primaries: 1, Transfer: 1, Matrix: 1, Range: media.Full}, [3]string{"bt709", "bt709", "bt709"}},
		{"mp4", "libx265", limited(media.BT2020), media.CodePoints{Primaries: 9, Transfer: 14, Matrix: 9, Range: media.Limited}, [3]string{"bt2020", "bt2020-10", "bt2020nc"}},
		{"mp4", "libsvtav1", media.Rec709, media.CodePoints{Primaries: 1, Transfer: 1, Matrix: 1, Range: media.Limited}, [3]string{"bt709", "bt709", "bt709"}},
		{"mov", "prores_ks", media.Rec709, media.CodePoints{Primaries: 1, Transfer: 1, Matrix: 1}, [3]string{"bt709", "bt709", "bt709"}},
		{"mov", "libx264", limited(media.BT601), media.CodePoints{Primaries: 6, Transfer: 6, Matrix: 6}, [3]string{"smpte170m", "smpte170m", "smpte170m"}},
		{"matroska", "libx264", limited(media.BT601), media.CodePoints{Primaries: 6, Transfer: 6, Matrix: 6, Range: media.Limited}, [3]string{"smpte170m", "smpte170m", "smpte170m"}},
		{"matroska", "libsvtav1", limited(media.BT2020), media.CodePoints{Primaries: 9, Transfer: 14, Matrix: 9, Range: media.Limited}, [3]string{"bt2020", "bt2020-10", "bt2020nc"}},
	} {
		t.Run(c.format+"/"+c.encoder+"/"+c.probed[0], func(t *testing.T) {
			dir := t.TempDir()
			whole, cut, finished := filepath.Join(dir, "whole"), filepath.Join(dir, "cut"), filepath.Join(dir, "finished")
			e := x264(t, VideoEncoderOptions{Encoder: c.encoder, Color: c.color, GOP: 6})
			m, err := NewMuxer(MuxerOptions{Format: c.format, Path: whole, Tracks: []media.Track{e.Track()}, FragmentDuration: 100 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range encoded(t, e, 0, 24) {
				if err := m.WritePacket(p); err != nil {
					t.Fatal(err)
				}
			}
			if err := m.Flush(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(whole)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(cut, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			if err := Remux(t.Context(), cut, finished, RemuxOptions{Format: c.format}); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{whole, cut, finished} {
				list := saidColors(t, path, c.format)
				if len(list) == 0 {
					t.Errorf("%s says no colour", filepath.Base(path))
				}
				for _, got := range list {
					if got != c.want {
						t.Errorf("%s says %+v, want %+v", filepath.Base(path), got, c.want)
					}
				}
				var found struct {
					Streams []struct {
						Primaries string `json:"color_primaries"`
						Transfer  string `json:"color_transfer"`
						Matrix    string `json:"color_space"`
					}
				}
				if err := json.Unmarshal([]byte(run(t, "ffprobe", "-v", "error", "-show_streams", "-of", "json", path)), &found); err != nil {
					t.Fatal(err)
				}
				if s := found.Streams[0]; [3]string{s.Primaries, s.Transfer, s.Matrix} != c.probed {
					t.Errorf("%s: ffprobe reads %+v, want %v", filepath.Base(path), s, c.probed)
				}
			}
		})
	}
}

// TestStreamCopyColor: the colour of what is passed on as it came is the stream's own, of MP4
// too, of which no picture is decoded.
func TestStreamCopyColor(t *testing.T) {
	for _, name := range []string{"x.mp4", "x.ts", "x.mkv"} {
		path := filepath.Join(t.TempDir(), name)
		run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-frames:v", "25", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast",
			"-bsf:v", "h264_metadata=colour_primaries=9:transfer_characteristics=16:matrix_coefficients=9:video_full_range_flag=0", path)
		if got := saidColors(t, path, "mp4"); len(got) > 0 {
			t.Fatalf("%s itself says %v", name, got)
		}
		c, err := NewStreamCopy(open(t, t.Context(), path, InputOptions{}).Video())
		if err != nil {
			t.Fatal(err)
		}
		want := media.CodePoints{Primaries: 9, Transfer: 16, Matrix: 9, Range: media.Limited}
		if got := c.Track().Color; got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		// Parameter sets that come later: what they do not say stays.
		c.recolor(h264.VUI{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: -1})
		if got := c.Track().Color; got != want {
			t.Errorf("%s: %+v after parameter sets that say nothing, want %+v", name, got, want)
		}
		c.recolor(h264.VUI{Primaries: 1, Transfer: 1, Matrix: 1, FullRange: 1})
		if got := c.Track().Color; got != (media.CodePoints{Primaries: 1, Transfer: 1, Matrix: 1, Range: media.Full}) {
			t.Errorf("%s: %+v after others", name, got)
		}
	}
}
