// Soft wipe: a straight edge travels along `direction`. At place s (0..1 along the
// movement) the incoming picture's share is a ramp of width `softness` that starts
// wholly before the canvas and ends wholly past it.
vec2 transition(vec2 a, vec2 b, vec2 at) {
	vec2 low = min(direction, vec2(0.0));
	float reach = abs(direction.x) + abs(direction.y);
	float s = (dot(at, direction) - low.x - low.y) / reach;
	float soft = max(softness, 1e-4);
	float w = clamp((progress * (1.0 + soft) - s) / soft, 0.0, 1.0);
	return mix(a, b, w);
}
