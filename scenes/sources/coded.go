package sources

import (
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// CodedTaker is a Sink that can take a source's streams as they arrive, coded, besides what is
// decoded of them. Its methods are called by one goroutine at a time, the one that reads
// the source, and do not block.
type CodedTaker interface {
	// CodedStreams says what comes from now on: pictures, and behind them the sound, if
	// there is any, or sound alone; again when more is known of them. Without tracks nothing can be passed on,
	// and why says so. The tracks' TimeBase is not set, their Extradata while it is not known.
	CodedStreams(tracks []media.Track, why string)
	// WantsCoded reports whether anybody has a use for packets at present; those that come
	// while nobody has are left out.
	WantsCoded() bool
	// Coded takes a packet, in the order of decoding.
	Coded(p CodedPacket)
}

// CodedPacket is one coded picture or block of sound on the timeline of the pictures and
// the sound that are decoded of it.
type CodedPacket struct {
	Audio bool
	// Data is as media.Packet's, and the receiver's own.
	Data               []byte
	PTS, DTS, Duration time.Duration // Duration is 0 where it is not known
	Keyframe           bool
	// Hidden: a picture that is never shown (before an in point), or a block of sound.
	Hidden bool
	// Anew: it does not go on from the packet before it though the timeline does: the first of
	// another pass of a loop.
	Anew bool
	// Track is the stream as it is from this packet on.
	Track media.Track
}

// codedTap hands an input's packets to the Sink that takes them. A nil one does nothing.
type codedTap struct {
	to    CodedTaker
	in    *av.Input
	parts [2]*av.StreamCopy
	wrong [2]int // packets in a row that could not be passed on; of pictures, keyframes
	anew  [2]bool
}

// codedWrong is so many of those that the stream is given up: no keyframe and no block of sound
// of it can be expected to be any better.
const codedWrong = 5

// newCodedTap is nil where sink takes no coded packets, or in has none to pass on.
func newCodedTap(sink Sink, in *av.Input) *codedTap {
	to, ok := sink.(CodedTaker)
	if !ok {
		return nil
	}
	t := &codedTap{to: to, in: in}
	if st := in.Audio(); in.Video() == nil && st != nil && st.SampleRateHz <= 0 {
		to.CodedStreams(nil, "the sampling rate of its sound is not known")
		return nil
	}
	for i, s := range [...]*av.Stream{in.Video(), in.Audio()} {
		if s == nil {
			continue
		}
		c, err := av.NewStreamCopy(s)
		if err != nil {
			to.CodedStreams(nil, unpassable(i, err))
			return nil
		}
		t.parts[i] = c
	}
	t.tell()
	return t
}

// unpassable says why the pictures or the sound cannot be passed on.
func unpassable(stream int, err error) string {
	return [...]string{"its pictures cannot be passed on: ", "its sound cannot be passed on: "}[stream] + err.Error()
}

// refuse says why nothing is passed on, and is a tap that does nothing.
func (t *codedTap) refuse(why string) *codedTap {
	if t != nil {
		t.to.CodedStreams(nil, why)
	}
	return nil
}

// pass begins another pass of the same material.
func (t *codedTap) pass() {
	if t != nil {
		t.anew = [2]bool{true, true}
	}
}

// tell says what comes.
func (t *codedTap) tell() {
	var tracks []media.Track
	for _, c := range t.parts {
		if c != nil {
			tracks = append(tracks, c.Track())
		}
	}
	t.to.CodedStreams(tracks, "")
}

// packet passes on p, whose times on the source's timeline are pts and dts.
func (t *codedTap) packet(stream int, p *av.InputPacket, pts, dts time.Duration, hidden bool) {
	if t == nil || t.parts[stream] == nil {
		return
	}
	c := t.parts[stream]
	known := c.Known()
	if known && !t.to.WantsCoded() {
		_ = c.Look(p) // what is wrong with it shows when it is used
		return
	}
	data, err := c.Copy(p)
	if err == nil && (stream == sound || p.Keyframe) {
		t.wrong[stream] = 0
	} else if err != nil && (stream == sound || p.Keyframe) {
		t.wrong[stream]++
	}
	if t.wrong[stream] == codedWrong {
		t.parts = [2]*av.StreamCopy{}
		t.to.CodedStreams(nil, unpassable(stream, err))
		return
	}
	if !known && c.Known() {
		t.tell()
	}
	if !t.to.WantsCoded() {
		return
	}
	if err != nil {
		// A picture that is missing: what refers to it is left out too, up to a keyframe.
		data, hidden = nil, true
	}
	t.to.Coded(CodedPacket{Audio: stream == sound, Data: data, PTS: pts, DTS: dts, Duration: p.Duration, Keyframe: p.Keyframe, Hidden: hidden, Anew: t.anew[stream], Track: c.Track()})
	t.anew[stream] = false
}

// CodedStreams implements CodedTaker where the Sink does.
func (w *watched) CodedStreams(tracks []media.Track, why string) {
	if t, ok := w.Sink.(CodedTaker); ok {
		t.CodedStreams(tracks, why)
	}
}

// WantsCoded implements CodedTaker where the Sink does.
func (w *watched) WantsCoded() bool {
	t, ok := w.Sink.(CodedTaker)
	return ok && t.WantsCoded()
}

// Coded implements CodedTaker where the Sink does.
func (w *watched) Coded(p CodedPacket) {
	if t, ok := w.Sink.(CodedTaker); ok {
		t.Coded(p)
	}
}
