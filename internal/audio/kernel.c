#include "kernel.h"

#include <math.h>
#include <string.h>

// Four samples at a time, by the compiler's own vectors: SSE2 and NEON have them always.
typedef float v4 __attribute__((vector_size(16)));
typedef int32_t v4i __attribute__((vector_size(16)));

static inline v4 load(const float *p) {
	v4 v;
	memcpy(&v, p, sizeof v);
	return v;
}

static inline v4 all(float x) { return (v4){x, x, x, x}; }

static inline v4 magnitude(v4 v) { return (v4)((v4i)v & 0x7fffffff); }

static inline v4 greater(v4 a, v4 b) {
	v4i m = a > b;
	return (v4)(((v4i)a & m) | ((v4i)b & ~m));
}

static inline float sum(v4 v) { return (v[0] + v[1]) + (v[2] + v[3]); }

static inline float highest(v4 v) { return fmaxf(fmaxf(v[0], v[1]), fmaxf(v[2], v[3])); }

int32_t cp_sinc_run(cp_sinc *s, const float *row, const float *slope, const float *in, int32_t frames,
	float *out, int32_t room) {
	int32_t made = 0, used = 0;
	while (made < room) {
		for (; s->want > 0; s->want--) {
			if (used == frames) {
				goto done;
			}
			for (int c = 0; c < 2; c++) {
				s->window[c][s->at] = s->window[c][s->at + CP_SINC_TAPS] = in[2 * used + c];
			}
			s->at = (s->at + 1) % CP_SINC_TAPS;
			used++;
		}
		const uint64_t phase = s->frac >> (32 - 9);
		const v4 f = all((float)(s->frac & ((1u << (32 - 9)) - 1)) / (float)(1u << (32 - 9)));
		const float *h = row + phase * CP_SINC_TAPS, *d = slope + phase * CP_SINC_TAPS;
		const float *l = &s->window[0][s->at], *r = &s->window[1][s->at];
		v4 l0 = all(0), l1 = l0, r0 = l0, r1 = l0;
		for (int k = 0; k < CP_SINC_TAPS; k += 8) {
			const v4 c0 = load(h + k) + f * load(d + k), c1 = load(h + k + 4) + f * load(d + k + 4);
			l0 += c0 * load(l + k);
			r0 += c0 * load(r + k);
			l1 += c1 * load(l + k + 4);
			r1 += c1 * load(r + k + 4);
		}
		out[2 * made] = sum(l0 + l1);
		out[2 * made + 1] = sum(r0 + r1);
		made++;
		s->frac += s->step;
		s->want = s->frac >> 32;
		s->frac &= 0xffffffffu;
	}
done:
	s->taken = used;
	return made;
}

// The interpolating filter of Recommendation ITU-R BS.1770-4, Annex 2: 48 taps in four
// phases, which are the points 1/8, 3/8, 5/8 and 7/8 of the way from the sixth-last sample
// to the fifth-last. The third and fourth phase are the second and first backwards.
static const float interpolator[4][CP_PEAK_TAPS] = {
	{0.0017089843750f, 0.0109863281250f, -0.0196533203125f, 0.0332031250000f, -0.0594482421875f, 0.1373291015625f,
		0.9721679687500f, -0.1022949218750f, 0.0476074218750f, -0.0266113281250f, 0.0148925781250f, -0.0083007812500f},
	{-0.0291748046875f, 0.0292968750000f, -0.0517578125000f, 0.0891113281250f, -0.1665039062500f, 0.4650878906250f,
		0.7797851562500f, -0.2003173828125f, 0.1015625000000f, -0.0582275390625f, 0.0330810546875f, -0.0189208984375f},
	{-0.0189208984375f, 0.0330810546875f, -0.0582275390625f, 0.1015625000000f, -0.2003173828125f, 0.7797851562500f,
		0.4650878906250f, -0.1665039062500f, 0.0891113281250f, -0.0517578125000f, 0.0292968750000f, -0.0291748046875f},
	{-0.0083007812500f, 0.0148925781250f, -0.0266113281250f, 0.0476074218750f, -0.1022949218750f, 0.9721679687500f,
		0.1373291015625f, -0.0594482421875f, 0.0332031250000f, -0.0196533203125f, 0.0109863281250f, 0.0017089843750f},
};

// line holds one channel's samples after its history.
typedef struct {
	float x[CP_PEAK_TAPS + CP_METER_FRAMES];
} line;

