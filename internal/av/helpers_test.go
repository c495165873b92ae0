package av

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
)

func TestMain(m *testing.M) {
	RouteLogs(nil)
	if name := os.Getenv("AV_TEST_CHILD"); name != "" {
		muxForever(name)
	}
	leaks.VerifyTestMain(m)
}

// program finds FFmpeg's programs beside the libraries the tests are built with.
func program(t testing.TB, name string) string {
	t.Helper()
	for dir := range strings.SplitSeq(os.Getenv("PKG_CONFIG_PATH"), ":") {
		p := filepath.Join(dir, "..", "..", "bin", name)
		if _, err := os.Stat(p); dir != "" && err == nil {
			return p
		}
	}
	p, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is needed: %v", name, err)
	}
	return p
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, name), args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, stderr.String())
	}
	return string(out)
}

// drawNumber paints the low 12 bits of n as blocks of luma, and moving texture below.
func drawNumber(f *media.Frame, n int64) {
	f.Fill(90, 128, 128)
	bw := f.Width / 12
	for y := range f.Height / 4 {
		row := f.Planes[0].Data[y*f.Planes[0].Stride:]
		for x := range bw * 12 {
			row[x] = 16
			if n>>(x/bw)&1 == 1 {
				row[x] = 235
			}
		}
	}
	for y := f.Height / 4; y < f.Height; y++ {
		row := f.Planes[0].Data[y*f.Planes[0].Stride:]
		for x := range f.Width {
			row[x] = byte(60 + (x*3+y*2+int(n)*5)%120)
		}
	}
}

func readNumber(f *media.Frame) int64 {
	bw := f.Width / 12
	y := f.Height / 8
	n := int64(0)
	for b := range 12 {
		if f.Planes[0].Data[y*f.Planes[0].Stride+b*bw+bw/2] > 125 {
			n |= 1 << b
		}
	}
	return n
}

var fps30 = media.Rational{Num: 30, Den: 1}

func x264(t testing.TB, opt VideoEncoderOptions) *VideoEncoder {
	t.Helper()
	if opt.Encoder == "" {
		opt.Encoder = "libx264"
	}
	if opt.Width == 0 {
		opt.Width, opt.Height = 320, 180
	}
	if !opt.FPS.IsSet() {
		opt.FPS = fps30
	}
	if opt.BitrateBPS == 0 {
		opt.BitrateBPS = 800_000
	}
	e, err := NewVideoEncoder(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// encoded is n numbered pictures from first on.
func encoded(t testing.TB, e *VideoEncoder, first int64, n int) []*media.Packet {
	t.Helper()
	pool := media.NewFramePool(media.I420, e.opt.Width, e.opt.Height, 2)
	var out []*media.Packet
	for i := range int64(n) {
		f := pool.Get()
		f.Color = e.opt.Color
		drawNumber(f, first+i)
		p, err := e.Encode(f, first+i, false)
		f.Release()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p...)
	}
	p, err := e.Flush()
	if err != nil {
		t.Fatal(err)
	}
	return append(out, p...)
}

// tone is a sine with a click (full scale) in the middle of every second.
func tone(first int64, frames int) []float32 {
	s := make([]float32, frames*2)
	for i := range frames {
		n := first + int64(i)
		v := 0.1 * math.Sin(2*math.Pi*440*float64(n)/48000)
		if c := (n + 24000) % 48000; c < 96 {
			v = 0.9 * math.Sin(2*math.Pi*2000*float64(c)/48000)
		}
		s[2*i], s[2*i+1] = float32(v), float32(v)
	}
	return s
}

func encodedSound(t testing.TB, e *AudioEncoder, first int64, frames int) []*media.Packet {
	t.Helper()
	var out []*media.Packet
	sizes := []int{1600, 1, 1601, 480, 3000}
	for done, i := 0, 0; done < frames; i++ {
		n := min(sizes[i%len(sizes)], frames-done)
		p, err := e.Encode(tone(first+int64(done), n), first+int64(done))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p...)
		done += n
	}
	p, err := e.Flush()
	if err != nil {
		t.Fatal(err)
	}
	return append(out, p...)
}

