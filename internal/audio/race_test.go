//go:build race

package audio

// simulatedSeconds is how long the tests with every sample in them run; the race
// detector makes them twenty times slower.
const simulatedSeconds = 40

// simulatedHours is how long TestDayOfDrift is; packaging/test.sh runs the whole day without the
// race detector.
const simulatedHours = 1
