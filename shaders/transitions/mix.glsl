// Mix (dissolve): a weighted mean, linear in progress.
vec2 transition(vec2 a, vec2 b, vec2 at) {
	return mix(a, b, progress);
}
