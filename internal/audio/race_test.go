//go:build race

package audio

// The race detector makes calculating twenty times slower, and finds nothing in what one
// goroutine calculates. Tests that only calculate are therefore shorter here, or have one of
// their cases; packaging/test.sh runs them whole, without it.

// simulatedSeconds is how long the tests with every sample in them run.
const simulatedSeconds = 20

// simulatedHours is how long TestDayOfDrift is.
const simulatedHours = 1

// underRace: one case is enough.
const underRace = true
