package engine

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/framecode"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// copyShow is isoShow with one source, which arrives coded.
func copyShow(dir, kind, settings string) string {
	doc := isoShow(dir)
	from, to := strings.Index(doc, `"sources":[`), strings.Index(doc, `"scenes":`)
	doc = doc[:from] + fmt.Sprintf(`"sources":[{"id":"cam1","kind":%q,"settings":%s},{"id":"cam2","kind":"synthetic","settings":{"camera":8}}],`, kind, settings) + doc[to:]
	return strings.Replace(doc, `"iso":{"sources":["cam1","cam2"],`, `"iso":{"codec":"auto","sources":["cam1"],`, 1)
}

// timedShot is a picture of a file with the tick at which it is shown first.
type timedShot struct {
	at float64
	shot
}

// timedShots decodes a file; ticks count from the studio's start at 30 fps.
func timedShots(t testing.TB, path string) (out []timedShot) {
	t.Helper()
	first := eachPicture(t, path, func(at time.Duration, s shot) { out = append(out, timedShot{at.Seconds() * 30, s}) })
	if first < 0 {
		t.Fatalf("%s has no timecode", filepath.Base(path))
	}
	for i := range out {
		out[i].at += float64(first)
	}
	return out
}

// wantShown compares a copied file with the programme's recording, picture by picture: at
// every tick that it covers, it has the picture that was on air. It returns how many there were.
// On ticks that were too late the programme shows its last picture again, whatever the
// source has by then: so many of those are nothing to tell.
func wantShown(t testing.TB, path string, programme map[int64]shot, late int64) (n int) {
	t.Helper()
	list := timedShots(t, path)
	if len(list) == 0 {
		t.Fatalf("%s has no pictures", filepath.Base(path))
	}
	for tick := int64(list[0].at + 0.5); tick <= int64(list[len(list)-1].at+0.05); tick++ {
		want, ok := programme[tick]
		if !ok || want == (shot{}) || want.cam == 8 {
			continue
		}
		i, _ := slices.BinarySearchFunc(list, float64(tick)+0.05, func(s timedShot, at float64) int {
			if s.at <= at {
				return -1
			}
			return 1
		})
		if got := list[i-1].shot; got != want {
			if before, ok := programme[tick-1]; late > 0 && ok && before == want {
				late--
				continue
			}
			t.Errorf("%s at tick %d has %v, the programme %v", filepath.Base(path), tick, got, want)
		}
		n++
	}
	return n
}

// onAir is what the programme's recording shows by tick.
func onAir(t testing.TB, path string) map[int64]shot {
	t.Helper()
	out := map[int64]shot{}
	for _, s := range timedShots(t, path) {
		out[int64(s.at+0.5)] = s.shot
	}
	return out
}

