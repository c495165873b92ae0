package engine

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/rtsp"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/scenes/sources"
)

// recordSong records a source of sound alone by commands on the virtual clock, without a
// warning, and returns the folder and its recording's state.
func recordSong(t *testing.T, song, more, codec, settings string, ticks int64, commands ...Timed) (string, DestinationState) {
	t.Helper()
	dir := t.TempDir()
	doc := strings.Replace(songShow(dir, song, more, codec), `"sources":["song"],"settings":{`, `"sources":["song"],"settings":{`+settings, 1)
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.CutLists, o.Ticks, o.Commands = true, ticks, commands
	})
	s.run(t, t.Context(), time.Minute)
	st := s.State()
	for _, w := range st.Warnings {
		t.Error(w.Text)
	}
	v := st.ISOs[0]
	if r := v.Recording; r.Checked != r.Files || r.Problem != "" || v.Problem != "" || !v.SoundOnly {
		t.Errorf("%s: %+v, problem %q, sound alone %v", codec, r, v.Problem, v.SoundOnly)
	}
	return dir, v
}

// soundCodec is what a file's sound is coded as.
func soundCodec(t testing.TB, path string) string {
	t.Helper()
	in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if in.Video() != nil || in.Audio() == nil {
		t.Fatalf("%s is not sound alone", filepath.Base(path))
	}
	return in.Audio().Codec
}

// TestCopiedLoop: each turn of a long loop is a file, and lies where the studio had it; of a
// short one files would be too many: it is encoded.
func TestCopiedLoop(t *testing.T) {
	t.Parallel()
	song := codedSound(t, t.TempDir(), "m4a", 31)
	commands := []Timed{{2, &Seek{Source: "song", Position: 29.5}}, {10, &StartRecording{}}, {110, &StopRecording{}}}
	dir, _ := recordSong(t, song, `,"loop":true`, "copy", "", 120, commands...)
	files := ownFiles(t, dir, "song")
	dir, _ = recordSong(t, song, `,"loop":true`, "encode", "", 120, commands...)
	encoded := ownFiles(t, dir, "song")
	if len(files) != 2 || len(encoded) != 1 {
		t.Fatalf("files %q, encoded %q", files, encoded)
	}
	heard := placed(t, encoded[0])
	// A second and a half are left when it begins to play there, at tick 2.
	const tick, turn = 1600, 2*1600 + 72000
	for i, span := range [][2]int{{10 * tick, turn}, {turn, 110 * tick}} {
		f := placed(t, files[i])
		if f.at+f.lead > span[0]+48 || f.end() < span[1]-48 || f.at+f.lead < span[0]-110*48 || f.end() > span[1]+tick {
			t.Errorf("turn %d has samples %d to %d, want %d to %d", i+1, f.at+f.lead, f.end(), span[0], span[1])
		}
		if i > 0 {
			span[0] += 2 * tick // the studio begins softly there
		}
		if n := wantInPlace(t, f, heard, span[0], span[1], 48, 0.05); n < (span[1]-span[0])/4800-1 {
			t.Errorf("turn %d: %d tenths compared", i+1, n)
		}
	}
	jingle := codedSound(t, t.TempDir(), "mp3", 1)
	dir, _ = recordSong(t, jingle, `,"loop":true`, "auto", "", 80, Timed{10, &StartRecording{}}, Timed{70, &StopRecording{}})
	if files := ownFiles(t, dir, "song"); len(files) != 1 || soundCodec(t, files[0]) != "flac" {
		t.Errorf("a short loop is in %q", files)
	}
}

