package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// layer is a further rendition that a leg sends along: a part of its feed with a queue of
// its own.
type layer struct {
	leg   *leg
	link  *link
	queue *media.PacketQueue // replaced by Begin; guarded by leg.mu
	lost  int64              // guarded by leg.mu; of earlier queues
}

// layerIDs are the further renditions that the leg sends along: those of the destination,
// but none where a backup's kind has no such thing. Its errors are mistakes in the show.
func (l *leg) layerIDs(show *scenes.Show) ([]string, error) {
	ids := l.v.def.Simulcast
	switch {
	case len(ids) == 0 || l.kind.Layers == 0 && l.index > 0:
		return nil, nil
	case len(ids) > l.kind.Layers:
		return nil, fmt.Errorf("%s can send %d further renditions, not %d", l.kind.Title, l.kind.Layers, len(ids))
	case l.v.def.DelaySeconds > 0:
		return nil, errors.New("a delayed destination cannot send further renditions: take away the delay or the simulcast")
	}
	above, _ := show.Rendition(l.v.def.Rendition)
	for _, id := range ids {
		r, ok := show.Rendition(id)
		switch {
		case !ok:
			return nil, fmt.Errorf("there is no rendition %q", id)
		case r.Video.Codec != above.Video.Codec:
			return nil, fmt.Errorf("the rendition %q is not %s as the one before: simulcast has one codec", id, above.Video.Codec)
		case r.Program != above.Program:
			return nil, fmt.Errorf("the rendition %q shows another programme than the one before", id)
		case r.Video.Width*r.Video.Height > above.Video.Width*above.Video.Height, r.Video.BitrateKbps >= above.Video.BitrateKbps:
			return nil, fmt.Errorf("the rendition %q is not smaller than the one before: put simulcast's renditions in order of size", id)
		}
		above = r
	}
	return ids, nil
}

// joinLayers takes part in the encodes of the leg's further renditions. After an error the
// queues are off their streams; the delivery gives back what was joined.
func (l *leg) joinLayers(show *scenes.Show, ids []string, atOnce bool) error {
	for _, id := range ids {
		y := &layer{leg: l}
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
		y.link = k
		l.mu.Lock()
		l.layers = append(l.layers, y)
		l.mu.Unlock()
	}
	return nil
}

// beginLayers gives every layer a new queue on its stream.
func (l *leg) beginLayers() {
	for _, y := range l.layers {
		queue := media.NewPacketQueue(l.limits, true)
		l.mu.Lock()
		y.queue = queue
		l.mu.Unlock()
		y.link.stream.attach(queue)
		y.RequestKeyframe()
		if l.v.stopping.Load() {
			queue.Close()
		}
	}
}

// endLayers takes the queues off their streams.
func (l *leg) endLayers() {
	for _, y := range l.layers {
		l.mu.Lock()
		q := y.queue
		l.mu.Unlock()
		if q != nil {
			y.link.stream.detach(q)
		}
		l.mu.Lock()
		if len(l.v.legs) > 1 && q != nil && y.queue == q {
			y.lost += q.Stats().Dropped
			y.queue = nil
		}
		l.mu.Unlock()
	}
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

func (y *layer) current() *media.PacketQueue {
	y.leg.mu.Lock()
	defer y.leg.mu.Unlock()
	return y.queue
}

// Tracks implements outputs.Feed.
func (y *layer) Tracks() []media.Track { return y.link.stream.tracks }

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
func (y *layer) RequestKeyframe() { y.link.video.requestKeyframe() }

// Report implements outputs.Feed: the leg's says it all.
func (y *layer) Report(outputs.Report) {}

// SetBitrate implements outputs.BitrateSetter.
func (y *layer) SetBitrate(bps int) {
	if y.leg.steers() && y.leg.v.isActive(y.leg.index) {
		y.link.video.follow(y.leg.v, bps)
	}
}