static void split(line l[2], cp_peaks *p, const float *in, int32_t frames) {
	for (int c = 0; c < 2; c++) {
		memcpy(l[c].x, p->past[c], sizeof p->past[c]);
		float *x = l[c].x + CP_PEAK_TAPS;
		for (int32_t i = 0; i < frames; i++) {
			x[i] = in[2 * i + c];
		}
		memcpy(p->past[c], l[c].x + frames, sizeof p->past[c]);
	}
}

// four is the highest magnitude of the four phases, for the frames x[0]..x[3].
static inline v4 four(const float *x) {
	v4 a0 = all(0), a1 = a0, a2 = a0, a3 = a0;
	for (int k = 0; k < CP_PEAK_TAPS; k++) {
		const v4 v = load(x - k);
		a0 += v * interpolator[0][k];
		a1 += v * interpolator[1][k];
		a2 += v * interpolator[2][k];
		a3 += v * interpolator[3][k];
	}
	return greater(greater(magnitude(a0), magnitude(a1)), greater(magnitude(a2), magnitude(a3)));
}

// one is the same for the frame x[0].
static inline float one(const float *x) {
	float top = 0;
	for (int p = 0; p < 4; p++) {
		float a = 0;
		for (int k = 0; k < CP_PEAK_TAPS; k++) {
			a += x[-k] * interpolator[p][k];
		}
		top = fmaxf(top, fabsf(a));
	}
	return top;
}

void cp_peaks_run(cp_peaks *p, const float *in, int32_t frames, float *out) {
	line l[2];
	split(l, p, in, frames);
	const float *a = l[0].x + CP_PEAK_TAPS, *b = l[1].x + CP_PEAK_TAPS;
	int32_t i = 0;
	for (; i + 4 <= frames; i += 4) {
		v4 top = greater(four(a + i), four(b + i));
		top = greater(top, greater(magnitude(load(a + i - 6)), magnitude(load(b + i - 6))));
		top = greater(top, greater(magnitude(load(a + i - 5)), magnitude(load(b + i - 5))));
		memcpy(out + i, &top, sizeof top);
	}
	for (; i < frames; i++) {
		const float sampled = fmaxf(fmaxf(fabsf(a[i - 6]), fabsf(b[i - 6])), fmaxf(fabsf(a[i - 5]), fabsf(b[i - 5])));
		out[i] = fmaxf(fmaxf(one(a + i), one(b + i)), sampled);
	}
}

// The K filter of BS.1770-4, Annex 1, at 48 kHz: a shelf for the head (table 1), then a
// high-pass (table 2). Both in the transposed direct form II.
#define SHELF_B0 1.53512485958697
#define SHELF_B1 -2.69169618940638
#define SHELF_B2 1.19839281085285
#define SHELF_A1 -1.69065929318241
#define SHELF_A2 0.73248077421585
#define PASS_A1 -1.99004745483398
#define PASS_A2 0.99007225036621

typedef double v2 __attribute__((vector_size(16)));

void cp_meter_run(cp_meter *m, const float *in, int32_t frames) {
	v2 z[4], energy = {0, 0}, raw = {0, 0};
	double product = 0;
	for (int k = 0; k < 4; k++) {
		z[k] = (v2){m->z[0][k], m->z[1][k]};
	}
	for (int32_t i = 0; i < frames; i++) {
		const v2 x = {in[2 * i], in[2 * i + 1]};
		const v2 s = SHELF_B0 * x + z[0];
		z[0] = SHELF_B1 * x - SHELF_A1 * s + z[1];
		z[1] = SHELF_B2 * x - SHELF_A2 * s;
		const v2 y = s + z[2];
		z[2] = -2 * s - PASS_A1 * y + z[3];
		z[3] = s - PASS_A2 * y;
		energy += y * y;
		raw += x * x;
		product += x[0] * x[1];
	}
	m->left += raw[0];
	m->right += raw[1];
	m->product += product;
	for (int c = 0; c < 2; c++) {
		m->weighted[c] += energy[c];
		for (int k = 0; k < 4; k++) {
			// Numbers that small are silence, and slow.
			m->z[c][k] = fabs(z[k][c]) < 1e-30 ? 0 : z[k][c];
		}
	}
	line l[2];
	split(l, &m->peaks, in, frames);
	for (int c = 0; c < 2; c++) {
		const float *x = l[c].x + CP_PEAK_TAPS;
		v4 top = all(0);
		int32_t i = 0;
		for (; i + 4 <= frames; i += 4) {
			top = greater(greater(four(x + i), magnitude(load(x + i))), top);
		}
		float peak = highest(top);
		for (; i < frames; i++) {
			peak = fmaxf(peak, fmaxf(one(x + i), fabsf(x[i])));
		}
		m->true_peak[c] = fmaxf(m->true_peak[c], peak);
	}
}
