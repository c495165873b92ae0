#include "audiofilter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <libavutil/avstring.h>
#include <libavutil/frame.h>
#include <libavutil/mem.h>

struct cp_filter {
	AVFilterGraph *graph;
	AVFilterContext *in, *key, *sink;
	AVFrame *frame;
	int rate, planar;
	int64_t pts;
	// What came out and was not asked for yet, interleaved: filters that work on blocks of
	// their own length give more or less than went in.
	float *left;
	int held, room; // frames
};

static enum AVSampleFormat format(const cp_filter *f) { return f->planar ? AV_SAMPLE_FMT_DBLP : AV_SAMPLE_FMT_DBL; }

static int source(cp_filter *f, AVFilterContext **ctx, const char *name)
{
	char args[160];
	snprintf(args, sizeof args, "time_base=1/%d:sample_rate=%d:sample_fmt=%s:channel_layout=stereo",
		f->rate, f->rate, av_get_sample_fmt_name(format(f)));
	return avfilter_graph_create_filter(ctx, avfilter_get_by_name("abuffer"), name, args, NULL, f->graph);
}

static int room(cp_filter *f, int frames)
{
	if (frames <= f->room)
		return 0;
	float *grown = av_realloc_array(f->left, frames, 2 * sizeof *f->left);
	if (!grown)
		return AVERROR(ENOMEM);
	f->left = grown;
	f->room = frames;
	return 0;
}

static AVFilterInOut *end(const char *name, AVFilterContext *ctx, AVFilterInOut *next)
{
	AVFilterInOut *e = avfilter_inout_alloc();
	if (!e)
		return NULL;
	e->name = av_strdup(name);
	e->filter_ctx = ctx;
	e->next = next;
	return e;
}

static int assemble(cp_filter *f, const char *graph, int keyed)
{
	int err;
	f->graph = avfilter_graph_alloc();
	f->frame = av_frame_alloc();
	if (!f->graph || !f->frame)
		return AVERROR(ENOMEM);
	f->graph->nb_threads = 1; // its own threads would cost more than they bring
	if ((err = source(f, &f->in, "in")) < 0)
		return err;
	if (keyed && (err = source(f, &f->key, "key")) < 0)
		return err;
	if ((err = avfilter_graph_create_filter(&f->sink, avfilter_get_by_name("abuffersink"), "out", NULL, NULL, f->graph)) < 0)
		return err;
	char *text = av_asprintf("%s,aformat=sample_fmts=%s:channel_layouts=stereo[out]", graph, av_get_sample_fmt_name(format(f)));
	AVFilterInOut *outputs = end("in", f->in, keyed ? end("key", f->key, NULL) : NULL);
	AVFilterInOut *inputs = end("out", f->sink, NULL);
	if (!text || !outputs || !inputs || (keyed && !outputs->next))
		err = AVERROR(ENOMEM);
	else
		err = avfilter_graph_parse_ptr(f->graph, text, &inputs, &outputs, NULL);
	avfilter_inout_free(&inputs);
	avfilter_inout_free(&outputs);
	av_free(text);
	if (err < 0)
		return err;
	return avfilter_graph_config(f->graph, NULL);
}

int cp_filter_open(cp_filter **out, const char *graph, int rate, int planar, int keyed, int pad)
{
	cp_filter *f = av_mallocz(sizeof *f);
	if (!f)
		return AVERROR(ENOMEM);
	f->rate = rate;
	f->planar = planar;
	int err = assemble(f, graph, keyed);
	if (err >= 0)
		err = room(f, pad + 4096);
	if (err < 0) {
		cp_filter_close(f);
		return err;
	}
	memset(f->left, 0, (size_t)pad * 2 * sizeof *f->left);
	f->held = pad;
	*out = f;
	return 0;
}

static int push(cp_filter *f, AVFilterContext *to, const float *samples, int frames)
{
	AVFrame *in = f->frame;
	in->nb_samples = frames;
	in->format = format(f);
	in->sample_rate = f->rate;
	in->pts = f->pts;
	av_channel_layout_default(&in->ch_layout, 2);
	int err = av_frame_get_buffer(in, 0);
	if (err < 0)
		return err;
	if (!samples) {
		for (int c = 0; c < (f->planar ? 2 : 1); c++)
			memset(in->extended_data[c], 0, (size_t)frames * (f->planar ? 1 : 2) * sizeof(double));
	} else if (f->planar) {
		double *l = (double *)in->extended_data[0], *r = (double *)in->extended_data[1];
		for (int i = 0; i < frames; i++) {
			l[i] = samples[2 * i];
			r[i] = samples[2 * i + 1];
		}
	} else {
		double *d = (double *)in->extended_data[0];
		for (int i = 0; i < 2 * frames; i++)
			d[i] = samples[i];
	}
	err = av_buffersrc_add_frame_flags(to, in, AV_BUFFERSRC_FLAG_NO_CHECK_FORMAT);
	av_frame_unref(in);
	return err;
}

// pull takes everything that is ready.
static int pull(cp_filter *f)
{
	for (;;) {
		AVFrame *out = f->frame;
		int err = av_buffersink_get_frame(f->sink, out);
		if (err == AVERROR(EAGAIN))
			return 0;
		if (err < 0)
			return err;
		int n = out->nb_samples;
		if ((err = room(f, f->held + n)) < 0) {
			av_frame_unref(out);
			return err;
		}
		float *to = f->left + 2 * f->held;
		if (f->planar) {
			const double *l = (const double *)out->extended_data[0], *r = (const double *)out->extended_data[1];
			for (int i = 0; i < n; i++) {
				to[2 * i] = (float)l[i];
				to[2 * i + 1] = (float)r[i];
			}
		} else {
			const double *d = (const double *)out->extended_data[0];
			for (int i = 0; i < 2 * n; i++)
				to[i] = (float)d[i];
		}
		f->held += n;
		av_frame_unref(out);
	}
}

int cp_filter_run(cp_filter *f, float *samples, const float *key, int frames)
{
	int err = push(f, f->in, samples, frames);
	if (err >= 0 && f->key)
		err = push(f, f->key, key, frames);
	f->pts += frames;
	if (err >= 0)
		err = pull(f);
	if (err < 0)
		return err;
	if (f->held < frames)
		return AVERROR_BUG; // pad was too small
	memcpy(samples, f->left, (size_t)frames * 2 * sizeof *samples);
	f->held -= frames;
	memmove(f->left, f->left + 2 * frames, (size_t)f->held * 2 * sizeof *f->left);
	return 0;
}

int cp_filter_push(cp_filter *f, const float *samples, int frames)
{
	int err = samples ? push(f, f->in, samples, frames) : av_buffersrc_add_frame_flags(f->in, NULL, 0);
	f->pts += frames;
	if (err >= 0)
		err = pull(f);
	return err < 0 && err != AVERROR_EOF ? err : f->held;
}

void cp_filter_take(cp_filter *f, float *samples, int frames)
{
	memcpy(samples, f->left, (size_t)frames * 2 * sizeof *samples);
	f->held -= frames;
	memmove(f->left, f->left + 2 * frames, (size_t)f->held * 2 * sizeof *f->left);
}

void cp_filter_close(cp_filter *f)
{
	if (!f)
		return;
	avfilter_graph_free(&f->graph);
	av_frame_free(&f->frame);
	av_freep(&f->left);
	av_free(f);
}
