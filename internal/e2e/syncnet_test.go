package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/internal/testkit/rtsp"
)

// pulled is a stream that a source pulls from the network.
type pulled struct {
	id       string
	settings object
	// send are the arguments with which ffmpeg sends the clip there.
	send []string
}

// pulledKinds are servers and senders of every protocol that the network source pulls,
// on loopback; they run once ffmpeg sends.
func pulledKinds(t testing.TB) []pulled {
	t.Helper()
	local := func(format string) string { return fmt.Sprintf(format, ports.Free(t)) }
	udp, tcp := local("udp://127.0.0.1:%d"), local("tcp://127.0.0.1:%d")
	srt := local("srt://127.0.0.1:%d")
	rtp := fmt.Sprintf("rtp://127.0.0.1:%d", ports.Even(t)) // the odd port is RTCP's
	rtmp := testkit.StartNginx(t).URL("live") + "/cam"
	overTCP, overUDP := rtsp.Start(t, false), rtsp.Start(t, true)
	dir := t.TempDir()
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(web.Close)
	return []pulled{
		{"udp", object{"url": udp}, []string{"-f", "mpegts", udp + "?pkt_size=1316"}},
		{"rtp", object{"url": rtp}, []string{"-f", "rtp_mpegts", rtp}},
		{"tcp", object{"url": tcp}, []string{"-f", "mpegts", tcp + "?listen=1"}},
		{"srt", object{"url": srt}, []string{"-f", "mpegts", srt + "?mode=listener"}},
		{"rtmp", object{"url": rtmp}, []string{"-f", "flv", rtmp}},
		{"rtsp", object{"url": overTCP}, []string{"-f", "rtsp", "-rtsp_transport", "tcp", overTCP}},
		{"rtsp-udp", object{"url": overUDP, "rtsp_transport": "udp"}, []string{"-f", "rtsp", "-rtsp_transport", "tcp", overUDP}},
		{"hls", object{"url": web.URL + "/cam.m3u8"}, []string{"-f", "hls", "-hls_time", "1", "-hls_list_size", "6", filepath.Join(dir, "cam.m3u8")}},
	}
}

// The sources stand beside each other on the canvas, each at its own size, and each has a
// bus and a track of its own.
const (
	cellWidth, cellHeight = 320, 180
	cellColumns           = 3
)

// TestSyncOfNetwork: a source of every protocol, all at the same time, in real time, with
// each delay. What is measured is each one's cell and track of one recording.
func TestSyncOfNetwork(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { syncOfNetwork(a) })
}

// window is what of the recording is measured of a source with a delay, in milliseconds.
type window struct {
	delay    int
	from, to time.Duration
}

// recordPulled begins a recording at path that shows all of kinds beside each other, each with
// its sound on a track of its own, and waits until they run.
func recordPulled(t testing.TB, path string, kinds []pulled) *studio {
	t.Helper()
	var sources, layers, buses, tracks []object
	for i, k := range kinds {
		sources = append(sources, object{"id": k.id, "kind": "network", "settings": k.settings,
			"audio": object{"on_air": "off", "sends": []object{{"bus": "of-" + k.id, "pre": true}}}})
		layers = append(layers, object{"source": k.id, "x": i % cellColumns * cellWidth, "y": i / cellColumns * cellHeight, "width": cellWidth, "height": cellHeight})
		buses = append(buses, object{"id": "of-" + k.id})
		tracks = append(tracks, object{"bus": "of-" + k.id, "name": k.id})
	}
	rows := (len(kinds) + cellColumns - 1) / cellColumns
	doc := document(t, cellColumns*cellWidth, rows*cellHeight, fps, object{
		"format":  2,
		"sources": sources, "buses": buses, "scenes": []object{{"id": "all", "layers": layers}},
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 8000, "preset": "ultrafast"}}},
		"recordings": []object{{"id": "rec", "tracks": tracks, "settings": object{"path": path}}},
		"start":      object{"program": "all"},
	})
	s := openStudio(t, doc, engine.Options{Commands: []engine.Timed{{Command: engine.StartRecording{}}}}, nil)
	s.begin()
	for _, k := range kinds {
		testkit.Eventually(t, 30*time.Second, "the source "+k.id+" does not run", func() bool { return s.source(k.id).Status == engine.SourceRunning })
	}
	return s
}

