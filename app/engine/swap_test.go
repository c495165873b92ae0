package engine

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/scenes"
)

// swapping is a running encode of one destination with its packets.
type swapping struct {
	v      *videoRunner
	user   *delivery
	queue  *media.PacketQueue
	pool   *media.FramePool
	opened []int // bitrates
	refuse atomic.Bool
	next   int64
	e      *Engine
}

const swapGOP = 15 // half a second

func startSwapping(t *testing.T, encoder, codec string) *swapping {
	t.Helper()
	return startSwappingOf(t, encoder, codec, swapGOP)
}

// startSwappingOf is startSwapping with so many pictures from keyframe to keyframe.
func startSwappingOf(t *testing.T, encoder, codec string, gop int) *swapping {
	t.Helper()
	s := &swapping{user: &delivery{}, queue: media.NewPacketQueue(media.RecordLimits, true), pool: media.NewFramePool(media.I420, 160, 96, 4)}
	e := &Engine{clock: media.NewRealClock(), log: slog.New(slog.DiscardHandler), fps: media.NewRational(30, 1), color: media.Rec709}
	s.e = e
	e.state.Store(&State{})
	e.openEncoder = func(opt av.VideoEncoderOptions) (pictureEncoder, error) {
		opt.Threads = 1
		if s.refuse.Load() {
			return nil, errors.New("no more of these")
		}
		s.opened = append(s.opened, opt.BitrateBPS)
		return openEncoder(opt)
	}
	var err error
	s.v, err = openVideo(scenes.Rendition{ID: "r", Video: scenes.Video{
		Encoder: encoder, Codec: codec, Width: 160, Height: 96, BitrateKbps: 1000, KeyframeSeconds: float64(gop) / 30, FrameDivisor: 1,
	}}, e, false, func(err error) { t.Errorf("the encoder: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	s.v.join(s.user)
	stream := newStream(s.v.track)
	stream.attach(s.queue)
	s.v.add(stream)
	return s
}

// play offers d of noisy pictures.
func (s *swapping) play(d time.Duration) {
	for range media.UnitsIn(d, media.NewRational(1, 30)) {
		f := s.pool.Get()
		seed := uint32(s.next)*2654435761 + 1
		for i := range f.Planes[0].Data {
			seed = seed*1664525 + 1013904223
			f.Planes[0].Data[i] = byte(60 + seed>>24&63)
		}
		for _, p := range f.Planes[1:3] {
			for i := range p.Data {
				p.Data[i] = 128
			}
		}
		s.v.offer(f, s.next, -1, true)
		f.Release()
		s.next++
	}
}

// TestBitrateByAnotherEncoder: x265 and SVT-AV1 follow a network by making way for
// another of their kind at a keyframe that is due anyway, and no picture is missing.
func TestBitrateByAnotherEncoder(t *testing.T) {
	for _, c := range []struct{ encoder, codec string }{{"libx265", "hevc"}, {"libsvtav1", "av1"}} {
		t.Run(c.encoder, func(t *testing.T) {
			t.Parallel()
			s := startSwapping(t, c.encoder, c.codec)
			follow := func(bps int) { s.v.follow(s.user, bps) }
			s.play(2 * time.Second)
			s.settle(t)
			follow(900_000) // too little to be worth it
			s.play(time.Second)
			s.settle(t)
			follow(300_000)
			s.play(time.Second / 30)
			s.opens(t)
			s.play(3*time.Second - time.Second/30)
			s.empties(t)
			follow(320_000) // and this
			s.play(2 * time.Second)
			s.settle(t)
			follow(1_000_000) // not so soon after the last
			s.play(2 * time.Second)
			s.settle(t)
			s.play(4 * time.Second) // by now it is
			s.opens(t)
			s.play(2 * time.Second)
			s.v.close()
			if len(s.opened) != 3 || s.opened[1] != 300_000 || s.opened[2] != 1_000_000 {
				t.Errorf("encoders were opened for %v", s.opened)
			}
			s.judge(t, c.codec)
		})
	}
}

// opens waits until another encoder that has been asked for has been opened, or could not be.
func (s *swapping) opens(t *testing.T) {
	t.Helper()
	s.settle(t) // the encode's goroutine has nothing to do
	for deadline := time.Now().Add(30 * time.Second); s.v.opening && len(s.v.next) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no other encoder is opened")
		}
	}
}

// empties waits until the encoder that has made way is empty: the pictures here come faster
// than in real time.
func (s *swapping) empties(t *testing.T) {
	t.Helper()
	s.settle(t)
	for deadline := time.Now().Add(30 * time.Second); s.v.flushed != nil && len(s.v.flushed) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the encoder before is not emptied")
		}
	}
}

