// Dip to colour: the outgoing picture mixes to the colour in the first half, the
// colour to the incoming one in the second.
vec2 transition(vec2 a, vec2 b, vec2 at) {
	return progress < 0.5 ? mix(a, color, 2.0 * progress) : mix(color, b, 2.0 * progress - 1.0);
}
