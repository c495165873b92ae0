package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/engine"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// ingest is one destination with a primary that is done something to and a backup.
type ingest struct {
	id      string
	hot     bool
	primary object
	backup  object
	fault   func()
	file    string // what the backup received
	arrived func() bool
	finish  func() // completes the file; nil: it is complete
}

// grown is a look at whether a picture has come into a file: more than headers.
func grown(path string) func() bool {
	return func() bool {
		st, err := os.Stat(path)
		return err == nil && st.Size() > 2000
	}
}

// TestFailover: primaries are killed, frozen and refused, each in a way of its own; the
// backup of each has its first picture within 3 s when it is cold and has all pictures
// when it is hot, where the switch itself takes less than 0.5 s. A recording of the same
// run loses nothing.
func TestFailover(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) {
		a.Excuse(a.Full)
		failover(a)
	})
}

func failover(t testing.TB) {
	const (
		ticks   = 13 * fps
		faultAt = 4 * fps
	)
	good, whip := testkit.StartNginx(t), testkit.StartWHIP(t, "")
	rtmp := func(n *testkit.Nginx, key string) object {
		return object{"kind": "rtmp", "settings": object{"url": n.URL("live/" + key)}}
	}
	srt := func(r *testkit.SRTReceiver) object {
		return object{"kind": "srt", "settings": object{"url": r.URL(), "latency_ms": 200}}
	}
	var list []*ingest
	toRTMP := func(in *ingest) *ingest {
		in.backup, in.file = rtmp(good, in.id), good.Recorded(in.id)
		in.arrived = grown(in.file)
		list = append(list, in)
		return in
	}
	toSRT := func(in *ingest) *ingest {
		r := testkit.StartSRT(t, "")
		in.backup, in.file, in.finish = srt(r), r.File, func() { r.Finish() }
		in.arrived = grown(in.file)
		list = append(list, in)
		return in
	}
	newRTMP := func(id string, hot bool, fault func(*testkit.Nginx)) *ingest {
		n := testkit.StartNginx(t)
		return &ingest{id: id, hot: hot, primary: rtmp(n, id), fault: func() { fault(n) }}
	}
	newSRT := func(id string, hot bool, fault func(*testkit.SRTReceiver)) *ingest {
		r := testkit.StartSRT(t, "")
		return &ingest{id: id, hot: hot, primary: srt(r), fault: func() { fault(r) }}
	}
	kill, freeze := (*testkit.Nginx).Kill, (*testkit.Nginx).Freeze
	killSRT, freezeSRT := (*testkit.SRTReceiver).Kill, (*testkit.SRTReceiver).Freeze
	for _, hot := range []bool{false, true} {
		name := map[bool]string{false: "cold", true: "hot"}[hot]
		toRTMP(newRTMP(name+"-rtmp-killed", hot, func(n *testkit.Nginx) { kill(n) }))
		toSRT(newRTMP(name+"-rtmp-frozen", hot, func(n *testkit.Nginx) { freeze(n) }))
		toRTMP(newSRT(name+"-srt-killed", hot, func(r *testkit.SRTReceiver) { killSRT(r) }))
		toSRT(newSRT(name+"-srt-frozen", hot, func(r *testkit.SRTReceiver) { freezeSRT(r) }))
	}
	toWHIP := newRTMP("cold-to-whip", false, func(n *testkit.Nginx) { kill(n) })
	toWHIP.backup = object{"kind": "whip", "settings": object{"url": whip.URL("show")}}
	list = append(list, toWHIP)
	restarted := testkit.StartNginx(t)
	back := toRTMP(&ingest{id: "goes-back", primary: rtmp(restarted, "goes-back"), fault: func() { restarted.Restart(t) }})
	refused := toRTMP(&ingest{id: "refused", primary: object{"kind": "rtmp", "settings": object{"url": good.URL("deny/refused")}}})

	var destinations []object
	for _, in := range list {
		d := object{"id": in.id, "backups": []object{in.backup}}
		if in == back {
			d["back_after_seconds"] = 1
		}
		if in.hot {
			d["standby"] = "hot"
		}
		for k, v := range in.primary {
			d[k] = v
		}
		destinations = append(destinations, d)
	}
	file := t.TempDir() + "/show.mkv"
	doc := document(t, 640, 360, fps, object{
		"sources": cameras(1), "scenes": cameraScenes(1), "renditions": []object{{"id": "main", "video": object{"bitrate_kbps": 1500}}},
		"destinations": destinations, "recordings": []object{{"id": "file", "settings": object{"path": file}}}, "start": object{"program": "s1"},
	})
	s := openStudio(t, doc, engine.Options{Ticks: ticks, Commands: []engine.Timed{{Command: engine.GoLive{}}, {Command: engine.StartRecording{}}}}, nil)
	s.begin()
	for _, in := range list {
		testkit.Eventually(t, 10*time.Second, in.id+" is not live", func() bool {
			d := s.destination(in.id)
			if !in.hot {
				return d.Report.State.String() == "live"
			}
			return d.Chain.Ingests[0].State.String() == "live" && d.Chain.Ingests[1].State.String() == "live"
		})
	}
	if d := s.destination("refused"); d.Chain.Active != 1 {
		t.Errorf("the refused one: %+v", d.Chain)
	} else {
		sentence(t, "the refused primary", d.Chain.Ingests[0].Problem)
	}
	s.awaitTick(faultAt)
	type measured struct{ fault, first time.Time }
	at := map[string]*measured{}
	for _, in := range list {
		if in.fault != nil {
			in.fault()
			at[in.id] = &measured{fault: time.Now()}
		}
	}
	testkit.Within(6*time.Second, func() bool {
		all := true
		for _, in := range list {
			m := at[in.id]
			if m == nil || !m.first.IsZero() {
				continue
			}
			switch {
			case in.hot && s.destination(in.id).Chain.Active == 1, in.arrived != nil && !in.hot && in.arrived(),
				in.arrived == nil && s.destination(in.id).Chain.Ingests[1].State.String() == "live":
				m.first = time.Now()
			default:
				all = false
			}
		}
		return all
	})
	var cold, hot []time.Duration
	for _, in := range list {
		m := at[in.id]
		if m == nil {
			continue
		}
		sw := s.destination(in.id).Chain.Switches
		if m.first.IsZero() || len(sw) == 0 {
			t.Errorf("%s did not change over: %+v", in.id, s.destination(in.id).Chain)
			continue
		}
		took, switched := m.first.Sub(m.fault), sw[0].At.Sub(m.fault)
		t.Logf("%-18s switched after %4d ms, first picture at the backup after %4d ms: %s", in.id, switched.Milliseconds(), took.Milliseconds(), sw[0].Cause)
		sentence(t, in.id, sw[0].Cause)
		if in.hot {
			hot = append(hot, switched)
		} else {
			cold = append(cold, took)
		}
	}
	if worst := slices.Max(append(cold, 0)); worst > 3*time.Second {
		t.Errorf("cold, the first picture took up to %v", worst)
	}
	if worst := slices.Max(append(hot, 0)); worst > 500*time.Millisecond {
		t.Errorf("hot, the switch took up to %v", worst)
	}
	s.await(40 * time.Second)
	for _, in := range list {
		d := s.destination(in.id)
		t.Logf("%s: %s, dropped %d, reconnects %d", in.id, strings.TrimSpace(fmt.Sprint(d.Chain.Switches)), d.Dropped, d.Reconnects)
	}
	kept := s.undisturbed()
	var files []string
	for _, in := range list {
		files = append(files, in.file)
		if in.finish != nil {
			in.finish()
		}
	}
	grownUp(files...)
	w := wants{firstBy: 2 * gop, lastFrom: ticks - 1, flashes: 2, extraKeys: everyTick(ticks), disturbed: !kept, notEncoded: s.notEncoded()}
	for _, in := range list {
		w.firstBy = 2 * gop
		if !in.hot && in != refused {
			w.firstBy = faultAt + 4*fps
		}
		file := in.file
		if file == "" {
			file = whip.Recorded(t, "show")
		}
		if in == back {
			w.lastFrom = 0
		}
		v := judge(t, s.truth, in.id, file, w)
		w.lastFrom = ticks - 1
		if in != back || v == nil {
			continue
		}
		// Back at the primary, which was well again: both were sent to for a while.
		w.firstBy = v.Last
		judge(t, s.truth, in.id+" again", restarted.Recorded(in.id), w)
		if sw := s.destination(in.id).Chain.Switches; len(sw) != 2 || sw[1].To != "primary" {
			t.Errorf("the switches of what goes back: %v", sw)
		}
	}
	w.firstBy = 0
	judge(t, s.truth, "file", file, w)
}

// grownUp waits until files have stopped growing: receivers write what they still have.
func grownUp(files ...string) {
	sizes := func() (sum int64) {
		for _, f := range files {
			if st, err := os.Stat(f); err == nil {
				sum += st.Size()
			}
		}
		return sum
	}
	last, since := sizes(), time.Now()
	testkit.Within(5*time.Second, func() bool {
		if n := sizes(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 500*time.Millisecond
	})
}
