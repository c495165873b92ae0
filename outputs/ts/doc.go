// Package ts delivers a rendition as MPEG-TS in datagrams to receivers that answer
// nothing, or nearly: UDP to one host or a multicast group (kind "udp"), and RIST
// through FFmpeg's librist (kind "rist").
//
// Threads: Run is one blocking call with no goroutines of its own but the clock that
// reports while nothing comes. Ownership: packets are only read. Datagrams are spread
// over time at a little more than the stream's bitrate, since a keyframe sent in one go
// overruns the small buffers of switches and set-top boxes; when the feed's queue grows
// they are not. What it does not do: encode, SMPTE 2022 FEC, receive.
package ts
