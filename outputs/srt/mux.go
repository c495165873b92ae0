package srt

import (
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
)

// newMuxer makes MPEG-TS for a lossy live path: tables every 100 ms and with each
// keyframe (the muxer does that by itself), and no sound held back to fill a PES packet.
func newMuxer(tracks []media.Track, write func([]byte) error) (muxer, error) {
	return av.NewMuxer(av.MuxerOptions{
		Format: "mpegts",
		Tracks: tracks,
		Write:  write,
		// Each connection's time begins at zero, which no receiver can misread.
		StartAtZero: true,
		Options: map[string]string{
			"pat_period":       "0.1",
			"pes_payload_size": "0",
		},
	})
}
