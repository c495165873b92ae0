// Before any function: no fused multiply-adds.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("O3", "fp-contract=off")
#endif

#include "mix.h"

#include <stdint.h>
#include <string.h>

typedef float v4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16)));

static inline v4 load(const float *p) { v4 v; memcpy(&v, p, sizeof v); return v; }
static inline void store(float *p, v4 v) { memcpy(p, &v, sizeof v); }

// Magnitudes compare as integers as they do as floats, and integers have a maximum
// without rules about NaN in its way.
static inline i4 magnitude(i4 m, v4 v)
{
	i4 bits;
	memcpy(&bits, &v, sizeof bits);
	bits &= 0x7fffffff;
	i4 larger = bits > m;
	return (bits & larger) | (m & ~larger);
}

static cp_pair peaks_of(i4 m)
{
	int32_t l = m[0] > m[2] ? m[0] : m[2], r = m[1] > m[3] ? m[1] : m[3];
	cp_pair p;
	memcpy(&p.left, &l, sizeof l);
	memcpy(&p.right, &r, sizeof r);
	return p;
}

// The two frames that a vector holds; an odd last one is done with the other two
// samples zero, which changes no peak.
static inline v4 load_frame(const float *p) { return (v4){p[0], p[1], 0, 0}; }
static inline void store_frame(float *p, v4 v) { p[0] = v[0]; p[1] = v[1]; }

static inline cp_pair constant(float *dst, const float *src, int frames, v4 g, int add)
{
	i4 m = {0, 0, 0, 0};
	int i = 0;
	for (; i + 2 <= frames; i += 2) {
		v4 v = load(src + 2 * i) * g;
		m = magnitude(m, v);
		store(dst + 2 * i, add ? load(dst + 2 * i) + v : v);
	}
	if (i < frames) {
		v4 v = load_frame(src + 2 * i) * g;
		m = magnitude(m, v);
		store_frame(dst + 2 * i, add ? load_frame(dst + 2 * i) + v : v);
	}
	return peaks_of(m);
}

static inline cp_pair ramped(float *dst, const float *src, int frames, v4 from, v4 to, int add)
{
	i4 m = {0, 0, 0, 0};
	if (frames <= 0)
		return peaks_of(m);
	v4 step = (to - from) / (float)frames, at = {1, 1, 2, 2};
	int i = 0;
	for (; i + 2 < frames; i += 2) {
		v4 g = from + step * at;
		v4 v = load(src + 2 * i) * g;
		m = magnitude(m, v);
		store(dst + 2 * i, add ? load(dst + 2 * i) + v : v);
		at += 2.0f;
	}
	for (; i < frames; i++) {
		v4 g = i == frames - 1 ? to : from + step * at;
		v4 v = load_frame(src + 2 * i) * g;
		m = magnitude(m, v);
		store_frame(dst + 2 * i, add ? load_frame(dst + 2 * i) + v : v);
		at += 1.0f;
	}
	return peaks_of(m);
}

cp_pair cp_mix_add(float *dst, const float *src, int frames, float left, float right)
{
	return constant(dst, src, frames, (v4){left, right, left, right}, 1);
}

cp_pair cp_mix_copy(float *dst, const float *src, int frames, float left, float right)
{
	return constant(dst, src, frames, (v4){left, right, left, right}, 0);
}

cp_pair cp_mix_add_ramp(float *dst, const float *src, int frames, float l0, float r0, float l1, float r1)
{
	return ramped(dst, src, frames, (v4){l0, r0, l0, r0}, (v4){l1, r1, l1, r1}, 1);
}

cp_pair cp_mix_copy_ramp(float *dst, const float *src, int frames, float l0, float r0, float l1, float r1)
{
	return ramped(dst, src, frames, (v4){l0, r0, l0, r0}, (v4){l1, r1, l1, r1}, 0);
}

cp_pair cp_mix_peak(const float *b, int frames)
{
	i4 m = {0, 0, 0, 0};
	int i = 0;
	for (; i + 2 <= frames; i += 2)
		m = magnitude(m, load(b + 2 * i));
	if (i < frames)
		m = magnitude(m, load_frame(b + 2 * i));
	return peaks_of(m);
}

void cp_mix_matrix(float *b, int frames, const float *from, const float *to)
{
	float m[4], step[4];
	for (int k = 0; k < 4; k++)
		step[k] = (to[k] - from[k]) / (float)frames;
	for (int i = 0; i < frames; i++) {
		for (int k = 0; k < 4; k++)
			m[k] = i == frames - 1 ? to[k] : from[k] + step[k] * (float)(i + 1);
		float l = b[2 * i], r = b[2 * i + 1];
		b[2 * i] = m[0] * l + m[1] * r;
		b[2 * i + 1] = m[2] * l + m[3] * r;
	}
}

void cp_mix_blend(float *b, const float *dry, int frames, float g0, float g1)
{
	float step = (g1 - g0) / (float)frames;
	for (int i = 0; i < frames; i++) {
		float g = i == frames - 1 ? g1 : g0 + step * (float)(i + 1);
		b[2 * i] = dry[2 * i] + (b[2 * i] - dry[2 * i]) * g;
		b[2 * i + 1] = dry[2 * i + 1] + (b[2 * i + 1] - dry[2 * i + 1]) * g;
	}
}

double cp_mix_energy(const float *b, int samples)
{
	double sum[4] = {0, 0, 0, 0};
	int i = 0;
	for (; i + 4 <= samples; i += 4)
		for (int k = 0; k < 4; k++)
			sum[k] += (double)b[i + k] * (double)b[i + k];
	for (; i < samples; i++)
		sum[0] += (double)b[i] * (double)b[i];
	return sum[0] + sum[1] + sum[2] + sum[3];
}
