package av

// #include "native.h"
// #include <libavformat/avformat.h>
import "C"

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"crosspoint.studio/crosspoint/internal/media"
)

// Library says which FFmpeg is in use.
type Library struct {
	Version       string // for example "7.1.5"
	License       string // of the build, for example "GPL version 3 or later"
	Configuration string // how it was configured
}

// Probe describes the FFmpeg in use.
func Probe() Library {
	return Library{C.GoString(C.av_version_info()), C.GoString(C.avcodec_license()), C.GoString(C.avcodec_configuration())}
}

// EncoderStatus is one row of the table, tried.
type EncoderStatus struct {
	Encoder
	Works  bool
	Reason string // why it does not work, for the operator
}

// noEncoder is why row does not work, without its name, for the operator. What a driver
// that is not there makes of a hardware encoder differs (NVENC: EPERM; Quick Sync: an
// "unknown error").
func noEncoder(row Encoder, err error) string {
	if row.Hardware && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) || strings.Contains(err.Error(), "unknown error")) {
		return "no device or no driver for it answers"
	}
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "av: "), "open "+row.Name+": ")
}

// ProbeEncoders encodes a few small frames with every encoder of the table. It takes a
// second or two; ctx ends it between two encoders.
func ProbeEncoders(ctx context.Context) []EncoderStatus {
	opt := VideoEncoderOptions{
		Width: 640, Height: 360, FPS: media.Rational{Num: 30, Den: 1}, BitrateBPS: 1_000_000, BFrames: -1,
	}.withDefaults()
	var out []EncoderStatus
	for _, row := range Encoders() {
		if ctx.Err() != nil {
			return out
		}
		s := EncoderStatus{Encoder: row, Works: true}
		if err := trial(row, opt); err != nil {
			s.Works, s.Reason = false, noEncoder(row, err)
		}
		out = append(out, s)
	}
	return out
}
