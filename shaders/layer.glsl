// One layer onto one plane group of the canvas: Y, or Cb and Cr together.
//
// In:     plane textures of the source, code values 0..1 (code/255), Y'CbCr.
// Out:    the same Y'CbCr, premultiplied by alpha; blended with ONE, ONE_MINUS_SRC_ALPHA.
// Alpha:  cameras are opaque; graphics come premultiplied (GRAPHIC).
// Colour: none is converted. Blending is affine, so it is the same in Y'CbCr as in R'G'B'.
//
// Variants: LUMA or CHROMA; I420, NV12 or GRAPHIC; COPY, BOX, ALIGNED, CUBIC or THINNED.
//   COPY   whole-pixel offset, no filter.
//   BOX    area average: each output pixel is the mean of the source area it covers
//          (weights are the overlaps of a box of `footprint` texels with each texel). With a
//          footprint of 1 it is linear interpolation. Two neighbouring texels share one
//          linear fetch: w0*a + w1*b = (w0+w1) * lerp(a, b, w1/(w0+w1)).
//   ALIGNED the same where the footprint is a whole number of texels (a quad split, a
//          third): the weights are the same for every pixel, so they come as TAPS_X x TAPS_Y
//          ready-made taps. Worth it: the shader arithmetic of BOX costs a CPU rasteriser
//          several times the fetches.
//   CUBIC  16 texels, the cubic convolution kernel of Keys (IEEE Trans. ASSP 29, 1981)
//          with a = -0.6, the value swscale's bicubic uses. It overshoots at edges by up to
//          8 % an axis. At the edge of a graphic colour and alpha do so together: where
//          alpha is above 1, both are divided by it, since clipped alone the colour would
//          be that much too strong (Cb and Cr of white 138 instead of 128, which is pink).
//   THINNED what BOX is, over one texel in so many: for pictures so small that a pixel has more
//          than 128 texels (compositor/cpu/thin.go has the same). Texels that are read are
//          counted from 0 and have no neighbours to be fetched with.
uniform sampler2D tex0, tex1;
uniform vec3 sourceX, sourceY; // source place in this plane = dot(row, vec3(pixel, 1)):
                               // in texels (THINNED: those read); BOX and ALIGNED: in texels / size of the texture
#ifdef STRAIGHT
uniform vec4 sourceXY;         // the same without rotation: pixel * .xy + .zw
#endif
uniform vec3 localX, localY;   // place in the layer's rectangle, canvas luma pixels
uniform vec2 size;             // of that rectangle, canvas luma pixels
uniform float pixel;           // width of one pixel of this plane in luma pixels: 1 or 2
uniform vec4 bounds;           // the cropped source in texels: left, top, right, bottom
uniform vec2 footprint;        // source texels per output pixel, at least 1
uniform vec2 texel;            // 1 / size of the texture
uniform float opacity;
#ifdef THINNED
uniform vec4 ends;             // the first and last texels that are read: left, top, right, bottom
uniform vec4 grid;             // which of the texture that is: texel 0, and how far it is to the next
#endif
#ifdef ALIGNED
uniform vec2 tapX0, tapX1, tapX2; // offset from the pixel's centre / size, weight
uniform vec2 tapY0, tapY1, tapY2;
#endif

layout(location = 0) out vec4 out0;
#ifdef CHROMA
layout(location = 1) out vec4 out1;
#endif

// Premultiplied first and second component, and alpha.
#ifdef LUMA
#ifdef GRAPHIC
#define PACK(t0, t1) vec3(t0.r, 0.0, t0.g)
#else
#define PACK(t0, t1) vec3(t0.r, 0.0, 1.0)
#endif
#else
#ifdef GRAPHIC
#define PACK(t0, t1) t0.rga
#elif defined(NV12)
#define PACK(t0, t1) vec3(t0.rg, 1.0)
#else
#define PACK(t0, t1) vec3(t0.r, t1.r, 1.0)
#endif
#endif

#if defined(CHROMA) && defined(I420)
#define FETCH(p) PACK(texelFetch(tex0, p, 0), texelFetch(tex1, p, 0))
#define LINEAR(p) PACK(texture(tex0, p), texture(tex1, p))
#else
#define FETCH(p) PACK(texelFetch(tex0, p, 0), 0)
#define LINEAR(p) PACK(texture(tex0, p), 0)
#endif

