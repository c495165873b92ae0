package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/rtsp"
)

// TestSyncOfRTSPBeforeItsReport: RTSP senders whose reports come seconds after their first
// pictures. Where the answer to PLAY says what the time stamps are, sound and pictures are in
// step from the first picture on, and stay so at the report. Where it does not, nobody can
// know: the operator is told so until the reports come, and then they are in step, whichever
// of the two steps.
func TestSyncOfRTSPBeforeItsReport(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { syncOfRTSP(a) })
}

func syncOfRTSP(t testing.TB) {
	const camera = 8
	dir := t.TempDir()
	clip := filepath.Join(dir, "clip.mkv")
	testkit.Clip{Format: "matroska", FPS: media.NewRational(syncFPS, 1), Camera: camera, Seconds: 60, Every: syncEvery}.Write(t, clip)
	relay := rtsp.Open(t, false)
	server := relay.Address
	testkit.Start(t, nil, testkit.Program(t, "ffmpeg"), "-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", server)
	testkit.Eventually(t, 20*time.Second, "nothing is sent", func() bool { return relay.Flowing() })
	withheld := []*rtsp.Withheld{
		rtsp.Withhold(t, server, rtsp.Options{}),
		rtsp.Withhold(t, server, rtsp.Options{NoRTPInfo: true}),
		rtsp.Withhold(t, server, rtsp.Options{NoRTPInfo: true, SoundLost: 300 * time.Millisecond, SoundFirst: true}),
	}
	kinds := []pulled{{id: "info"}, {id: "bare"}, {id: "lost"}}
	for i := range kinds {
		kinds[i].settings = object{"url": withheld[i].Address}
	}
	path := filepath.Join(dir, "show.mkv")
	s := recordPulled(t, path, kinds)
	from := s.tapped.Load()
	for _, k := range kinds {
		testkit.Eventually(t, 10*time.Second, "it is not said of "+k.id+" that its sync is not known", func() bool { return s.source(k.id).Remark != "" })
	}
	released := max(s.tapped.Load(), from+3*fps)
	s.awaitTick(released)
	for _, w := range withheld {
		w.Release()
	}
	for _, k := range kinds {
		testkit.Eventually(t, 10*time.Second, "it is still said of "+k.id+" that its sync is not known", func() bool { return s.source(k.id).Remark == "" })
	}
	settled := s.tapped.Load() + 4*fps // sound comes in packets of half a second
	to := settled + 5*fps/2
	s.awaitTick(to)
	s.stop()
	at := func(tick int64) time.Duration { return media.TickTime(tick, s.truth.FPS) }
	readings := readCells(t, path, kinds)
	syncError(t, readings[0], camera, at(from), at(released), 0)
	for _, r := range readings {
		syncError(t, r, camera, at(settled), at(to), 0)
	}
}
