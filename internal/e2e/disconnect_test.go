package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/faults"
	"crosspoint.studio/crosspoint/outputs/srt"
)

// disconnectFor makes TestDisconnects a soak: every 10 s for so long (make soak-disconnect).
var disconnectFor = flag.Duration("disconnect", 0, "how long TestDisconnects cuts connections every 10 s; 0: once each")

// backWithin is how long a destination may take to be live again, so that it is before the
// next cut.
const backWithin = 10 * time.Second

// TestDisconnects: destinations of every protocol lose their connection again and again, in
// the middle of the stream. Each says why and comes back by itself each time; the healthy
// destinations and the recording of the same run lose nothing.
func TestDisconnects(t *testing.T) {
	if *disconnectFor > 0 {
		disconnects(t, *disconnectFor)
		return
	}
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { disconnects(a, 0) })
}

// idleFiles are what one HTTP connection that is kept for a next request has in this
// process: both its ends, and both of the proxy's.
const idleFiles = 4

// cutRow is a destination whose connection is cut.
type cutRow struct {
	id, kind, url, credential string

	cut  func()
	says []string // one of these is in what the operator reads

	mu            sync.Mutex
	notice, away  []time.Duration // guarded by mu; from each cut to another state, and to live again
	causes        map[string]int  // guarded by mu; what the operator reads, without numbers
	firstOfCauses []string        // guarded by mu; as they came
}

// srtFar receives SRT and can hang up.
type srtFar struct {
	server *srt.Server

	mu     sync.Mutex
	caller *srt.Connection // guarded by mu; nil: nobody is there
}

func startSRTFar(t testing.TB) *srtFar {
	t.Helper()
	server, err := srt.NewServer(srt.ServerOptions{Latency: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	f := &srtFar{server: server}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, f.receive) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the SRT server ended with %v", err)
		}
	})
	return f
}

func (f *srtFar) receive(_ context.Context, c *srt.Connection) {
	f.mu.Lock()
	f.caller = c
	f.mu.Unlock()
	_, _ = io.Copy(io.Discard, c) // ends with the connection, which is what is wanted
}

// hangUp ends the connection that is there.
func (f *srtFar) hangUp() {
	f.mu.Lock()
	c := f.caller
	f.caller = nil
	f.mu.Unlock()
	if c != nil {
		_ = c.Close() // gone is gone
	}
}

func cutRows(t testing.TB, rtmpPort int) []*cutRow {
	proxy := faults.NewTCP(t, fmt.Sprintf("127.0.0.1:%d", rtmpPort))
	far := startSRTFar(t)
	ended, lost := startWHIPFar(t), startWHIPFar(t)
	return []*cutRow{
		{id: "rtmp-reset", kind: "rtmp", url: fmt.Sprintf("rtmp://127.0.0.1:%d/live/cut", proxy.Port), cut: proxy.Reset, says: []string{"closed the connection", "reset the connection"}},
		{id: "srt-hung-up", kind: "srt", url: "srt://" + far.server.Addr().String(), cut: far.hangUp, says: []string{"was lost"}},
		{id: "whip-ended", kind: "whip", url: ended.url(), credential: "right", cut: ended.restart, says: []string{"lost"}},
		{id: "whip-path", kind: "whip", url: lost.url(), credential: "right", cut: lost.media.Cut, says: []string{"does not answer", "acknowledge", "lost"}},
	}
}

