package audio

import (
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestStripBeginsAtItsFader: the first sample of a new strip has its gain; a ramp from
// 0 dB would let the first loud thing through.
func TestStripBeginsAtItsFader(t *testing.T) {
	s := NewStrip(Paced, media.NewVirtualClock(), StripOptions{Controls: Controls{GainDB: -20}})
	loud := make([]float32, 2*480)
	for i := range loud {
		loud[i] = 1
	}
	s.Write(media.AudioBlock{Samples: loud})
	dst := make([]float32, len(loud))
	s.Mix(dst, 0)
	for i, v := range dst {
		if v > 0.101 {
			t.Fatalf("sample %d is %v, want at most 0.1 (-20 dB)", i, v)
		}
	}
	if dst[len(dst)-1] < 0.099 {
		t.Errorf("the last sample is %v, want 0.1", dst[len(dst)-1])
	}
}

// Mix is the strip alone: one block of its sound after the fader, added to dst.
func (s *Strip) Mix(dst []float32, start int64) {
	s.process(len(dst), start, s.turn+1, 0)
	unity := ramp{1, 1}
	unity.addTo(dst, s.post, 1, 1)
}