// interleave merges by time of decoding, as a feed does.
func interleave(video, audio []*media.Packet, vtb, atb media.Rational) []*media.Packet {
	var out []*media.Packet
	for len(video) > 0 || len(audio) > 0 {
		if len(audio) == 0 || len(video) > 0 && media.TimeOf(video[0].DTS, vtb) <= media.TimeOf(audio[0].DTS, atb) {
			out = append(out, video[0])
			video = video[1:]
			continue
		}
		audio[0].Track = 1
		out = append(out, audio[0])
		audio = audio[1:]
	}
	return out
}

func open(t testing.TB, ctx context.Context, url string, opt InputOptions) *Input {
	t.Helper()
	in, err := OpenInput(ctx, url, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Close)
	return in
}

// decoded calls video and audio with everything in the input; both may be nil.
func decoded(t testing.TB, in *Input, opt VideoDecoderOptions, video func(*media.Frame), audio func(media.AudioBlock)) {
	t.Helper()
	if err := decodeAll(in, opt, video, audio); err != nil {
		t.Fatal(err)
	}
}

func decodeAll(in *Input, opt VideoDecoderOptions, video func(*media.Frame), audio func(media.AudioBlock)) error {
	var vd *VideoDecoder
	var ad *AudioDecoder
	var err error
	if in.Video() != nil && video != nil {
		if vd, err = NewVideoDecoder(in.Video(), opt); err != nil {
			return err
		}
		defer vd.Close()
	}
	if in.Audio() != nil && audio != nil {
		if ad, err = NewAudioDecoder(in.Audio()); err != nil {
			return err
		}
		defer ad.Close()
	}
	p := NewInputPacket()
	defer p.Free()
	for done := false; !done; {
		pkt := p
		if err := in.ReadPacket(p); errors.Is(err, io.EOF) {
			done, pkt = true, nil
		} else if err != nil {
			return err
		}
		if vd != nil && (pkt == nil || pkt.Stream == in.Video().Index) {
			if err := vd.Send(pkt); err != nil {
				return err
			}
			for {
				f, err := vd.Receive()
				if errors.Is(err, ErrAgain) || errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					return err
				}
				video(f)
				f.Release()
			}
		}
		if ad != nil && (pkt == nil || pkt.Stream == in.Audio().Index) {
			if err := ad.Send(pkt); err != nil {
				return err
			}
			for {
				b, err := ad.Receive()
				if errors.Is(err, ErrAgain) || errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					return err
				}
				audio(b)
			}
		}
	}
	return nil
}

// clicks are the times at which the tone's full-scale clicks begin.
type clicks struct{ at []time.Duration }

func (c *clicks) hear(b media.AudioBlock) {
	for i := 0; i < len(b.Samples); i += 2 {
		if v := b.Samples[i]; v > 0.4 || v < -0.4 {
			t := b.PTS + media.TimeOf(int64(i/2), media.Rational{Num: 1, Den: media.SampleRateHz})
			if len(c.at) == 0 || t-c.at[len(c.at)-1] > 100*time.Millisecond {
				c.at = append(c.at, t)
			}
		}
	}
}

type probed struct {
	Streams []struct {
		CodecName string `json:"codec_name"`
		StartTime string `json:"start_time"`
	} `json:"streams"`
	Packets []struct {
		Type  string `json:"codec_type"`
		Time  string `json:"pts_time"`
		Flags string `json:"flags"`
	} `json:"packets"`
}

func ffprobe(t testing.TB, path string) probed {
	t.Helper()
	var p probed
	out := run(t, "ffprobe", "-v", "error", "-show_streams", "-show_packets", "-of", "json", path)
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func noLeaks(t testing.TB) {
	t.Helper()
	runtime.GC()
	if l := media.LiveFrames(); len(l) > 0 {
		t.Errorf("%d frames were not released, for example %s", len(l), l[0])
	}
}
