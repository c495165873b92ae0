package planner

import (
	"strings"

	"crosspoint.studio/crosspoint/internal/media"
)

// Platform is what a streaming service takes. The caps are the services' published
// ones as the trade quotes them; 0 means that none is known. They change: a
// destination may always ask for less.
type Platform struct {
	Name, Title string
	// Ingests are addresses to publish to, best first; empty where the service gives
	// every stream an address of its own.
	Ingests []Ingest
	// Video are the codecs the ingest takes, the most compatible first.
	Video []media.Codec
	Audio []media.Codec
	// VideoKbps and AudioKbps are the most it takes.
	VideoKbps, AudioKbps int
	// Tiers are lower caps at smaller sizes, smallest first.
	Tiers []Tier
	// MaxHeight is of the shorter side for upright pictures; 0: no limit known.
	MaxHeight int
	MaxFPS    int
	// KeyframeSeconds is the longest distance of keyframes that it accepts.
	KeyframeSeconds float64
	// Upright: viewers hold a telephone; 9:16 is the platform's own shape.
	Upright bool
	// Test, appended to the stream key as a query, makes a stream that nobody is shown;
	// empty where the service has no such thing. TestKbps is the most that is tried so.
	Test     string
	TestKbps int
	// Note is what the operator has to know, one sentence, or empty.
	Note string
}

// TestKey is key for a stream that nobody is shown; false where the service has none.
func (p Platform) TestKey(key string) (string, bool) {
	switch {
	case p.Test == "" || key == "":
		return "", false
	case strings.Contains(key, "?"):
		return key + "&" + p.Test, true
	}
	return key + "?" + p.Test, true
}

// Ingest is an address to publish to; the stream key is never part of it.
type Ingest struct{ Title, Kind, URL string }

// Tier is a cap for pictures of at most a height.
type Tier struct{ Height, VideoKbps int }

var (
	h264Only  = []media.Codec{media.H264}
	allVideo  = []media.Codec{media.H264, media.HEVC, media.AV1}
	aacOnly   = []media.Codec{media.AAC}
	liveAudio = []media.Codec{media.AAC, media.Opus}
)

