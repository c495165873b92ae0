package whip

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"crosspoint.studio/crosspoint/internal/media"
)

// What was sent before a DELETE arrives although this process gets at it only afterwards.
func TestDeleteOvertakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opus, ok := findCodec(media.Opus)
		if !ok {
			t.Fatal("no Opus")
		}
		in := &ingest{log: slog.New(slog.DiscardHandler), events: make(chan event, 2), ended: make(chan struct{}), closing: make(chan struct{})}
		in.tracks = []*ingestTrack{newIngestTrack(0, webrtc.RTPCodecTypeAudio, opus, "")}
		in.end(errDeleted)
		const sent = 20
		in.readers.Go(func() {
			for number := range uint16(sent) {
				time.Sleep(10 * time.Millisecond)
				p := &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: uint32(number) * 960}, Payload: []byte{0xfc}}
				if !in.post(event{packet: p, arrival: time.Now()}) {
					return
				}
			}
		})
		sink := &collector{ended: make(chan struct{})}
		began := time.Now()
		in.run(sink)
		if len(sink.packets) != sent || sink.err != nil {
			t.Errorf("%d packets of %d arrived, %v", len(sink.packets), sent, sink.err)
		}
		if took := time.Since(began); took != sent*10*time.Millisecond+drainQuiet {
			t.Errorf("the end took %v", took)
		}
	})
}
