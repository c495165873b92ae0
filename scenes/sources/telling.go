package sources

import (
	"fmt"
	"sync"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
)

// describeInput is the operator's line for an input: what its streams are.
func describeInput(in *av.Input) string {
	text := ""
	if v := in.Video(); v != nil {
		text = fmt.Sprintf("%dx%d", v.Width, v.Height)
		if v.FPS.IsSet() {
			text += fmt.Sprintf(" %.5g fps", v.FPS.Float())
		}
		text += " " + v.Codec
	}
	if a := in.Audio(); a != nil {
		if text != "" {
			text += ", "
		}
		text += a.Codec + " " + describeSound(av.SoundShape{SampleRateHz: a.SampleRateHz, Channels: a.Channels})
	}
	return text
}

// describeSound is a sound's rate and channels in words.
func describeSound(s av.SoundShape) string {
	text := fmt.Sprintf("%.4g kHz", float64(s.SampleRateHz)/1000)
	switch s.Channels {
	case 1:
		return text + " mono"
	case 2:
		return text + " stereo"
	}
	return text + fmt.Sprintf(" %d channels", s.Channels)
}

// telling keeps the operator's line about an input that plays, with what has become of its
// streams since it was opened. For any goroutine but for sound.
type telling struct {
	sink Sink

	// Of the goroutine that decodes sound.
	shape   av.SoundShape
	changes int64

	mu      sync.Mutex
	base    string        // guarded by mu; what was opened
	now     string        // guarded by mu; what the sound has become
	part    string        // guarded by mu; what of it is heard, where that is not all
	jumped  string        // guarded by mu; what the time stamps did
	counted int           // guarded by mu; jumps told
	first   time.Duration // guarded by mu; where the first was
}

// newTelling says text.
func newTelling(sink Sink, text string) *telling {
	sink.Describe(text)
	return &telling{sink: sink, base: text}
}

// current is the whole line.
func (t *telling) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.base + t.now + t.part + t.jumped
}

// partly is what is heard of a sound that cannot be mixed down; "" where all of it is.
func partly(s av.SoundShape) string {
	switch s.Part {
	case av.FirstTwo:
		return fmt.Sprintf("%d channels are in no arrangement that can be mixed down: the first two are heard, left and right", s.Channels)
	case av.First:
		return fmt.Sprintf("%d channels are an ambisonic field: the first, of all directions, is heard on both sides", s.Channels)
	case av.Nothing:
		return fmt.Sprintf("%d channels are in no arrangement that can be mixed down: it is silent", s.Channels)
	}
	return ""
}

// sound tells when what d makes sound from has changed; after each block.
func (t *telling) sound(d *av.AudioDecoder) {
	shape, changes := d.Shape()
	before := t.shape
	t.shape = shape
	if changes == t.changes && shape.Part == before.Part {
		return
	}
	said, part := "", partly(shape)
	t.mu.Lock()
	if changes != t.changes {
		t.changes = changes
		t.now = "; its sound has become " + describeSound(shape)
		said = fmt.Sprintf("It changed from %s to %s; that is converted, and its sound goes on.", describeSound(before), describeSound(shape))
	}
	t.part = ""
	if part != "" {
		t.part = "; its " + part
		said = "Its " + part + "."
	}
	t.mu.Unlock()
	t.sink.Describe(t.current())
	if l, ok := t.sink.(SoundListener); ok && said != "" {
		l.SoundChanged(said)
	}
}

// jumps tells that the time stamps have jumped n times so far in this pass, the last time
// by d, at a place of the material.
func (t *telling) jumps(n int, d, at time.Duration) {
	t.mu.Lock()
	if n == t.counted {
		t.mu.Unlock()
		return
	}
	if n == 1 {
		t.first = at
		t.jumped = fmt.Sprintf("; its time stamps jump by %v at %.1f s, it goes on from there", d.Round(time.Second), at.Seconds())
	} else {
		t.jumped = fmt.Sprintf("; its time stamps jump %d times, first at %.1f s, it goes on from there", n, t.first.Seconds())
	}
	t.counted = n
	t.mu.Unlock()
	t.sink.Describe(t.current())
}
