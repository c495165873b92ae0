package whip

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
)

// codec is a row of the table of what can be carried.
type codec struct {
	codec       media.Codec
	title       string // in sentences
	mime        string
	encoding    string // the name in rtpmap
	clockRateHz uint32
	channels    uint16
	feedback    []webrtc.RTCPFeedback
	payloadType webrtc.PayloadType // the first of its offers; each takes two with rtx
	rtx         bool
	// offers are the fmtp lines to offer for a track, the best first.
	offers func(media.Track) []string
	// accepts are the fmtp lines that Server takes.
	accepts []string
	// newPayloader makes what cuts packets into RTP payloads.
	newPayloader func(media.Track) payloader
	// newAssembler makes what joins RTP payloads to packets again.
	newAssembler func() assembler
}

// payloader cuts one packet into RTP payloads of at most maxPayload bytes. What they
// refer to is never changed again, the list of them is valid until the next call. For video
// all of them together are one access unit.
type payloader interface {
	payloads(p *media.Packet) []part
}

// part is one RTP payload: a few bytes of its own before a piece of what was coded, which is
// not copied, so that keeping what was sent takes no memory beside the stream's packets.
type part struct {
	head  [2]byte
	heads int // of head
	body  []byte
}

func (p part) size() int { return p.heads + len(p.body) }

// join is the payload in one piece: body itself, or made in room.
func (p part) join(room []byte) []byte {
	if p.heads == 0 {
		return p.body
	}
	return append(append(room[:0], p.head[:p.heads]...), p.body...)
}

// whole are payloads that are in one piece already, in list's memory.
func whole(list []part, payloads ...[]byte) []part {
	list = list[:0]
	for _, p := range payloads {
		list = append(list, part{body: p})
	}
	return list
}

// pictureFeedback is what we want to hear about pictures.
var pictureFeedback = []webrtc.RTCPFeedback{
	{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: "transport-cc"},
}

// codecTable is in order of preference; audio after video, so that the offer's
// sections are too.
var codecTable = []codec{
	{
		codec: media.H264, title: "H.264", mime: webrtc.MimeTypeH264, encoding: "H264",
		clockRateHz: 90000, payloadType: 96, rtx: true,
		feedback: pictureFeedback,
		offers:   h264Offers,
		accepts: []string{
			h264Fmtp("42e01f"), h264Fmtp("42001f"), h264Fmtp("4d001f"), h264Fmtp("640032"), h264Fmtp("640c1f"),
		},
		newPayloader: newH264Payloader,
		newAssembler: func() assembler { return &h264Assembler{} },
	},
	{
		codec: media.HEVC, title: "HEVC", mime: webrtc.MimeTypeH265, encoding: "H265",
		clockRateHz: 90000, payloadType: 104, rtx: true, feedback: pictureFeedback,
		offers:       func(media.Track) []string { return []string{hevcFmtp} },
		accepts:      []string{hevcFmtp},
		newPayloader: newHEVCPayloader,
		newAssembler: func() assembler {
			return &unitAssembler{newDepacketizer: func() depacketizer { return &codecs.H265Depacketizer{} }, keyframe: hevcKeyframe}
		},
	},
	{
		codec: media.AV1, title: "AV1", mime: webrtc.MimeTypeAV1, encoding: "AV1",
		clockRateHz: 90000, payloadType: 106, rtx: true, feedback: pictureFeedback,
		offers:       func(media.Track) []string { return []string{av1Fmtp} },
		accepts:      []string{av1Fmtp},
		newPayloader: func(media.Track) payloader { return &av1Payloader{} },
		newAssembler: func() assembler {
			return &unitAssembler{newDepacketizer: func() depacketizer { return &codecs.AV1Depacketizer{} }, keyframe: av1Keyframe}
		},
	},
	{
		codec: media.Opus, title: "Opus", mime: webrtc.MimeTypeOpus, encoding: "opus",
		clockRateHz: 48000, channels: 2, payloadType: 111,
		// NACK for sound is not usual but costs a line; servers that know it repair sound too.
		feedback:     []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "transport-cc"}},
		offers:       func(media.Track) []string { return []string{opusFmtp} },
		accepts:      []string{opusFmtp},
		newPayloader: func(media.Track) payloader { return &wholePayloader{} },
		newAssembler: func() assembler { return &opusAssembler{} },
	},
}

const opusFmtp = "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"

func h264Fmtp(profileLevelID string) string {
	return "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profileLevelID
}

// h264Offers offers the stream's real profile and then constrained baseline, the
// one that every WebRTC endpoint lists: servers that compare names strictly take
// that one, and their decoders go by the SPS.
func h264Offers(t media.Track) []string {
	offers := []string{h264Fmtp("42e01f")}
	for nal := range h264.NALUnits(t.Extradata) {
		sps, err := h264.ParseSPS(nal)
		if h264.Type(nal) != h264.TypeSPS || err != nil {
			continue
		}
		// The bytes of profile and constraints decide whether two lines match
		// (RFC 6184 section 8.1); the level may differ.
		if own := sps.ProfileLevelID(); !strings.EqualFold(own[:4], "42e0") {
			offers = slices.Insert(offers, 0, h264Fmtp(own))
		}
		break
	}
	return offers
}

func findCodec(c media.Codec) (codec, bool) {
	i := slices.IndexFunc(codecTable, func(row codec) bool { return row.codec == c })
	if i < 0 {
		return codec{}, false
	}
	return codecTable[i], true
}

func (c codec) kind() webrtc.RTPCodecType {
	if c.codec.IsAudio() {
		return webrtc.RTPCodecTypeAudio
	}
	return webrtc.RTPCodecTypeVideo
}

func (c codec) timeBase() media.Rational { return media.Rational{Num: 1, Den: int64(c.clockRateHz)} }

func (c codec) capability(fmtp string) webrtc.RTPCodecCapability {
	return webrtc.RTPCodecCapability{
		MimeType: c.mime, ClockRate: c.clockRateHz, Channels: c.channels, SDPFmtpLine: fmtp, RTCPFeedback: c.feedback,
	}
}

// register adds c with the given fmtp lines to m, each followed by its rtx (RFC 4588)
// where that is wanted and c has it.
func (c codec) register(m *webrtc.MediaEngine, fmtps []string, rtx bool) error {
	pt := c.payloadType
	for _, fmtp := range fmtps {
		err := m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: c.capability(fmtp), PayloadType: pt}, c.kind())
		if err != nil {
			return fmt.Errorf("whip: the codec %s cannot be offered: %w", c.title, err)
		}
		if !rtx || !c.rtx {
			pt++
			continue
		}
		err = m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: c.clockRateHz, SDPFmtpLine: fmt.Sprintf("apt=%d", pt),
			},
			PayloadType: pt + 1,
		}, c.kind())
		if err != nil {
			return fmt.Errorf("whip: the retransmission of %s cannot be offered: %w", c.title, err)
		}
		pt += 2
	}
	return nil
}

// wholePayloader sends a packet as one payload (RFC 7587 section 4.2 for Opus).
type wholePayloader struct{ one []part }

func (w *wholePayloader) payloads(p *media.Packet) []part {
	w.one = whole(w.one, p.Data)
	return w.one
}
