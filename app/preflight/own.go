package preflight

import (
	"encoding/json"
	"slices"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/scenes"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// own is a source that is recorded on its own, or kept as an angle of the replay buffer.
type own struct {
	encode *scenes.Rendition // what it takes besides the programme's; nil: nothing
	kbps   int               // that are recorded; 0: none
}

// losslessKbps is what sound alone takes as FLAC where it packs worst (docs/ISO.md).
const losslessKbps = 1000

// owns are the sources of the ISO recordings and the angles of the replay buffer, as if all
// ran. What only a running source tells is taken for granted: what its kind has coded is
// copied where it may be, at the rendition's bitrate, and it has the canvas's size where its
// settings say nothing else.
func (o Options) owns() (out []own) {
	r, ok := o.Show.Rendition(engine.ISORendition(o.Show))
	if !ok {
		return nil
	}
	iso := o.Show.ISO
	for _, s := range o.Show.Sources {
		kind, known := o.SourceKinds[s.Kind]
		recorded, angle := slices.Contains(iso.Sources, s.ID), slices.Contains(o.Show.Replay.Angles, s.ID)
		if !known || kind.Pacing == sources.Still || !recorded && !angle {
			continue
		}
		var v own
		switch {
		case !recorded:
		case kind.HasVideo:
			v.kbps = r.Video.BitrateKbps + r.Audio.BitrateKbps
		default:
			v.kbps = losslessKbps
		}
		copied := iso.Codec == scenes.ISOCopy || iso.Codec == scenes.ISOAuto && kind.Coded
		if kind.HasVideo && (angle || recorded && !copied) {
			y := r
			y.ID, y.Video.FrameDivisor = s.Name+" on its own", 1
			y.Video.Width, y.Video.Height = o.Show.Canvas.Width, o.Show.Canvas.Height
			var set struct{ Width, Height int } // as every kind calls it that has a size
			if json.Unmarshal(s.Settings, &set) == nil && set.Width > 0 && set.Height > 0 {
				y.Video.Width, y.Video.Height = max(set.Width&^1, 16), max(set.Height&^1, 16)
			}
			v.encode = &y
		}
		out = append(out, v)
	}
	return out
}
