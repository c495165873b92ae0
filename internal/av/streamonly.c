#include "streamonly.h"

#include <string.h>
#include <libavutil/avstring.h>

typedef int (*opener)(AVFormatContext *c, AVIOContext **pb, const char *url, int flags, AVDictionary **options);

// The demuxers that read what their input names.
static const char playlists[] = "hls,dash,sdp,concat,imf,webm_dash_manifest";

// begins_m3u: pb, just opened, is an HLS playlist. libavformat 61 takes it for one only by its name's
// ending or its media type, and without them would look for something else in it until the timeout.
static int begins_m3u(AVIOContext *pb)
{
	static const char m3u[] = "#EXTM3U";
	avio_r8(pb); // fills the buffer
	if (pb->buf_ptr == pb->buffer || avio_seek(pb, -1, SEEK_CUR) < 0)
		return 0; // nothing came, which the probing reports
	return pb->buf_end - pb->buf_ptr >= (int)sizeof m3u - 1 && !memcmp(pb->buf_ptr, m3u, sizeof m3u - 1);
}

static int open_stream(AVFormatContext *c, AVIOContext **pb, const char *url, int flags, AVDictionary **options)
{
	if (c->iformat) // a demuxer wants something else opened
		return CP_PLAYLIST;
	int ret = ((opener)c->opaque)(c, pb, url, flags, options);
	if (ret < 0)
		return ret;
	// As avformat_open_input does next, from the same bytes: they are put back.
	const AVInputFormat *format = NULL;
	if (begins_m3u(*pb))
		ret = CP_PLAYLIST;
	else
		ret = av_probe_input_buffer2(*pb, &format, url, c, 0, c->format_probesize);
	if (format && av_match_list(format->name, playlists, ',') > 0)
		ret = CP_PLAYLIST;
	if (ret < 0) {
		avio_closep(pb);
		return ret;
	}
	return 0;
}

void cp_stream_only(AVFormatContext *c)
{
	c->opaque = (void *)c->io_open;
	c->io_open = open_stream;
}
