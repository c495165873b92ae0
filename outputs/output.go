// Package outputs defines what a destination is and how it is kept alive. Each
// protocol is a folder below it; app/kinds.go lists the kinds.
//
// Threads: an Output is one blocking Run, started and awaited by Supervise, which
// owns reconnection and backoff for all of them. Ownership: packets are shared and
// never changed. What this package does not do: encode, mux, or know shows.
package outputs

import (
	"context"
	"encoding/json"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// Output is one connection to one destination. Run connects, delivers what the
// feed gives until Next returns io.EOF (then it finishes properly: trailer,
// unpublish, DELETE; and returns nil), ctx ends (it finishes what can be finished
// in a second), or something fails: then it returns an error in words for the
// operator, without credentials, wrapped in Permanent when trying again cannot
// help (a refused key, a wrong passphrase, a codec the far end cannot take). Run
// is called again for each new connection. Everything it starts has ended when
// it returns; it returns within 2 s of ctx's end whatever the network does.
type Output interface {
	Run(ctx context.Context, feed Feed) error
}

// Feed is an output's view of its rendition.
type Feed interface {
	// Tracks are the elementary streams, fixed for the life of the feed. The first
	// packet of video that Next returns after a (re)connection is a keyframe.
	Tracks() []media.Track
	// Next is the next packet in DTS order of each track, tracks interleaved by
	// time. It waits; io.EOF is the orderly end. Only one goroutine may call it.
	Next(ctx context.Context) (*media.Packet, error)
	// Queued is how long a stretch of stream waits to be sent by this output.
	Queued() time.Duration
	// RequestKeyframe asks the encoder for a keyframe soon. The engine limits the rate.
	RequestKeyframe()
	// Report updates what the operator sees of this connection.
	Report(Report)
}

// State is how far a connection has come.
type State uint8

// States, in the order of a connection's life.
const (
	Idle State = iota + 1
	Resolving
	Connecting
	Handshaking
	Sending   // bytes leave, nothing is known of their arrival
	Confirmed // the far end has acknowledged media: "live"
	Degraded  // confirmed before, but acknowledgement is stalled or pictures are dropped
	Waiting   // between two tries
	Failed    // given up: the operator has to change something
)

var stateNames = [...]string{"", "idle", "resolving", "connecting", "handshaking", "sending", "live", "degraded", "waiting", "failed"}

func (s State) String() string { return stateNames[s] }

// MarshalText makes states readable in statistics.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Report is what an output knows of its connection. Zero fields mean "not known".
type Report struct {
	State State
	// Unanswered goes with Sending: media leave, nothing is known to be wrong, and this far
	// end acknowledges nothing, by its protocol or by its own habit.
	Unanswered bool
	// Detail is one short phrase beside the state, for example the peer's software.
	Detail string
	// SentBytes and AckedBytes count since the connection began. Acked means the
	// far end said so: RTMP Acknowledgement or TCP_INFO, SRT ACK, RTCP receiver
	// report, for files what fsync or the kernel took.
	SentBytes, AckedBytes int64
	// SentPackets counts media packets (access units and audio blocks) handed to
	// the transport.
	SentPackets int64
	// DroppedPackets counts media packets the output itself discarded.
	DroppedPackets int64
	RTT            time.Duration
	// SendBuffer is how much stream waits in the transport (SRT's or the kernel's buffer).
	SendBuffer time.Duration
	// LostPercent is the share of network packets lost, retransmitted or not.
	LostPercent float64
	// Retransmitted counts network packets sent again since the connection began, and
	// BandwidthBPS is the transport's own estimate of what the path carries.
	Retransmitted, BandwidthBPS int64
	// NotRepeated counts requests of the far end for lost network packets that were left
	// unanswered, so that repetitions do not crowd out the stream.
	NotRepeated int64
	// Path is the file that a recording writes, and Room how much longer its disk lasts
	// at the present rate.
	Path string
	Room time.Duration
	// Part is the number of that file since the recording was started, from 1, Length how
	// long everything recorded since then lasts, Paused that nothing is being written.
	Part   int
	Length time.Duration
	Paused bool
	// Warning is one sentence about what went wrong and was survived; empty when nothing.
	Warning string
}

// Works reports that the connection is as good as can be known: live, or sending to a far
// end that acknowledges nothing. Backups and the waits between tries go by it.
func (r Report) Works() bool {
	return r.State == Confirmed || r.State == Sending && r.Unanswered
}

// Options are what every kind's New gets besides its settings.
type Options struct {
	// Secret is the stream key, token or passphrase that the destination refers to
	// by name; never log it, never put it in an error.
	Secret string
	// BaseDir is what relative file paths in settings are relative to.
	BaseDir string
	// UserAgent names the program and version to servers.
	UserAgent string
	// Files, if set, is told of every file that a recording begins and closes, in order. It
	// must not block.
	Files func(FileEvent)
}

// Kind describes a type of destination.
type Kind struct {
	Name  string // as in show files: "rtmp", "srt", "whip", "record"
	Title string // for menus
	// Codecs the protocol carries, in order of preference.
	Video, Audio []media.Codec
	// SoundTracks is how many tracks of sound an output takes at most; 0 is one. One that
	// finds out from its peer that it may send fewer sends the first and says so.
	SoundTracks int
	// NoBFrames: pictures must leave in display order (WebRTC).
	NoBFrames bool
	// Layers is how many further renditions of the pictures it can send along (LayeredFeed).
	Layers int
	// Acknowledges: its outputs tell a ProgressWatcher what has arrived at the far end.
	Acknowledges bool
	// Recording: the queue drops nothing but for want of memory.
	Recording bool
	// Files is what can be done with the files of a recording; nil for other kinds.
	Files *Files
	// Schema is the JSON Schema (draft 2020-12) of the settings object; it
	// validates show files and draws the form, with the annotations that
	// sources.Kind.Schema lists. Secrets are not settings.
	Schema json.RawMessage
	// SecretApart takes the secret out of settings that have it in them, of an output that has
	// none of its own: an address that was pasted as a whole. With both the output is the same.
	// secret is "" where there is none, and rest then settings. nil: none of this kind has one.
	SecretApart func(settings json.RawMessage) (rest json.RawMessage, secret string)
	// TellsSecret: the host in the setting "url" is told the secret as it is, and not only
	// something that it encrypts.
	TellsSecret bool
	// Program is the command that an output with these settings runs, "" where it runs none.
	// nil: none of this kind does.
	Program func(settings json.RawMessage) string
	// New checks settings and makes an output; it opens nothing. Its errors are
	// mistakes in the settings.
	New func(settings json.RawMessage, opt Options) (Output, error)
}
