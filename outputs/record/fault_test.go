//go:build linux

package record

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/outputs"
)

// mountTmpfs makes a small disk; TestMain sees to it that it may.
func mountTmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	var flags uintptr
	if o, ok := strings.CutSuffix(options, ",ro"); ok {
		options, flags = o, syscall.MS_RDONLY
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Fatalf("mount a small disk: %v (these tests need root or user namespaces)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// roomyDisk always says that there is room, so that writing has to find out.
type roomyDisk struct{ disk }

func (roomyDisk) Free(string) (int64, error) { return 1 << 40, nil }

func TestNearlyFullDisk(t *testing.T) {
	t.Parallel()
	for container := range containers {
		t.Run(container, func(t *testing.T) {
			t.Parallel()
			dir := mountTmpfs(t, "size=110m")
			o := newRecorder(t, map[string]any{"path": filepath.Join(dir, "show."+container)})
			feed := testkit.NewRecordFeed(t, 1)
			rec := run(t, o, feed)
			feed.Await(t, 15*time.Second, 0, testkit.InState(outputs.Confirmed))
			if err := os.WriteFile(filepath.Join(dir, "other"), make([]byte, 70<<20), 0o644); err != nil {
				t.Fatal(err)
			}
			err := rec.wait(t, 20*time.Second)
			if err == nil || !outputs.IsPermanent(err) || !strings.Contains(err.Error(), "MB are free on the disk") || !strings.Contains(err.Error(), "show."+container+" is complete") {
				t.Fatalf("got %v", err)
			}
			if got := testkit.Demux(t, filepath.Join(dir, "show."+container)); got.Video < 3 || got.Audio < got.Video {
				t.Errorf("recorded %+v", got)
			}
		})
	}
}

// TestFullDisk: another program takes the last of the disk between two looks at it.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for container := range containers {
		t.Run(container, func(t *testing.T) {
			t.Parallel() // mostly waiting
			dir := mountTmpfs(t, "size=2m")
			path := filepath.Join(dir, "show."+container)
			o := newRecorder(t, map[string]any{"path": path})
			o.disk = roomyDisk{realDisk{}}
			feed := testkit.NewRecordFeed(t, 8)
			err := run(t, o, feed).wait(t, time.Minute)
			if err == nil || !outputs.IsPermanent(err) || !strings.Contains(err.Error(), "is full; what was recorded so far is kept in show."+container) {
				t.Fatalf("got %v", err)
			}
			// 2 MB are 23 s of this clip.
			if got := testkit.Demux(t, path); got.Last < 18*time.Second || got.BiggestGap > 70*time.Millisecond {
				t.Errorf("recorded %+v", got)
			}
		})
	}
}

// faultyMuxer fails like a disk does, from the n-th packet on.
type faultyMuxer struct {
	muxer
	after  int
	err    error
	closed bool
}

func (m *faultyMuxer) WritePacket(p *media.Packet) error {
	if m.after--; m.after < 0 {
		return fmt.Errorf("av: write x: %w", m.err)
	}
	return m.muxer.WritePacket(p)
}

func (m *faultyMuxer) Close() error {
	m.closed = true
	return m.muxer.Close()
}

func TestDiskFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err       error
		want      string
		permanent bool
	}{
		{syscall.EIO, "reports a fault; what was recorded so far is kept", true},
		{syscall.EROFS, "read-only; what was recorded", true},
		{syscall.EFBIG, "no larger file; what was recorded", false}, // nor is the next file better
	} {
		t.Run(c.err.Error(), func(t *testing.T) {
			o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show.mkv"})
			var faulty *faultyMuxer
			o.newMuxer = func(format string, tracks []media.Track, path string) (muxer, error) {
				m, err := newMuxer(format, tracks, path)
				faulty = &faultyMuxer{muxer: m, after: 100, err: c.err}
				return faulty, err
			}
			err := run(t, o, testkit.NewRecordFeed(t, 8)).wait(t, 10*time.Second)
			if err == nil || outputs.IsPermanent(err) != c.permanent || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if !faulty.closed {
				t.Error("the file was not closed")
			}
		})
	}
}

// slowDisk takes its time to sync.
type slowDisk struct {
	disk
	delay time.Duration
	syncs atomic.Int64
}

type slowFile struct {
	file
	d *slowDisk
}

func (d *slowDisk) Open(path string) (file, error) {
	f, err := d.disk.Open(path)
	return slowFile{f, d}, err
}

func (f slowFile) SyncData() error {
	if f.d.syncs.Add(1) > 1 {
		time.Sleep(f.d.delay)
	}
	return f.file.SyncData()
}

