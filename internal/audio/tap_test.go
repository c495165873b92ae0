package audio

import (
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestTapIsTheSourceOnStudioTime: whatever the strip does to its sound, and however much
// earlier it reads it, the tap is the source's own samples at their own time.
func TestTapIsTheSourceOnStudioTime(t *testing.T) {
	for _, c := range []struct {
		name     string
		controls Controls
	}{
		{"plain", Controls{}},
		{"changed", Controls{TrimDB: -12, GainDB: OffDB, Mute: true, Channels: Mono, Polarity: Inverted}},
		{"later", Controls{Delay: 30 * time.Millisecond}},
		{"earlier", Controls{Delay: -50 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{Controls: c.controls})
			s.SetTap(true)
			m := NewMixer()
			m.Add(s)
			const block, blocks = 1600, 9
			in := make([]float32, block*blocks*media.Channels)
			for i := range in {
				in[i] = float32(i/2%1000)/1000 - 0.5
			}
			if err := s.SetOffset(0); err != nil {
				t.Fatal(err)
			}
			s.Write(media.AudioBlock{Samples: in})
			dst := make([]float32, block*media.Channels)
			for n := range int64(5) {
				m.MixTick(dst, n*block)
				if n == 0 {
					continue // fades in
				}
				got := s.Tapped()
				for i, want := range in[n*block*2 : (n+1)*block*2] {
					if got[i] != want && n > 1 {
						t.Fatalf("block %d, sample %d: %v, want %v", n, i, got[i], want)
					}
				}
			}
		})
	}
}
