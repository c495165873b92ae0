// One libavfilter graph run on plain memory, block by block.
#ifndef CROSSPOINT_AUDIOFILTER_H
#define CROSSPOINT_AUDIOFILTER_H

typedef struct cp_filter cp_filter;

// cp_filter_open makes graph, in which [in], [key] if keyed, and [out] are stereo of
// doubles at the rate, planar or packed. pad frames of silence come out first. It returns
// an AVERROR below 0, or 0.
int cp_filter_open(cp_filter **out, const char *graph, int rate, int planar, int keyed, int pad);
// cp_filter_run replaces frames of interleaved samples by what comes out for them; key may
// be NULL for silence.
int cp_filter_run(cp_filter *f, float *samples, const float *key, int frames);
// cp_filter_push puts frames of interleaved samples into a graph that gives more or fewer than
// go in; samples NULL is the end. It returns how many are ready, which cp_filter_take takes.
int cp_filter_push(cp_filter *f, const float *samples, int frames);
void cp_filter_take(cp_filter *f, float *samples, int frames);
void cp_filter_close(cp_filter *f);
#endif
