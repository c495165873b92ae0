package rehearsal

import (
	"bytes"
	"fmt"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
)

// Packets of this receiver's demuxer come with the data that recordings need and the
// moment of their arrival, without the seconds of probing that libavformat's takes;
// it knows what live streams consist of (ISO/IEC 13818-1) and nothing more: one
// programme, tables that fit one packet, H.264, HEVC and AAC in ADTS.
const (
	tsPacket = 188
	tsSync   = 0x47
	maxPES   = 8 << 20
)

// Stream types of ISO/IEC 13818-1 table 2-34.
var (
	tsCodecs = map[byte]media.Codec{0x0f: media.AAC, 0x1b: media.H264, 0x24: media.HEVC}
	tsOthers = map[byte]string{
		0x01: "MPEG-1 video", 0x02: "MPEG-2 video", 0x03: "MPEG-1 audio", 0x04: "MPEG-2 audio", 0x06: "private data",
		0x10: "MPEG-4 video", 0x11: "AAC in LATM", 0x81: "AC-3", 0x87: "E-AC-3", 0x33: "VVC",
	}
)

var tsTimeBase = media.Rational{Num: 1, Den: 90000}

// demuxer reads MPEG-TS. For one goroutine.
type demuxer struct {
	out     sink
	rest    []byte // of an incomplete packet
	arrival time.Duration
	pmt     int              // PID of the programme's table; 0 while unknown
	seen    []byte           // the programme's table that was read last
	streams map[int]*tsTrack // by PID
	tracks  int
	// refused says why nothing of this stream can be taken.
	refused string
}

// tsTrack is one elementary stream.
type tsTrack struct {
	index     int
	codec     media.Codec
	described bool
	params    []byte // parameter sets, or ADTS header, it was described with

	open    bool
	pes     []byte
	length  int // of the whole PES packet; 0 when not said
	arrival time.Duration
	next    int8 // continuity counter due; -1 when none is
	broken  bool // something of the PES packet is lost
	last    int64
	timed   bool // last is set
}

func newDemuxer(out sink) *demuxer { return &demuxer{out: out, streams: map[int]*tsTrack{}} }

// feed takes bytes that arrived at arrival.
func (d *demuxer) feed(b []byte, arrival time.Duration) {
	d.arrival = arrival
	if len(d.rest) > 0 {
		d.rest = append(d.rest, b...)
		b = d.rest
	}
	for len(b) >= tsPacket {
		if b[0] != tsSync {
			i := bytes.IndexByte(b, tsSync)
			if i < 0 {
				b = nil
				break
			}
			b = b[i:]
			continue
		}
		d.packet(b[:tsPacket])
		b = b[tsPacket:]
	}
	d.rest = append(d.rest[:0], b...)
}

// flush hands over what is complete only because the stream has ended.
func (d *demuxer) flush() {
	for _, t := range d.streams {
		if t.open && t.length == 0 {
			d.finish(t)
		}
	}
}

func (d *demuxer) packet(b []byte) {
	pid := int(b[1]&0x1f)<<8 | int(b[2])
	start := b[1]&0x40 != 0
	payload := b[4:]
	if b[3]&0x20 != 0 { // adaptation field
		n := int(payload[0]) + 1
		if n > len(payload) {
			return
		}
		payload = payload[n:]
	}
	if b[3]&0x10 == 0 || len(payload) == 0 || b[1]&0x80 != 0 {
		return
	}
	switch {
	case pid == 0:
		if start {
			d.association(section(payload, 0x00))
		}
	case pid == d.pmt:
		if start {
			d.programme(section(payload, 0x02))
		}
	default:
		if t := d.streams[pid]; t != nil {
			d.elementary(t, payload, start, int8(b[3]&0x0f))
		}
	}
}

// section is the body of a table that fits one packet, without header and CRC; nil
// when it is another or does not fit.
func section(payload []byte, table byte) []byte {
	skip := int(payload[0]) + 1
	if skip+8 > len(payload) {
		return nil
	}
	payload = payload[skip:]
	length := 3 + int(payload[1]&0x0f)<<8 + int(payload[2])
	if payload[0] != table || length > len(payload) || length < 12 {
		return nil
	}
	return payload[8 : length-4]
}

// association reads the PAT.
func (d *demuxer) association(b []byte) {
	for ; len(b) >= 4; b = b[4:] {
		if b[0] != 0 || b[1] != 0 {
			d.pmt = int(b[2]&0x1f)<<8 | int(b[3])
			return
		}
	}
}

// programme reads the PMT.
func (d *demuxer) programme(b []byte) {
	if len(b) < 4 || bytes.Equal(b, d.seen) {
		return
	}
	d.seen = bytes.Clone(b)
	info := 4 + int(b[2]&0x0f)<<8 + int(b[3])
	if info > len(b) {
		return
	}
	taken := len(d.streams) > 0
	var others string
	for b = b[info:]; len(b) >= 5; {
		kind, pid := b[0], int(b[1]&0x1f)<<8|int(b[2])
		n := 5 + int(b[3]&0x0f)<<8 + int(b[4])
		if n > len(b) {
			break
		}
		b = b[n:]
		if d.streams[pid] != nil {
			continue
		}
		codec, known := tsCodecs[kind]
		if known && !d.has(codec.IsAudio()) {
			d.streams[pid] = &tsTrack{index: d.tracks, codec: codec, next: -1}
			d.tracks++
			taken = true
			continue
		}
		name, ok := tsOthers[kind]
		switch {
		case known && codec.IsAudio():
			name = "a further track of sound"
		case known:
			name = "a further stream of pictures"
		case !ok:
			name = fmt.Sprintf("stream type %#02x", kind)
		}
		d.out.unsupportedCodec(name)
		others = name
	}
	if !taken && others != "" {
		d.refused = "it carries " + others + " and no codec that is taken: H.264 or HEVC, and AAC"
	}
}

