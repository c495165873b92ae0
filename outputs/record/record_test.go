//go:build linux

package record

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/outputs"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		recordUntilKilled(dir)
		return
	}
	if os.Geteuid() != 0 {
		os.Exit(asRoot())
	}
	// The tests wait for a feed in real time, which costs next to nothing.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	leaks.VerifyTestMain(m)
}

// asRoot runs the tests in a user namespace, where an ordinary user may mount small
// disks to fill up.
func asRoot() int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	err := cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintf(os.Stderr, "these tests mount small disks, for which they need root or user namespaces: %v\n", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

func newRecorder(t *testing.T, settings map[string]any) *Output {
	t.Helper()
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	o, err := New(raw, outputs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return o.(*Output)
}

type running struct {
	cancel context.CancelFunc
	done   chan error
}

func run(t *testing.T, o outputs.Output, feed outputs.Feed) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{cancel, make(chan error, 1)}
	go func() { r.done <- o.Run(ctx, feed) }()
	t.Cleanup(func() {
		cancel()
		r.wait(t, 20*time.Second) // a slow disk is waited for, as the end of the file is worth it
	})
	return r
}

func (r *running) wait(t *testing.T, d time.Duration) error {
	t.Helper()
	select {
	case err := <-r.done:
		r.done <- err
		return err
	case <-time.After(d):
		t.Errorf("the recorder did not end within %v", d)
		return nil
	}
}

func onlyFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %q, %v; want one", files, err)
	}
	return files[0]
}

func TestRecords(t *testing.T) {
	t.Parallel()
	for container, c := range containers {
		for _, how := range []string{"feed ends", "stopped"} {
			t.Run(container+" "+how, func(t *testing.T) {
				t.Parallel() // mostly waiting
				dir := t.TempDir()
				o := newRecorder(t, map[string]any{"path": dir + "/", "container": container})
				feed := testkit.NewRecordFeed(t, 4)
				rec := run(t, o, feed)
				first := feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
				if first.AckedBytes <= 0 || !strings.Contains(first.Detail, " written") {
					t.Errorf("confirmed with %+v", first)
				}
				feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.SentPackets > 300 })
				if how == "stopped" {
					rec.cancel()
					if err := rec.wait(t, 20*time.Second); !errors.Is(err, context.Canceled) {
						t.Errorf("ended with %v", err)
					}
				} else {
					feed.End()
					if err := rec.wait(t, 20*time.Second); err != nil {
						t.Errorf("ended with %v", err)
					}
				}
				last := feed.Last()
				path := onlyFile(t, dir)
				if filepath.Ext(path) != c.extension {
					t.Errorf("name %q", path)
				}
				info, err := os.Stat(path)
				if err != nil || info.Size() > last.SentBytes+4096 || last.AckedBytes != last.SentBytes {
					t.Errorf("%d bytes, last report %+v, %v", info.Size(), last, err)
				}
				got := testkit.Demux(t, path)
				// The muxer leaves out sound that is over before the first picture.
				if n := int64(got.Video + got.Audio); n < last.SentPackets-2 || n > last.SentPackets || got.BiggestGap > 70*time.Millisecond {
					t.Errorf("%d packets of %d: %+v", n, last.SentPackets, got)
				}
			})
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sub := filepath.Join(dir, "folder.with.dots")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
	for _, c := range []struct{ path, container, base, want string }{
		{"", "", dir, dir + "/2026-03-04 05-06-07.mkv"},
		{"", "", dir, dir + "/2026-03-04 05-06-07 (2).mkv"},
		{"", "", dir, dir + "/2026-03-04 05-06-07 (3).mkv"},
		{"show.mp4", "", dir, dir + "/show.mp4"},
		{"show.mp4", "mp4", dir, dir + "/show (2).mp4"},
		{"show", "ts", dir, dir + "/show.ts"},
		{"v1.2", "mkv", dir, dir + "/v1.2.mkv"},
		{sub, "mkv", "/", sub + "/2026-03-04 05-06-07.mkv"},
		{"folder.with.dots/", "mp4", dir, sub + "/2026-03-04 05-06-07.mp4"},
		{sub + "/Final.MKV", "", "/", sub + "/Final.mkv"},
	} {
		raw, err := json.Marshal(settings{Path: c.path, Container: c.container})
		if err != nil {
			t.Fatal(err)
		}
		made, err := New(raw, outputs.Options{BaseDir: c.base})
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		o := made.(*Output)
		o.now = func() time.Time { return at }
		folder, name, err := o.place()
		if err != nil {
			t.Fatal(err)
		}
		mux, path, err := o.create(folder, name, testkit.FeedClip(t).Tracks)
		if err != nil {
			t.Fatal(err)
		}
		_ = mux.Close() // an empty recording, of which only the name matters
		if filepath.Clean(path) != c.want {
			t.Errorf("%+v: got %q", c, path)
		}
	}
}