func TestSlowDisk(t *testing.T) {
	t.Parallel()
	o := newRecorder(t, map[string]any{"path": t.TempDir() + "/show.mkv"})
	o.disk = &slowDisk{disk: realDisk{}, delay: 4500 * time.Millisecond}
	feed := testkit.NewRecordFeed(t, 1)
	run(t, o, feed)
	feed.Await(t, 10*time.Second, 0, testkit.InState(outputs.Confirmed))
	slow := feed.Await(t, 20*time.Second, 0, testkit.InState(outputs.Degraded))
	if !strings.Contains(slow.Detail, "slow") || slow.SentPackets < 100 {
		t.Errorf("report %+v", slow)
	}
	if d := feed.Queued(); d > 2*time.Second { // of the 4.5 that the sync takes
		t.Errorf("%v wait: the slow sync holds up writing", d)
	}
	feed.Await(t, 20*time.Second, feed.Reported(), testkit.InState(outputs.Confirmed))
}

// childDir names the folder a child process of TestKilled records to.
const childDir = "CROSSPOINT_RECORD_CHILD"

// killedFiles are what it records to.
var killedFiles = []string{"show.mkv", "show.mp4"}

// toldFeed prints the time of each packet that the recorder of a file takes, after its name.
type toldFeed struct {
	*testkit.LiveFeed
	name string
}

func (f toldFeed) Next(ctx context.Context) (*media.Packet, error) {
	p, err := f.LiveFeed.Next(ctx)
	if err == nil {
		fmt.Println(f.name, p.Time.Milliseconds())
	}
	return p, err
}

// recordUntilKilled is the child: it records to both containers for ever.
func recordUntilKilled(dir string) {
	c, err := testkit.MadeFeedClip()
	if err != nil {
		panic(err)
	}
	var all sync.WaitGroup
	for _, name := range killedFiles {
		o, err := New([]byte(`{"path":"`+name+`"}`), outputs.Options{BaseDir: dir})
		if err != nil {
			panic(err)
		}
		feed := testkit.NewFeed(c.Tracks, media.RecordLimits)
		all.Go(func() { feed.Play(context.Background(), c, 1) })
		all.Go(func() { panic(o.Run(context.Background(), toldFeed{feed, name})) })
	}
	all.Wait()
}

// TestKilled: kill -9 at 20 random moments; both files play up to the last second.
func TestKilled(t *testing.T) {
	t.Parallel()
	const (
		moments  = 20
		together = 5
	)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	slots := make(chan struct{}, together)
	var all sync.WaitGroup
	var delays [moments]time.Duration
	for i := range delays {
		delays[i] = 200*time.Millisecond + time.Duration(random.Int64N(int64(3*time.Second)))
	}
	for i := range moments {
		dir := t.TempDir()
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			last, err := recordAndKill(dir, delays[i])
			if err != nil {
				t.Error(err)
				return
			}
			for _, name := range killedFiles {
				got := testkit.Demux(t, filepath.Join(dir, name))
				if got.Last < last[name]-time.Second || got.BiggestGap > 70*time.Millisecond || got.Audio < got.Video {
					t.Errorf("killed %v into the stream, %s plays to %v: %+v", last[name], name, got.Last, got)
				}
			}
		})
	}
	all.Wait()
}

// recordAndKill starts a child, kills it so long after each of its recorders has taken a second
// of the stream, and returns the time of the last packet that each had taken, by its file.
func recordAndKill(dir string, after time.Duration) (last map[string]time.Duration, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	last, begun := map[string]time.Duration{}, false
	lines := bufio.NewScanner(out)
	// One whose recorders get nothing ends, too, which shows below.
	kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		ms, err := strconv.Atoi(text)
		if err != nil || !slices.Contains(killedFiles, name) {
			continue // something else that was printed
		}
		last[name] = time.Duration(ms) * time.Millisecond
		if !begun && !slices.ContainsFunc(killedFiles, func(name string) bool { return last[name] < time.Second }) {
			begun = true
			kill.Reset(after)
		}
	}
	_, _ = io.Copy(io.Discard, out) // the pipe is at its end
	kill.Stop()
	if len(last) == 0 {
		_ = cmd.Process.Kill() // it has printed nothing: it is dead or useless
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		return nil, fmt.Errorf("the recording process ended with %w", err)
	}
	for _, name := range killedFiles {
		if last[name] == 0 {
			return nil, fmt.Errorf("nothing was recorded to %s", name)
		}
	}
	return last, nil
}
