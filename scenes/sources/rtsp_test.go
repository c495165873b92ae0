package sources

import (
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/rtsp"
)

func TestNetworkRTSP(t *testing.T) {
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			attempts.Run(t, 3, func(a *attempts.T) { overRTSP(a, transport) })
		})
	}
}

func overRTSP(t testing.TB, transport string) {
	checkLeaks(t)
	address := rtsp.Start(t, transport == "udp")
	spawn(t, ffmpegProgram(), sendArgs(liveClip(t), "-f", "rtsp", "-rtsp_transport", "tcp", address)...)
	sink := pullUnchecked(t, settingsOf("url", address, "rtsp_transport", transport, "hardware", "off"), 40)
	if !strings.Contains(sink.text, "640x360") || !strings.Contains(sink.text, "aac 48 kHz stereo") {
		t.Errorf("described as %q", sink.text)
	}
}
