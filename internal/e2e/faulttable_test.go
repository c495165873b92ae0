package e2e

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/faults"
)

// TestFaultTable: every fault of docs/DESTINATIONS.md at the same time, each on a
// destination of its own. What is faulty says so and comes back when the fault has gone;
// the healthy destinations and the recording of the same run lose nothing.
func TestFaultTable(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { faultTable(a) })
}

// faultRow is one fault, on a destination of its own.
type faultRow struct {
	id, rendition string
	url           string
	credential    string
	begin, end    func()
	states        []string // one of these is shown while it lasts
	back          bool     // it is live at the end
	dropless      bool     // and has lost nothing
	whip          *whipFar // of a WHIP destination; nil for others
}

func faultTable(t testing.TB) {
	const (
		ticks  = 19 * fps
		faulty = 4 * fps // the faults begin
		mended = 9 * fps // and end
	)
	nginx, restarted := testkit.StartNginx(t), testkit.StartNginx(t)
	healthy, locked := testkit.StartSRT(t, ""), testkit.StartSRT(t, srtPass)
	rtmpAddr := fmt.Sprintf("127.0.0.1:%d", nginx.Port)
	var rows []*faultRow
	tcp := func(id string, begin, end func(*faults.TCP), states ...string) *faultRow {
		p := faults.NewTCP(t, rtmpAddr)
		r := &faultRow{id: id, url: fmt.Sprintf("rtmp://127.0.0.1:%d/live/%s", p.Port, id), states: states, back: true,
			begin: func() { begin(p) }, end: func() { end(p) }}
		rows = append(rows, r)
		return r
	}
	udp := func(id string, begin func(*faults.UDP), end func(*faults.UDP), states ...string) *faultRow {
		s := testkit.StartSRT(t, "")
		u := faults.NewUDP(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(s.Port)), nil)
		r := &faultRow{id: id, url: "srt://" + u.Addr.String(), states: states, back: true, begin: func() { begin(u) }, end: func() { end(u) }}
		rows = append(rows, r)
		return r
	}
	down := []string{"waiting", "connecting", "handshaking", "resolving", "degraded"}
	tcp("rtmp-refused", (*faults.TCP).Refuse, (*faults.TCP).Accept, down...)
	tcp("rtmp-frozen", func(p *faults.TCP) { p.Freeze(true) }, func(p *faults.TCP) { p.Freeze(false) }, down...)
	tcp("rtmp-reset", (*faults.TCP).Reset, func(*faults.TCP) {}, down...)
	// The cameras are easy to code: what is narrow for them is measured.
	var s *studio
	carried := func(id string) int { return int(s.destination(id).BitrateBPS) }
	var stop func()
	tcp("rtmp-resets", func(p *faults.TCP) { stop = p.ResetEvery(2 * time.Second) }, func(*faults.TCP) { stop() }, down...)
	tcp("rtmp-narrow", func(p *faults.TCP) { p.Rate(carried("rtmp-narrow") / 2) }, func(p *faults.TCP) { p.Rate(0) }, "degraded")
	own := tcp("rtmp-narrow-own", func(p *faults.TCP) { p.Rate(carried("rtmp-narrow-own") * 5 / 8) }, func(p *faults.TCP) { p.Rate(0) }, "live", "degraded")
	own.rendition = "own"
	for _, percent := range []int{1, 5, 15} {
		r := udp(fmt.Sprintf("srt-loss-%d", percent), func(u *faults.UDP) { u.Delay(10 * time.Millisecond); u.Loss(float64(percent) / 100) },
			func(u *faults.UDP) { u.Loss(0) }, "live", "degraded")
		r.dropless = percent < 15
	}
	udp("srt-frozen", func(u *faults.UDP) { u.Freeze(true) }, func(u *faults.UDP) { u.Freeze(false) }, down...)
	rows = append(rows,
		&faultRow{id: "rtmp-restart", url: restarted.URL("live/x"), begin: func() { restarted.Kill() }, end: func() { restarted.Restart(t) }, states: down, back: true},
		&faultRow{id: "srt-wrong-key", url: locked.URL(), credential: "wrong", states: []string{"failed"}},
	)
	rows = append(rows, whipRows(t, down, carried)...)

	destinations := []object{
		{"id": "rtmp", "kind": "rtmp", "settings": object{"url": nginx.URL("live/rtmp")}},
		{"id": "srt", "kind": "srt", "settings": object{"url": healthy.URL(), "latency_ms": 200}},
	}
	for _, r := range rows {
		d := object{"id": r.id, "kind": r.id[:4], "settings": object{"url": r.url}}
		if r.id[:4] == "srt-" {
			d["kind"], d["settings"] = "srt", object{"url": r.url, "latency_ms": 400}
		}
		if r.rendition != "" {
			d["rendition"] = r.rendition
		}
		d["credential"] = r.credential
		destinations = append(destinations, d)
	}
	file := filepath.Join(t.TempDir(), "show.mkv")
	doc := document(t, 640, 360, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "destinations": destinations, "start": object{"program": "s1"},
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 1500}}, {"id": "own", "video": object{"bitrate_kbps": 600}, "audio": object{"bitrate_kbps": 32}},
			{"id": "own-whip", "video": object{"bitrate_kbps": 590}}},
		"recordings": []object{{"id": "file", "settings": object{"path": file}}},
	})
	s = openStudio(t, doc, engine.Options{Ticks: ticks, Commands: []engine.Timed{{Command: engine.GoLive{}}, {Command: engine.StartRecording{}}}},
		map[string]string{"wrong": "not the passphrase of theirs", "right": "right", "denied": "another"})
	s.begin()
	for _, d := range destinations {
		if id := d["id"].(string); id != "srt-wrong-key" && id != "whip-wrong-token" && id != "whip-tls" {
			testkit.Eventually(t, 10*time.Second, id+" is not live", func() bool { return s.seen.was(id, "live") })
		}
	}
	s.awaitTick(faulty)
	width := carried("rtmp-narrow-own") * 5 / 8
	for _, r := range rows {
		s.seen.forget(r.id)
		if r.begin != nil {
			r.begin()
		}
	}
	// The encoders that follow their networks.
	lowest, target, lowestWHIP := int64(1<<62), int64(0), int64(1<<62)
	for s.tapped.Load() < mended {
		d := s.destination("rtmp-narrow-own")
		lowest, target = min(lowest, d.EncoderBPS), d.TargetBPS
		lowestWHIP = min(lowestWHIP, s.destination("whip-narrow-own").EncoderBPS)
		time.Sleep(50 * time.Millisecond) // this looks at time passing
	}
	for _, r := range rows {
		seen := false
		for _, state := range r.states {
			seen = seen || s.seen.was(r.id, state)
		}
		if state := s.destination(r.id).Report.State.String(); !seen && state != r.states[0] {
			t.Errorf("%s: while it lasted it was %q:\n\t%s", r.id, state, s.seen.story(r.id))
		}
		s.seen.forget(r.id)
		if r.end != nil {
			r.end()
		}
	}
	s.awaitTick(ticks - fps/2)
	type gap struct {
		id            string
		missing, came int
	}
	var gaps []gap
	for _, r := range rows {
		d := s.destination(r.id)
		t.Logf("%-16s at the end %-8s dropped %3d, reconnects %d, encoder %d of %d kb/s %s", r.id, d.Report.State, d.Dropped, d.Reconnects, d.EncoderBPS/1000, d.TargetBPS/1000, d.Problem)
		if r.whip != nil && r.back {
			came, missing := r.whip.arrived()
			t.Logf("%-16s %d pictures of its last connection came, %d are missing between them; %d datagrams were lost", "", came, missing, r.whip.media.Lost())
			if d.Reconnects == 0 && came+missing < ticks-3*fps {
				t.Errorf("%s: only %d pictures have come, and nothing since", r.id, came)
			}
			if r.dropless && missing > 0 {
				gaps = append(gaps, gap{r.id, missing, came})
			}
		}
		if r.back && d.Report.State.String() != "live" {
			t.Errorf("%s has not come back:\n\t%s", r.id, s.seen.story(r.id))
		}
		if r.dropless && d.Dropped != 0 {
			t.Errorf("%s dropped %d packets", r.id, d.Dropped)
		}
	}
	t.Logf("on %d kb/s the encoder went from %d to %d kb/s, that of WHIP to %d", width/1000, target/1000, lowest/1000, lowestWHIP/1000)
	if lowest > target*3/4 || lowest < target/10 {
		t.Errorf("on a network of %d b/s its own encoder aimed at %d b/s, its target being %d", width, lowest, target)
	}
	if target := s.destination("whip-narrow-own").TargetBPS; lowestWHIP > target*3/4 {
		t.Errorf("behind a narrow network the encoder of a WHIP destination aimed at %d b/s, its target being %d", lowestWHIP, target)
	}
	s.await(40 * time.Second)
	for _, id := range []string{"rtmp", "srt", "file"} {
		if d := s.destination(id); d.Dropped != 0 || d.Reconnects != 0 {
			t.Errorf("%s: %d packets dropped, %d reconnects; the others' faults are none of its", id, d.Dropped, d.Reconnects)
		}
	}
	w := wants{firstBy: 2 * gop, lastFrom: ticks - 1, flashes: 4, extraKeys: everyTick(ticks), disturbed: !s.undisturbed(), notEncoded: s.notEncoded()}
	for _, g := range gaps {
		if !w.disturbed || int64(g.missing) > w.notEncoded {
			t.Errorf("%s: %d pictures of %d are missing; %d were not encoded", g.id, g.missing, g.came, w.notEncoded)
		}
	}
	grownUp(nginx.Recorded("rtmp"))
	judge(t, s.truth, "rtmp", nginx.Recorded("rtmp"), w)
	w.firstBy = 0
	judge(t, s.truth, "file", file, w)
	w.firstBy = 2 * gop
	judge(t, s.truth, "srt", healthy.Finish(), w)
}