// What stands under the name of a file that cannot be made is somebody's recording.
func TestNoFileIsMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "show.mkv")
	if err := os.WriteFile(path, []byte("of last week"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := newRecorder(t, map[string]any{"path": path})
	o.newMuxer = func(string, []media.Track, string) (muxer, error) {
		return nil, fmt.Errorf("av: write x: %w", syscall.EMFILE)
	}
	err := run(t, o, testkit.NewRecordFeed(t, 1)).wait(t, 20*time.Second)
	if err == nil || !outputs.IsPermanent(err) || !strings.Contains(err.Error(), "too many open files") {
		t.Errorf("got %v", err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "of last week" {
		t.Errorf("the recording there is %q now, %v", raw, err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ settings, want string }{
		{`{"container":"avi"}`, "mkv, mp4, mov or ts"},
		{`{"path":"a.mp4","container":"mkv"}`, "ends in .mp4"},
		{`{"file":"a.mp4"}`, "file"},
	} {
		if _, err := New(json.RawMessage(c.settings), outputs.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.settings, err, c.want)
		}
	}
}

func TestPathErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	readOnly := mountTmpfs(t, "size=1m,ro")
	tiny := mountTmpfs(t, "size=60m")
	for _, c := range []struct{ name, path, want string }{
		{"missing folder", dir + "/none/show.mkv", "does not exist"},
		{"a file as a folder", plain + "/show.mkv", "is not a folder"},
		{"read-only", readOnly + "/show.mkv", "only"}, // too small as well
		{"too little room", tiny + "/show.mkv", "only 60 MB are free"},
	} {
		t.Run(c.name, func(t *testing.T) {
			feed := testkit.NewRecordFeed(t, 1)
			err := run(t, newRecorder(t, map[string]any{"path": c.path}), feed).wait(t, 20*time.Second)
			if err == nil || !outputs.IsPermanent(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	t.Run("read-only with room", func(t *testing.T) {
		o := newRecorder(t, map[string]any{"path": readOnly + "/show.mkv"})
		o.disk = roomyDisk{realDisk{}}
		err := run(t, o, testkit.NewRecordFeed(t, 1)).wait(t, 20*time.Second)
		if err == nil || !outputs.IsPermanent(err) || !strings.Contains(err.Error(), "is read-only") {
			t.Errorf("got %v", err)
		}
	})
	for errno, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "is full; what was recorded so far is kept in a.mkv", syscall.EDQUOT: "share", syscall.EFBIG: "no larger file",
		syscall.EIO: "fault", syscall.EACCES: "no permission", syscall.EPERM: "no permission", syscall.ESTALE: "stale",
	} {
		if got := describe(fmt.Errorf("av: %w", errno), "/x", "/x/a.mkv").Error(); !strings.Contains(got, want) {
			t.Errorf("%v: %q lacks %q", errno, got, want)
		}
	}
}

func TestCodecsThatDoNotFit(t *testing.T) {
	t.Parallel()
	feed := testkit.NewFeed(append(testkit.FeedClip(t).Tracks[:1:1], media.Track{Codec: media.Opus}), media.RecordLimits)
	err := run(t, newRecorder(t, map[string]any{"path": t.TempDir() + "/a.ts"}), feed).wait(t, 20*time.Second)
	if err == nil || !outputs.IsPermanent(err) || !strings.Contains(err.Error(), "ts files cannot hold opus") {
		t.Errorf("got %v", err)
	}
}

func TestNothingCame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := testkit.FeedClip(t)
	feed := testkit.NewFeed(c.Tracks, media.RecordLimits)
	feed.End()
	for _, container := range []string{"mkv", "mp4", "ts"} {
		if err := run(t, newRecorder(t, map[string]any{"path": dir + "/", "container": container}), feed).wait(t, 20*time.Second); err != nil {
			t.Errorf("%s: %v", container, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestUserDir(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"# comment\nXDG_MUSIC_DIR=\"$HOME/Musik\"\nXDG_VIDEOS_DIR=\"$HOME/Vidéos\"\n": "/home/a/Vidéos",
		"XDG_VIDEOS_DIR=\"/data/films/\"":                                             "/data/films",
		"XDG_VIDEOS_DIR=\"$HOME/\"\n":                                                 "",
		"XDG_VIDEOS_DIR=\"films\"\n":                                                  "",
		"":                                                                            "",
	} {
		if got := userDir(text, "/home/a"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestVideosDir: on a desktop in another language recordings go to the folder that the
// user knows.
func TestVideosDir(t *testing.T) {
	home := t.TempDir()
	config := filepath.Join(home, ".config")
	for name, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": config, "XDG_VIDEOS_DIR": ""} {
		t.Setenv(name, value)
	}
	check := func(want string) {
		t.Helper()
		if got, err := VideosDir(); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	check(filepath.Join(home, "Videos"))
	if err := os.Mkdir(config, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "user-dirs.dirs"), []byte("XDG_VIDEOS_DIR=\"$HOME/Vidéos\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	check(filepath.Join(home, "Vidéos"))
	t.Setenv("XDG_VIDEOS_DIR", "/data/films")
	check("/data/films")
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
