// Package srt delivers a feed as MPEG-TS over SRT, as caller, listener or
// rendezvous partner; Server takes what callers send (the rehearsal receiver).
//
// Threads: Output.Run reads the feed and sends on its own goroutine; one more
// connects, then one watches the statistics; both have ended when Run returns.
// Sending never blocks: a network too slow for the stream costs pictures up to
// the next keyframe, never sound, and is counted. Ownership: packets are only
// read. What this package does not do: encode, retry (outputs.Supervise does),
// decode what it receives.
package srt
