// The inner loops of mixing, on interleaved stereo of 32-bit floats. They are written
// with the C compiler's vectors (GCC and Clang; 128 bits, which every target has), and
// contraction to fused multiply-adds is off: sound is the same on every machine.
#ifndef CROSSPOINT_MIX_H
#define CROSSPOINT_MIX_H

// cp_peaks are the largest magnitudes of a block, left and right.
typedef struct cp_peaks { float left, right; } cp_peaks;

// cp_add: dst += src times (left, right); it returns the peaks of what was added.
cp_peaks cp_add(float *dst, const float *src, int frames, float left, float right);
// cp_add_ramp is cp_add with gains on their way from (l0, r0), which the frame before the
// block had, to (l1, r1), which the last frame has exactly.
cp_peaks cp_add_ramp(float *dst, const float *src, int frames, float l0, float r0, float l1, float r1);
// cp_copy and cp_copy_ramp are the same without what was in dst before.
cp_peaks cp_copy(float *dst, const float *src, int frames, float left, float right);
cp_peaks cp_copy_ramp(float *dst, const float *src, int frames, float l0, float r0, float l1, float r1);
// cp_matrix: left' = m0*left + m1*right, right' = m2*left + m3*right in place, with
// the matrix on its way from (from) to (to) as in cp_add_ramp.
void cp_matrix(float *b, int frames, const float *from, const float *to);
// cp_blend: b = dry + (b - dry) * g, g on its way from g0 to g1.
void cp_blend(float *b, const float *dry, int frames, float g0, float g1);
// cp_peak is the peaks of a block.
cp_peaks cp_peak(const float *b, int frames);
// cp_energy is the sum of squares.
double cp_energy(const float *b, int samples);
#endif
