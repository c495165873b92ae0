package audio

// tap is a strip's sound as the source gives it, on studio time.
type tap struct {
	on    bool
	block []float32
	line  delayLine // undoes the head start that inserts, buses and a negative delay ask for
}

// SetTap says whether Tapped is wanted. For the mixing goroutine.
func (s *Strip) SetTap(on bool) { s.tap.on = on }

// Tapped is the last block as it came from the source: brought to the studio's clock and
// nothing else, before trim, polarity, channels, inserts, delay and fader; borrowed until
// the next MixTick, nil without SetTap. For the mixing goroutine.
func (s *Strip) Tapped() []float32 {
	if !s.tap.on {
		return nil
	}
	return s.tap.block
}

// take keeps a copy of b, which was read early frames before its time.
func (t *tap) take(b []float32, early int64) {
	if !t.on {
		return
	}
	t.block = append(t.block[:0], b...)
	t.line.process(t.block, early)
}
