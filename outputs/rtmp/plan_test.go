package rtmp

import (
	"errors"
	"slices"
	"testing"

	"crosspoint.studio/crosspoint/internal/media"
)

// What RTMP does not carry is refused in a sentence about it.
func TestPlanRefusals(t *testing.T) {
	both := testTracks(t)
	video, audio := both[0], both[1]
	bare := audio
	bare.Extradata = nil
	for _, c := range []struct {
		name   string
		tracks []media.Track
		want   string
	}{
		{"three of pictures", []media.Track{video, video, audio, video}, "rtmp: RTMP carries one track of pictures, not 3"},
		{"too many of sound", slices.Concat([]media.Track{video}, slices.Repeat([]media.Track{audio}, MaxSoundTracks+1)), "rtmp: RTMP carries 32 tracks of sound at most, not 33"},
		{"no tracks", nil, "rtmp: the stream has neither pictures nor sound, so there is nothing to send"},
		{"another codec", []media.Track{video, {Codec: media.Opus}}, "rtmp: RTMP cannot carry opus: choose another rendition, or add one (Outputs, Renditions)"},
		{"sound that nobody can decode", []media.Track{video, bare}, "rtmp: the encoder's aac configuration cannot be used: the AAC configuration is missing"},
		{"all it carries", slices.Concat([]media.Track{video}, slices.Repeat([]media.Track{audio}, MaxSoundTracks)), ""},
		{"sound alone", []media.Track{audio}, ""},
	} {
		_, err := newPlan(c.tracks)
		if got := textOf(err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// What no case of explain knows is said of the connection.
func TestUnknownFailureIsASentence(t *testing.T) {
	at := target{host: "live.example.com", port: "1935", key: "s3cr3t"}
	const want = "rtmp: the connection to live.example.com:1935 failed while starting the stream: no idea of ***"
	if got := textOf(at.explain(phasePublish, errors.New("no idea of s3cr3t"))); got != want {
		t.Errorf("the operator reads %q, want %q", got, want)
	}
}