func disconnects(t testing.TB, length time.Duration) {
	nginx, healthy := testkit.StartNginx(t), testkit.StartSRT(t, "")
	rows := cutRows(t, nginx.Port)
	destinations := []object{
		{"id": "rtmp", "kind": "rtmp", "settings": object{"url": nginx.URL("live/rtmp")}},
		{"id": "srt", "kind": "srt", "settings": object{"url": healthy.URL(), "latency_ms": 200}},
	}
	for _, r := range rows {
		destinations = append(destinations, object{"id": r.id, "kind": r.kind, "settings": object{"url": r.url}, "credential": r.credential})
	}
	file := filepath.Join(t.TempDir(), "show.mkv")
	doc := document(t, 640, 360, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "destinations": destinations, "start": object{"program": "s1"},
		"renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 1500}}},
		"recordings": []object{{"id": "file", "settings": object{"path": file}}},
	})
	s := openStudio(t, doc, engine.Options{Commands: []engine.Timed{{Command: engine.GoLive{}}, {Command: engine.StartRecording{}}}}, map[string]string{"right": "right"})
	s.begin()
	for _, d := range destinations {
		id := d["id"].(string)
		testkit.Eventually(t, 15*time.Second, id+" is not live", func() bool { return s.seen.was(id, "live") })
	}

	began := time.Now()
	var cutting sync.WaitGroup
	for _, r := range rows {
		cutting.Go(func() {
			every := time.NewTicker(10 * time.Second)
			defer every.Stop()
			for n := 0; ; n++ {
				if length == 0 && n == 1 || length > 0 && time.Since(began)+backWithin > length {
					return
				}
				if length > 0 {
					<-every.C
				}
				if !r.once(t, s) {
					return
				}
			}
		})
	}
	var early, late testkit.Resources
	if length > 0 {
		early = s.whileLive(t, began.Add(40*time.Second))
		cutting.Wait()
		late = s.whileLive(t, time.Now())
	}
	cutting.Wait()

	kept, notEncoded := length > 0 || s.undisturbed(), s.notEncoded()
	last := s.tapped.Load()
	stopped := time.Now()
	s.do(engine.StopLive{})
	s.do(engine.StopRecording{})
	testkit.Eventually(t, 10*time.Second, "not everything stops", func() bool { return !s.State().Live && !s.State().Recording })
	if took := time.Since(stopped); took > 5*time.Second {
		t.Errorf("stopping took %v; every stop ends within 5 s", took)
	}
	for _, r := range rows {
		r.tell(t, s)
	}
	for _, id := range []string{"rtmp", "srt", "file"} {
		if d := s.destination(id); d.Dropped != 0 || d.Reconnects != 0 {
			t.Errorf("%s: %d packets dropped, %d reconnects; the others' faults are none of its", id, d.Dropped, d.Reconnects)
		}
	}
	// For minutes a machine that others use does not keep up all the time. What never came to
	// the encoder nobody can have; all that did has to be in every one.
	if length > 0 {
		kept = s.disturbance() == "" && notEncoded == 0
	}
	s.stop()
	if length > 0 {
		t.Logf("live: %v after 40 s, %v at the end", early, late)
		if late.Goroutines > early.Goroutines || late.Files > early.Files+idleFiles || late.RSS > early.RSS+2*rssSlack {
			t.Errorf("it has grown from %v to %v", early, late)
		}
	}
	grownUp(nginx.Recorded("rtmp"))
	if !kept && length > 0 {
		t.Logf("%s; %d pictures came to no encoder", s.disturbance(), notEncoded)
		for name, path := range map[string]string{"rtmp": nginx.Recorded("rtmp"), "srt": healthy.Finish(), "file": file} {
			allEncoded(t, s.truth, name, path, int(notEncoded))
		}
		return
	}
	w := wants{firstBy: 2 * gop, lastFrom: last, flashes: int(last) / fps / 2, extraKeys: everyTick(last + 10*fps), disturbed: !kept, notEncoded: notEncoded}
	judge(t, s.truth, "rtmp", nginx.Recorded("rtmp"), w)
	judge(t, s.truth, "srt", healthy.Finish(), w)
	w.firstBy = 0
	judge(t, s.truth, "file", file, w)
}

// allEncoded checks that no more is missing of a received stream than was never encoded.
func allEncoded(t testing.TB, tr *testkit.Truth, name, path string, notEncoded int) {
	t.Helper()
	v, err := tr.Judge(testkit.Read(t, name, path))
	if err != nil {
		t.Error(err)
		return
	}
	t.Log(v)
	if v.Lost > notEncoded || v.Differences > 0 {
		t.Errorf("%s: %d pictures are missing and %d wrong; %d were not encoded", name, v.Lost, v.Differences, notEncoded)
	}
}