// TestCopiedISOHasWhatWasShown: of a file with B-frames that loops, is sought in and paused,
// whatever its rate of pictures, the packets are written as they are, at the ticks at which
// they were shown; the cut lists and the recut show agree with that.
func TestCopiedISOHasWhatWasShown(t *testing.T) {
	for _, rate := range []string{"30", "25", "60", "30000/1001"} {
		t.Run(rate, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			fps, err := media.ParseRational(rate)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "camera.mp4")
			testkit.Clip{Width: 480, Height: 270, FPS: fps, Camera: 1, Seconds: 3, BFrames: 2}.Write(t, path)
			s := newStudio(t, parse(t, copyShow(dir, "file", `{"loop":true,"path":`+strconv.Quote(path)+`}`)), media.NewVirtualClock(), func(o *Options) {
				realRecords(o)
				o.CutLists, o.Ticks = true, 260
				o.Commands = []Timed{
					{40, &StartRecording{}},
					{130, &Seek{Source: "cam1", Position: 0.5}}, // between keyframes
					{220, &Cut{Scene: "two"}},
					{240, &StopRecording{}},
				}
			})
			s.run(t, t.Context(), time.Minute)
			st := s.State()
			for _, w := range st.Warnings {
				t.Error(w.Text)
			}
			if r := st.ISOs[0].Recording; r.Checked != r.Files || r.Problem != "" {
				t.Errorf("read again: %+v", r)
			}
			programme := onAir(t, filepath.Join(dir, "show.mkv"))
			files, _ := filepath.Glob(filepath.Join(dir, "iso", "* cam1*.mkv"))
			slices.Sort(files)
			if len(files) != 2 {
				t.Fatalf("files %q", files)
			}
			slices.SortFunc(files, func(a, b string) int { return len(a) - len(b) })
			first := timedShots(t, files[0])
			if first[0].at > 40 {
				t.Errorf("it begins at tick %v, the recording at 40", first[0].at)
			}
			n := 0
			for _, f := range files {
				n += wantShown(t, f, programme, 0)
			}
			// All but what lies between the place that was sought and the next keyframe.
			if n < 220-40-17 {
				t.Errorf("%d ticks of 180 are in the files", n)
			}
			if rate != "30" {
				return
			}
			// The sound is the file's own: a beep with each second's picture.
			in, err := av.OpenInput(t.Context(), files[0], av.InputOptions{})
			if err != nil {
				t.Fatal(err)
			}
			coding := in.Video().Codec + " " + in.Audio().Codec
			in.Close()
			if coding != "h264 aac" {
				t.Errorf("coded as %s", coding)
			}
			wantRecut(t, dir, programme)
			own := 0
			for i, p := range readOTIO(t, filepath.Join(dir, "show.otio")) {
				if slices.Contains(files, p.file) {
					own++
					if want, got := programme[40+i], timedShots(t, p.file); want != (shot{}) && shotAt(got, p.frame) != want {
						t.Errorf("the list asks at %d for frame %d of %s, which is %v, want %v", i, p.frame, filepath.Base(p.file), shotAt(got, p.frame), want)
					}
				}
				if own > 20 {
					break
				}
			}
			if own == 0 {
				t.Error("nothing of the list is from the copied files")
			}
		})
	}
}

// shotAt is what an editor shows of frame n of a file.
func shotAt(list []timedShot, n int64) (s shot) {
	for _, v := range list {
		if v.at-list[0].at <= float64(n)+0.05 {
			s = v.shot
		}
	}
	return s
}

// wantRecut cuts the show again and compares it with the live one where cam1 was on air.
func wantRecut(t *testing.T, dir string, programme map[int64]shot) {
	t.Helper()
	path, _ := cutAgain(t, dir)
	got, _ := shots(t, path)
	wrong := 0
	for i, s := range got {
		if want := programme[40+int64(i)]; want.cam == 1 && s != want {
			wrong++
		}
	}
	// Behind the place that was sought, up to the next keyframe, the picture before stands.
	if len(got) != len(programme) || wrong > 17 {
		t.Errorf("cut again: %d of %d pictures are others (of %d)", wrong, len(got), len(programme))
	}
}

// feedTS sends pictures with counters as MPEG-TS in real time to whoever connects, a new
// stream each time, with so many B-frames, which is another parameter set; each ends after
// so long, the last when the studio does.
func feedTS(t testing.TB, length time.Duration, bframes ...int) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n, b := range bframes {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if n == len(bframes)-1 {
				length = time.Minute
			}
			sendTS(t, conn, b, length, uint32(n*1000))
			_ = conn.Close() // the studio finds out
		}
	}()
	t.Cleanup(func() {
		_ = l.Close() // ends Accept
		<-done
	})
	return "tcp://" + l.Addr().String()
}

