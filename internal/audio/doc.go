// Package audio is the studio's sound: it brings every source to the studio's
// clock, mixes them into the programme, meters, and talks to sound devices.
//
// A Strip is one source's way into the mix. A paced source (a file, a generator)
// is placed on the studio's timeline to the sample; a live one (a camera, a
// microphone, the network) runs on a clock of its own and is resampled to the
// studio's by a delay-locked loop. The Mixer adds the strips into the buses, of which
// one is the programme, once per video tick, for the audio frames
// [SampleAt(n), SampleAt(n+1)). Strips and buses have Inserts: places for processors
// that are made elsewhere. Capture and Monitor are the sound devices.
//
// Threads: a Strip has one writing goroutine (its source's) and one mixing
// goroutine (the engine's tick); settings, statistics and meters may be used from
// anywhere. Mixing never waits for a source: what is not there is silence,
// faded in and out, and counted. Steady-state mixing allocates nothing. Device
// callbacks touch a media.SampleRing and atomics only.
//
// Ownership: sample slices passed in stay the caller's; what is kept is copied.
//
// What this package does not do: filters, codecs, scheduling, deciding
// which source is heard. Unless a bus has a limiter, samples beyond full
// scale are passed on and counted.
package audio
