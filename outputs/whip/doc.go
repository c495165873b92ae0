// Package whip delivers a rendition by WHIP (RFC 9725: WebRTC-HTTP ingestion) and,
// for the rehearsal receiver and tests, takes such streams in (Server).
//
// A connection is: OPTIONS for ICE servers, ICE gathering for a moment, one POST with the
// offer, 201 with the answer, PATCH with what gathering found later where the server takes
// it (trickle.go), ICE and DTLS, RTP until the end, DELETE. Where ICE breaks off, it is
// restarted by another PATCH.
//
// Time: RTP timestamps are the packets' PTS on the studio clock, without a random
// offset, and the package writes its own RTCP sender reports, which map that one
// clock to NTP for every track. So lip sync at the receiver does not depend on when
// a packet was written: pictures leave later than sound by the encoder's delay,
// and pion's report interceptor would turn that into an offset.
//
// Threads: Run is one blocking call that starts a reader for the feed and each further
// rendition, which send what they read, and one RTCP reader a stream, and waits for them.
// What a pacer spreads is sent by a timer's goroutine. Ownership: packets of
// the feed are only read.
//
// Simulcast (RFC 8853): a feed with further renditions (outputs.LayeredFeed) is sent as
// layers, each read, paced, repeated and steered by itself.
//
// Cost: the packets of a burst enter the kernel together (bundle.go), and what is kept for
// repetition is not copied (wire.go).
//
// Congestion: GCC on transport-wide feedback (rate.go) says what the path carries, and a
// feed that is an outputs.BitrateSetter is told, at most once a second; it never raises
// the bitrate above the rendition's. What this package does not do: encode, retry
// (outputs.Supervise does).
package whip
