// Planes of 8-bit codes on the processor. Nothing here keeps a pointer.
#ifndef CROSSPOINT_PLANES_H
#define CROSSPOINT_PLANES_H

#include <stdint.h>

// cpu_resample makes dw x dh codes at d. Output (x, y) is the sum over i, j of
// xw[x][i] * yw[y][j] * source(xfirst[x] + i, yfirst[y] + j). The source has comps codes a
// texel, of which comp is taken; s is its texel (0, 0). Columns xlo to xlo+xn-1 are read.
// Weights are in 2^-14; xtaps is 4 or a multiple of 8; texels beyond
// xn weigh nothing. line has room for xn + xtaps + 16 values.
void cpu_resample(uint8_t *d, long ds, int dw, int dh, const uint8_t *s, long ss, int comps, int comp,
	const int32_t *xfirst, const int16_t *xw, int xtaps, int xlo, int xn,
	const int32_t *yfirst, const int16_t *yw, int ytaps, int16_t *line);

// cpu_resample_graphic is cpu_resample of a premultiplied code and of its alpha, which lie
// side by side, to d and da. Where the weights take alpha beyond 255, colour is divided by
// it like alpha itself, and it stays at or below its alpha. line has room for
// 2 * (xn + xtaps + 16 + dw) values.
void cpu_resample_graphic(uint8_t *d, long ds, uint8_t *da, long das, int dw, int dh,
	const uint8_t *s, long ss, int comps, int comp, int alpha,
	const int32_t *xfirst, const int16_t *xw, int xtaps, int xlo, int xn,
	const int32_t *yfirst, const int16_t *yw, int ytaps, int16_t *line);

// Weights kx[x] * ky[y] are in 1/256 each.
// cpu_blend: d = a + (b - a) * weight. d may be a or b.
void cpu_blend(uint8_t *d, long ds, const uint8_t *a, long as, const uint8_t *b, long bs, int w, int h,
	const uint16_t *kx, const uint16_t *ky);

// cpu_over: d = s * weight + d * (1 - a * weight) with premultiplied s; step is 1, 2 or 4,
// the bytes from place to place of s and of a.
void cpu_over(uint8_t *d, long ds, const uint8_t *s, long ss, const uint8_t *a, long as, int step, int w, int h,
	const uint16_t *kx, const uint16_t *ky);

// cpu_dip: d = d + (code - d) * weight / 256.
void cpu_dip(uint8_t *d, long ds, const uint8_t *a, long as, int code, int w, int h, int weight);

void cpu_fill(uint8_t *d, long ds, int w, int h, int code);
void cpu_copy(uint8_t *d, long ds, const uint8_t *s, long ss, int w, int h);
#endif