// TestCopiedSoundInContainers: each holds what it can, packet for packet; what it cannot is
// encoded.
func TestCopiedSoundInContainers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct{ extension, container, coded string }{
		{"m4a", "mp4", "aac"}, {"m4a", "mov", "aac"}, {"m4a", "ts", "aac"}, {"mp3", "mp4", "mp3"}, {"mp3", "mov", "mp3"}, {"mp3", "ts", "mp3"},
		{"opus", "mp4", "opus"}, {"opus", "ts", "aac"}, {"wav", "mkv", "flac"}, {"ogg", "mkv", "flac"},
	} {
		song := filepath.Join(dir, "song."+c.extension)
		if _, err := os.Stat(song); err != nil {
			run(t, "ffmpeg", append(append([]string{"-v", "error", "-f", "lavfi", "-i", sweep + "4"}, codings[c.extension]...), song)...)
		}
		all := packetSums(t, song)
		t.Run(c.extension+" "+c.container, func(t *testing.T) {
			t.Parallel()
			dir, v := recordSong(t, song, "", "auto", `"container":"`+c.container+`",`, 80, Timed{20, &StartISO{}}, Timed{70, &StopISO{}})
			files := ownFiles(t, dir, "song")
			if len(files) != 1 {
				t.Fatalf("files %q", files)
			}
			if got := soundCodec(t, files[0]); got != c.coded {
				t.Fatalf("it is coded as %s, want %s", got, c.coded)
			}
			if copied := c.coded == strings.TrimPrefix(strings.Replace(c.extension, "m4a", "aac", 1), "x"); copied {
				list := packetSums(t, files[0])
				if c.container == "ts" && c.coded == "aac" {
					all, list = make([]string, len(list)), make([]string, len(list)) // with a header in front of each
				}
				i := slices.Index(all, list[0])
				if i < 0 || i+len(list) > len(all) || !slices.Equal(all[i:i+len(list)], list) || len(list) < 50*1600/1152 {
					t.Errorf("it has %d other packets than the source", len(list))
				}
			}
			journal, err := ReadSession(filepath.Join(dir, "iso", strings.TrimSuffix(filepath.Base(files[0]), filepath.Ext(files[0]))+SessionExtension))
			if err != nil || len(journal.History.Files) != 1 {
				t.Fatalf("%+v, %v", journal, err)
			}
			f := journal.History.Files[0]
			if !f.NoPictures || f.First < 16 || f.First > 20 || f.End() < 70 || f.End() > 74 {
				t.Errorf("it is said to have %+v (%+v)", f, v.Recording)
			}
		})
	}
}

// TestCopiedSoundNotListed: a source that is started without being in the list is copied from
// then on.
func TestCopiedSoundNotListed(t *testing.T) {
	t.Parallel()
	song := codedSound(t, t.TempDir(), "mp3", 4)
	dir := t.TempDir()
	doc := strings.Replace(songShow(dir, song, "", "copy"), `"codec":"copy","sources":["song"]`, `"codec":"copy","sources":[]`, 1)
	s := newStudio(t, parse(t, doc), media.NewVirtualClock(), func(o *Options) {
		realRecords(o)
		o.Ticks, o.Commands = 80, []Timed{{20, &StartISO{Sources: []string{"song"}}}, {70, &StopISO{}}}
	})
	s.run(t, t.Context(), time.Minute)
	for _, w := range s.State().Warnings {
		t.Error(w.Text)
	}
	files := ownFiles(t, dir, "song")
	if len(files) != 1 {
		t.Fatalf("files %q", files)
	}
	// What had been read ahead by then is not in it.
	if f := placed(t, files[0]); f.at+f.lead > 64*1600 || f.end() < 70*1600-48 {
		t.Errorf("it has samples %d to %d", f.at+f.lead, f.end())
	}
}

// TestCopiedSoundAfterAKill: a copied recording of sound alone is finished at the next start, has
// the source's packets, and the cut lists have it.
func TestCopiedSoundAfterAKill(t *testing.T) {
	t.Parallel()
	const seconds = 12
	song := codedSound(t, t.TempDir(), "opus", seconds)
	dir := t.TempDir()
	recordAndKill(t, dir, "mkv", killedEnv+"_SONG="+song)
	if told := startAgain(t, dir); !strings.Contains(told, "cut off while it recorded") || !strings.Contains(told, "The cut lists have been written") {
		t.Errorf("the next start says %q", told)
	}
	files := ownFiles(t, dir, "song")
	if len(files) != 1 || soundCodec(t, files[0]) != "opus" {
		t.Fatalf("files %q", files)
	}
	all, list := packetSums(t, song), packetSums(t, files[0])
	if i := slices.Index(all, list[0]); i < 0 || !slices.Equal(all[i:min(i+len(list), len(all))], list) {
		t.Error("it has other packets than the source")
	}
	journal, err := ReadSession(filepath.Join(dir, "show"+SessionExtension))
	if err != nil {
		t.Fatal(err)
	}
	var own, programme int64
	for _, f := range journal.History.Files {
		if f.Source == "song" {
			own = f.End()
		} else {
			programme = max(programme, f.End())
		}
	}
	// It is killed a while after tick 90, which on a slow machine may be beyond the song's end.
	if own < min(programme, seconds*30)-30 {
		t.Errorf("it has been saved up to tick %d, the programme up to %d", own, programme)
	}
}

