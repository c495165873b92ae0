// Whole planes at once: four samples of a plane are the four channels of one texel, so
// a CPU rasteriser does a quarter of the work. Blended with a constant alpha over what
// is in the target: out = alpha * source + (1 - alpha) * target.
//
// In:  PICTURE: planes as RGBA8 textures of a quarter of their width, codes 0..1;
//      else color, the Y' or the Cb and Cr code values 0..1. Out: the same codes.
// Colour and alpha: none; every sample counts alike, so it serves changes that are the
// same all over the picture (mix, dip, fade to black).
uniform sampler2D tex0, tex1;
uniform vec2 color;

layout(location = 0) out vec4 out0;
#ifdef CHROMA
layout(location = 1) out vec4 out1;
#endif

void main() {
#ifdef PICTURE
	ivec2 p = ivec2(gl_FragCoord.xy);
	out0 = texelFetch(tex0, p, 0);
#ifdef CHROMA
	out1 = texelFetch(tex1, p, 0);
#endif
#else
	out0 = vec4(color.x);
#ifdef CHROMA
	out1 = vec4(color.y);
#endif
#endif
}
