// The whole picture towards one colour: fade to black.
// In: color, the Y' or the CbCr code values 0..1; amount 0..1. Out: premultiplied Y'CbCr.
uniform vec2 color;
uniform float amount;

layout(location = 0) out vec4 out0;
#ifdef CHROMA
layout(location = 1) out vec4 out1;
#endif

void main() {
	out0 = vec4(color.x * amount, 0.0, 0.0, amount);
#ifdef CHROMA
	out1 = vec4(color.y * amount, 0.0, 0.0, amount);
#endif
}
