package whip

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"crosspoint.studio/crosspoint/outputs"
)

// maxLayers is how many renditions of the pictures can be sent at once, as many as SFUs take.
const maxLayers = 3

// layer is one rendition of the pictures and where it comes from. The first comes with the
// sound in the connection's own feed.
type layer struct {
	stream   *stream
	feed     outputs.Feed
	rate     rateControl // of deliver
	share    float64     // of what the path carries for pictures
	measured int64       // bytes sent when losses were looked at last
}

// planLayers finds how the renditions of pictures are carried and gives them their names,
// of which h is the best. The feed's own plan comes first and is changed; others follow.
func planLayers(tracks []plannedTrack, feed outputs.Feed) ([]plannedTrack, error) {
	layers := outputs.LayersOf(feed)
	first := slices.IndexFunc(tracks, func(t plannedTrack) bool { return !t.codec.codec.IsAudio() })
	if len(layers) == 0 || first < 0 {
		return tracks, nil
	}
	if len(layers) >= maxLayers {
		return nil, outputs.Permanent(fmt.Errorf("whip: %d renditions of the pictures can be sent at once, not more", maxLayers))
	}
	names := []string{"h", "m", "l"}
	if len(layers) == 1 {
		names = []string{"h", "l"}
	}
	tracks = slices.Clone(tracks)
	tracks[first].rid = names[0]
	for i, l := range layers {
		more, err := plan(l.Tracks())
		if err != nil {
			return nil, err
		}
		if len(more) != 1 || more[0].track.Codec != tracks[first].track.Codec {
			return nil, outputs.Permanent(errors.New("whip: the renditions that are sent at once must have one codec"))
		}
		more[0].rid, more[0].layer = names[i+1], i+1
		tracks = append(tracks, more[0])
	}
	return tracks, nil
}

// sections are the tracks that have a media section of their own in the offer.
func sections(tracks []plannedTrack) []plannedTrack {
	return slices.DeleteFunc(slices.Clone(tracks), func(t plannedTrack) bool { return t.layer > 0 })
}

// takenLayers are the names in a section's a=simulcast line that the given direction has
// (RFC 8853 section 5.1), the first of alternatives, paused ones too.
func takenLayers(m *sdp.MediaDescription, direction string) []string {
	var names []string
	value, _ := m.Attribute("simulcast")
	fields := strings.Fields(value)
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] != direction {
			continue
		}
		for _, stream := range strings.Split(fields[i+1], ";") {
			name, _, _ := strings.Cut(stream, ",")
			if name = strings.TrimPrefix(name, "~"); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// takeLayers drops the layers that an answer refuses and tells the feed, so that they are
// encoded for nobody. The first is sent in any case.
func (c *connection) takeLayers(answer string) {
	if len(c.layers) < 2 {
		return
	}
	var d sdp.SessionDescription
	var taken []string
	if d.UnmarshalString(answer) == nil { // checkAnswer has read it
		for _, m := range d.MediaDescriptions {
			taken = append(taken, takenLayers(m, "recv")...)
		}
	}
	offered := len(c.layers)
	tell := make([]bool, offered-1)
	for i, l := range c.layers[1:] {
		tell[i] = slices.Contains(taken, l.stream.rid)
	}
	c.layers = slices.DeleteFunc(c.layers, func(l *layer) bool { return l.stream.layer > 0 && !slices.Contains(taken, l.stream.rid) })
	c.streams = slices.DeleteFunc(c.streams, func(s *stream) bool { return s.layer > 0 && !slices.Contains(taken, s.rid) })
	switch {
	case len(c.layers) == 1:
		c.note = "the server takes no simulcast, so only the first rendition is sent, and the others are not encoded for it"
	case len(c.layers) < offered:
		c.note = fmt.Sprintf("the server takes %d of %d renditions; the others are not encoded for it", len(c.layers), offered)
	}
	outputs.TakeLayers(c.feed, tell)
	c.shareOut()
}

// shareOut divides what the path carries among the layers as they are configured.
func (c *connection) shareOut() {
	var all int64
	for _, l := range c.layers {
		all += l.rate.configured
	}
	for _, l := range c.layers {
		l.share = 1
		if all > 0 {
			l.share = float64(l.rate.configured) / float64(all)
		}
	}
}

// makeLayers lists the connection's layers, whose streams have been made.
func (c *connection) makeLayers() {
	feeds := append([]outputs.Feed{c.feed}, outputs.LayersOf(c.feed)...)
	for _, s := range c.streams {
		if s.codec.codec.IsAudio() {
			continue
		}
		l := &layer{stream: s, feed: feeds[s.layer], rate: rateControl{configured: int64(s.track.BitrateBPS)}}
		s.keyframe = l.feed.RequestKeyframe
		c.layers = append(c.layers, l)
	}
	c.shareOut()
}

// soundBPS is what the sound takes.
func soundBPS(tracks []plannedTrack) (bps int64) {
	for _, t := range tracks {
		if t.codec.codec.IsAudio() {
			bps += int64(t.track.BitrateBPS)
		}
	}
	return bps
}
