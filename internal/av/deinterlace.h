// One libavfilter graph that makes whole pictures of the two fields of interlaced ones.
#ifndef CROSSPOINT_DEINTERLACE_H
#define CROSSPOINT_DEINTERLACE_H

#include <stdint.h>
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>

typedef struct cp_deint cp_deint;

// cp_deint_open makes a graph for pictures like f: with fields two pictures for each that is
// flagged as interlaced, else one; those that are not go through as they are. It returns an
// AVERROR below 0, or 0.
int cp_deint_open(cp_deint **out, const AVFrame *f, int fields);
// cp_deint_fits is 0 for a picture of another size, format or colour than those before.
int cp_deint_fits(const cp_deint *d, const AVFrame *f);
// cp_deint_push takes f's reference; NULL is the end. pts is in ns.
int cp_deint_push(cp_deint *d, AVFrame *f, int64_t pts);
// cp_deint_pull fills f, which is empty; AVERROR(EAGAIN) wants another push. pts is in ns.
int cp_deint_pull(cp_deint *d, AVFrame *f, int64_t *pts);
void cp_deint_close(cp_deint *d);

// cp_codec_interlaced: the container says that its pictures are, before one is decoded.
int cp_codec_interlaced(const AVCodecContext *c);
#endif
