// Inputs that may be nothing but a stream.
#ifndef CROSSPOINT_STREAMONLY_H
#define CROSSPOINT_STREAMONLY_H

#include <libavformat/avformat.h>

// CP_PLAYLIST is what avformat_open_input returns of an input that names others to be read
// instead of it.
enum { CP_PLAYLIST = -(int)MKTAG('C', 'P', 'P', 'L') };

// cp_stream_only refuses such inputs of c, which is not opened yet and has no format set.
void cp_stream_only(AVFormatContext *c);
#endif
