package av

// #include "native.h"
import "C"

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// addStream makes the stream of a track; before the header is written.
func (m *Muxer) addStream(t media.Track) error {
	codec := astiav.FindDecoder(codecIDs[t.Codec])
	if codec == nil {
		return fmt.Errorf("codec %q is not supported", t.Codec)
	}
	ctx := astiav.AllocCodecContext(codec)
	defer ctx.Free()
	ctx.SetBitRate(int64(t.BitrateBPS))
	if err := ctx.SetExtraData(t.Extradata); err != nil {
		return err
	}
	st := m.ctx.NewStream(nil)
	if t.Codec.IsAudio() {
		size := 1024
		switch t.Codec {
		case media.Opus:
			size = 960
		case media.MP3: // ISO/IEC 11172-3 2.4.1, and half of it at MPEG-2's rates
			if size = 1152; t.SampleRateHz < 32000 {
				size = 576
			}
		case media.FLAC: // of any size
			size = 0
			C.cp_codec_bits((*C.AVCodecContext)(ctx.UnsafePointer()), 24)
		}
		C.cp_codec_delay((*C.AVCodecContext)(ctx.UnsafePointer()), C.int(t.Delay), C.int(size), C.int(t.SampleRateHz), C.int(t.Channels))
	} else {
		ctx.SetWidth(t.Width)
		ctx.SetHeight(t.Height)
		ctx.SetPixelFormat(astiav.PixelFormatYuv420P)
		if t.Codec == media.ProRes {
			ctx.SetPixelFormat(astiav.PixelFormatYuv422P10Le)
		}
		sar := astiav.NewRational(1, 1)
		if t.SAR.IsSet() {
			sar = astiav.NewRational(int(t.SAR.Num), int(t.SAR.Den))
		}
		ctx.SetSampleAspectRatio(sar)
		setCodePoints(ctx, t.Color)
		ctx.SetFramerate(astiav.NewRational(int(t.FPS.Num), int(t.FPS.Den)))
		st.SetAvgFrameRate(astiav.NewRational(int(t.FPS.Num), int(t.FPS.Den)))
		st.SetSampleAspectRatio(sar)
	}
	if err := st.CodecParameters().FromCodecContext(ctx); err != nil {
		return reason(err)
	}
	st.CodecParameters().SetCodecTag(0)
	if len(t.FourCC) == 4 {
		st.CodecParameters().SetCodecTag(astiav.CodecTag(binary.LittleEndian.Uint32([]byte(t.FourCC))))
	}
	st.SetTimeBase(astiav.NewRational(int(t.TimeBase.Num), int(t.TimeBase.Den)))
	if t.Title != "" {
		meta := astiav.NewDictionary()
		// mp4 players show the handler's name.
		for _, key := range []string{"title", "handler_name"} {
			if err := meta.Set(key, t.Title, 0); err != nil {
				return reason(err)
			}
		}
		st.SetMetadata(meta) // the stream's from here on
	}
	m.streams = append(m.streams, st)
	return nil
}

func (m *Muxer) hasVideo() bool {
	return slices.ContainsFunc(m.opt.Tracks, func(t media.Track) bool { return !t.Codec.IsAudio() })
}

// hybrid: the container is a hybrid fragmented mp4, which has no edit lists.
func (m *Muxer) hybrid() bool {
	return m.opt.Path != "" && (m.opt.Format == "mp4" || m.opt.Format == "mov")
}
