// Package media holds what flows through the studio: pictures, sound, packets,
// exact time, and the bounded queues between goroutines. It imports the standard
// library only and knows no codec, device, GPU or show.
//
// Threads: every exported type is safe for concurrent use unless its comment
// says otherwise. Ownership: a received Frame belongs to the receiver, who
// releases it exactly once on every path; Retain before sharing; never write to
// a frame that somebody else may hold.
package media
