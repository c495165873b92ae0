package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/record"
)

func recordingShow(path, more string) string {
	return `{"format":2,"canvas":{"width":64,"height":48,"fps":"30"},
		"sources":[{"id":"a","name":"Wide","kind":"paced","settings":{"tone":500}},{"id":"b","name":"Close","kind":"paced","settings":{"y":90}}],
		"start":{"program":"a","preview":"b"},
		"recordings":[{"id":"rec","settings":{"path":` + strconv.Quote(path) + more + `}}]}`
}

// pictures is how many a file has, and its chapters.
func pictures(t *testing.T, path string) (n int, chapters []string) {
	t.Helper()
	in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	p := av.NewInputPacket()
	defer p.Free()
	for in.ReadPacket(p) == nil {
		if p.Stream == in.Video().Index {
			n++
		}
	}
	for _, c := range in.Chapters() {
		chapters = append(chapters, c.At.String()+" "+c.Title)
	}
	return n, chapters
}

// TestRecordingCommands: splits, pauses and marks happen at the very picture of their tick.
func TestRecordingCommands(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "show.mkv"), filepath.Join(dir, "show part 2.mkv")
	yes := true
	s := newStudio(t, parse(t, recordingShow(first, `,"chapters":"cuts"`)), media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 150
		o.Commands = []Timed{
			{0, &StartRecording{}}, {12, &SplitRecording{Recordings: []string{"nobody"}}}, {31, &Cut{}}, {37, &SplitRecording{}},
			{50, &SetMark{Name: "Goal"}}, {60, &PauseRecording{}}, {61, &PauseRecording{Paused: &yes}}, {70, &SetMark{}}, {85, &PauseRecording{}}, {115, &Cut{}},
		}
		o.OutputKinds = map[string]outputs.Kind{"record": record.Kind()}
	})
	s.run(t, t.Context(), time.Minute)
	st := s.State()
	rec := st.Recordings[0]
	if rec.Problem != "" {
		t.Fatalf("the recording: %s", rec.Problem)
	}
	for path, want := range map[string]struct {
		pictures int
		chapters []string
	}{
		// Cut times are of 30 pictures a second, to the millisecond.
		first:  {37, []string{"0s Wide", "1.033s Close"}},
		second: {150 - 37 - 25, []string{"0s Close", "433ms Goal", "766ms Mark 2", "1.766s Wide"}},
	} {
		n, chapters := pictures(t, path)
		if n != want.pictures || !slices.Equal(chapters, want.chapters) {
			t.Errorf("%s: %d pictures and chapters %q, want %+v", filepath.Base(path), n, chapters, want)
		}
	}
	if got, want := rec.Recording.Length, media.TickTime(125, media.NewRational(30, 1)); (got - want).Abs() > time.Millisecond {
		t.Errorf("it lasts %v, want %v", got, want)
	}
	if g := rec.Recording; g.Files != 2 || g.Checked != 2 || g.Problem != "" || (g.GoodTo-rec.Recording.Length).Abs() > 50*time.Millisecond {
		t.Errorf("checked %+v", g)
	}
	if len(st.Marks) != 2 || st.Marks[1].Name != "Mark 2" || st.Marks[0].At != media.TickTime(50, media.NewRational(30, 1)) {
		t.Errorf("marks %+v", st.Marks)
	}
	if len(st.Warnings) != 1 || !strings.Contains(st.Warnings[0].Text, `"nobody" is not recording`) {
		t.Errorf("warnings %+v", st.Warnings)
	}
}

// lateRecorder takes pauses, and never says that one has reached its file.
type lateRecorder struct {
	outputs.Output
	asked chan bool
}

func (r *lateRecorder) Pause(_ time.Duration, paused bool) { r.asked <- paused }

