//go:build !race

package audio

// simulatedMinutes is how long the long test of the loop is.
const simulatedMinutes = 24
