//go:build race

package audio

// simulatedMinutes is how long the long test of the loop is; the race detector makes it
// twenty times slower.
const simulatedMinutes = 2