#ifdef BOX
// pair is one linear fetch on an axis: where, and how much it counts. k is its first
// texel, the footprint is lo..hi, all in texels.
vec2 pair(float k, float lo, float hi, float least, float most, float size) {
	float w0 = clamp(min(k + 1.0, hi) - max(k, lo), 0.0, 1.0);
	float w1 = clamp(min(k + 2.0, hi) - (k + 1.0), 0.0, 1.0);
	float w = w0 + w1;
	return vec2(clamp(k + 0.5 + w1 / max(w, 1e-6), least, most) * size, w);
}
vec3 sampleRow(vec2 x[PAIRS_X], float y) {
	vec3 sum = x[0].y * LINEAR(vec2(x[0].x, y));
	for (int i = 1; i < PAIRS_X; i++)
		sum += x[i].y * LINEAR(vec2(x[i].x, y));
	return sum;
}
vec3 sampleAt(vec2 at) {
	at /= texel;
	vec2 lo = at - 0.5 * footprint, hi = at + 0.5 * footprint;
	vec2 first = floor(lo + 1.0 / 512.0);
	vec2 least = bounds.xy + 0.5, most = bounds.zw - 0.5;
	vec2 x[PAIRS_X];
	for (int i = 0; i < PAIRS_X; i++)
		x[i] = pair(first.x + 2.0 * float(i), lo.x, hi.x, least.x, most.x, texel.x);
	vec3 sum = vec3(0.0);
	for (int j = 0; j < PAIRS_Y; j++) {
		vec2 y = pair(first.y + 2.0 * float(j), lo.y, hi.y, least.y, most.y, texel.y);
		sum += y.y * sampleRow(x, y.x);
	}
	return sum / (footprint.x * footprint.y);
}
#elif defined(THINNED)
vec3 sampleAt(vec2 at) {
	vec2 lo = at - 0.5 * footprint, hi = at + 0.5 * footprint;
	vec2 first = floor(lo + 1.0 / 512.0);
	vec3 sum = vec3(0.0);
	for (float y = first.y; y < hi.y; y++) {
		vec3 row = vec3(0.0);
		for (float x = first.x; x < hi.x; x++) {
			vec2 p = grid.xy + clamp(vec2(x, y), ends.xy, ends.zw) * grid.zw;
			row += clamp(min(x + 1.0, hi.x) - max(x, lo.x), 0.0, 1.0) * FETCH(ivec2(p));
		}
		sum += clamp(min(y + 1.0, hi.y) - max(y, lo.y), 0.0, 1.0) * row;
	}
	return sum / (footprint.x * footprint.y);
}
#elif defined(ALIGNED)
vec3 sampleRow(vec2 at) {
#if TAPS_X > 1
	vec3 sum = tapX0.y * LINEAR(vec2(at.x + tapX0.x, at.y)) + tapX1.y * LINEAR(vec2(at.x + tapX1.x, at.y));
#if TAPS_X > 2
	sum += tapX2.y * LINEAR(vec2(at.x + tapX2.x, at.y));
#endif
	return sum;
#else
	return LINEAR(vec2(at.x + tapX0.x, at.y)); // one tap counts for all
#endif
}
vec3 sampleAt(vec2 at) {
#if TAPS_Y > 1
	vec3 sum = tapY0.y * sampleRow(vec2(at.x, at.y + tapY0.x)) + tapY1.y * sampleRow(vec2(at.x, at.y + tapY1.x));
#if TAPS_Y > 2
	sum += tapY2.y * sampleRow(vec2(at.x, at.y + tapY2.x));
#endif
	return sum;
#else
	return sampleRow(vec2(at.x, at.y + tapY0.x));
#endif
}
#elif defined(CUBIC)
vec4 kernel(float f) {
	const float a = -0.6;
	float g = 1.0 - f;
	float w0 = a * f * g * g;
	float w3 = a * g * f * f;
	float w1 = ((a + 2.0) * f - (a + 3.0)) * f * f + 1.0;
	return vec4(w0, w1, 1.0 - w0 - w1 - w3, w3);
}
vec3 sampleAt(vec2 at) {
	vec2 base = floor(at - 0.5);
	vec4 wx = kernel(at.x - 0.5 - base.x), wy = kernel(at.y - 0.5 - base.y);
	ivec2 least = ivec2(bounds.xy), most = ivec2(bounds.zw) - 1;
	ivec2 origin = ivec2(base) - 1;
	vec3 sum = vec3(0.0);
	for (int j = 0; j < 4; j++) {
		vec3 row = vec3(0.0);
		for (int i = 0; i < 4; i++)
			row += wx[i] * FETCH(clamp(origin + ivec2(i, j), least, most));
		sum += wy[j] * row;
	}
#ifdef GRAPHIC
	float alpha = clamp(sum.z, 0.0, 1.0);
	return vec3(clamp(sum.xy / max(sum.z, 1.0), 0.0, alpha), alpha);
#else
	return clamp(sum, 0.0, 1.0);
#endif
}
#else
vec3 sampleAt(vec2 at) { return FETCH(ivec2(floor(at))); }
#endif

void main() {
	vec3 p = vec3(gl_FragCoord.xy, 1.0);
#ifdef STRAIGHT
	vec3 v = sampleAt(gl_FragCoord.xy * sourceXY.xy + sourceXY.zw);
#else
	vec3 v = sampleAt(vec2(dot(sourceX, p), dot(sourceY, p)));
#endif
#ifdef EDGES
	// How much of this pixel lies inside the layer: a straight edge, one pixel wide.
	vec2 q = vec2(dot(localX, p), dot(localY, p));
	vec2 inside = clamp(min(q, size - q) / pixel + 0.5, 0.0, 1.0);
	v *= opacity * inside.x * inside.y;
#elif !defined(OPAQUE)
	v *= opacity;
#endif
	out0 = vec4(v.x, 0.0, 0.0, v.z);
#ifdef CHROMA
	out1 = vec4(v.y, 0.0, 0.0, v.z);
#endif
}