// feedSound sends a coded file over and over in real time, as a network radio, to one client.
func feedSound(t testing.TB, path, format string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		cmd := exec.CommandContext(ctx, testkit.Program(t, "ffmpeg"), "-v", "error", "-re", "-i", path, "-c", "copy", "-flush_packets", "1", "-f", format, "-")
		cmd.Stdout = conn
		_ = cmd.Run() // ends when the studio does
	}()
	t.Cleanup(func() {
		_ = l.Close() // ends Accept
		cancel()
		<-done
	})
	return "tcp://" + l.Addr().String()
}

// TestCopiedRadio: of a stream of sound alone, on the real clock, each sound is in its file when
// it is heard in the programme.
func TestCopiedRadio(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { copiedRadio(a, "m4a", "adts") })
}

// radioStudio is songShow's on the real clock, with what comes from url for its song.
func radioStudio(t testing.TB, dir, url string) *studio {
	t.Helper()
	doc := strings.Replace(songShow(dir, "x", "", "copy"), `"kind":"file","settings":{"path":"x"}`, `"kind":"network","settings":{"url":`+strconv.Quote(url)+`}`, 1)
	return newStudio(t, parse(t, doc), media.NewRealClock(), func(o *Options) {
		realRecords(o)
		o.SourceKinds["network"] = sources.Network()
	})
}

func copiedRadio(t testing.TB, extension, format string) {
	dir := t.TempDir()
	url := feedSound(t, codedSound(t, dir, extension, 40), format)
	s := radioStudio(t, dir, url)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := s.start(t, ctx)
	begun := int64(0)
	s.until(t, "it is heard", func(st *State) bool { begun = st.Tick; return len(st.Sources) > 0 && st.Sources[0].QueueMS > 1 })
	s.until(t, "it has settled", func(st *State) bool { return st.Tick > begun+60 })
	s.must(t, &StartRecording{})
	s.until(t, "it is recorded as it comes", func(st *State) bool { return st.ISOs[0].Copied && st.ISOs[0].Report.State == outputs.Confirmed })
	from := s.State().Tick
	s.until(t, "some more", func(st *State) bool { return st.Tick > from+45 })
	s.must(t, &StopRecording{})
	s.until(t, "it is read again", func(st *State) bool { return st.ISOs[0].Recording.Checked > 0 && !st.ISOs[0].Started })
	if p := s.State().ISOs[0].Recording.Problem; p != "" {
		t.Error(p)
	}
	cancel()
	finish(t, done, time.Minute)
	files := ownFiles(t, dir, "song")
	if len(files) != 1 {
		t.Fatalf("files %q", files)
	}
	own, programme := placed(t, files[0]), placed(t, filepath.Join(dir, "show.mkv"))
	if own.at+own.lead > programme.at+48 || own.end() < programme.end()-4800 {
		t.Errorf("it has samples %d to %d, the programme %d to %d", own.at+own.lead, own.end(), programme.at, programme.end())
	}
	// The clock's correction is resampling in the one and a step in the other once it has come to
	// 5 ms, so short stretches are compared.
	good, all := 0, 0
	for at := programme.at + tenth; at < programme.end()-2*tenth; at += tenth {
		if off, noise := inPlace(own, programme, at, tenth/5, 12*48); noise < 0.35 && off > -7*48 && off < 7*48 {
			good++
		}
		all++
	}
	if good < all*2/3 || all < 10 {
		t.Errorf("%d stretches of %d are in their place", good, all)
	}
}

