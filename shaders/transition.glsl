// Common part of every transition; a file in transitions/ follows it and defines
//   vec2 transition(vec2 a, vec2 b, vec2 at)
// a, b: the outgoing and the incoming picture at this pixel, Y' in .x (LUMA) or
//       Cb, Cr in .xy (CHROMA), code values 0..1. at: place on the canvas, 0..1,
//       origin top left, the same for a chroma sample and the luma it belongs to.
// Pictures are opaque; the result replaces the target.
uniform sampler2D a0, a1, b0, b1;
uniform float progress;  // 0: all outgoing, 1: all incoming
uniform float softness;  // width of a soft edge, as a share of the canvas
uniform vec2 direction;  // unit vector of the movement
uniform vec2 color;      // Y' or CbCr of the dip colour
uniform vec2 extent;     // size of this plane
uniform float aspect;    // canvas width / height

layout(location = 0) out vec4 out0;
#ifdef CHROMA
layout(location = 1) out vec4 out1;
#endif

vec2 transition(vec2 a, vec2 b, vec2 at);

void main() {
	ivec2 p = ivec2(gl_FragCoord.xy);
#ifdef CHROMA
	vec2 v = transition(vec2(texelFetch(a0, p, 0).r, texelFetch(a1, p, 0).r),
		vec2(texelFetch(b0, p, 0).r, texelFetch(b1, p, 0).r),
		// left siting: a chroma sample is half a luma pixel left of its pair's middle
		(gl_FragCoord.xy - vec2(0.25, 0.0)) / extent);
	out1 = vec4(v.y, 0.0, 0.0, 1.0);
#else
	vec2 v = transition(vec2(texelFetch(a0, p, 0).r, 0.0), vec2(texelFetch(b0, p, 0).r, 0.0),
		gl_FragCoord.xy / extent);
#endif
	out0 = vec4(v.x, 0.0, 0.0, 1.0);
}
