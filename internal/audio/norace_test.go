//go:build !race

package audio

// simulatedSeconds is how long the tests with every sample in them run.
const simulatedSeconds = 180

// simulatedHours is how long TestDayOfDrift is.
const simulatedHours = 24

// underRace: see race_test.go.
const underRace = false
