package whip

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// serveBench makes this test binary a receiver in a process of its own, so that what a
// benchmark measures is the sender.
const serveBench = "CROSSPOINT_WHIP_RECEIVER"

type ignore struct{}

func (ignore) Start([]media.Track)  {}
func (ignore) Packet(*media.Packet) {}
func (ignore) End(error)            {}

func benchReceiver() {
	server := NewServer(ServerOptions{Loopback: true, Authorize: func(string, string) error { return nil }, Accept: func(string) Sink { return ignore{} }})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Printf("http://%s/show\n", l.Addr())
	_ = http.Serve(l, server) // until it is killed
}

// steadyFeed gives 8 Mb/s of pictures and Opus in real time.
type steadyFeed struct {
	tracks  []media.Track
	picture []byte
	start   time.Time
	length  time.Duration
	n, a    int64
	onLive  func()
}

func (f *steadyFeed) Tracks() []media.Track { return f.tracks }
func (f *steadyFeed) Queued() time.Duration { return 0 }
func (f *steadyFeed) RequestKeyframe()      {}
func (f *steadyFeed) Report(r outputs.Report) {
	if r.State == outputs.Confirmed {
		f.onLive()
	}
}

func (f *steadyFeed) Next(ctx context.Context) (*media.Packet, error) {
	if f.start.IsZero() {
		f.start = time.Now()
	}
	vt, at := media.TimeOf(f.n, f.tracks[0].TimeBase), media.TimeOf(f.a*960, f.tracks[1].TimeBase)
	due := min(vt, at)
	if due > f.length {
		return nil, io.EOF
	}
	timer := time.NewTimer(time.Until(f.start.Add(due)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if vt <= at {
		f.n++
		return &media.Packet{Data: f.picture, PTS: f.n, DTS: f.n, Duration: 1, Keyframe: f.n%60 == 1, Time: vt, Made: vt}, nil
	}
	f.a++
	return &media.Packet{Track: 1, Audio: true, Data: f.picture[5:325], PTS: f.a * 960, DTS: f.a * 960, Duration: 960, Keyframe: true, Time: at, Made: at}, nil
}

// BenchmarkSending publishes 8 Mb/s for four seconds to a receiver in another process and
// reports the share of a core that this process takes once it is live, all included:
// SRTP, pacing, feedback, congestion control. It may be 4 %. Setting up (DTLS) is not
// counted: it takes 20 to 40 ms once.
func BenchmarkSending(b *testing.B) {
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^$")
	cmd.Env = append(os.Environ(), serveBench+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		b.Fatal("the receiver said nothing")
	}
	url := lines.Text()
	picture := make([]byte, 8_000_000/8/30)
	_, _ = rand.Read(picture) // never fails
	for i := range picture {  // no start codes within
		picture[i] |= 1
	}
	copy(picture, []byte{0, 0, 0, 1, 0x65})
	var cpu, wall time.Duration
	for b.Loop() {
		f := &steadyFeed{length: 4 * time.Second, picture: picture, tracks: []media.Track{
			{Codec: media.H264, TimeBase: media.NewRational(1, 30), FPS: media.NewRational(30, 1), BitrateBPS: 8_000_000},
			{Codec: media.Opus, TimeBase: media.NewRational(1, 48000), SampleRateHz: 48000, Channels: 2, BitrateBPS: 128_000},
		}}
		var before time.Duration
		var start time.Time
		f.onLive = sync.OnceFunc(func() { before, start = benchCPU(b), time.Now() })
		if err := newOutput(b, url, "").Run(b.Context(), f); err != nil {
			b.Fatal(err)
		}
		if start.IsZero() {
			b.Fatal("the stream never was live")
		}
		cpu, wall = cpu+benchCPU(b)-before, wall+time.Since(start)
	}
	share := 100 * float64(cpu) / float64(wall)
	b.ReportMetric(share, "%core@8Mb/s")
	if share > 4 {
		b.Errorf("sending 8 Mb/s takes %.1f %% of a core, more than 4 %%", share)
	}
}

func benchCPU(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
