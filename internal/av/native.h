// What go-astiav v0.39 does not reach of libav*: plane pointers, colour details of
// swscale, libswresample on plain memory, log lines of bounded length. Nothing here
// keeps a pointer that the caller passed in.
#ifndef CROSSPOINT_NATIVE_H
#define CROSSPOINT_NATIVE_H

#include <stdint.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

enum { CP_I420 = 1, CP_NV12, CP_OTHER_YUV, CP_OTHER_RGB };

// cp_info is a picture's properties, read in one call.
typedef struct cp_info {
	uint8_t *data[4];
	int linesize[4];
	int width, height, format;
	int kind;         // CP_*
	int alpha, hw;    // has alpha; lives on a device
	int interlaced;   // its rows are of two moments
	int matrix;       // AVColorSpace
	int full;         // 1 full, 0 limited, -1 not said
	int chroma_loc;   // AVChromaLocation
	int log2_cw, log2_ch;
	int64_t pts, duration;
	int sar_num, sar_den;
	int transpose, flip_x, flip_y; // how to bring it upright; flips act on the result
} cp_info;

void cp_frame_info(const AVFrame *f, cp_info *out);
void cp_frame_color(AVFrame *f, int matrix, int full);
void cp_frame_key(AVFrame *f, int force);
void cp_codec_skip(AVCodecContext *c, int nonref);
void cp_codec_color(AVCodecContext *c, int matrix, int full);
void cp_codec_delay(AVCodecContext *c, int initial_padding, int frame_size, int rate, int channels);
// cp_codec_bitrate: some encoders look at these before each picture.
void cp_codec_bitrate(AVCodecContext *c, int64_t bps, int vbv);
int cp_codec_padding(const AVCodecContext *c);
void cp_sound_lead(AVFormatContext *f, int stream, int samples);
// cp_packet_config is the decoder configuration that a packet brings along, of the packet's
// own memory; NULL where it brings none.
const uint8_t *cp_packet_config(const AVPacket *p, int *size);
// cp_packet_alpha is the first byte of the transparency that lies beside a packet (WebM's BlockAdditional 1);
// -1 where there is none.
int cp_packet_alpha(const AVPacket *p);
// cp_stream_color sets what a demuxer says of a stream, for which go-astiav v0.39 has no setters.
void cp_stream_color(AVFormatContext *f, int stream, int primaries, int transfer);
void cp_codec_packet_timebase(AVCodecContext *c, int num, int den);

struct SwsContext *cp_sws_new(int sw, int sh, int sfmt, int dw, int dh, int dfmt, int flags,
	int smatrix, int sfull, int dmatrix, int dfull, int src_chroma_loc);
int cp_sws_scale(struct SwsContext *c, int h,
	const uint8_t *s0, const uint8_t *s1, const uint8_t *s2, const uint8_t *s3, int l0, int l1, int l2, int l3,
	uint8_t *d0, uint8_t *d1, uint8_t *d2, int m0, int m1, int m2);

// cp_affine applies Y' = k0*Y + k1*Cb + k2*Cr + k3, Cb' = k4*Cb + k5*Cr, Cr' = k6*Cb + k7*Cr
// (chroma about 128) to 4:2:0 planes; step is 1 for three planes, 2 for NV12 (v = u+1).
// Source and destination may be the same. Returns <0 without memory.
int cp_affine(const uint8_t *sy, int sys, const uint8_t *su, const uint8_t *sv, int scs, int sstep,
	uint8_t *dy, int dys, uint8_t *du, uint8_t *dv, int dcs, int dstep, int w, int h, const float *k);
// cp_deepen fills a yuv422p10le frame from I420 planes of its size.
void cp_deepen(AVFrame *f, const uint8_t *y, const uint8_t *u, const uint8_t *v, int ys, int us, int vs);
int cp_codec_tag(const AVCodecContext *c);
void cp_copy_plane(uint8_t *d, int ds, const uint8_t *s, int ss, int row, int rows);
void cp_interleave(uint8_t *d, int ds, const uint8_t *u, int us, const uint8_t *v, int vs, int w, int h);
void cp_deinterleave(uint8_t *u, int us, uint8_t *v, int vs, const uint8_t *s, int ss, int w, int h);
void cp_turn(uint8_t *d, int ds, const uint8_t *s, int ss, int dw, int dh, int bytes, int transpose, int fx, int fy);

// Sound. cp_swr_new: any layout and format of f to interleaved stereo float at the rate;
// one channel goes to both sides at its own level. Where the channels are in no layout that can be mixed
// down, so many of the first are picked: two for left and right, one for both; else 0.
SwrContext *cp_swr_new(const AVFrame *f, int out_rate, int *picked);
int cp_swr_same(const AVFrame *f, const AVFrame *g);
int cp_swr_convert(SwrContext *s, const AVFrame *f, float *out, int out_frames);
// cp_audio_fill copies n interleaved frames to f (flt or fltp), from frame index at.
void cp_audio_fill(AVFrame *f, const float *in, int at, int n, int channels, int planar);
// cp_audio_fill24 does so for s32, of which encoders of 24 bits take the upper ones; what is
// beyond full scale is clipped.
void cp_audio_fill24(AVFrame *f, const float *in, int at, int n, int channels);
// cp_codec_bits says how many bits of a sample count.
void cp_codec_bits(AVCodecContext *c, int bits);

// cp_chapter adds a chapter to what a muxer writes with its trailer; times in ms. The
// title is copied. Returns <0 without memory.
int cp_chapter(AVFormatContext *c, int64_t id, int64_t start, int64_t end, const char *title);
// cp_chapter_at reads a demuxer's i-th chapter, times in ms; the title is the context's
// own and may be NULL.
const char *cp_chapter_at(const AVFormatContext *c, int i, int64_t *start, int64_t *end);
int cp_chapters(const AVFormatContext *c);

// cp_find_stream_info is avformat_find_stream_info, which decodes pictures of at most
// max_pixels of the streams that the header tells of, and none of those that are known.
int cp_find_stream_info(AVFormatContext *c, int64_t max_pixels, const char *known);
void cp_codec_max_pixels(AVCodecContext *c, int64_t max_pixels);

// cp_verify_peers has the certificates checked of all servers that c, not opened yet, opens by
// way of TLS: those of segments and keys too, to which demuxers do not hand options on.
void cp_verify_peers(AVFormatContext *c);

// cp_duration_guessed is 1 where the bit rate alone says how long the input is.
int cp_duration_guessed(const AVFormatContext *c);

// cp_reported is 1 for a packet whose producer's wall clock is known.
int cp_reported(const AVPacket *p);

// cp_borrow_writes: what c's writer writes goes to goMuxerWrite as libavformat's own
// memory, with the opaque pointer of its I/O context, which this returns.
void *cp_borrow_writes(AVFormatContext *c);

void cp_log_install(int level);
#endif
