package rehearsal

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs/srt"
)

// srtName is the name in a stream id, and whether it asks to receive, which nobody may
// here. The form is the SRT access control guideline's ("#!::r=name,m=publish") or a
// plain name.
func srtName(streamID string) (name string, wantsToReceive bool) {
	fields, structured := strings.CutPrefix(streamID, "#!::")
	if !structured {
		name = shortName(streamID)
	} else {
		for field := range strings.SplitSeq(fields, ",") {
			switch key, value, _ := strings.Cut(field, "="); key {
			case "r":
				name = shortName(value)
			case "m":
				wantsToReceive = value == "request"
			}
		}
	}
	if name == "" {
		name = "srt"
	}
	return name, wantsToReceive
}

// checkSRT decides on a caller before it is connected. Callers with a wrong
// passphrase are refused by libsrt itself, which tells them and not us.
func (r *Receiver) checkSRT(streamID string, peer netip.AddrPort) (string, srt.Reason) {
	name, wantsToReceive := srtName(streamID)
	switch {
	case wantsToReceive:
		r.refused("srt", name, peer.String(), "it asks to receive; this server only receives")
		return "", srt.RefuseForbidden
	case r.inUse("srt", name):
		r.refused("srt", name, peer.String(), errInUse.Error())
		return "", srt.RefuseConflict
	}
	return "", 0
}

// receiveSRT takes one caller's stream to its end.
func (r *Receiver) receiveSRT(ctx context.Context, conn *srt.Connection) {
	name, _ := srtName(conn.StreamID())
	s, err := r.begin("srt", name, conn.Peer().String(), false)
	if err != nil {
		r.refused("srt", name, conn.Peer().String(), err.Error())
		return
	}
	d := newDemuxer(s)
	buf := make([]byte, 7*tsPacket)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			d.flush()
			if errors.Is(err, io.EOF) {
				err = nil // SRT does not tell an end from a loss
			}
			s.end(reason(err))
			return
		}
		d.feed(buf[:n], time.Since(s.began))
		if d.refused != "" {
			s.refuse(d.refused)
			s.end("")
			return
		}
	}
}

var _ sink = (*stream)(nil)

// sink takes what a demuxer finds.
type sink interface {
	describe(i int, t media.Track)
	packet(p *media.Packet, arrival time.Duration)
	unsupportedCodec(name string)
}
