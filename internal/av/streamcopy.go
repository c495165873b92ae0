package av

// #include "native.h"
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"unsafe"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
)

// StreamCopy makes of the packets of one stream of an input what media.Packet carries, without
// decoding them: H.264 and HEVC as Annex B, with their parameter sets in every keyframe, AAC
// without ADTS headers, Opus, MP3. It is for one goroutine, and keeps nothing of the input.
type StreamCopy struct {
	track   media.Track
	lengths int // bytes before each NAL unit; 0: the stream is Annex B
}

// NewStreamCopy looks at a stream. The error says in words why it cannot be passed on as it
// is.
func NewStreamCopy(s *Stream) (*StreamCopy, error) {
	c := &StreamCopy{track: media.Track{
		Width: s.Width &^ 1, Height: s.Height &^ 1, FPS: s.FPS, SAR: s.SAR,
		SampleRateHz: s.SampleRateHz, Channels: s.Channels, BitrateBPS: s.BitrateBPS,
	}}
	extra := s.params.ExtraData()
	switch s.Codec {
	case "h264", "hevc":
		c.track.Codec = media.H264
		if s.Codec == "hevc" {
			c.track.Codec = media.HEVC
		}
		c.track.Color = codePoints(s.params.ColorPrimaries(), s.params.ColorTransferCharacteristic(), s.params.ColorSpace(), s.params.ColorRange())
		if s.Rotation != 0 {
			return nil, errors.New("its pictures are turned when they are shown")
		}
	case "aac":
		c.track.Codec = media.AAC
		c.track.Extradata = bytes.Clone(extra) // an AudioSpecificConfig, or in each packet
		return c, nil
	case "opus":
		if !bytes.HasPrefix(extra, []byte("OpusHead")) {
			return nil, errors.New("its Opus stream has no header")
		}
		c.track.Codec, c.track.Extradata = media.Opus, bytes.Clone(extra)
		return c, nil
	case "mp3":
		c.track.Codec = media.MP3
		return c, nil
	default:
		return nil, fmt.Errorf("it is coded as %s", s.Codec)
	}
	return c, c.configure(extra)
}

// Track is the stream as its newest packet has it; its TimeBase is not set. Extradata is nil
// while the configuration is not known, and always for MP3, which has none.
func (c *StreamCopy) Track() media.Track { return c.track }

// Known reports whether the configuration is known: a file can be begun for the stream.
func (c *StreamCopy) Known() bool {
	return len(c.track.Extradata) > 0 || c.track.Codec == media.MP3
}

// configure takes a decoder configuration as containers have it.
func (c *StreamCopy) configure(extra []byte) error {
	switch {
	case len(extra) == 0:
	case c.track.Codec.IsAudio():
		c.track.Extradata = bytes.Clone(extra)
	case extra[0] != 1: // Annex B
		c.use(parameterSets(c.track.Codec, extra))
	case c.track.Codec == media.H264:
		conf, err := h264.ParseAVCC(extra)
		if err != nil {
			return err
		}
		c.lengths = conf.LengthSize
		c.use(conf.AnnexB())
	default:
		sets, lengths, err := h264.ParseHVCC(extra)
		if err != nil {
			return err
		}
		c.lengths = lengths
		c.use(sets)
	}
	return nil
}

// use makes sets the parameter sets.
func (c *StreamCopy) use(sets []byte) {
	if len(sets) == 0 || bytes.Equal(sets, c.track.Extradata) {
		return
	}
	c.track.Extradata = sets
	if c.track.Codec != media.H264 {
		return // what the container says of size and colour has to do
	}
	for nal := range h264.NALUnits(sets) {
		if h264.Type(nal) != h264.TypeSPS {
			continue
		}
		if sps, err := h264.ParseSPS(nal); err == nil {
			c.track.Width, c.track.Height = sps.Width, sps.Height
			c.recolor(sps.VUI)
		}
		return
	}
}

// recolor takes what new parameter sets say of colour; where they say nothing, the container's word stands.
func (c *StreamCopy) recolor(v h264.VUI) {
	const unspecified = 2
	if v.Primaries != unspecified || v.Transfer != unspecified || v.Matrix != unspecified {
		c.track.Color.Primaries, c.track.Color.Transfer, c.track.Color.Matrix = uint8(v.Primaries), uint8(v.Transfer), uint8(v.Matrix)
	}
	switch v.FullRange {
	case 0:
		c.track.Color.Range = media.Limited
	case 1:
		c.track.Color.Range = media.Full
	}
}