// Platforms are the services that the program knows by name, and "custom", which
// takes whatever its protocol carries.
func Platforms() []Platform {
	return []Platform{
		{
			Name: "twitch", Title: "Twitch", Video: h264Only, Audio: aacOnly,
			Ingests:   []Ingest{{"Nearest", "rtmp", "rtmps://ingest.global-contribute.live-video.net:443/app"}, {"Nearest, not encrypted", "rtmp", "rtmp://live.twitch.tv/app"}},
			VideoKbps: 6000, AudioKbps: 320, MaxHeight: 1080, MaxFPS: 60, KeyframeSeconds: 2,
			Test: "bandwidthtest=true", TestKbps: 10_000, // Twitch Inspector, help.twitch.tv
		},
		{
			Name: "youtube", Title: "YouTube", Video: allVideo, Audio: aacOnly,
			Ingests: []Ingest{
				{"Primary", "rtmp", "rtmps://a.rtmps.youtube.com:443/live2"}, {"Backup", "rtmp", "rtmps://b.rtmps.youtube.com:443/live2?backup=1"},
				{"Primary, not encrypted", "rtmp", "rtmp://a.rtmp.youtube.com/live2"},
			},
			VideoKbps: 51000, AudioKbps: 160, MaxHeight: 2160, MaxFPS: 60, KeyframeSeconds: 4,
		},
		{
			Name: "facebook", Title: "Facebook Live", Video: h264Only, Audio: aacOnly,
			Ingests:   []Ingest{{"Live", "rtmp", "rtmps://live-api-s.facebook.com:443/rtmp"}},
			VideoKbps: 9000, AudioKbps: 128, Tiers: []Tier{{720, 4000}, {1080, 6000}}, MaxHeight: 1080, MaxFPS: 60, KeyframeSeconds: 2,
		},
		{
			Name: "kick", Title: "Kick", Video: h264Only, Audio: aacOnly,
			Ingests:   []Ingest{{"Live", "rtmp", "rtmps://fa723fc1b171.global-contribute.live-video.net:443/app"}},
			VideoKbps: 8000, AudioKbps: 160, MaxHeight: 1080, MaxFPS: 60, KeyframeSeconds: 2,
		},
		{
			Name: "linkedin", Title: "LinkedIn Live", Video: h264Only, Audio: aacOnly,
			VideoKbps: 6000, AudioKbps: 128, MaxHeight: 1080, MaxFPS: 30, KeyframeSeconds: 2,
			Note: "LinkedIn gives every event an address and a key of its own.",
		},
		{
			Name: "tiktok", Title: "TikTok", Video: h264Only, Audio: aacOnly, Upright: true,
			VideoKbps: 6000, AudioKbps: 160, MaxHeight: 1080, MaxFPS: 60, KeyframeSeconds: 2,
			Note: "TikTok gives accounts that may stream from a program an address and a key for each session.",
		},
		{
			Name: "x", Title: "X", Video: h264Only, Audio: aacOnly,
			Ingests:   []Ingest{{"Virginia", "rtmp", "rtmps://va.pscp.tv:443/x"}, {"Oregon", "rtmp", "rtmps://or.pscp.tv:443/x"}, {"Frankfurt", "rtmp", "rtmps://de.pscp.tv:443/x"}},
			VideoKbps: 9000, AudioKbps: 128, MaxHeight: 1080, MaxFPS: 60, KeyframeSeconds: 3,
		},
		{
			Name: "vimeo", Title: "Vimeo", Video: h264Only, Audio: aacOnly,
			Ingests:   []Ingest{{"Live", "rtmp", "rtmps://rtmp-global.cloud.vimeo.com:443/live"}},
			VideoKbps: 8000, AudioKbps: 160, MaxHeight: 1080, MaxFPS: 60, KeyframeSeconds: 2,
		},
		{Name: "custom", Title: "Custom", Video: allVideo, Audio: liveAudio, KeyframeSeconds: 2},
	}
}

// FindPlatform finds a platform by name; "" is "custom".
func FindPlatform(name string) (Platform, bool) {
	if name == "" {
		name = "custom"
	}
	for _, p := range Platforms() {
		if p.Name == name {
			return p, true
		}
	}
	return Platform{}, false
}

// cap is the most video, in kb/s, that the platform takes at a size; 0: no limit known.
func (p Platform) cap(width, height int) int {
	short := min(width, height)
	for _, t := range p.Tiers {
		if short <= t.Height {
			return t.VideoKbps
		}
	}
	return p.VideoKbps
}

// Recommended is the usual H.264 bitrate of a picture, in kb/s; HEVC and AV1 need
// about 60 % of it. Sizes between the rows are reckoned by pixels a second.
func Recommended(codec media.Codec, width, height int, fps float64) int {
	rows := []struct {
		rate float64 // pixels a second
		kbps float64
	}{
		{640 * 360 * 30, 900}, {1280 * 720 * 30, 3000}, {1280 * 720 * 60, 4500}, {1920 * 1080 * 30, 6000}, {1920 * 1080 * 60, 9000},
		{2560 * 1440 * 60, 16000}, {3840 * 2160 * 30, 24000}, {3840 * 2160 * 60, 35000},
	}
	rate := float64(width) * float64(height) * fps
	kbps := rows[len(rows)-1].kbps
	for i, r := range rows {
		if rate <= r.rate {
			kbps = r.kbps
			if i > 0 {
				before := rows[i-1]
				kbps = before.kbps + (rate-before.rate)/(r.rate-before.rate)*(r.kbps-before.kbps)
			} else {
				kbps *= max(rate/r.rate, 0.2)
			}
			break
		}
	}
	if codec == media.HEVC || codec == media.AV1 {
		kbps *= 0.6
	}
	return int(kbps/50+0.5) * 50
}
