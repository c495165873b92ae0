package outputs

import "time"

// BitrateSetter is a Feed whose encoder can follow what a network carries. SetBitrate
// says how many bits a second of pictures (sound comes on top) the path of this
// output takes from now on. It never blocks and may be called from any goroutine, as
// often as wanted: the engine brings the value to between 10 % and 100 % of the
// rendition's own bitrate, and leaves the encoder alone when another destination or
// a recording uses the same encode; then only the drop policy of the queue is left.
// An output that calls it (WHIP, from transport-wide feedback) is not steered
// by its queue any more until its next connection. Feeds that cannot do it are legal:
//
//	if s, ok := feed.(outputs.BitrateSetter); ok { s.SetBitrate(bps) }
type BitrateSetter interface{ SetBitrate(bps int) }

// Progress is how the far end keeps up, at one moment of one connection.
type Progress struct {
	// Stall is for how long the far end has acknowledged nothing although it should
	// have: something waits for it, and a round trip and the peer's own habit are
	// taken off already. 0 while all is well.
	Stall time.Duration
	// UnackedBytes were handed to the transport and are not acknowledged: its send
	// buffer and what is on the way. 0 with nothing known (AckedBytes is then 0 too).
	UnackedBytes int64
	// AckedBytes grows with every acknowledgement, from the connection's start.
	AckedBytes int64
	// ResentBytes were sent again because the network lost them, from the connection's
	// start; 0 where the transport does not tell.
	ResentBytes int64
	RTT         time.Duration
}

// ProgressWatcher is a Feed that wants to know closely how the far end keeps up: the
// engine switches to a backup and changes bitrates by it. Outputs with a peer that
// acknowledges call it about every ProgressEvery while they send, from any goroutine;
// it does not block.
type ProgressWatcher interface{ Watch(Progress) }

// ProgressEvery is how often outputs tell a ProgressWatcher.
const ProgressEvery = 50 * time.Millisecond

// WatchOf is feed's Watch, or a function that does nothing.
func WatchOf(feed Feed) func(Progress) {
	if w, ok := feed.(ProgressWatcher); ok {
		return w.Watch
	}
	return func(Progress) {}
}

// LayeredFeed is a Feed with further renditions of the same pictures, for outputs that
// send several at once (simulcast).
type LayeredFeed interface {
	// Layers are the feeds of the further renditions, from the largest to the smallest; each
	// has one track of pictures, of the codec of the feed's own. They live as long as the
	// feed and are its output's.
	Layers() []Feed
	// Take says which of them the far end of this connection takes, in the order of Layers;
	// those beyond the list it does not. What is taken is delivered from a keyframe on and
	// has to be read; what is not taken is not read, and not encoded as far as nobody else
	// uses it, until a later Take. Before the first Take all are delivered. It may open
	// encoders, and returns when they run or are given up; one that cannot be opened is
	// the engine's to tell of, and its feed then has nothing to deliver.
	Take(taken []bool)
}

// LayersOf are feed's further renditions; none for a feed that has no layers.
func LayersOf(feed Feed) []Feed {
	if l, ok := feed.(LayeredFeed); ok {
		return l.Layers()
	}
	return nil
}

// TakeLayers is feed's Take, or nothing for a feed that has no layers.
func TakeLayers(feed Feed, taken []bool) {
	if l, ok := feed.(LayeredFeed); ok {
		l.Take(taken)
	}
}
