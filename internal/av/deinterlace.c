#include "deinterlace.h"

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/mem.h>

struct cp_deint {
	AVFilterGraph *graph;
	AVFilterContext *in, *sink;
	int width, height, format, colorspace, range;
};

static int source(cp_deint *d, const AVFrame *f)
{
	d->in = avfilter_graph_alloc_filter(d->graph, avfilter_get_by_name("buffer"), "in");
	AVBufferSrcParameters *p = av_buffersrc_parameters_alloc();
	int err = AVERROR(ENOMEM);
	if (d->in && p) {
		p->format = f->format;
		p->width = f->width;
		p->height = f->height;
		p->sample_aspect_ratio = f->sample_aspect_ratio;
		p->time_base = (AVRational){1, 1000000000};
		p->color_space = f->colorspace;
		p->color_range = f->color_range;
		err = av_buffersrc_parameters_set(d->in, p);
		if (err >= 0)
			err = avfilter_init_str(d->in, NULL);
	}
	av_free(p);
	return err;
}

static int assemble(cp_deint *d, const AVFrame *f, int fields)
{
	AVFilterContext *bwdif;
	int err;
	d->graph = avfilter_graph_alloc();
	if (!d->graph)
		return AVERROR(ENOMEM);
	d->graph->nb_threads = 1; // the decoder's own goroutine: what is spent is the source's
	if ((err = source(d, f)) < 0)
		return err;
	if ((err = avfilter_graph_create_filter(&bwdif, avfilter_get_by_name("bwdif"), "bwdif",
		fields ? "mode=send_field:parity=auto:deint=interlaced" : "mode=send_frame:parity=auto:deint=interlaced", NULL, d->graph)) < 0)
		return err;
	if ((err = avfilter_graph_create_filter(&d->sink, avfilter_get_by_name("buffersink"), "out", NULL, NULL, d->graph)) < 0)
		return err;
	if ((err = avfilter_link(d->in, 0, bwdif, 0)) < 0 || (err = avfilter_link(bwdif, 0, d->sink, 0)) < 0)
		return err;
	return avfilter_graph_config(d->graph, NULL); // converts what bwdif does not take: NV12, YUYV
}

int cp_deint_open(cp_deint **out, const AVFrame *f, int fields)
{
	cp_deint *d = av_mallocz(sizeof *d);
	if (!d)
		return AVERROR(ENOMEM);
	d->width = f->width;
	d->height = f->height;
	d->format = f->format;
	d->colorspace = f->colorspace;
	d->range = f->color_range;
	int err = assemble(d, f, fields);
	if (err < 0) {
		cp_deint_close(d);
		return err;
	}
	*out = d;
	return 0;
}

int cp_deint_fits(const cp_deint *d, const AVFrame *f)
{
	return d->width == f->width && d->height == f->height && d->format == f->format && d->colorspace == f->colorspace && d->range == f->color_range;
}

int cp_deint_push(cp_deint *d, AVFrame *f, int64_t pts)
{
	if (f)
		f->pts = pts;
	return av_buffersrc_add_frame_flags(d->in, f, 0);
}

int cp_deint_pull(cp_deint *d, AVFrame *f, int64_t *pts)
{
	int err = av_buffersink_get_frame(d->sink, f);
	if (err >= 0) // bwdif counts in half units
		*pts = av_rescale_q(f->pts, av_buffersink_get_time_base(d->sink), (AVRational){1, 1000000000});
	return err;
}

void cp_deint_close(cp_deint *d)
{
	if (!d)
		return;
	avfilter_graph_free(&d->graph);
	av_free(d);
}

int cp_codec_interlaced(const AVCodecContext *c) { return c->field_order > AV_FIELD_PROGRESSIVE; }
