#include "planes.h"
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

// Where the loader can choose between versions of a function, wide vectors are used
// when the processor has them.
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

static inline uint8_t clip8(int v)
{
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

// down weighs n texels of some rows into values with five fraction bits (-1024..1024).
// A product loses half a step on average, which the start makes good.
static void down(int16_t *line, const uint8_t *s, long ss, int comps, const int16_t *w, int taps, int n)
{
	int x = 0;
	int16_t start = taps / 2;
#ifdef __SSE2__
	const __m128i zero = _mm_setzero_si128(), low = _mm_set1_epi16(255);
	if (comps == 1) {
		for (; x + 16 <= n; x += 16) {
			__m128i a = _mm_set1_epi16(start), b = a;
			for (int t = 0; t < taps; t++) {
				__m128i v = _mm_loadu_si128((const __m128i *)(s + t * ss + x)), k = _mm_set1_epi16(w[t]);
				// a code times 2^7: into the upper byte, then half of it
				a = _mm_add_epi16(a, _mm_mulhi_epi16(_mm_srli_epi16(_mm_unpacklo_epi8(zero, v), 1), k));
				b = _mm_add_epi16(b, _mm_mulhi_epi16(_mm_srli_epi16(_mm_unpackhi_epi8(zero, v), 1), k));
			}
			_mm_storeu_si128((__m128i *)(line + x), a);
			_mm_storeu_si128((__m128i *)(line + x + 8), b);
		}
	} else if (comps == 2) {
		for (; x + 9 <= n; x += 8) { // s may be the second of two: no byte after the last
			__m128i a = _mm_set1_epi16(start);
			for (int t = 0; t < taps; t++) {
				__m128i v = _mm_loadu_si128((const __m128i *)(s + t * ss + 2 * x));
				a = _mm_add_epi16(a, _mm_mulhi_epi16(_mm_slli_epi16(_mm_and_si128(v, low), 7), _mm_set1_epi16(w[t])));
			}
			_mm_storeu_si128((__m128i *)(line + x), a);
		}
	}
#endif
	for (; x < n; x++) {
		int a = start;
		for (int t = 0; t < taps; t++)
			a += ((s[t * ss + (long)x * comps] << 7) * w[t]) >> 16;
		line[x] = a;
	}
}

#ifdef __SSE2__
// sums of the four 32-bit lanes of each of a, b, c, d
static inline __m128i sums(__m128i a, __m128i b, __m128i c, __m128i d)
{
	__m128i ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
	__m128i cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
	return _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
}

static inline void store4(uint8_t *d, __m128i v)
{
	v = _mm_srai_epi32(_mm_add_epi32(v, _mm_set1_epi32(1 << 18)), 19);
	v = _mm_packs_epi32(v, v);
	v = _mm_packus_epi16(v, v);
	int32_t four = _mm_cvtsi128_si32(v);
	memcpy(d, &four, 4);
}

static inline void store4_fine(int16_t *d, __m128i v)
{
	v = _mm_srai_epi32(_mm_add_epi32(v, _mm_set1_epi32(1 << 13)), 14);
	_mm_storel_epi64((__m128i *)d, _mm_packs_epi32(v, v));
}
#endif

// across weighs the texels of line; line[0] is texel xlo. The results are codes (uint8_t), or,
// with fine, values (int16_t) with five fraction bits that are not clipped. fine is a constant
// wherever it is called, so that each has a version of its own.
static inline __attribute__((always_inline)) void across(void *to, int fine, const int16_t *line,
	const int32_t *first, const int16_t *w, int taps, int xlo, int n)
{
	uint8_t *d = to;
	int16_t *f = to;
#define STORE4(v) (fine ? store4_fine(f + x, v) : store4(d + x, v))
	int x = 0;
	line -= xlo;
#ifdef __SSE2__
	if (taps == 4) {
		for (; x + 4 <= n; x += 4) {
#define FOUR(i) _mm_loadl_epi64((const __m128i *)(line + first[x + i]))
			const __m128i *k = (const __m128i *)(w + 4 * x);
			__m128i ab = _mm_madd_epi16(_mm_unpacklo_epi64(FOUR(0), FOUR(1)), _mm_loadu_si128(k));
			__m128i cd = _mm_madd_epi16(_mm_unpacklo_epi64(FOUR(2), FOUR(3)), _mm_loadu_si128(k + 1));
#undef FOUR
			__m128i even = _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(ab), _mm_castsi128_ps(cd), _MM_SHUFFLE(2, 0, 2, 0)));
			__m128i odd = _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(ab), _mm_castsi128_ps(cd), _MM_SHUFFLE(3, 1, 3, 1)));
			STORE4(_mm_add_epi32(even, odd));
		}
	} else {
		for (; x + 4 <= n; x += 4) {
			__m128i sum = _mm_setzero_si128();
			for (int t = 0; t < taps; t += 8) {
#define EIGHT(i) _mm_madd_epi16(_mm_loadu_si128((const __m128i *)(line + first[x + i] + t)), _mm_loadu_si128((const __m128i *)(w + (x + i) * taps + t)))
				sum = _mm_add_epi32(sum, sums(EIGHT(0), EIGHT(1), EIGHT(2), EIGHT(3)));
#undef EIGHT
			}
			STORE4(sum);
		}
	}