// Look takes a configuration that a packet brings along, of one that is not copied.
func (c *StreamCopy) Look(p *InputPacket) error {
	var n C.int
	// go-astiav v0.39 gives out no pointer of a packet: it is the struct's only field.
	d := C.cp_packet_config(*(**C.AVPacket)(unsafe.Pointer(p.pkt)), &n)
	if d == nil {
		return nil
	}
	return c.configure(C.GoBytes(unsafe.Pointer(d), n))
}

// Copy is a packet's data, in memory of its own. An error is about that packet.
func (c *StreamCopy) Copy(p *InputPacket) ([]byte, error) {
	if err := c.Look(p); err != nil {
		return nil, err
	}
	data := p.pkt.Data() // a copy
	switch {
	case c.track.Codec == media.AAC:
		return c.raw(data)
	case c.track.Codec == media.MP3:
		return data, c.layer3(data)
	case c.track.Codec.IsAudio():
		return data, nil
	}
	if c.lengths > 0 {
		var err error
		if data, err = h264.AppendAnnexB(make([]byte, 0, len(data)+16), data, c.lengths); err != nil {
			return nil, err
		}
	}
	if !p.Keyframe {
		return data, nil
	}
	if sets := parameterSets(c.track.Codec, data); complete(c.track.Codec, sets) {
		c.use(sets)
	} else if len(c.track.Extradata) > 0 {
		data = append(bytes.Clone(c.track.Extradata), data...)
	} else {
		return nil, errors.New("the parameter sets have not come")
	}
	return data, nil
}

// complete: sets has one of each kind at least.
func complete(codec media.Codec, sets []byte) bool {
	seen := map[int]bool{}
	nals(sets, func(nal []byte) bool { seen[nalType(codec, nal)] = true; return true })
	if codec == media.HEVC {
		return seen[hevcVPS] && seen[hevcSPS] && seen[hevcPPS]
	}
	return seen[h264SPS] && seen[h264PPS]
}

// raw takes the ADTS header off a block of AAC (ISO/IEC 13818-7 6.2), if there is one.
func (c *StreamCopy) raw(b []byte) ([]byte, error) {
	if len(b) < 7 || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		if len(c.track.Extradata) < 2 {
			return nil, errors.New("the configuration of its AAC has not come")
		}
		return b, nil
	}
	profile, rate, channels := b[2]>>6, b[2]>>2&15, b[2]&1<<2|b[3]>>6
	if b[6]&3 != 0 {
		return nil, errors.New("its AAC has several blocks to a header")
	}
	if channels == 0 || rate > 12 {
		return nil, errors.New("its AAC has channels of an unusual order")
	}
	// AudioSpecificConfig, ISO/IEC 14496-3 1.6.2.1.
	conf := []byte{(profile+1)<<3 | rate>>1, rate<<7 | channels<<3}
	if !bytes.Equal(conf, c.track.Extradata) {
		c.track.Extradata = conf
	}
	head := 7
	if b[1]&1 == 0 {
		head = 9 // with a checksum
	}
	if len(b) <= head {
		return nil, errors.New("a block of its AAC is cut")
	}
	return b[head:], nil
}

// mp3Hz are the sampling rates of MPEG-1; MPEG-2 has half of them, MPEG-2.5 a quarter (ISO/IEC
// 11172-3 2.4.2.3, 13818-3 2.4.2.3).
var mp3Hz = [...]int{44100, 48000, 32000}

// layer3 takes what the header of a frame of MP3 says of it.
func (c *StreamCopy) layer3(b []byte) error {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe6 != 0xe2 || b[2]>>2&3 == 3 {
		return errors.New("a block of its MP3 is damaged")
	}
	hz := mp3Hz[b[2]>>2&3]
	switch b[1] >> 3 & 3 {
	case 0:
		hz /= 4
	case 2:
		hz /= 2
	}
	c.track.SampleRateHz, c.track.Channels = hz, 2
	if b[3]>>6 == 3 {
		c.track.Channels = 1
	}
	return nil
}
