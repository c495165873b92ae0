// The innermost loops of the package, in C for the vector unit: Go has no vector types,
// and these run for every sample of every source and bus. Nothing here allocates, blocks
// or keeps a pointer.
#ifndef CROSSPOINT_AUDIO_KERNEL_H
#define CROSSPOINT_AUDIO_KERNEL_H

#include <stdint.h>

#define CP_SINC_TAPS 64
#define CP_SINC_PHASES 512
#define CP_PEAK_TAPS 12

// cp_sinc is a resampler's place in its input. Every frame is stored twice, so that the
// last 64 are contiguous wherever they begin.
typedef struct {
	float window[2][2 * CP_SINC_TAPS];
	uint64_t frac; // position between two input frames, 2^-32
	uint64_t step; // input frames per output frame, 2^-32
	uint64_t want; // input frames to take before the next output frame
	int32_t at;    // oldest frame in window
	int32_t taken; // input frames the last run used
} cp_sinc;

// cp_sinc_run fills out (interleaved stereo, room frames) from in and returns the frames
// made; s->taken says how many of in it used. row and slope are tables of CP_SINC_PHASES
// rows of CP_SINC_TAPS coefficients.
int32_t cp_sinc_run(cp_sinc *s, const float *row, const float *slope, const float *in, int32_t frames,
	float *out, int32_t room);

// cp_peaks is a true-peak interpolator's history: the last samples of each channel.
typedef struct {
	float past[2][CP_PEAK_TAPS];
} cp_peaks;

// cp_meter is a loudness meter's filters and what it has summed up since the caller last
// cleared it.
typedef struct {
	double z[2][4]; // state of both filter stages, per channel
	cp_peaks peaks;

	double weighted[2];  // sums of squares after the K filter
	double left, right;  // sums of squares before it
	double product;      // sum of left times right
	float true_peak[2];  // highest interpolated or sampled magnitude
} cp_meter;

// cp_meter_run takes at most CP_METER_FRAMES frames of interleaved stereo.
#define CP_METER_FRAMES 480
void cp_meter_run(cp_meter *m, const float *in, int32_t frames);

// cp_peaks_run writes to out, per frame of interleaved stereo in (at most
// CP_METER_FRAMES), the highest true peak of both channels between the frames 6 and 5
// before it, those two included.
void cp_peaks_run(cp_peaks *p, const float *in, int32_t frames, float *out);

#endif
