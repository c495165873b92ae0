package srt

import (
	"testing"

	"crosspoint.studio/crosspoint/internal/testkit"
)

// A receiver that keeps time by the clock reference has pictures before they are to be decoded.
func TestClockReferenceIsBehind(t *testing.T) {
	t.Parallel()
	clip := testkit.FeedClip(t)
	var raw []byte
	mux, err := newMuxer(clip.Tracks, func(b []byte) error {
		raw = append(raw, b...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range clip.Packets {
		if err := mux.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := mux.Close(); err != nil {
		t.Fatal(err)
	}
	leads := testkit.ClockLeads(raw)
	if len(leads) < 10 {
		t.Errorf("%d pictures have a clock reference", len(leads))
	}
	for _, lead := range leads {
		if lead != pcrLead {
			t.Errorf("a picture is to be decoded %v after its clock reference, want %v", lead, pcrLead)
		}
	}
}
