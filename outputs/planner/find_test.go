package planner

import "testing"

func TestPlatformAt(t *testing.T) {
	for address, want := range map[string]string{
		"rtmps://a.rtmps.youtube.com:443/live2":                         "youtube",
		"rtmp://live.twitch.tv/app":                                     "twitch",
		"rtmps://ingest.global-contribute.live-video.net:443/app":       "twitch",
		"rtmps://fa723fc1b171.global-contribute.live-video.net:443/app": "kick",
		"rtmps://live-api-s.facebook.com:443/rtmp/":                     "facebook",
		"rtmps://1.2.rtmp.linkedin.com/live":                            "linkedin",
		"rtmp://push-rtmp-l1-va01.tiktokcdn.com/game/":                  "tiktok",
		"rtmps://de.pscp.tv:443/x":                                      "x",
		"RTMPS://RTMP-GLOBAL.cloud.vimeo.com:443/live":                  "vimeo",
		"rtmp://127.0.0.1/live":                                         "custom",
		"srt://youtube.com.example.org:9000":                            "custom",
		"rehearsal:":                                                    "custom",
		"":                                                              "custom",
		"://":                                                           "custom",
		"https://notx.com/whip":                                         "custom",
	} {
		if p := PlatformAt(address); p.Name != want {
			t.Errorf("%q is %s's, want %s", address, p.Name, want)
		}
	}
}