// TestPauseIsShownWhenItIsAskedFor: with a slow disk the recorder says so minutes later.
func TestPauseIsShownWhenItIsAskedFor(t *testing.T) {
	asked := make(chan bool, 8)
	s := newStudio(t, parse(t, smallShow), media.NewRealClock(), func(o *Options) {
		kind := o.OutputKinds["record"]
		inner := kind.New
		kind.New = func(raw json.RawMessage, opt outputs.Options) (outputs.Output, error) {
			out, err := inner(raw, opt)
			return &lateRecorder{out, asked}, err
		}
		o.OutputKinds["record"] = kind
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(t, ctx)
	s.must(t, &StartRecording{})
	s.until(t, "it is recorded", func(st *State) bool { return st.Recordings[0].Report.State == outputs.Confirmed })
	yes, no := true, false
	for i, c := range []struct {
		paused *bool
		want   bool
	}{{&yes, true}, {&yes, true}, {&no, false}, {nil, true}, {nil, false}} {
		s.must(t, &PauseRecording{Recordings: []string{"rec"}, Paused: c.paused})
		s.until(t, fmt.Sprintf("command %d is shown: paused is %v", i, c.want), func(st *State) bool { return st.Recordings[0].Paused == c.want })
	}
	cancel()
	finish(t, done, time.Minute)
	close(asked)
	var got []bool
	for paused := range asked {
		got = append(got, paused)
	}
	if want := []bool{true, false, true, false}; !slices.Equal(got, want) {
		t.Errorf("the recorder was asked for %v, want %v", got, want)
	}
}

// TestDamagedRecordingIsSaid: a closed file that is not as it was written is an alarm.
func TestDamagedRecordingIsSaid(t *testing.T) {
	kind := record.Kind()
	inner := *kind.Files
	files := inner
	files.Check = func(ctx context.Context, path string, want outputs.Contents) (outputs.FileCheck, error) {
		if strings.HasSuffix(path, "part 2.mkv") { // as a bad disk does
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt(make([]byte, 400), 600)
				_ = f.Close()
			}
			if err != nil {
				t.Error(err)
			}
		}
		return inner.Check(ctx, path, want)
	}
	kind.Files = &files
	dir := t.TempDir()
	s := newStudio(t, parse(t, recordingShow(filepath.Join(dir, "show.mkv"), "")), media.NewVirtualClock(), func(o *Options) {
		o.Ticks = 90
		o.Commands = []Timed{{0, &StartRecording{}}, {30, &SplitRecording{}}, {60, &SplitRecording{}}}
		o.OutputKinds = map[string]outputs.Kind{"record": kind}
	})
	s.run(t, t.Context(), time.Minute)
	st := s.State()
	g := st.Recordings[0].Recording
	if g.Checked != 3 || !strings.Contains(g.Problem, "show part 2.mkv") || (g.GoodTo-time.Second).Abs() > 50*time.Millisecond {
		t.Errorf("checked %+v", g)
	}
	if len(st.Warnings) != 1 || !strings.Contains(st.Warnings[0].Text, "show part 2.mkv") || !strings.Contains(st.Warnings[0].Text, "is not good") {
		t.Errorf("warnings %+v", st.Warnings)
	}
}

// TestStartsBesideEachOther: a start that looks for what is left behind takes nothing from
// another that is just making its journal.
func TestStartsBesideEachOther(t *testing.T) {
	state, log := t.TempDir(), slog.New(slog.DiscardHandler)
	ctx, stop := context.WithCancel(t.Context())
	var looking sync.WaitGroup
	for range 2 {
		looking.Go(func() {
			for ctx.Err() == nil {
				for _, l := range leftBehind(state, log) {
					t.Errorf("%s is taken from a program that runs", l.file.Name())
					l.release()
				}
			}
		})
	}
	for n := range 100 {
		j := newJournal(state, log, untold)
		j.note("record", outputs.FileEvent{Path: filepath.Join(state, "some.mkv"), Part: 1})
		for began := time.Now(); ; time.Sleep(time.Millisecond) {
			if names, _ := filepath.Glob(filepath.Join(state, "*.jsonl")); len(names) == 1 {
				if raw, _ := os.ReadFile(names[0]); len(raw) > 0 {
					break
				}
			}
			if time.Since(began) > 10*time.Second {
				t.Fatalf("journal %d is not there", n)
			}
		}
		j.settled(filepath.Join(state, "some.mkv"))
		j.close()
	}
	stop()
	looking.Wait()
	empty := filepath.Join(state, "old.jsonl")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if leftBehind(state, log); !exists(empty) {
		t.Error("a journal that has just been made is removed")
	}
	if old := time.Now().Add(-2 * emptyFor); os.Chtimes(empty, old, old) != nil {
		t.Fatal("its time cannot be set")
	}
	if leftBehind(state, log); exists(empty) {
		t.Error("an empty journal of long ago stays")
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// TestJournal: what a run leaves behind is found by the next one, finished, and said once.
func TestJournal(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	log := slog.New(slog.DiscardHandler)
	j := newJournal(filepath.Join(state, "recordings"), log, untold)
	path := func(name string) string { return filepath.Join(dir, name) }
	j.note("record", outputs.FileEvent{Path: path("cut.mkv"), Part: 1})
	j.note("record", outputs.FileEvent{Path: path("cut.mkv"), Part: 1, Chapters: []outputs.Chapter{{At: time.Second, Name: "Goal"}}})
	j.note("record", outputs.FileEvent{Path: path("gone.mkv"), Part: 1})
	j.note("record", outputs.FileEvent{Path: path("empty.mkv"), Part: 1})
	j.note("record", outputs.FileEvent{Path: path("empty.mkv"), Part: 1, Closed: true, Removed: true})
	j.note("record", outputs.FileEvent{Path: path("bad.mkv"), Part: 1, Closed: true, Ended: true, Holds: outputs.Contents{Packets: []int64{5}}})
	j.note("record", outputs.FileEvent{Path: path("read.mkv"), Part: 1, Closed: true, Ended: true})
	j.settled(path("read.mkv"))
	if left := leftBehind(filepath.Join(state, "recordings"), log); len(left) != 0 {
		t.Fatalf("files of a program that runs: %+v", left)
	}
	for _, name := range []string{"cut.mkv", "bad.mkv", "read.mkv"} {
		if err := os.WriteFile(path(name), []byte("no Matroska"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	writeCut(t, path("cut.mkv"))
	j.close() // as at the end of the process, however it ends

	for n := range 2 { // a start that is cut short forgets nothing
		left := leftBehind(filepath.Join(state, "recordings"), log)
		if len(left) != 1 || len(left[0].jobs) != 2 {
			there, _ := filepath.Glob(filepath.Join(state, "recordings", "*"))
			t.Fatalf("start %d: left %+v, and there is %v", n+1, left, there)
		}
		cut, bad := left[0].jobs[0], left[0].jobs[1]
		if cut.event.Path != path("cut.mkv") || !cut.finish || len(cut.event.Chapters) != 1 || bad.event.Path != path("bad.mkv") || bad.finish || bad.event.Holds.Packets[0] != 5 {
			t.Fatalf("left %+v", left)
		}
		left[0].release()
	}

	start := func() *State {
		s := newStudio(t, parse(t, recordingShow(path("new.mkv"), "")), media.NewVirtualClock(), func(o *Options) {
			o.Ticks, o.StateDir = 2, state
			o.OutputKinds = map[string]outputs.Kind{"record": record.Kind()}
		})
		s.run(t, t.Context(), time.Minute)
		return s.State()
	}
	st := start()
	if len(st.Warnings) != 1 || !strings.Contains(st.Warnings[0].Text, "while it recorded cut.mkv (0:00:03); the file has been finished and is good.") ||
		!strings.Contains(st.Warnings[0].Text, "this is not good: bad.mkv") {
		t.Errorf("warnings %+v", st.Warnings)
	}
	if n, chapters := pictures(t, path("cut.mkv")); n != 90 || !slices.Equal(chapters, []string{"1s Goal"}) {
		t.Errorf("the finished file has %d pictures and chapters %q", n, chapters)
	}
	if st := start(); len(st.Warnings) != 0 {
		t.Errorf("said again: %+v", st.Warnings)
	}
	if rest, _ := filepath.Glob(filepath.Join(state, "recordings", "*")); len(rest) != 0 {
		t.Errorf("journals left: %q", rest)
	}
}

// TestResultsOfAnotherStart: what is found of a recording's files says nothing about its next
// start, however late.
func TestResultsOfAnotherStart(t *testing.T) {
	e := &Engine{log: slog.New(slog.DiscardHandler)}
	k := newKeeper(e)
	begun, closed := outputs.FileEvent{Path: "a.mkv", Part: 1}, outputs.FileEvent{Path: "a.mkv", Part: 1, Closed: true, Ended: true}
	k.file("rec", "record", begun)
	k.file("rec", "record", closed)
	k.file("rec", "record", begun)
	k.judge(k.jobs[0], outputs.FileCheck{Length: time.Hour}, nil)
	if got := k.state("rec"); got != (RecordingState{}) {
		t.Errorf("the new start has %+v", got)
	}
	k.file("rec", "record", closed)
	k.judge(k.jobs[1], outputs.FileCheck{Length: time.Second}, nil)
	if got := k.state("rec"); got.Files != 1 || got.Checked != 1 || got.GoodTo != time.Second {
		t.Errorf("after its own file it has %+v", got)
	}
}

// TestFinishingWaits: what was cut off is not copied on a disk that is recorded to, gives way
// to a recording that begins, and is finished as soon as nothing is recorded, with words
// that say what happened.
func TestFinishingWaits(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	log := slog.New(slog.DiscardHandler)
	j := newJournal(filepath.Join(state, "recordings"), log, untold)
	j.note("record", outputs.FileEvent{Path: path("killed.mkv"), Part: 1})
	j.note("record", outputs.FileEvent{Path: path("broken.mkv"), Part: 1})
	j.note("record", outputs.FileEvent{Path: path("broken.mkv"), Part: 1, Closed: true, Problem: "record: the disk is full"})
	j.note("record", outputs.FileEvent{Path: path("whole.mkv"), Part: 1, Closed: true, Ended: true})
	for _, name := range []string{"killed.mkv", "broken.mkv", "whole.mkv", "now.mkv"} {
		if err := os.WriteFile(path(name), []byte("of no use"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	tries := make(chan string, 100)
	goOn, cut := make(chan struct{}), make(chan struct{}, 100)
	files := outputs.Files{Finish: func(ctx context.Context, path string, _ []outputs.Chapter) (bool, error) {
		tries <- filepath.Base(path)
		select {
		case <-goOn:
			return true, nil
		case <-ctx.Done():
			cut <- struct{}{}
			return false, ctx.Err()
		}
	}}
	e := &Engine{log: log, clock: media.NewVirtualClock(), opt: Options{StateDir: state, OutputKinds: map[string]outputs.Kind{"record": {Files: &files}}}}
	e.state.Store(&State{})
	k := newKeeper(e)
	running := outputs.FileEvent{Path: path("running.mkv"), Part: 1}
	k.file("rec", "record", running)
	k.start()
	// This run's own file, whose end could not be written either.
	k.file("other", "record", outputs.FileEvent{Path: path("now.mkv"), Part: 1})
	k.file("other", "record", outputs.FileEvent{Path: path("now.mkv"), Part: 1, Closed: true, Problem: "record: it is read-only"})
	within(t, "the file is read again as it is", func() bool { return k.state("other").Checked == 1 })
	if len(tries) != 0 {
		t.Fatalf("%q is finished beside a recording", <-tries)
	}
	ended := running
	ended.Closed, ended.Ended = true, true
	k.file("rec", "record", ended)
	<-tries
	k.file("rec", "record", running) // goes first
	<-cut
	k.file("rec", "record", ended)
	close(goOn)
	k.close(true)
	text := ""
	for _, w := range e.warn.all() {
		text += w.Text
	}
	for _, want := range []string{
		"The last run of the program was cut off while it recorded killed.mkv (0:00:00); the file has been finished and is good.",
		"The end of a recording could not be written (", "broken.mkv (0:00:00): the disk is full", "now.mkv (0:00:00): it is read-only", "); the files have been finished and are good.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	if strings.Contains(text, "whole.mkv") {
		t.Errorf("said of a file that needed nothing: %q", text)
	}
	if rest, _ := filepath.Glob(filepath.Join(state, "recordings", "*")); len(rest) != 0 {
		t.Errorf("journals left: %q", rest)
	}
}

// within waits for ok, at most ten seconds.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// TestJournalOfManyChapters: it grows with them, not with their square, and has the newest.
func TestJournalOfManyChapters(t *testing.T) {
	const n = 400
	j := newJournal(t.TempDir(), slog.New(slog.DiscardHandler), untold)
	j.close() // written by hand below
	f, err := os.Create(filepath.Join(t.TempDir(), "a.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var want []outputs.Chapter
	j.file = f
	for i := range n {
		switch {
		case i == n-1:
			want = slices.Clone(want[:len(want)-1]) // as when a mark falls into the next file after all
		case i%3 == 2:
			want = append(slices.Clone(want[:len(want)-1]), outputs.Chapter{Name: strconv.Itoa(i)}) // one gave way
		default:
			want = append(slices.Clone(want), outputs.Chapter{At: time.Duration(i) * time.Second, Name: strconv.Itoa(i)})
		}
		j.note("record", outputs.FileEvent{Path: "show.mkv", Part: 1, Chapters: want})
		lines, _ := j.take()
		j.write(lines)
	}
	if _, err := f.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	if jobs := readJournal(f); len(jobs) != 1 || !slices.Equal(jobs[0].event.Chapters, want) {
		t.Errorf("read %+v, want %v", jobs, want)
	}
	if info, err := f.Stat(); err != nil || info.Size() > n*150 {
		t.Errorf("it has %d bytes, %v", info.Size(), err)
	}
}

func TestRecoveredText(t *testing.T) {
	r := recovery{bad: []string{"d: cannot be read"}}
	r.killed[finished], r.killed[unfinished] = []string{"a (0:00:03)"}, []string{"b (0:00:04)", "c (0:00:05)"}
	got := r.text()
	for _, want := range []string{"recorded a (0:00:03); the file has been finished and is good.", "b (0:00:04), c (0:00:05); the files play, but could not be finished", "not good: d: cannot be read."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	if got := (&recovery{}).text(); got != "" {
		t.Errorf("of nothing it says %q", got)
	}
}

// writeCut writes 90 pictures and leaves out the file's end, as a crash does.
func writeCut(t *testing.T, path string) {
	t.Helper()
	e, err := av.NewVideoEncoder(av.VideoEncoderOptions{Encoder: "libx264", Width: 64, Height: 48, FPS: media.NewRational(30, 1), BitrateBPS: 200_000, BFrames: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	whole := path + ".whole"
	m, err := av.NewMuxer(av.MuxerOptions{Format: "matroska", Path: whole, Tracks: []media.Track{e.Track()}, StartAtZero: true})
	if err != nil {
		t.Fatal(err)
	}
	pool := media.NewFramePool(media.I420, 64, 48, 1)
	var packets []*media.Packet
	for n := range int64(90) {
		f := pool.Get()
		f.Fill(byte(n), 128, 128)
		list, err := e.Encode(f, n, false)
		f.Release()
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, list...)
	}
	rest, err := e.Flush()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(packets, rest...) {
		if err := m.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(whole); err != nil {
		t.Fatal(err)
	}
}
