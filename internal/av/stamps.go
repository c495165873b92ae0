package av

import (
	"math"
	"time"

	"github.com/asticode/go-astiav"

	"crosspoint.studio/crosspoint/internal/media"
)

// longestTime bounds what a time stamp is believed: one that a damaged block has may be of any
// size, and two of these can still be added. Senders that count since 1970 are well within it.
const longestTime = 100 * 365 * 24 * time.Hour

// timeOf is the time of v in time base tb; ok is false where it is none, or not to be believed.
func timeOf(v int64, tb media.Rational) (t time.Duration, ok bool) {
	if v == astiav.NoPtsValue || !tb.IsSet() || math.Abs(float64(v))*tb.Float() > longestTime.Seconds() {
		return 0, false
	}
	return media.TimeOf(v, tb), true
}

// stamp reads the packet's time stamps in time base tb. Those that cannot be are taken off it:
// its time is not known, for a decoder and a muxer neither.
func (p *InputPacket) stamp(tb media.Rational) {
	pts, dts := p.pkt.Pts(), p.pkt.Dts()
	p.PTS, p.HasPTS = timeOf(pts, tb)
	p.DTS, p.HasDTS = timeOf(dts, tb)
	if pts != astiav.NoPtsValue && !p.HasPTS || dts != astiav.NoPtsValue && !p.HasDTS {
		p.pkt.SetPts(astiav.NoPtsValue)
		p.pkt.SetDts(astiav.NoPtsValue)
		p.PTS, p.DTS, p.HasPTS, p.HasDTS = 0, 0, false, false
	}
	var ok bool
	if p.Duration, ok = timeOf(p.pkt.Duration(), tb); !ok {
		p.pkt.SetDuration(0)
	}
}
