package srt

import (
	"strconv"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// pcrLead is how far decoding times are ahead of the clock reference (PCR), for receivers that keep
// time by it: outputs/ts has as much, and the reasons. libavformat begins at twice as much.
const pcrLead = 300 * time.Millisecond

// newMuxer makes MPEG-TS for a lossy live path: tables every 100 ms and with each
// keyframe (the muxer does that by itself), and no sound held back to fill a PES packet.
func newMuxer(tracks []media.Track, write func([]byte) error) (muxer, error) {
	return av.NewMuxer(av.MuxerOptions{
		Format: "mpegts",
		Tracks: tracks,
		Write:  write,
		// Each connection's time begins at about zero, which no receiver can misread.
		StartAtZero: true,
		Options: map[string]string{
			"pat_period":       "0.1",
			"pes_payload_size": "0",
			"max_delay":        strconv.FormatInt(pcrLead.Microseconds(), 10),
		},
	})
}
