package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes"
)

// chainShow is a small show with a source, and destinations as given.
func chainShow(t testing.TB, destinations ...map[string]any) *scenes.Show {
	t.Helper()
	raw, err := json.Marshal(destinations)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"30"},
		"sources":[{"id":"a","kind":"paced","settings":{"y":80,"tone":440}}],"scenes":[{"id":"s","layers":[{"source":"a"}]}],
		"renditions":[{"id":"main","video":{"bitrate_kbps":300,"preset":"ultrafast"}},{"id":"own","video":{"bitrate_kbps":400,"preset":"ultrafast","keyframe_seconds":0.25}}],
		"destinations":`+string(raw)+`}`)
}

func to(name, mode string) map[string]any { return map[string]any{"to": name, "mode": mode} }

func destinationOf(s *State, id string) DestinationState {
	for _, d := range s.Destinations {
		if d.ID == id {
			return d
		}
	}
	return DestinationState{}
}

// TestBackupTakesOver: an ingest that fails for good hands over to one of another kind,
// whose first picture is a keyframe, and the state tells the story.
func TestBackupTakesOver(t *testing.T) {
	show := chainShow(t, map[string]any{"id": "d", "kind": "fake", "settings": to("first", "permanent"), "backups": []any{
		map[string]any{"name": "refuses", "settings": to("x", "refuse")},
		map[string]any{"name": "Oslo", "kind": "webrtc", "settings": to("second", "")},
	}})
	s := newStudio(t, show, media.NewRealClock(), nil)
	stop := s.live(t)
	s.must(t, &GoLive{})
	st := s.until(t, "the backup carries it", func(st *State) bool {
		d := destinationOf(st, "d")
		return d.Chain != nil && d.Chain.Active == 2 && d.Report.State == outputs.Confirmed
	})
	d := destinationOf(st, "d")
	if d.Kind != "webrtc" || d.Problem != "" || !d.Started {
		t.Errorf("the destination shows %+v", d)
	}
	c := d.Chain
	if len(c.Ingests) != 3 || c.Ingests[0].State != outputs.Failed || !strings.Contains(c.Ingests[0].Problem, "refused") || c.Ingests[1].State != outputs.Failed {
		t.Errorf("ingests %+v", c.Ingests)
	}
	if n := len(c.Switches); n != 2 || c.Switches[0].From != "primary" || c.Switches[1].To != "Oslo" || !strings.Contains(c.Switches[0].Cause, "key was refused") {
		t.Errorf("switches %+v", c.Switches)
	}
	again := s.until(t, "another state", func(n *State) bool { return n.Tick > st.Tick })
	if destinationOf(again, "d").Chain != c {
		t.Error("the chain is another value though nothing in it has changed")
	}
	s.must(t, &StopLive{})
	s.until(t, "it has stopped", func(st *State) bool {
		return destinationOf(st, "d").Report.State == outputs.Idle && len(st.Renditions) == 0
	})
	r := s.outs.of("second")
	r.mu.Lock()
	if p := r.packets[0]; p.Audio || !p.Keyframe || !r.eof {
		t.Errorf("the backup began with %+v, ended in order: %v", p, r.eof)
	}
	r.mu.Unlock()
	stop()
}

// TestHotBackupHasEverything: both ingests get the same packets from the first on.
func TestHotBackupHasEverything(t *testing.T) {
	show := chainShow(t, map[string]any{"id": "d", "kind": "fake", "standby": "hot", "settings": to("first", ""), "backups": []any{
		map[string]any{"settings": to("second", "")},
	}})
	s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands = 60, []Timed{{Command: &GoLive{}}}
	})
	s.run(t, t.Context(), time.Minute)
	a, _ := s.outs.of("first").video()
	b, _ := s.outs.of("second").video()
	if len(a) != 60 || fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("%d and %d pictures", len(a), len(b))
	}
}

// live runs the studio; the function returned ends it.
func (s *studio) live(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := s.start(t, ctx)
	return func() {
		t.Helper()
		cancel()
		finish(t, done, time.Minute)
		s.noFrames(t)
	}
}

func TestGroups(t *testing.T) {
	show := chainShow(t,
		map[string]any{"id": "d1", "kind": "fake", "group": "east", "settings": to("d1", "")},
		map[string]any{"id": "d2", "kind": "fake", "group": "west", "settings": to("d2", "")},
		map[string]any{"id": "d3", "kind": "fake", "group": "east", "enabled": false, "settings": to("d3", "")},
		map[string]any{"id": "d4", "kind": "fake", "settings": to("d4", "")})
	s := newStudio(t, show, media.NewRealClock(), nil)
	stop := s.live(t)
	started := func(st *State) (out string) {
		for _, d := range st.Destinations {
			if d.Started {
				out += d.ID + " "
			}
		}
		return out
	}
	for _, step := range []struct {
		command Command
		want    string
	}{
		{&GoLive{Group: "east"}, "d1 "},
		{&GoLive{Group: "west", Destinations: []string{"d3"}}, "d1 d2 d3 "},
		{&StopLive{Group: "east"}, "d2 "},
		{&GoLive{}, "d1 d2 d4 "},
		{&StopLive{}, ""},
	} {
		s.must(t, step.command)
		s.until(t, fmt.Sprintf("%+v leaves %q", step.command, step.want), func(st *State) bool { return started(st) == step.want })
	}
	if err := s.Do(&GoLive{Group: "north"}); err == nil || !strings.Contains(err.Error(), "north") {
		t.Errorf("a group that nobody is in: %v", err)
	}
	stop()
}

func TestScheduledDestination(t *testing.T) {
	clock := time.Date(2026, 5, 1, 19, 59, 59, 0, time.UTC)
	show := chainShow(t, map[string]any{"id": "d", "kind": "fake", "settings": to("d", ""),
		"start_at": "2026-05-01T22:00:00+02:00", "stop_at": "2026-05-01T20:00:30Z"})
	s := newStudio(t, show, media.NewRealClock(), nil)
	// keepTimes is of the tick goroutine, which does not run here.
	s.ctx = t.Context()
	at := func(d time.Duration, want bool) {
		t.Helper()
		s.keepTimes(clock.Add(d))
		if got := s.Engine.outs.started("d"); got != want {
			t.Errorf("at %v it is started: %v, want %v", clock.Add(d), got, want)
		}
	}
	at(0, false)
	at(500*time.Millisecond, false)
	at(1500*time.Millisecond, true)
	at(2*time.Second, true)
	at(32*time.Second, false)
	at(33*time.Second, false)
	s.Engine.outs.close()
	s.comp.Close()
}

// TestScheduledDestinationOfASlowShow: the clock is looked at by time, not by ticks.
func TestScheduledDestinationOfASlowShow(t *testing.T) {
	at := time.Now().Add(3 * time.Second).Truncate(time.Second)
	s := newStudio(t, parse(t, `{"format":2,"canvas":{"width":160,"height":90,"fps":"1"},"sources":[{"id":"a","kind":"paced","settings":{"y":80}}],
		"destinations":[{"id":"d","kind":"fake","settings":{"to":"d"},"start_at":"`+at.Format(time.RFC3339)+`"}]}`), media.NewRealClock(), nil)
	stop := s.live(t)
	defer stop()
	s.until(t, "it is started", func(st *State) bool { return destinationOf(st, "d").Started })
	if late := time.Since(at); late > 5*time.Second {
		t.Errorf("it was started %v late", late)
	}
}

// TestScheduledDestinationSleptThrough: what the machine slept through, or its clock was set
// past, does not go live long afterwards, and that is said; what runs is still stopped.
func TestScheduledDestinationSleptThrough(t *testing.T) {
	clock := time.Date(2026, 5, 1, 18, 0, 0, 0, time.UTC)
	show := chainShow(t,
		map[string]any{"id": "d1", "name": "Evening", "kind": "fake", "settings": to("d1", ""), "start_at": "2026-05-01T20:00:00Z"},
		map[string]any{"id": "d2", "kind": "fake", "settings": to("d2", ""), "stop_at": "2026-05-01T20:00:00Z"},
		map[string]any{"id": "d3", "kind": "fake", "settings": to("d3", ""), "start_at": "2026-05-02T08:59:30Z"})
	s := newStudio(t, show, media.NewRealClock(), nil)
	s.ctx = t.Context()
	s.keepTimes(clock)
	if err := s.apply(&GoLive{Destinations: []string{"d2"}}); err != nil {
		t.Fatal(err)
	}
	s.keepTimes(clock.Add(15 * time.Hour))
	for id, want := range map[string]bool{"d1": false, "d2": false, "d3": true} {
		if got := s.Engine.outs.started(id); got != want {
			t.Errorf("%s is started: %v, want %v", id, got, want)
		}
	}
	if w := s.warn.all(); len(w) != 1 || !strings.Contains(w[0].Text, "Evening was to go live at 20:00 on 1 May") {
		t.Errorf("warnings %+v", w)
	}
	s.Engine.outs.close()
	s.comp.Close()
}

// steered is an output that can be told to say what the network carries.
type steered struct {
	*fakeOutput
	bps <-chan int
}

func (o steered) Run(ctx context.Context, feed outputs.Feed) error {
	go func() {
		for bps := range o.bps {
			feed.(outputs.BitrateSetter).SetBitrate(bps)
		}
	}()
	return o.fakeOutput.Run(ctx, feed)
}

// TestBitrateFollowsOneDestination: only while nobody shares the encode.
func TestBitrateFollowsOneDestination(t *testing.T) {
	bps := make(chan int)
	defer close(bps)
	show := chainShow(t,
		map[string]any{"id": "d1", "kind": "steered", "settings": to("d1", "")},
		map[string]any{"id": "d2", "kind": "fake", "settings": to("d2", "")})
	s := newStudio(t, show, media.NewRealClock(), func(o *Options) {
		k := o.OutputKinds["fake"]
		make := k.New
		k.Name = "steered"
		k.New = func(raw json.RawMessage, opt outputs.Options) (outputs.Output, error) {
			out, err := make(raw, opt)
			if err != nil {
				return nil, err
			}
			return steered{out.(*fakeOutput), bps}, nil
		}
		o.OutputKinds["steered"] = k
	})
	stop := s.live(t)
	s.must(t, &GoLive{Destinations: []string{"d1"}})
	aims := func(want int64) func(*State) bool {
		return func(st *State) bool {
			d := destinationOf(st, "d1")
			return len(st.Renditions) == 1 && st.Renditions[0].AimBPS == want && d.EncoderBPS-want == d.TargetBPS-300_000
		}
	}
	s.until(t, "its own bitrate", aims(300_000))
	bps <- 120_000
	s.until(t, "what was said", aims(120_000))
	bps <- 1_000
	s.until(t, "the floor", aims(30_000))
	s.must(t, &GoLive{Destinations: []string{"d2"}})
	s.until(t, "a second one takes part", func(st *State) bool { return destinationOf(st, "d2").Report.State == outputs.Confirmed })
	s.until(t, "all of it", aims(300_000))
	bps <- 120_000
	bps <- 120_000 // the first has been taken by now
	s.until(t, "all of it, still", aims(300_000))
	s.must(t, &StopLive{Destinations: []string{"d2"}})
	s.until(t, "the second one has gone", func(st *State) bool { return destinationOf(st, "d2").Report.State == outputs.Idle })
	bps <- 120_000
	s.until(t, "what was said, again", aims(120_000))
	stop()
}

// failing is an encoder that gives up after some pictures.
type failing struct {
	pictureEncoder
	left int
}

func (f *failing) Name() string { return "h264_nvenc" }
func (f *failing) Encode(p *media.Frame, pts int64, key bool) ([]*media.Packet, error) {
	if f.left--; f.left < 0 {
		return nil, errors.New("the device is gone")
	}
	return f.pictureEncoder.Encode(p, pts, key)
}

// TestSoftwareTakesOver: a hardware encoder that fails in the middle is replaced at that
// very picture.
func TestSoftwareTakesOver(t *testing.T) {
	show := chainShow(t, map[string]any{"id": "d", "kind": "fake", "settings": to("d", "")})
	s := newStudio(t, show, media.NewVirtualClock(), func(o *Options) {
		o.Ticks, o.Commands = 120, []Timed{{Command: &GoLive{}}}
	})
	var opened []string
	s.openEncoder = func(opt av.VideoEncoderOptions) (pictureEncoder, error) {
		opened = append(opened, opt.Encoder)
		opt.BFrames = 0
		if len(opened) == 1 {
			opt.Preset, opt.Threads = "superfast", 1 // which shows in its data for decoders
		}
		e, err := openEncoder(opt)
		if err == nil && len(opened) == 1 {
			return &failing{e, 75}, nil
		}
		return e, err
	}
	s.run(t, t.Context(), time.Minute)
	if fmt.Sprint(opened) != "[auto libx264]" {
		t.Errorf("opened %v", opened)
	}
	ticks, keys := s.outs.of("d").video()
	var missing []int64
	for n, i := int64(0), 0; n < 120; n++ {
		if i < len(ticks) && ticks[i] == n {
			i++
		} else {
			missing = append(missing, n)
		}
	}
	// What was inside the one that failed is lost, and nothing after.
	for _, n := range missing {
		if n >= 75 || n < 75-60 {
			t.Errorf("ticks %v are missing; the encoder failed at 75", missing)
			break
		}
	}
	if fmt.Sprint(keys) != "[0 60 75]" {
		t.Errorf("keyframes at %v, want one where the software encoder begins", keys)
	}
	r := s.outs.of("d")
	last := int64(-1)
	for _, p := range r.packets {
		if !p.Audio && p.DTS <= last {
			t.Errorf("decoding time %d after %d", p.DTS, last)
		}
		if !p.Audio {
			last = p.DTS
		}
		// Files keep the data for decoders apart.
		if renewed := !p.Audio && p.PTS == 75; renewed != (p.Tracks != nil) || renewed != p.Continues {
			t.Errorf("the packet of %v has tracks %v, continues %v", p.Time, p.Tracks != nil, p.Continues)
		} else if renewed && (len(p.Tracks) != len(r.tracks) || len(p.Tracks[0].Extradata) == 0 || bytes.Equal(p.Tracks[0].Extradata, r.tracks[0].Extradata)) {
			t.Errorf("the tracks are %v now, they were %v", p.Tracks, r.tracks)
		}
	}
	found := false
	for _, w := range s.State().Warnings {
		found = found || strings.Contains(w.Text, "libx264 has taken over")
	}
	if !found {
		t.Errorf("nothing is said of it: %v", s.State().Warnings)
	}
}

// TestDelay: what arrives is behind by the delay, across a reconnection, and a stop is
// immediate.
func TestDelay(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { delayIsKept(a) })
}

func delayIsKept(t testing.TB) {
	show := chainShow(t, map[string]any{"id": "d", "kind": "fake", "rendition": "own", "delay_seconds": 1, "settings": to("d", "fail")})
	s := newStudio(t, show, media.NewRealClock(), nil)
	stop := s.live(t)
	s.must(t, &GoLive{})
	s.until(t, "it is told to begin later", func(st *State) bool {
		return strings.Contains(destinationOf(st, "d").Report.Detail, "begins 1 s after")
	})
	r := s.outs.of("d")
	count := func() (int, int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.packets), r.runs
	}
	s.until(t, "a reconnection", func(*State) bool { n, runs := count(); return runs >= 2 && n > 25 })
	newest := func() time.Duration {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.packets[len(r.packets)-1].Made
	}
	// The clock is read before, and then after: what passes between the two is no delay.
	s.until(t, "what arrives is less than 2 s old", func(*State) bool { now := s.clock.Now(); return now-newest() < 2*time.Second })
	if made := newest(); s.clock.Now()-made < 900*time.Millisecond {
		t.Errorf("what arrives is less than 0.9 s old, want 1 s")
	}
	r.mu.Lock()
	if first := r.packets[20]; first.Audio || !first.Keyframe {
		t.Errorf("the second connection began with %+v", first)
	}
	r.mu.Unlock()
	s.must(t, &StopLive{})
	stopped := s.clock.Now()
	s.until(t, "it has stopped", func(st *State) bool { return len(st.Renditions) == 0 })
	if made := newest(); made > stopped-500*time.Millisecond {
		t.Errorf("what was made %v before the stop was sent after it, want nothing of the last second", stopped-made)
	}
	stop()
}

// setClock is a clock that a test moves.
type setClock struct {
	*media.VirtualClock
}

// TestDelayOnDisk: past a minute the packets are on disk, come back whole, and leave no
// file behind.
func TestDelayOnDisk(t *testing.T) {
	dir, clock := t.TempDir(), setClock{media.NewVirtualClock()}
	var troubles []error
	l := newDelayLine(clock, 90*time.Second, dir, func(err error) { troubles = append(troubles, err) })
	q := media.NewPacketQueue(media.QueueLimits{}, true)
	l.attach(q)
	const size = 60_000
	for n := range 100 * 10 { // ten packets a second
		made := time.Duration(n) * time.Second / 10
		data := make([]byte, size)
		data[0], data[size-1] = byte(n), byte(n>>8)
		_ = clock.WaitUntil(t.Context(), made) // moves it
		l.Put(&media.Packet{Data: data, PTS: int64(n), Time: made, Made: made, Keyframe: n%10 == 0})
		if n == 890 {
			deadline := time.Now().Add(5 * time.Second)
			bytes, packets := l.held()
			for ; bytes > 60*size && time.Now().Before(deadline); bytes, packets = l.held() {
				time.Sleep(time.Millisecond)
			}
			if bytes > 60*size || packets < 880 {
				t.Errorf("%d bytes of %d packets in memory after 89 s, want only the newest 5 s", bytes, packets)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
				t.Errorf("files with names: %v", left)
			}
		}
	}
	for n := range 90 {
		p, err := q.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if p.PTS != int64(n) || len(p.Data) != size || p.Data[0] != byte(n) || p.Data[size-1] != byte(n>>8) {
			t.Fatalf("packet %d is %d with %d bytes", n, p.PTS, len(p.Data))
		}
	}
	l.Close()
	var err error
	for n := 0; err == nil && n < 20; n++ {
		_, err = q.Next(t.Context())
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("after the end the queue says %v", err)
	}
	if len(troubles) != 0 {
		t.Errorf("the disk: %v", troubles)
	}
}

// TestDelayWithoutDisk: a disk that takes nothing is told once, memory is used, and some
// seconds later it is tried again.
func TestDelayWithoutDisk(t *testing.T) {
	clock, dir := setClock{media.NewVirtualClock()}, filepath.Join(t.TempDir(), "nowhere")
	told := make(chan error, 1000)
	l := newDelayLine(clock, 61*time.Second, dir, func(err error) { told <- err })
	defer l.Close()
	at := func(d time.Duration) { _ = clock.WaitUntil(t.Context(), d) }
	l.Put(&media.Packet{Data: []byte{7}, Keyframe: true})
	at(10 * time.Second)
	if err := <-told; !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), dir) {
		t.Errorf("told %v", err)
	}
	time.Sleep(3 * lineTick)
	at(10*time.Second + diskAgain)
	time.Sleep(3 * lineTick)
	if n := len(told); n != 0 {
		t.Errorf("told %d times more", n)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	at(11*time.Second + 2*diskAgain)
	if err := <-told; err != nil {
		t.Errorf("told %v though it is well", err)
	}
	if bytes, packets := l.held(); bytes != 0 || packets != 1 {
		t.Errorf("%d bytes of %d packets are in memory", bytes, packets)
	}
	q := media.NewPacketQueue(media.QueueLimits{}, true)
	l.attach(q)
	at(62 * time.Second)
	if p, err := q.Next(t.Context()); err != nil || p.Data[0] != 7 {
		t.Errorf("%v, %v", p, err)
	}
}

// TestDelayEndsWithoutDisk: a disk that does not answer holds up neither the stream that
// the line is on nor the queues, and does not speak afterwards.
func TestDelayEndsWithoutDisk(t *testing.T) {
	clock := setClock{media.NewVirtualClock()}
	hung, answer := make(chan struct{}), make(chan struct{})
	l := newDelayLine(clock, 61*time.Second, filepath.Join(t.TempDir(), "nowhere"), func(error) {
		close(hung) // a second call would panic
		<-answer
	})
	q := media.NewPacketQueue(media.QueueLimits{}, true)
	l.attach(q)
	l.Put(&media.Packet{Data: []byte{7}, Keyframe: true})
	_ = clock.WaitUntil(t.Context(), 10*time.Second)
	<-hung
	began := time.Now()
	l.Close()
	if _, err := q.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after the end the queue says %v", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the end took %v", took)
	}
	if l.awaitEnd(time.Millisecond) {
		t.Error("it has ended though the disk has not answered")
	}
	close(answer)
	if !l.awaitEnd(30 * time.Second) {
		t.Error("it has not ended after the disk answered")
	}
}
