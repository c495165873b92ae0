package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// layer is a further rendition that a leg sends along: a part of its feed with a queue of
// its own. While the far end refuses it, it has no encode.
type layer struct {
	leg    *leg
	id     string             // of its rendition
	tracks []media.Track      // as encoded, whether or not it is just now
	link   *link              // nil: not encoded for this leg; guarded by leg.mu, changed with delivery.layering held
	queue  *media.PacketQueue // replaced by Begin and Take; guarded by leg.mu
	lost   int64              // guarded by leg.mu; of earlier queues
}

// joinLayers takes part in the encodes of the leg's further renditions. After an error the
// queues are off their streams; the delivery gives back what was joined.
func (l *leg) joinLayers(show *scenes.Show, ids []string, atOnce bool) error {
	l.show = show
	for _, id := range ids {
		y := &layer{leg: l, id: id}
		var on sink
		if atOnce {
			y.queue = media.NewPacketQueue(l.limits, true)
			on = y.queue
		}
		k, err := l.v.d.acquire(show, l.v, id, nil, l.kind, on)
		if err != nil {
			l.endLayers()
			return err
		}
		y.link, y.tracks = k, k.stream.now()
		l.mu.Lock()
		l.layers = append(l.layers, y)
		l.mu.Unlock()
	}
	return nil
}

// beginLayers gives every layer that is encoded a new queue on its stream.
func (l *leg) beginLayers() {
	l.v.layering.Lock()
	defer l.v.layering.Unlock()
	for _, y := range l.layers {
		if k := y.encode(); k != nil {
			queue := y.renew()
			k.stream.attach(queue)
			y.RequestKeyframe()
			y.ready(queue)
		}
	}
}

// endLayers takes the queues off their streams.
func (l *leg) endLayers() {
	for _, y := range l.layers {
		k, q := y.encode(), y.current()
		if q != nil && k != nil {
			k.stream.detach(q)
		}
		l.mu.Lock()
		if len(l.v.legs) > 1 && q != nil && y.queue == q {
			y.lost += q.Stats().Dropped
			y.queue = nil
		}
		l.mu.Unlock()
	}
}

// Take implements outputs.LayeredFeed. A cold backup that waits for its turn gives up what
// is refused too: whether its own server takes it will be known when it is asked.
func (l *leg) Take(taken []bool) {
	l.v.layering.Lock()
	defer l.v.layering.Unlock()
	if l.v.layersOver || !l.isBegun() {
		return
	}
	for i, y := range l.layers {
		k := y.encode()
		switch wanted := i < len(taken) && taken[i]; {
		case wanted && k == nil:
			y.start()
		case !wanted:
			y.giveUp()
			for _, o := range l.v.legs {
				if j := slices.IndexFunc(o.layers, func(z *layer) bool { return z.id == y.id }); j >= 0 && !o.isBegun() {
					o.layers[j].giveUp()
				}
			}
		}
	}
}

// start takes part in the layer's encode again; layering is held. Where that fails, its
// queue stays empty.
func (y *layer) start() {
	l := y.leg
	queue := y.renew()
	k, err := l.v.d.acquire(l.show, l.v, y.id, nil, l.kind, queue)
	if err != nil {
		l.v.d.e.warn.set("simulcast "+l.v.def.ID, fmt.Sprintf("%s: the rendition %q of its simulcast cannot be encoded (%v). The others go out; restart the destination to try it again.", l.v.def.Name, y.id, err), l.v.d.e.state.Load().Tick)
	} else {
		l.mu.Lock()
		y.link = k
		l.mu.Unlock()
		y.RequestKeyframe() // somebody else may have it encoded already
	}
	y.ready(queue)
}

// giveUp ends the layer's part in its encode, which ends too if nobody else uses it;
// layering is held.
func (y *layer) giveUp() {
	l := y.leg
	l.mu.Lock()
	k, q := y.link, y.queue
	y.link, y.queue = nil, nil
	l.mu.Unlock()
	if q != nil {
		if k != nil {
			k.stream.detach(q)
		}
		l.mu.Lock()
		y.lost += q.Stats().Dropped
		l.mu.Unlock()
	}
	if k != nil {
		l.v.d.release(l.v, k)
	}
}

// renew makes the layer another queue.
func (y *layer) renew() *media.PacketQueue {
	queue := media.NewPacketQueue(y.leg.limits, true)
	y.leg.mu.Lock()
	defer y.leg.mu.Unlock()
	if y.queue != nil {
		y.lost += y.queue.Stats().Dropped
	}
	y.queue = queue
	return queue
}

// ready ends a queue that came too late for the stop of its destination.
func (y *layer) ready(queue *media.PacketQueue) {
	if y.leg.v.stopping.Load() {
		queue.Close()
	}
}

// endLayers gives back the encodes of all layers, for good.
func (v *delivery) endLayers() {
	v.layering.Lock()
	defer v.layering.Unlock()
	v.layersOver = true
	for _, l := range v.legs {
		for _, y := range l.layers {
			y.giveUp()
		}
	}
	v.d.e.warn.clear("simulcast " + v.def.ID)
}

// Layers implements outputs.LayeredFeed.
func (l *leg) Layers() []outputs.Feed {
	feeds := make([]outputs.Feed, len(l.layers))
	for i, y := range l.layers {
		feeds[i] = y
	}
	return feeds
}

// eachQueue calls do with the queue of each layer that has one.
func (l *leg) eachQueue(do func(*layer, *media.PacketQueue)) {
	for _, y := range l.layers {
		if q := y.current(); q != nil {
			do(y, q)
		}
	}
}

// encode is the layer's part in its encode, or nil.
func (y *layer) encode() *link {
	y.leg.mu.Lock()
	defer y.leg.mu.Unlock()
	return y.link
}

func (y *layer) current() *media.PacketQueue {
	y.leg.mu.Lock()
	defer y.leg.mu.Unlock()
	return y.queue
}

// Tracks implements outputs.Feed.
func (y *layer) Tracks() []media.Track { return y.tracks }

// Next implements outputs.Feed.
func (y *layer) Next(ctx context.Context) (*media.Packet, error) {
	q := y.current()
	if q == nil {
		return nil, errors.New("the feed has ended")
	}
	return q.Next(ctx)
}

// Queued implements outputs.Feed.
func (y *layer) Queued() time.Duration {
	if q := y.current(); q != nil {
		return q.Stats().Depth
	}
	return 0
}

// RequestKeyframe implements outputs.Feed.
func (y *layer) RequestKeyframe() {
	if k := y.encode(); k != nil {
		k.video.requestKeyframe()
	}
}

// Report implements outputs.Feed: the leg's says it all.
func (y *layer) Report(outputs.Report) {}

// SetBitrate implements outputs.BitrateSetter.
func (y *layer) SetBitrate(bps int) {
	if k := y.encode(); k != nil && y.leg.steers() && y.leg.v.isActive(y.leg.index) {
		k.video.follow(y.leg.v, bps)
	}
}
