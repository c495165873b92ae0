package av

// #include "native.h"
import "C"

import (
	"math"
	"unsafe"

	"github.com/asticode/go-astiav"
)

// apart is what becomes of transparency that a container keeps beside the pictures, as WebM does for
// VP8 and VP9: a second stream of the same codec in the blocks' BlockAdditions, whose luma is the
// alpha (https://www.webmproject.org/docs/container/#AlphaMode).
type apart uint8

const (
	apartKept apart = iota + 1
	apartLost       // this FFmpeg has no decoder for it
)

// transparent is the decoder for a stream with these tags: codec, except where there is transparency
// beside the pictures. libavcodec's own decoders of VP8 and VP9, which it prefers, leave that out;
// libvpx's decode it. find looks for a decoder by its name.
func transparent(tags *astiav.Dictionary, id astiav.CodecID, codec *astiav.Codec, find func(string) *astiav.Codec) (*astiav.Codec, apart) {
	name := map[astiav.CodecID]string{astiav.CodecIDVp8: "libvpx", astiav.CodecIDVp9: "libvpx-vp9"}[id]
	if name == "" || tags == nil {
		return codec, 0
	}
	if mode := tags.Get("alpha_mode", nil, 0); mode == nil || mode.Value() != "1" { // in any case of letters
		return codec, 0
	}
	if c := find(name); c != nil {
		return c, apartKept
	}
	return codec, apartLost
}

// seekTransparency goes on from a seek to ts, in units of the pictures' stream, to where transparency
// can be decoded from too. Its encoder is one of its own and makes keyframes of its own, so that from a keyframe of the
// pictures alone it would be what was before the seek with changes that belong elsewhere.
func (in *Input) seekTransparency(ts int64) error {
	pkt := astiav.AllocPacket()
	defer pkt.Free()
	back := func(ts int64) error {
		return in.ctx.SeekFrame(in.video.Index, ts, astiav.NewSeekFlags(astiav.SeekFlagBackward))
	}
	for earliest := int64(math.MaxInt64); ; {
		at, begins, err := in.nextTransparency(pkt)
		if err != nil || begins || at >= earliest {
			// Nothing to look at, the place, or nothing before it. What was read is read again.
			return back(ts)
		}
		earliest, ts = at, at-1
		if err := back(ts); err != nil {
			return err
		}
	}
}

// nextTransparency reads the next picture: where it is, and whether transparency begins anew there.
func (in *Input) nextTransparency(pkt *astiav.Packet) (at int64, begins bool, err error) {
	for {
		pkt.Unref()
		if err := in.ctx.ReadFrame(pkt); err != nil {
			return 0, false, err
		}
		if pkt.StreamIndex() != in.video.Index {
			continue
		}
		// go-astiav v0.39 gives out no pointer of a packet: it is the struct's only field.
		first := int(C.cp_packet_alpha(*(**C.AVPacket)(unsafe.Pointer(pkt))))
		return pkt.Pts(), first < 0 || vpxKeyframe(in.video.Codec, byte(first)), nil
	}
}

// vpxKeyframe reads a frame's first byte: RFC 6386 9.1, key_frame; VP9 bitstream specification 6.2, of
// profile 0, which alone is used for alpha, show_existing_frame and frame_type.
func vpxKeyframe(codec string, first byte) bool {
	if codec == "vp8" {
		return first&1 == 0
	}
	return first&0x0c == 0
}