// TestCopiedSoundOverRTSP: a stream of sound alone from an RTSP server is heard, and recorded as it
// comes, packet for packet. (That it lies in its place does not depend on the protocol:
// TestCopiedRadio.)
func TestCopiedSoundOverRTSP(t *testing.T) {
	for _, c := range []struct{ extension, codec string }{{"m4a", "aac"}, {"opus", "opus"}} {
		t.Run(c.extension, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			song := codedSound(t, dir, c.extension, 90)
			s := radioStudio(t, dir, publishSound(t, song))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := s.start(t, ctx)
			s.until(t, "it is heard", func(st *State) bool { return len(st.Sources) > 0 && st.Sources[0].QueueMS > 1 })
			s.must(t, &StartRecording{})
			s.until(t, "it is recorded as it comes", func(st *State) bool { return st.ISOs[0].Copied && st.ISOs[0].Report.State == outputs.Confirmed })
			s.until(t, "some more", func(st *State) bool { return st.ISOs[0].Report.Length > time.Second })
			s.must(t, &StopRecording{})
			s.until(t, "it is read again", func(st *State) bool {
				v := st.ISOs[0]
				return v.Recording.Checked > 0 && v.Recording.Checked == v.Recording.Files && !v.Started
			})
			if v := s.State().ISOs[0]; v.Recording.Problem != "" || !v.SoundOnly {
				t.Errorf("%+v, sound alone %v", v.Recording, v.SoundOnly)
			}
			cancel()
			finish(t, done, time.Minute)
			all, files := packetSums(t, song), ownFiles(t, dir, "song") // more than one where the machine stalled
			if len(files) == 0 {
				t.Fatal("there is no file")
			}
			for _, f := range files {
				list := packetSums(t, f)
				if i := slices.Index(all, list[0]); soundCodec(t, f) != c.codec || i < 0 || i+len(list) > len(all) || !slices.Equal(all[i:i+len(list)], list) {
					t.Errorf("%s has other packets than the source", filepath.Base(f))
				}
			}
			heard := placed(t, filepath.Join(dir, "show.mkv"))
			if heard.lead > len(heard.samples)/2 {
				t.Error("it is not heard in the programme")
			}
		})
	}
}

// publishSound sends a coded file in real time to an RTSP server, until the test ends.
func publishSound(t testing.TB, path string) (url string) {
	t.Helper()
	server := rtsp.Open(t, false)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, testkit.Program(t, "ffmpeg"), "-v", "error", "-nostdin", "-re", "-i", path, "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", server.Address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // ended by us
	})
	for deadline := time.Now().Add(10 * time.Second); !server.Published(); {
		if time.Now().After(deadline) {
			t.Fatal("nothing is published")
		}
		<-time.After(5 * time.Millisecond)
	}
	return server.Address
}

// TestRecutWithCopiedSound: a show cut again from copied sound has it where it was live, to the
// sample, also over the place where its file was split, whatever the container can say.
func TestRecutWithCopiedSound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ extension, container string }{{"m4a", "mkv"}, {"m4a", "mp4"}, {"mp3", "mov"}, {"mp3", "ts"}} {
		t.Run(c.extension+" "+c.container, func(t *testing.T) {
			t.Parallel()
			song := codedSound(t, t.TempDir(), c.extension, 5)
			dir, _ := recordSong(t, song, "", "copy", `"container":"`+c.container+`",`, 110, Timed{30, &StartRecording{}}, Timed{60, &SplitRecording{}}, Timed{100, &StopRecording{}})
			if files := ownFiles(t, dir, "song"); len(files) != 2 {
				t.Fatalf("files %q", files)
			}
			path, r := cutAgain(t, dir)
			if !slices.Equal(r.Live, []string{"cam1", "cam2"}) {
				t.Errorf("live are %q", r.Live)
			}
			again := placed(t, path)
			again.at += 30 * 1600
			const stretch = 100
			for _, part := range []struct {
				name     string
				from, to int
			}{{"show.mkv", 33, 60}, {"show part 2.mkv", 60, 98}} {
				had := placed(t, filepath.Join(dir, part.name))
				for at := part.from * 1600; at < part.to*1600; at += stretch {
					if off, noise := inPlace(again, had, at, stretch, 24); off != 0 || noise > 0.2 {
						t.Fatalf("studio sample %d is %d late, %.3f of it is different", at, off, noise)
					}
				}
			}
		})
	}
}
