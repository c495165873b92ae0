package sources

import (
	"context"
	"encoding/json"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/audio"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// ticked is a sink whose pictures and sound are taken as the studio does on the virtual clock.
type ticked struct {
	*recorder // for the rest
	pictures  *media.FrameSync
	strip     *audio.Strip
	mixer     *audio.Mixer
	hasSound  atomic.Bool
}

func newTicked() *ticked {
	s := &ticked{recorder: newRecorder(Paced, 0, 0), pictures: media.NewFrameSync(4), mixer: audio.NewMixer(),
		strip: audio.NewStrip(audio.Paced, media.NewVirtualClock(), audio.StripOptions{})}
	s.mixer.Add(s.strip)
	return s
}

func (s *ticked) Video(ctx context.Context, f *media.Frame) error { return s.pictures.Push(ctx, f) }

func (s *ticked) Audio(ctx context.Context, b media.AudioBlock) error {
	return s.strip.WriteWait(ctx, b)
}

func (s *ticked) Hold() {
	s.pictures.Hold()
	s.strip.Hold()
}

func (s *ticked) Streams(_, sound bool) {
	s.hasSound.Store(sound)
	if !sound {
		s.strip.Hold()
	}
}

// tick is what is heard at tick n of 25 fps.
func (s *ticked) tick(ctx context.Context, n int64) ([]float32, error) {
	due := media.TickTime(n, fps25) + 10*time.Millisecond
	if err := s.pictures.WaitFor(ctx, due); err != nil {
		return nil, err
	}
	f, _ := s.pictures.Take(due)
	f.Release()
	const frames = media.SampleRateHz / 25
	if s.hasSound.Load() {
		if err := s.strip.WaitFor(ctx, (n+1)*frames); err != nil {
			return nil, err
		}
	}
	b := make([]float32, frames*media.Channels)
	s.mixer.MixTick(b, n*frames)
	return b, nil
}

// TestRecordedKeepsLongGaps: what was recorded more than a minute later is heard as much later, where
// nothing lies between and where that has no sound.
func TestRecordedKeepsLongGaps(t *testing.T) {
	dir := t.TempDir()
	second := makeFile(t, filepath.Join(dir, "a.mkv"), material{width: 320, height: 180, fps: fps25, frames: 25}, "-c:v", "ffv1", "-c:a", "pcm_s16le")
	silent := filepath.Join(dir, "silent.mkv")
	runFFmpeg(t, "-f", "lavfi", "-i", "color=s=64x36:r=25:d=65", "-c:v", "ffv1", silent)
	for _, c := range []struct {
		name  string
		files []RecordedFile
	}{
		{"nothing between", []RecordedFile{{Path: second}, {Path: second, First: 70 * 25}}},
		{"pictures without sound between", []RecordedFile{{Path: second}, {Path: silent, First: 25}, {Path: second, First: 70 * 25}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			attempts.Run(t, 3, func(a *attempts.T) { keepsLongGap(a, c.files) })
		})
	}
}

// keepsLongGap plays files whose beeps are 70 s apart.
func keepsLongGap(t testing.TB, files []RecordedFile) {
	checkLeaks(t)
	raw, err := json.Marshal(RecordedSettings{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	src, err := Recorded().New(raw, virtual(fps25))
	if err != nil {
		t.Fatal(err)
	}
	sink := newTicked()
	work := start(t, src, sink)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var heard []float32
	for n := range int64(72 * 25) {
		b, err := sink.tick(ctx, n)
		if err != nil {
			t.Fatalf("tick %d: %v", n, err)
		}
		heard = append(heard, b...)
	}
	sink.pictures.Close()
	sink.strip.Close()
	_ = work.stopSoon() // ended by us
	const again = 70 * media.SampleRateHz
	// Behind the gap it is faded in, for 5 ms.
	if got := beeps(heard); len(got) != 2 || got[0] > 48 || got[1] < again || got[1] > again+240 {
		t.Errorf("beeps begin at %v, want one at 0 and one at %d", got, again)
	}
	if st := sink.strip.Stats(); st.Jumps != 0 || st.Overlaps != 0 {
		t.Errorf("stats: %+v", st)
	}
}