// settle waits until everything offered has been encoded.
func (s *swapping) settle(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); s.v.pending.Load() > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d pictures are not encoded", s.v.pending.Load())
		}
		timer := time.NewTimer(time.Millisecond)
		<-timer.C
	}
}

// judge looks at all packets.
func (s *swapping) judge(t *testing.T, codec string) {
	t.Helper()
	s.queue.Close()
	path := filepath.Join(t.TempDir(), "swapped.mkv")
	m, err := av.NewMuxer(av.MuxerOptions{Format: "matroska", Path: path, Tracks: []media.Track{s.v.track}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int64]int{}
	bits := map[int64]int{} // by second
	last := int64(-1 << 62)
	for {
		p, err := s.queue.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.DTS <= last || p.DTS > p.PTS {
			t.Errorf("%s: picture %d is decoded at %d, after %d", codec, p.PTS, p.DTS, last)
		}
		last = p.DTS
		if err := m.WritePacket(p); err != nil {
			t.Fatal(err)
		}
		seen[p.PTS]++
		bits[p.PTS/30] += 8 * len(p.Data)
		if p.Keyframe != (p.PTS%swapGOP == 0) {
			t.Errorf("picture %d: keyframe %v", p.PTS, p.Keyframe)
		}
	}
	for n := range s.next {
		if seen[n] != 1 {
			t.Errorf("picture %d is there %d times", n, seen[n])
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	decoded := string(run(t, "ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", path))
	if want := fmt.Sprintln(s.next); decoded != want {
		t.Errorf("%s pictures can be decoded, want %s", decoded, want)
	}
	before, low, after := bits[1], (bits[4]+bits[5])/2, bits[s.next/30-1]
	t.Logf("%s: %d, %d, %d kb/s; all: %v", codec, before/1000, low/1000, after/1000, bits)
	if low > before*6/10 || after < low*15/10 {
		t.Errorf("%d b/s become %d, and %d again", before, low, after)
	}
}

// TestNoOtherEncoder: where none opens, the one that runs goes on at its bitrate, and it is tried
// again.
func TestNoOtherEncoder(t *testing.T) {
	t.Parallel()
	s := startSwapping(t, "libsvtav1", "av1")
	s.refuse.Store(true)
	s.play(time.Second)
	s.settle(t)
	s.v.follow(s.user, 300_000)
	s.play(time.Second / 30)
	s.opens(t)
	s.play(2 * time.Second)
	s.settle(t)
	if got := s.v.aim(); got != 1_000_000 {
		t.Errorf("it aims at %d b/s", got)
	}
	if w := s.e.warn.all(); len(w) != 0 {
		t.Errorf("at the rendition's bitrate it warns: %+v", w)
	}
	// On the way up it is tried again, and the operator is told until then.
	s.refuse.Store(false)
	s.v.follow(s.user, 300_000)
	s.play(5 * time.Second)
	s.opens(t)
	s.play(time.Second)
	s.empties(t)
	s.refuse.Store(true)
	s.v.follow(s.user, 1_000_000)
	s.play(10 * time.Second)
	s.opens(t)
	s.play(time.Second)
	s.settle(t)
	if w := s.e.warn.all(); len(w) != 1 || !strings.Contains(w[0].Text, "stays at 300 of its 1000 kb/s") {
		t.Errorf("warnings %+v", w)
	}
	s.refuse.Store(false)
	s.play(10 * time.Second)
	s.opens(t)
	s.play(time.Second)
	s.settle(t)
	if w := s.e.warn.all(); len(w) != 0 || !slices.Equal(s.opened, []int{1_000_000, 300_000, 1_000_000}) {
		t.Errorf("opened for %v, warnings %+v", s.opened, w)
	}
	s.v.close()
	if got := s.v.frames.Load(); got != s.next || s.v.packets.Load() != s.next {
		t.Errorf("%d pictures and %d packets of %d", got, s.v.packets.Load(), s.next)
	}
}
