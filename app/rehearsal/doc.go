// Package rehearsal is the built-in receiver: RTMP, SRT and WHIP servers on this
// machine's loopback address that take what a platform takes, refuse what it
// refuses, and report what really arrived. It makes the main job run with no
// network and no account, and tells before the show what a platform would say
// during it.
//
// Threads: Start starts the servers, a goroutine per connection, one that writes
// each recording and one that looks into pictures and sound; Close ends and awaits
// all. Every exported method may be called from any goroutine. Ownership: packets
// are shared with the recording and never changed; reports are copies.
//
// Cost: packets are counted; of the pictures only keyframes are decoded, at most one
// every two seconds for each stream and one at a time, with little more than a second
// of sound.
//
// What it does not do: play, relay, or listen anywhere but on loopback.
package rehearsal