func sendTS(t testing.TB, to io.Writer, bframes int, length time.Duration, count uint32) {
	fps := media.NewRational(30, 1)
	video, err := av.NewVideoEncoder(av.VideoEncoderOptions{Encoder: "libx264", Width: 480, Height: 270, FPS: fps, BitrateBPS: 800_000, GOP: 15, Preset: "ultrafast", BFrames: bframes, Threads: 1})
	if err != nil {
		t.Error(err)
		return
	}
	defer video.Close()
	audio, err := av.NewAudioEncoder(av.AudioEncoderOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	defer audio.Close()
	mux, err := av.NewMuxer(av.MuxerOptions{Format: "mpegts", Tracks: []media.Track{video.Track(), audio.Track()}, StartAtZero: true,
		Write: func(b []byte) error { _, err := to.Write(b); return err }})
	if err != nil {
		t.Error(err)
		return
	}
	pool := media.NewFramePool(media.I420, 480, 270, 2)
	began := time.Now()
	for n := range media.UnitsIn(length, fps.Inv()) {
		time.Sleep(time.Until(began.Add(media.TickTime(n, fps))))
		f := pool.Get()
		f.Fill(byte(60+n%80), 128, 128)
		framecode.Draw(f, 3, count+uint32(n))
		list, err := video.Encode(f, n, false)
		f.Release()
		from, to := media.SampleAt(n, fps, 48000), media.SampleAt(n+1, fps, 48000)
		sound, serr := audio.Encode(make([]float32, 2*(to-from)), from)
		for _, p := range sound {
			p.Track, p.Audio = 1, true
		}
		if err != nil || serr != nil {
			t.Error(err, serr)
			return
		}
		for _, p := range append(list, sound...) {
			if mux.WritePacket(p) != nil {
				return // the studio has ended
			}
		}
	}
	_ = mux.Close() // the studio may have ended
}

// TestCopiedISOOfANetworkStream: on the real clock, across a connection that comes back with
// other parameter sets, each file has what the programme showed at its ticks.
func TestCopiedISOOfANetworkStream(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { copiedISOOfANetworkStream(a) })
}

func copiedISOOfANetworkStream(t testing.TB) {
	dir := t.TempDir()
	url := feedTS(t, 4*time.Second, 0, 2)
	s := newStudio(t, parse(t, copyShow(dir, "network", `{"url":`+strconv.Quote(url)+`}`)), media.NewRealClock(), func(o *Options) {
		realRecords(o)
		o.SourceKinds["network"] = sources.Network()
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(t, ctx)
	s.until(t, "the stream is there", func(st *State) bool { return len(st.Sources) > 0 && st.Sources[0].Frames > 3 })
	s.must(t, &StartRecording{})
	s.until(t, "it is recorded as it comes", func(st *State) bool { return st.ISOs[0].Copied && st.ISOs[0].Report.State == outputs.Confirmed })
	s.until(t, "it has come back", func(st *State) bool { return st.ISOs[0].Report.Part == 2 && st.ISOs[0].Recording.Files == 1 })
	before := s.State().Sources[0].Frames
	s.until(t, "some more", func(st *State) bool { return st.Sources[0].Frames > before+30 })
	s.must(t, &StopRecording{})
	s.until(t, "it is read again", func(st *State) bool { return st.ISOs[0].Recording.Checked == 2 && !st.ISOs[0].Started })
	if p := s.State().ISOs[0].Recording.Problem; p != "" {
		t.Error(p)
	}
	cancel()
	finish(t, done, time.Minute)
	programme := onAir(t, filepath.Join(dir, "show.mkv"))
	files, _ := filepath.Glob(filepath.Join(dir, "iso", "* cam1*.mkv"))
	if len(files) != 2 {
		t.Fatalf("files %q", files)
	}
	for _, f := range files {
		if n := wantShown(t, f, programme, s.State().Counters.Repeated); n < 25 {
			t.Errorf("%d ticks compared of %s", n, filepath.Base(f))
		}
	}
}

// TestISOThatCannotBeCopied: by itself it is encoded; asked for a copy, it says why not.
func TestISOThatCannotBeCopied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	doc := strings.Replace(isoShow(dir), `"iso":{`, `"iso":{"codec":"copy",`, 1)
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.Ticks, o.Commands = 20, []Timed{{2, &StartISO{Sources: []string{"cam1"}}}}
	})
	s.run(t, t.Context(), time.Minute)
	told := false
	for _, w := range s.State().Warnings {
		told = told || strings.Contains(w.Text, "cannot be copied: it does not arrive coded")
	}
	if !told {
		t.Errorf("warnings %+v", s.State().Warnings)
	}
}
