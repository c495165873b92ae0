package rehearsal

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// arrival is a clip that is published, and what is to be reported of it.
type arrival struct {
	kind, secret string
	clip         func() (*clip, error)
	sound        media.Codec
	bFrames      bool
	offset       float64
}

func TestReportsWhatArrives(t *testing.T) {
	cases := []arrival{
		{"rtmp", DefaultSecret, ordinary, media.AAC, false, 0},
		{"rtmp", DefaultSecret, delayed, media.AAC, true, 80},
		{"srt", "", ordinary, media.AAC, false, 0},
		{"srt", "", delayed, media.AAC, true, 80},
		{"whip", "", ordinary, media.Opus, false, 0},
	}
	for _, c := range cases {
		name := c.kind
		if c.bFrames {
			name += " with B-frames and late sound"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempts.Run(t, 3, func(a *attempts.T) { c.isReported(a) })
		})
	}
}

func (c arrival) isReported(t testing.TB) {
	dir := t.TempDir()
	r := receiver(t, Options{RecordDir: dir})
	if err := publish(t, output(t, r, c.kind, c.secret, nil), play(t, c.clip, c.sound == media.Opus)); err != nil {
		t.Fatal(err)
	}
	rep := await(t, r, "ended", func(r Report) bool { return r.State == Ended })
	shown, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", shown)
	if strings.Contains(string(shown), DefaultSecret) {
		t.Error("the report shows the key")
	}
	v, a := rep.Video, rep.Audio
	if v == nil || a == nil {
		t.Fatal("no pictures or no sound")
		return
	}
	if v.Codec != media.H264 || a.Codec != c.sound || v.Width != 320 || v.Height != 180 {
		t.Errorf("got %s %dx%d and %s", v.Codec, v.Width, v.Height, a.Codec)
	}
	if want := (media.Rational{Num: clipFPS, Den: 1}); v.FPS != want || v.Variable {
		t.Errorf("rate %v (variable %v), want %v", v.FPS, v.Variable, want)
	}
	if k := v.Keyframe; k.Count != 3 || k.MinSeconds != 2 || k.MeanSeconds != 2 || k.MaxSeconds != 2 {
		t.Errorf("keyframes %+v, want 3, 2 s apart", k)
	}
	if (v.Gaps != GapReport{}) || (a.Gaps != GapReport{}) {
		t.Errorf("gaps %+v %+v", v.Gaps, a.Gaps)
	}
	if v.Pictures != clipFPS*clipSeconds {
		t.Errorf("%d pictures, want %d", v.Pictures, clipFPS*clipSeconds)
	}
	if v.BFrames != c.bFrames {
		t.Errorf("B-frames %v, want %v", v.BFrames, c.bFrames)
	}
	if rep.AVOffsetMS == nil || math.Abs(*rep.AVOffsetMS-c.offset) > 3 {
		t.Errorf("flash to beep %v ms, want %v", show(rep.AVOffsetMS), c.offset)
	} else if *rep.AVOffsetMaxMS-*rep.AVOffsetMinMS > 1 {
		t.Errorf("flash to beep from %v to %v ms", *rep.AVOffsetMinMS, *rep.AVOffsetMaxMS)
	}
	if rep.MuxSkewMS == nil || math.Abs(*rep.MuxSkewMS) > 100 {
		t.Errorf("mux skew %s ms", show(rep.MuxSkewMS))
	}
	if rep.Code == nil || rep.Code.Camera != 3 || rep.Code.Number%(2*clipFPS) != 0 || rep.Examined < 2 || rep.Unreadable > 0 {
		t.Errorf("frame counter %+v, %d keyframes decoded, %d unreadable", rep.Code, rep.Examined, rep.Unreadable)
	}
	if len(rep.Warnings) > 0 {
		t.Errorf("warnings %q", rep.Warnings)
	}
	if rep.MeanBPS < 300_000 || rep.MeanBPS > 2_000_000 {
		t.Errorf("%d b/s", rep.MeanBPS)
	}
	if got := numbers(t, filepath.Join(dir, rep.Recording)); len(got) != clipFPS*clipSeconds {
		t.Errorf("the recording has %d pictures, want %d", len(got), clipFPS*clipSeconds)
	} else {
		for i, n := range got {
			if n != i {
				t.Errorf("picture %d of the recording is number %d", i, n)
				break
			}
		}
	}
}

func show(v *float64) any {
	if v == nil {
		return "unknown"
	}
	return *v
}

// numbers are the frame counters of a file's pictures.
func numbers(t testing.TB, path string) []int {
	t.Helper()
	in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	d, err := av.NewVideoDecoder(in.Video(), av.VideoDecoderOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if in.Audio() == nil {
		t.Error("the recording has no sound")
	}
	var out []int
	p := av.NewInputPacket()
	defer p.Free()
	for over := false; !over; {
		next := p
		if err := in.ReadPacket(p); errors.Is(err, io.EOF) {
			over, next = true, nil
		} else if err != nil {
			t.Fatal(err)
		}
		if next != nil && next.Stream != in.Video().Index {
			continue
		}
		if err := d.Send(next); err != nil {
			t.Fatal(err)
		}
		for {
			f, err := d.Receive()
			if errors.Is(err, av.ErrAgain) || errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			_, n, ok := framecode.Read(f)
			f.Release()
			if !ok {
				n = math.MaxInt32
			}
			out = append(out, int(n))
		}
	}
	return out
}

func TestNoFilesUnlessAsked(t *testing.T) {
	r := receiver(t, Options{NoDecode: true})
	feed := play(t, ordinary, false)
	feed.order = feed.order[:len(feed.order)/2]
	if err := publish(t, output(t, r, "srt", "", nil), feed); err != nil {
		t.Fatal(err)
	}
	rep := await(t, r, "ended", func(r Report) bool { return r.State == Ended })
	if rep.Recording != "" || rep.Examined != 0 || rep.Code != nil {
		t.Errorf("recording %q, %d keyframes decoded", rep.Recording, rep.Examined)
	}
	if rep.Video == nil || rep.Video.Width != 320 {
		t.Errorf("video %+v", rep.Video)
	}
}

func TestPortInUse(t *testing.T) {
	r := receiver(t, Options{})
	for _, ports := range []Ports{{RTMP: port(t, r, "rtmp")}, {WHIP: port(t, r, "whip")}, {SRT: port(t, r, "srt")}} {
		second, err := Start(t.Context(), Options{Ports: ports})
		if err == nil {
			second.Close()
			t.Errorf("%+v: started twice on one port", ports)
		} else if !strings.Contains(err.Error(), "rehearsal: open the ") {
			t.Errorf("%+v: %v", ports, err)
		}
	}
	if _, err := Start(t.Context(), Options{RecordDir: filepath.Join(os.DevNull, "x")}); err == nil {
		t.Error("a folder that cannot be made is accepted")
	}
}
