package engine

import (
	"errors"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// The bitrate of a running video encode: an encoder that can change it is told; another
// one makes way for the same encoder opened anew, which begins with a keyframe.

// openedEncoder is one for another bitrate.
type openedEncoder struct {
	pictureEncoder
	bps int
	err error
}

// flushedEncoder is what one that has made way still held.
type flushedEncoder struct {
	packets []*media.Packet
	err     error
}

// retune brings the encoder to the bitrate that is wanted, before the picture number.
func (v *videoRunner) retune(number int64) {
	want := v.wanted.Load()
	if v.opening {
		if number%v.gop == 0 {
			v.makeWay(want, number)
		}
		return
	}
	if want == v.aimed || v.fixed.Load() {
		return
	}
	if !v.swaps {
		err := v.encoder.SetBitrate(int(want))
		if err == nil {
			v.aimed = want
			return
		}
		if !errors.Is(err, av.ErrFixedBitrate) || av.IsHardware(v.name()) {
			v.keepBitrate(err)
			return
		}
		v.swaps = true
	}
	if v.flushed != nil || !v.worthSwapping(want, number) {
		return
	}
	v.opening = true
	v.aside.Go(func() {
		enc, err := v.another(int(want))
		v.next <- openedEncoder{enc, int(want), err}
	})
}

// makeWay goes on with the encoder that has been opened, if that is there by now and still
// what is wanted, from picture number on, which is a keyframe.
func (v *videoRunner) makeWay(want, number int64) {
	var n openedEncoder
	select {
	case n = <-v.next:
	default:
		return
	}
	v.opening = false
	down := int64(n.bps) < v.aimed
	switch {
	case n.err != nil:
		v.swapFailed(n.err, number)
	case want == v.aimed || want < v.aimed != down || float64(want) < swapDown*float64(n.bps):
		v.aside.Go(n.Close) // what is wanted has changed meanwhile
	default:
		v.swap(n, number)
	}
}

// swapFailed goes on as before, for a while.
func (v *videoRunner) swapFailed(err error, number int64) {
	v.swapAt = number // tried again as late as after a swap
	v.log.Warn("no encoder for another bitrate", "rendition", v.id, "bps", v.aimed, "reason", err)
	if v.aimed < int64(v.track.BitrateBPS) {
		v.stuck(v.aimed, err)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wanted.Store(v.aimed) // whoever wants less asks again
}

// keepBitrate gives up on another bitrate.
func (v *videoRunner) keepBitrate(reason error) {
	v.mu.Lock()
	v.fixed.Store(true)
	v.wanted.Store(v.aimed)
	v.mu.Unlock()
	v.log.Warn("the bitrate stays as it is", "rendition", v.id, "reason", reason)
}

// Encoders make way for others rarely: down when it is much, up when it is much and has
// been well for a while. Between, pictures are dropped as with any encoder.
const (
	swapDown      = 0.85 // of what it aims at, or less
	swapUp        = 1.25 // or all that the rendition has
	swapDownAfter = 4 * time.Second
	swapUpAfter   = 10 * time.Second
)

// worthSwapping decides about another encoder for want b/s from picture number on.
func (v *videoRunner) worthSwapping(want, number int64) bool {
	if want > v.aimed && want < int64(v.track.BitrateBPS) && float64(want) < swapUp*float64(v.aimed) {
		return false
	}
	if want < v.aimed && float64(want) > swapDown*float64(v.aimed) {
		return false
	}
	after := swapDownAfter
	if want > v.aimed {
		after = swapUpAfter
	}
	return v.swapAt < 0 || media.TimeOf(number-v.swapAt, v.track.TimeBase) >= after
}

// swap makes way for next, the same encoder for another bitrate, which begins with picture
// number as a keyframe; what the one before still holds goes out first, so no picture is missing.
func (v *videoRunner) swap(next openedEncoder, number int64) {
	old, flushed := v.encoder, make(chan flushedEncoder, 1)
	v.aside.Go(func() {
		packets, err := old.Flush()
		old.Close()
		flushed <- flushedEncoder{packets, err}
	})
	v.flushed = flushed
	v.use(next.pictureEncoder)
	v.log.Info("encoder opened anew for another bitrate", "rendition", v.id, "from_bps", v.aimed, "to_bps", next.bps)
	v.aimed, v.swapAt = int64(next.bps), number
	v.stuck(0, nil)
}

// bitrateFloor is the share of a rendition's bitrate that a destination may bring it to.
const bitrateFloor = 0.1

// follow changes the bitrate for user, if nobody else has the encode and the encoder can;
// back to the rendition's own it always goes. aim tells what came of it.
func (v *videoRunner) follow(user *delivery, bps int) {
	target := v.track.BitrateBPS
	v.mu.Lock()
	defer v.mu.Unlock()
	alone := len(v.users) == 1 && v.users[user] > 0
	if v.fixed.Load() {
		return
	}
	if alone || bps >= target {
		v.wanted.Store(int64(min(max(bps, int(bitrateFloor*float64(target))), target)))
	}
}

// aim is the bitrate that is wanted, in b/s.
func (v *videoRunner) aim() int64 { return v.wanted.Load() }

// join and leave keep the users. With a second one the bitrate is the rendition's own:
// nobody's picture suffers from another's network.
func (v *videoRunner) join(user *delivery) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.users[user]++
	if len(v.users) > 1 && !v.fixed.Load() {
		v.wanted.Store(int64(v.track.BitrateBPS))
	}
}

func (v *videoRunner) leave(user *delivery) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.users[user]--; v.users[user] <= 0 {
		delete(v.users, user)
	}
}

// hand sends packets, after those of the encoder that has made way.
func (v *videoRunner) hand(packets []*media.Packet) {
	if v.flushed != nil {
		select {
		case f := <-v.flushed:
			v.emptied(f)
		default:
			v.held = append(v.held, packets...)
			return
		}
	}
	v.send(packets)
}

// emptied sends what the encoder before still held, and what has waited for that.
func (v *videoRunner) emptied(f flushedEncoder) {
	if f.err != nil {
		v.onError(f.err)
	}
	v.send(f.packets)
	v.send(v.held)
	v.flushed, v.held = nil, nil
}
