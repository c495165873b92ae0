package whip

import (
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
	"crosspoint.studio/crosspoint/internal/media/hevc"
)

// HEVC over RTP is RFC 7798, AV1 the AOM's "RTP Payload Format For AV1" v1.0.0. Both are
// pion's; what is here is what pion leaves to its users: whole units only, nothing after
// a loss before the next keyframe, parameter sets with keyframes that bring none.

const (
	hevcFmtp = "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST" // as libwebrtc writes it
	av1Fmtp  = "level-idx=5;profile=0;tier=0"
)

// hevcPayloader cuts Annex B access units.
type hevcPayloader struct {
	pion          codecs.H265Payloader
	parameterSets []byte
	out           []part
}

func newHEVCPayloader(t media.Track) payloader { return &hevcPayloader{parameterSets: t.Extradata} }

func (h *hevcPayloader) payloads(p *media.Packet) []part {
	data := p.Data
	if p.Keyframe && !hasHEVC(data, isSPS) && len(h.parameterSets) > 0 {
		data = append(append([]byte(nil), h.parameterSets...), data...)
	}
	h.out = whole(h.out, h.pion.Payload(maxPayload, data)...)
	return h.out
}

// av1Payloader cuts temporal units of the low-overhead form.
type av1Payloader struct {
	pion codecs.AV1Payloader
	out  []part
}

func (a *av1Payloader) payloads(p *media.Packet) []part {
	a.out = whole(a.out, a.pion.Payload(maxPayload, p.Data)...)
	return a.out
}

// hasHEVC reports whether a stream has a NAL unit of a type that counts.
func hasHEVC(annexB []byte, counts func(t byte) bool) bool {
	for nal := range h264.NALUnits(annexB) {
		if counts(hevc.Type(nal)) {
			return true
		}
	}
	return false
}

func isSPS(t byte) bool { return t == hevc.TypeSPS }

func hevcKeyframe(au []byte) bool { return hasHEVC(au, hevc.IsKeyframe) }

// av1Keyframe: encoders for live streams repeat the sequence header with each keyframe
// and with nothing else (AV1 specification 7.5), and RTP sends it first.
func av1Keyframe(unit []byte) bool { return len(unit) > 0 && unit[0]>>3&15 == 1 }

// describeHEVC gives t the parameter sets of a keyframe.
func describeHEVC(t *media.Track, au []byte) {
	for nal := range h264.NALUnits(au) {
		if hevc.IsParameterSet(hevc.Type(nal)) {
			t.Extradata = h264.AppendStartCode(t.Extradata, nal)
		}
	}
}

// depacketizer joins the payloads of one stream; what is not complete yet it keeps.
type depacketizer interface {
	Unmarshal(payload []byte) ([]byte, error)
}

// unitAssembler joins RTP payloads to units with a depacketizer of pion's.
type unitAssembler struct {
	newDepacketizer func() depacketizer
	keyframe        func(unit []byte) bool

	join     depacketizer
	started  bool
	rtpTime  uint32
	unit     []byte
	broken   bool // unit lacks something
	decoding bool // a keyframe was emitted and nothing is missing since
}

func (a *unitAssembler) push(p *rtp.Packet, gap bool, emit func(unit)) bool {
	if a.started && p.Timestamp != a.rtpTime {
		a.broken = a.broken || gap
		a.finish(emit)
	}
	if a.join == nil || gap {
		a.join = a.newDepacketizer()
	}
	a.broken = a.broken || gap
	a.started, a.rtpTime = true, p.Timestamp
	if len(p.Payload) > 0 { // else padding only
		part, err := a.join.Unmarshal(p.Payload)
		a.unit = append(a.unit, part...)
		a.broken = a.broken || err != nil || len(a.unit) > maxUnit
	}
	if p.Marker {
		a.finish(emit)
	}
	return !a.decoding
}

func (a *unitAssembler) finish(emit func(unit)) {
	key := a.keyframe(a.unit)
	switch {
	case a.broken:
		a.decoding = false
	case len(a.unit) > 0 && (key || a.decoding):
		a.decoding = true
		emit(unit{data: a.unit, rtpTime: a.rtpTime, keyframe: key})
	}
	a.started, a.unit, a.broken = false, nil, false
}
