package engine

import (
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// TestStreamOfAnEncoderThatFailed: a stream that was being made while another encoder took over
// begins with the data for decoders of that one, and is not told of it again.
func TestStreamOfAnEncoderThatFailed(t *testing.T) {
	v := &videoRunner{coded: media.Track{Codec: media.H264, Extradata: []byte("of the first")}}
	s := newStream(v.now(), media.Track{Codec: media.AAC})
	v.renew(media.Track{Codec: media.H264, Extradata: []byte("of the second")})
	v.add(s)
	if got := string(s.now()[0].Extradata); got != "of the second" || s.fresh {
		t.Errorf("the data for decoders is that %s, told again %v", got, s.fresh)
	}
}
