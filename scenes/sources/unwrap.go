package sources

import (
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// wrapTime is after what time the time stamps of a transport stream begin again: 33 bits of
// 90 kHz, 26.5 hours (ISO/IEC 13818-1, 2.4.3.7).
const wrapTime = (1 << 33) * time.Second / 90000

// unwrap makes the time stamps of a transport stream go on where they begin again. libavformat
// does that once: it adds 2^33 to what lies below the first one less a minute
// (wrap_timestamp of FFmpeg 7.1's demux.c), so that 26.5 hours later all fall back by as much,
// pictures and sound at packets of their own.
type unwrap struct{ shift [2]time.Duration }

// follow shifts a packet of stream st to where it goes on from the last one's decoding time;
// where none of its stream has been seen, from the other's.
func (u *unwrap) follow(stream int, pkt *av.InputPacket, st *av.Stream, last [2]time.Duration, seen [2]bool) {
	if st.TimeBase != media.NewRational(1, 90000) {
		return
	}
	from := stream
	if !seen[from] {
		from = 1 - stream
	}
	if pkt.HasDTS && seen[from] {
		switch d := pkt.DTS + u.shift[stream] - last[from]; {
		case (d + wrapTime).Abs() < jumpAhead:
			u.shift[stream] += wrapTime
		case (d - wrapTime).Abs() < jumpAhead:
			u.shift[stream] -= wrapTime
		}
	}
	if u.shift[stream] != 0 {
		pkt.Shift(u.shift[stream], st)
	}
}

// undo gives a packet that follow has shifted its own time stamps back: another timeline begins
// with it.
func (u *unwrap) undo(stream int, pkt *av.InputPacket, st *av.Stream) {
	if u.shift[stream] != 0 {
		pkt.Shift(-u.shift[stream], st)
	}
}
