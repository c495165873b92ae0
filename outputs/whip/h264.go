package whip

import (
	"slices"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
)

// nalFiller is filler data (H.264 table 7-1).
const nalFiller = 12

// Types of RTP payloads that are not NAL units of their own (RFC 6184 table 1).
const (
	rtpSTAPA = 24
	rtpFUA   = 28
)

// maxPayload is the largest RTP payload. With 12 bytes of RTP header, 8 of header
// extension, 16 of SRTP tag and 28-48 of UDP and IP a packet stays below 1284
// bytes, what every path takes (IPv6's minimum MTU is 1280; tunnels take a little).
const maxPayload = 1180

// h264Payloader is RFC 6184 in packetization mode 1: single NAL units, FU-A for
// long ones, STAP-A for runs of short ones such as parameter sets and SEI. Unlike
// pion's payloader it keeps every parameter set, in its place and of any size.
// Access unit delimiters and filler are left out: the marker bit says the same.
type h264Payloader struct {
	parameterSets [][]byte // from the track, for keyframes that bring none
	nals          [][]byte
	out           []part
}

func newH264Payloader(t media.Track) payloader {
	p := &h264Payloader{}
	for nal := range h264.NALUnits(t.Extradata) {
		if k := h264.Type(nal); k == h264.TypeSPS || k == h264.TypePPS {
			p.parameterSets = append(p.parameterSets, nal)
		}
	}
	return p
}

func (h *h264Payloader) payloads(p *media.Packet) []part {
	h.collect(p)
	h.out = h.out[:0]
	for i := 0; i < len(h.nals); {
		if n := h.run(h.nals[i:]); n > 1 {
			h.aggregate(h.nals[i : i+n])
			i += n
			continue
		}
		if nal := h.nals[i]; len(nal) <= maxPayload {
			h.out = append(h.out, part{body: nal})
		} else {
			h.fragment(nal)
		}
		i++
	}
	return h.out
}

// collect gathers what is to be sent of p.
func (h *h264Payloader) collect(p *media.Packet) {
	h.nals = h.nals[:0]
	idr, sps := false, false
	for nal := range h264.NALUnits(p.Data) {
		switch h264.Type(nal) {
		case h264.TypeAUD, nalFiller:
			continue
		case h264.TypeIDR:
			idr = true
		case h264.TypeSPS:
			sps = true
		}
		h.nals = append(h.nals, nal)
	}
	if idr && !sps && len(h.parameterSets) > 0 {
		h.nals = slices.Insert(h.nals, 0, h.parameterSets...)
	}
}

// run is how many of nals, from the first on, fit one STAP-A together.
func (h *h264Payloader) run(nals [][]byte) int {
	size := 1
	for i, nal := range nals {
		if size += 2 + len(nal); size > maxPayload {
			return i
		}
	}
	return len(nals)
}

// aggregate is section 5.7.1; its NRI is the largest of its parts.
func (h *h264Payloader) aggregate(nals [][]byte) {
	size := 1
	for _, nal := range nals {
		size += 2 + len(nal)
	}
	out := make([]byte, 1, size)
	var nri, forbidden byte
	for _, nal := range nals {
		nri, forbidden = max(nri, nal[0]&0x60), forbidden|nal[0]&0x80
		out = append(out, byte(len(nal)>>8), byte(len(nal)))
		out = append(out, nal...)
	}
	out[0] = forbidden | nri | rtpSTAPA
	h.out = append(h.out, part{body: out})
}

// fragment is section 5.8. The fragments are of one size, as a bundle wants them, and so
// small that the last is not a crumb.
func (h *h264Payloader) fragment(nal []byte) {
	header, body := nal[0], nal[1:]
	count := (len(body) + maxPayload - 3) / (maxPayload - 2)
	size := (len(body) + count - 1) / count
	for i := range count {
		out := part{
			head: [2]byte{header&0xe0 | rtpFUA, header & 0x1f}, heads: 2,
			body: body[min(i*size, len(body)):min((i+1)*size, len(body))],
		}
		if i == 0 {
			out.head[1] |= 0x80
		}
		if i == count-1 {
			out.head[1] |= 0x40
		}
		h.out = append(h.out, out)
	}
}
