// The inner loops of mixing, on interleaved stereo of 32-bit floats. They are written
// with the C compiler's vectors (GCC and Clang; 128 bits, which every target has), and
// contraction to fused multiply-adds is off: sound is the same on every machine.
#ifndef CROSSPOINT_MIX_H
#define CROSSPOINT_MIX_H

// cp_pair is the largest magnitudes of a block, left and right.
typedef struct cp_pair { float left, right; } cp_pair;

// cp_mix_add: dst += src times (left, right); it returns the peaks of what was added.
cp_pair cp_mix_add(float *dst, const float *src, int frames, float left, float right);
// cp_mix_add_ramp is cp_mix_add with gains on their way from (l0, r0), which the frame before the
// block had, to (l1, r1), which the last frame has exactly.
cp_pair cp_mix_add_ramp(float *dst, const float *src, int frames, float l0, float r0, float l1, float r1);
// cp_mix_copy and cp_mix_copy_ramp are the same without what was in dst before.
cp_pair cp_mix_copy(float *dst, const float *src, int frames, float left, float right);
cp_pair cp_mix_copy_ramp(float *dst, const float *src, int frames, float l0, float r0, float l1, float r1);
// cp_mix_matrix: left' = m0*left + m1*right, right' = m2*left + m3*right in place, with
// the matrix on its way from (from) to (to) as in cp_mix_add_ramp.
void cp_mix_matrix(float *b, int frames, const float *from, const float *to);
// cp_mix_blend: b = dry + (b - dry) * g, g on its way from g0 to g1.
void cp_mix_blend(float *b, const float *dry, int frames, float g0, float g1);
// cp_mix_peak is the peaks of a block.
cp_pair cp_mix_peak(const float *b, int frames);
// cp_mix_energy is the sum of squares.
double cp_mix_energy(const float *b, int samples);
#endif
