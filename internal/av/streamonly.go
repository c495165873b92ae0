package av

// #include "streamonly.h"
import "C"

import "github.com/asticode/go-astiav"

// codePlaylist is libavformat's error of a playlist where InputOptions.StreamOnly is set.
const codePlaylist = astiav.Error(C.CP_PLAYLIST)

// streamOnly has ctx, which is not opened yet, take nothing but a stream.
func streamOnly(ctx *astiav.FormatContext) { C.cp_stream_only(cFormat(ctx)) }