#endif
#undef STORE4
	for (; x < n; x++) {
		int sum = 0;
		for (int t = 0; t < taps; t++)
			sum += line[first[x] + t] * w[x * taps + t];
		if (fine)
			f[x] = (sum + (1 << 13)) >> 14;
		else
			d[x] = clip8((sum + (1 << 18)) >> 19);
	}
}

// down_to weighs the rows of s that make row y of the result into line, unless they are
// there already: the same rows with the same weights again (a picture made larger).
static void down_to(int16_t *line, int y, const uint8_t *s, long ss, int comps, const int32_t *yfirst, const int16_t *yw, int ytaps, int n)
{
	int from = 0, to = ytaps;
	const int16_t *w = yw + y * ytaps;
	if (y && yfirst[y] == yfirst[y - 1] && !memcmp(w, w - ytaps, sizeof *w * ytaps))
		return;
	while (from < to - 1 && w[from] == 0)
		from++;
	while (to > from + 1 && w[to - 1] == 0)
		to--;
	down(line, s + (yfirst[y] + from) * ss, ss, comps, w + from, to - from, n);
}

void cpu_resample(uint8_t *d, long ds, int dw, int dh, const uint8_t *s, long ss, int comps, int comp,
	const int32_t *xfirst, const int16_t *xw, int xtaps, int xlo, int xn,
	const int32_t *yfirst, const int16_t *yw, int ytaps, int16_t *line)
{
	memset(line + xn, 0, sizeof *line * (xtaps + 16));
	s += (long)xlo * comps + comp;
	for (int y = 0; y < dh; y++) {
		down_to(line, y, s, ss, comps, yfirst, yw, ytaps, xn);
		across(d + y * ds, 0, line, xfirst, xw, xtaps, xlo, dw);
	}
}

// bound takes colours and their alpha (five fraction bits) to codes. Alpha above one
// divides both; no colour is left above its alpha.
WIDE static void bound(uint8_t *restrict d, uint8_t *restrict da, const int16_t *restrict s, const int16_t *restrict a, int w)
{
	const int one = 255 << 5;
	for (int x = 0; x < w; x++) {
		// Each is the least or the greatest of two, so that the loop has no branches.
		int full = a[x] > one ? a[x] : one, alpha = a[x] < one ? a[x] : one;
		alpha = alpha > 0 ? alpha : 0;
		int v = s[x] * ((float)one / full) + 0.5f;
		v = v < alpha ? v : alpha;
		v = v > 0 ? v : 0;
		d[x] = (v + 16) >> 5;
		da[x] = (alpha + 16) >> 5;
	}
}

void cpu_resample_graphic(uint8_t *d, long ds, uint8_t *da, long das, int dw, int dh,
	const uint8_t *s, long ss, int comps, int comp, int alpha,
	const int32_t *xfirst, const int16_t *xw, int xtaps, int xlo, int xn,
	const int32_t *yfirst, const int16_t *yw, int ytaps, int16_t *line)
{
	int16_t *fine = line + xn + xtaps + 16, *line_a = fine + dw, *fine_a = line_a + xn + xtaps + 16;
	memset(line + xn, 0, sizeof *line * (xtaps + 16));
	memset(line_a + xn, 0, sizeof *line * (xtaps + 16));
	s += (long)xlo * comps;
	for (int y = 0; y < dh; y++) {
		down_to(line, y, s + comp, ss, comps, yfirst, yw, ytaps, xn);
		down_to(line_a, y, s + alpha, ss, comps, yfirst, yw, ytaps, xn);
		across(fine, 1, line, xfirst, xw, xtaps, xlo, dw);
		across(fine_a, 1, line_a, xfirst, xw, xtaps, xlo, dw);
		bound(d + y * ds, da + y * das, fine, fine_a, dw);
	}
}