// has: one stream of pictures and one of sound are taken, the first of each.
func (d *demuxer) has(audio bool) bool {
	for _, t := range d.streams {
		if t.codec.IsAudio() == audio {
			return true
		}
	}
	return false
}

func (d *demuxer) elementary(t *tsTrack, payload []byte, start bool, counter int8) {
	if t.next >= 0 && counter != t.next {
		if counter == (t.next+15)&15 {
			return // sent twice, as 2.4.3.3 allows
		}
		t.broken = true
	}
	t.next = (counter + 1) & 15
	if start {
		if t.open {
			d.finish(t)
		}
		t.open, t.broken, t.pes, t.length = true, false, t.pes[:0], 0
		if len(payload) >= 6 {
			if n := int(payload[4])<<8 | int(payload[5]); n > 0 {
				t.length = n + 6
			}
		}
	}
	if !t.open {
		return
	}
	t.pes = append(t.pes, payload...)
	t.arrival = d.arrival
	switch {
	case len(t.pes) > maxPES:
		t.open = false
	case t.length > 0 && len(t.pes) >= t.length:
		t.pes = t.pes[:t.length]
		d.finish(t)
	}
}

// finish takes a whole PES packet (2.4.3.6).
func (d *demuxer) finish(t *tsTrack) {
	t.open = false
	b := t.pes
	if t.broken || len(b) < 9 || b[0] != 0 || b[1] != 0 || b[2] != 1 || t.length > len(b) {
		return
	}
	head := 9 + int(b[8])
	if head > len(b) || b[7]&0x80 == 0 || b[8] < 5 {
		return // without a time it can be put nowhere
	}
	pts := t.unwrap(stamp(b[9:]))
	dts := pts
	if b[7]&0x40 != 0 && b[8] >= 10 {
		dts = t.unwrap(stamp(b[14:]))
	}
	t.last, t.timed = dts, true
	if t.codec.IsAudio() {
		d.sound(t, b[head:], pts)
	} else {
		d.picture(t, bytes.Clone(b[head:]), pts, dts)
	}
}

// stamp reads 33 bits of time.
func stamp(b []byte) int64 {
	return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
}

// unwrap extends a time stamp, which begins anew every 26.5 hours.
func (t *tsTrack) unwrap(v int64) int64 {
	if !t.timed {
		return v
	}
	return t.last + (v-t.last)<<31>>31
}

func (d *demuxer) picture(t *tsTrack, data []byte, pts, dts int64) {
	p := &media.Packet{Track: t.index, Data: data, PTS: pts, DTS: dts}
	var params []byte
	for nal := range h264.NALUnits(data) {
		parameter, key := classify(t.codec, nal)
		if parameter {
			params = h264.AppendStartCode(params, nal)
		}
		p.Keyframe = p.Keyframe || key
	}
	if len(params) > 0 && !bytes.Equal(params, t.params) {
		track := media.Track{Codec: t.codec, TimeBase: tsTimeBase, Extradata: params}
		t.params, t.described = params, true
		d.out.describe(t.index, track)
	}
	if t.described {
		d.out.packet(p, t.arrival)
	}
}

// classify says whether a NAL unit is a parameter set, and whether decoding can begin
// with it (H.264 table 7-1; H.265 table 7-1: IRAP pictures are 16 to 21).
func classify(c media.Codec, nal []byte) (parameter, key bool) {
	if len(nal) == 0 {
		return false, false
	}
	if c == media.HEVC {
		kind := nal[0] >> 1 & 0x3f
		return kind >= 32 && kind <= 34, kind >= 16 && kind <= 21
	}
	kind := h264.Type(nal)
	return kind == h264.TypeSPS || kind == h264.TypePPS, kind == h264.TypeIDR
}

var adtsRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// sound cuts a PES packet into its ADTS frames (ISO/IEC 14496-3 1.A.3).
func (d *demuxer) sound(t *tsTrack, b []byte, pts int64) {
	for n := int64(0); len(b) >= 7 && b[0] == 0xff && b[1]&0xf6 == 0xf0; n++ {
		rate, channels := int(b[2]>>2&15), b[2]&1<<2|b[3]>>6
		size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5)
		head := 7
		if b[1]&1 == 0 { // with a CRC
			head = 9
		}
		if size <= head || size > len(b) || rate >= len(adtsRates) {
			return
		}
		object := b[2]>>6 + 1
		asc := []byte{object<<3 | byte(rate)>>1, byte(rate)<<7 | channels<<3}
		if !bytes.Equal(asc, t.params) {
			t.params, t.described = asc, true
			d.out.describe(t.index, media.Track{
				Codec: media.AAC, TimeBase: tsTimeBase, SampleRateHz: adtsRates[rate], Channels: min(int(channels)+int(channels)/7, 8), Extradata: asc,
			})
		}
		at := pts + media.Rescale(n*1024, media.Rational{Num: 1, Den: int64(adtsRates[rate])}, tsTimeBase)
		d.out.packet(&media.Packet{
			Track: t.index, Audio: true, Keyframe: true, Data: bytes.Clone(b[head:size]), PTS: at, DTS: at,
			Duration: media.Rescale(1024, media.Rational{Num: 1, Den: int64(adtsRates[rate])}, tsTimeBase),
		}, t.arrival)
		b = b[size:]
	}
}