// once cuts the connection and waits for it to be live again; false when it is not.
func (r *cutRow) once(t testing.TB, s *studio) bool {
	at := time.Now()
	r.cut()
	var notice time.Duration
	var causes []string
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		<-look.C
		d := s.destination(r.id)
		since := time.Since(at)
		live := d.Report.State.String() == "live"
		switch {
		case notice == 0 && !live:
			notice = since
		case notice > 0 && live:
			r.mu.Lock()
			defer r.mu.Unlock()
			r.notice, r.away = append(r.notice, notice), append(r.away, since)
			if !slices.ContainsFunc(causes, func(c string) bool {
				return slices.ContainsFunc(r.says, func(w string) bool { return strings.Contains(c, w) })
			}) {
				t.Errorf("%s: none of what was said names the cause: %q", r.id, causes)
			}
			return true
		case since > backWithin+5*time.Second:
			t.Errorf("%s: %v after the cut it is %q (noticed after %v):\n\t%s", r.id, since, d.Report.State, notice, s.seen.story(r.id))
			return false
		}
		text := d.Problem
		if text == "" {
			text = d.Report.Detail
		}
		if notice > 0 && text != "" && !slices.Contains(causes, text) {
			causes = append(causes, text)
			sentence(t, r.id, text, "right")
			r.cause(text)
		}
	}
}

// cause counts what the operator reads, without how long the wait is and how much is lost.
func (r *cutRow) cause(text string) {
	text, _, _ = strings.Cut(text, "; trying again")
	if _, of, ok := strings.Cut(text, " % of the packets"); ok {
		text = "some % of the packets" + of
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.causes == nil {
		r.causes = map[string]int{}
	}
	if r.causes[text]++; r.causes[text] == 1 {
		r.firstOfCauses = append(r.firstOfCauses, text)
	}
}

// tell logs what has become of it, and checks that it was back before each next cut.
func (r *cutRow) tell(t testing.TB, s *studio) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := s.destination(r.id)
	if len(r.away) == 0 {
		t.Errorf("%s has not come back once", r.id)
		return
	}
	slices.Sort(r.notice)
	slices.Sort(r.away)
	median := func(l []time.Duration) time.Duration { return l[len(l)/2].Round(10 * time.Millisecond) }
	worst := r.away[len(r.away)-1].Round(10 * time.Millisecond)
	t.Logf("%-12s cut %d times: noticed after %v (at most %v), live again after %v (at most %v), %d packets dropped, %d reconnects", r.id, len(r.away),
		median(r.notice), r.notice[len(r.notice)-1].Round(10*time.Millisecond), median(r.away), worst, d.Dropped, d.Reconnects)
	for _, c := range r.firstOfCauses {
		t.Logf("%-12s %3d times %q", "", r.causes[c], c)
	}
	if worst > backWithin {
		t.Errorf("%s: once it took %v to come back", r.id, worst)
	}
}

// whileLive are the least of what is held while every destination is live, of ten looks
// from a moment on.
func (s *studio) whileLive(t testing.TB, from time.Time) (least testkit.Resources) {
	t.Helper()
	live := func() bool {
		return !slices.ContainsFunc(s.State().Destinations, func(d engine.DestinationState) bool { return d.Report.State.String() != "live" })
	}
	<-time.After(time.Until(from))
	for n := 0; n < 10; {
		<-time.After(time.Second) // so that several turns are looked at
		if time.Since(from) > time.Minute {
			t.Errorf("only %d times in a minute was every destination live", n)
			break
		}
		if !live() {
			continue
		}
		r := testkit.Measure(t)
		if !live() {
			continue
		}
		if n++; n == 1 {
			least = r
		}
		least = testkit.Resources{Goroutines: min(least.Goroutines, r.Goroutines), Files: min(least.Files, r.Files), RSS: min(least.RSS, r.RSS)}
	}
	return least
}