// A weight of 256 everywhere in a row, or of 0, is a copy.
static int all(const uint16_t *k, int w, uint16_t v)
{
	return k[0] == v && (w == 1 || !memcmp(k, k + 1, sizeof *k * (w - 1)));
}

// times is kx * ky, both in 1/256 and ky not 0, without leaving 16 bits.
static inline uint16_t times(uint16_t kx, uint16_t ky)
{
	return kx - ((uint16_t)(kx * (256 - ky) + 128) >> 8);
}

WIDE static void blend_row(uint8_t *d, const uint8_t *a, const uint8_t *b, int w, const uint16_t *kx, uint16_t ky)
{
	for (int x = 0; x < w; x++) {
		uint16_t k = times(kx[x], ky);
		d[x] = (uint16_t)(a[x] * (256 - k) + b[x] * k + 128) >> 8;
	}
}

// flat_row is blend_row where kx is the same all over.
WIDE static void flat_row(uint8_t *d, const uint8_t *a, const uint8_t *b, int w, uint16_t k)
{
	for (int x = 0; x < w; x++)
		d[x] = (uint16_t)(a[x] * (256 - k) + b[x] * k + 128) >> 8;
}

void cpu_blend(uint8_t *d, long ds, const uint8_t *a, long as, const uint8_t *b, long bs, int w, int h,
	const uint16_t *kx, const uint16_t *ky)
{
	int flat = all(kx, w, kx[0]);
	for (int y = 0; y < h; y++, d += ds, a += as, b += bs) {
		int k = (kx[0] * ky[y] + 128) >> 8;
		if (!flat && ky[y])
			blend_row(d, a, b, w, kx, ky[y]);
		else if (flat && k == 256)
			memmove(d, b, w);
		else if (flat && k)
			flat_row(d, a, b, w, k);
		else
			memmove(d, a, w);
	}
}

WIDE static void dip_row(uint8_t *d, const uint8_t *a, int w, uint16_t k, uint16_t add)
{
	for (int x = 0; x < w; x++)
		d[x] = (uint16_t)(a[x] * k + add) >> 8;
}

void cpu_dip(uint8_t *d, long ds, const uint8_t *a, long as, int code, int w, int h, int weight)
{
	for (int y = 0; y < h; y++)
		dip_row(d + y * ds, a + y * as, w, 256 - weight, code * weight + 128);
}

// over of one sample: codes times opacity are taken to whole codes as the target of a
// shader would hold them.
static inline uint8_t over(uint8_t d, uint8_t s, uint8_t a, uint16_t opacity)
{
	uint16_t c = (uint16_t)(s * opacity + 128) >> 8, k = (uint16_t)(a * opacity + 128) >> 8;
	uint16_t rest = d * (255 - k) + 128;
	uint16_t v = c + ((uint16_t)(rest + (rest >> 8)) >> 8); // rest / 255, rounded
	return v > 255 ? 255 : v;
}

#define OVER(step)                                                                                      \
	WIDE static void over_##step(uint8_t *restrict d, const uint8_t *restrict s, const uint8_t *restrict a, int w, \
		const uint16_t *restrict kx, uint16_t ky)                                                       \
	{                                                                                                  \
		for (int x = 0; x < w; x++)                                                                    \
			d[x] = over(d[x], s[step * x], a[step * x], times(kx[x], ky));                                \
	}
OVER(1)
OVER(2)
OVER(4)

void cpu_over(uint8_t *d, long ds, const uint8_t *s, long ss, const uint8_t *a, long as, int step, int w, int h,
	const uint16_t *kx, const uint16_t *ky)
{
	for (int y = 0; y < h; y++, d += ds, s += ss, a += as) {
		if (!ky[y])
			continue;
		if (step == 1)
			over_1(d, s, a, w, kx, ky[y]);
		else if (step == 2)
			over_2(d, s, a, w, kx, ky[y]);
		else
			over_4(d, s, a, w, kx, ky[y]);
	}
}

void cpu_fill(uint8_t *d, long ds, int w, int h, int code)
{
	for (int y = 0; y < h; y++)
		memset(d + y * ds, code, w);
}

void cpu_copy(uint8_t *d, long ds, const uint8_t *s, long ss, int w, int h)
{
	for (int y = 0; y < h; y++)
		memcpy(d + y * ds, s + y * ss, w);
}