func syncOfNetwork(t testing.TB) {
	const camera = 8
	dir := t.TempDir()
	clip := filepath.Join(dir, "clip.mkv") // our own mp4 is in fragments, which ffmpeg sends as bursts
	testkit.Clip{Format: "matroska", FPS: media.NewRational(syncFPS, 1), Camera: camera, Seconds: 90, Every: syncEvery}.Write(t, clip)
	kinds := pulledKinds(t)
	path := filepath.Join(dir, "show.mkv")
	for _, k := range kinds {
		testkit.Start(t, nil, testkit.Program(t, "ffmpeg"), append([]string{"-v", "error", "-re", "-i", clip, "-c", "copy"}, k.send...)...)
	}
	s := recordPulled(t, path, kinds)
	s.awaitTick(s.tapped.Load() + 5*fps) // how uneven they arrive is known by then
	windows := make([][]window, len(kinds))
	for _, delay := range syncDelays {
		for _, k := range kinds {
			s.do(engine.SetStrip{Source: k.id, DelayMS: &delay})
		}
		settle := int64(3 * fps)
		done := make([]bool, len(kinds))
		// A machine that stops for a moment is out of pictures or sound, or has so much of both to
		// keep that there is no room for it: then it is measured anew. That queues glide does
		// not matter, since pictures go with them.
		for try := 1; try <= 4 && slices.Contains(done, false); try++ {
			from := s.tapped.Load() + settle
			to := from + (syncEvery*10+5)*fps/10
			settle = fps / 2
			s.awaitTick(from)
			before := s.State().Sources
			s.awaitTick(to)
			for i, after := range s.State().Sources {
				if done[i] {
					continue
				}
				skipped, silent := after.Skipped-before[i].Skipped, after.Underruns-before[i].Underruns
				behind := max(before[i].BehindMS, after.BehindMS)
				if silent == 0 && behind == 0 {
					windows[i] = append(windows[i], window{delay, media.TickTime(from, s.truth.FPS), media.TickTime(to, s.truth.FPS)})
				}
				if done[i] = skipped < 4 && silent == 0 && behind == 0; !done[i] {
					t.Logf("%s, delay %d ms, try %d: %d pictures skipped, %d frames of silence, %.0f ms behind", after.ID, delay, try, skipped, silent, behind)
				}
			}
		}
	}
	states := s.State().Sources
	s.stop()
	for i, r := range readCells(t, path, kinds) {
		measured := map[int]int{}
		for _, w := range windows[i] {
			n, unclear := syncMeasure(t, r, camera, w.from, w.to, time.Duration(w.delay)*time.Millisecond)
			measured[w.delay] += n
			for _, text := range unclear {
				t.Log(text)
			}
		}
		for _, delay := range syncDelays {
			if measured[delay] == 0 {
				t.Errorf("%s, delay %d ms: it came too unevenly to be measured", r.Name, delay)
			}
		}
		v := states[i]
		t.Logf("%s: %.1f ppm, latency %.0f ms, %d frames of silence, %d pictures skipped, %d dropped", v.ID, v.DriftPPM, v.LatencyMS, v.Underruns, v.Skipped, v.Dropped)
	}
}

// readCells decodes the recording once and returns a reading for every source: the codes of
// its cell and the beeps of its track.
func readCells(t testing.TB, path string, kinds []pulled) []*testkit.Reading {
	t.Helper()
	codes := make([][]testkit.Code, len(kinds))
	whole, err := testkit.Decode(t.Context(), "recording", path, func(f *media.Frame) {
		for i := range kinds {
			var c testkit.Code
			c.Camera, c.Number, c.OK = framecode.ReadIn(f, i%cellColumns*cellWidth, i/cellColumns*cellHeight, cellWidth, cellHeight, cellWidth, cellHeight)
			codes[i] = append(codes[i], c)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(whole.Tracks) != len(kinds) {
		t.Fatalf("%d tracks of sound, want %d", len(whole.Tracks), len(kinds))
	}
	var out []*testkit.Reading
	for i, k := range kinds {
		r := &testkit.Reading{Name: k.id, Beeps: whole.Tracks[i]}
		for n, p := range whole.Pictures {
			p.Code = codes[i][n]
			r.Pictures = append(r.Pictures, p)
		}
		out = append(out, r)
	}
	return out
}
