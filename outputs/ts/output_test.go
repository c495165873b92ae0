package ts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/outputs"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }

func newOutput(t testing.TB, kind outputs.Kind, settings map[string]any, secret string) outputs.Output {
	t.Helper()
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	o, err := kind.New(raw, outputs.Options{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// run runs o until the test ends, and returns what stops it before, which has to come in time.
func run(t testing.TB, o outputs.Output, feed outputs.Feed) (stop func(within time.Duration)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx, feed) }()
	stop = func(within time.Duration) {
		t.Helper()
		cancel()
		select {
		case err := <-done:
			done <- err
		case <-time.After(within):
			t.Errorf("stopping takes more than %v", within)
		}
	}
	t.Cleanup(func() { stop(20 * time.Second) })
	return stop
}

// ffmpegReads decodes from url until it has seen pictures and sound.
func ffmpegReads(t testing.TB, url string, options []string, pictures int) *exec.Cmd {
	t.Helper()
	bin := os.Getenv("CROSSPOINT_FFMPEG_BIN") // the build with librist
	args := append([]string{"-hide_banner", "-v", "warning", "-analyzeduration", "500000"}, options...)
	cmd := exec.Command(filepath.Join(bin, "ffmpeg"), append(args, "-i", url, "-map", "0:v", "-map", "0:a", "-frames:v", strconv.Itoa(pictures), "-f", "null", "-stats", "-")...)
	cmd.Stderr = &bytes.Buffer{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func awaitFFmpeg(t testing.TB, cmd *exec.Cmd, pictures int) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case err := <-done:
		out := cmd.Stderr.(*bytes.Buffer).String()
		if err != nil || !strings.Contains(strings.ReplaceAll(out, " ", ""), fmt.Sprintf("frame=%d", pictures)) {
			t.Errorf("ffmpeg: %v\n%s", err, out)
		}
		if strings.Contains(out, "Continuity check failed") {
			t.Errorf("ffmpeg missed packets:\n%s", out)
		}
	case <-timer.C:
		_ = cmd.Process.Kill()
		<-done
		t.Errorf("ffmpeg did not see %d pictures:\n%s", pictures, cmd.Stderr)
	}
}

// FFmpeg reads what is sent to one host and to a multicast group on a named interface,
// and RIST with encryption; all of them stop at once.
func TestFFmpegReads(t *testing.T) {
	for _, c := range []struct {
		name string
		kind outputs.Kind
		// addresses with %d for the port
		send, read string
		options    []string // of ffmpeg
		settings   map[string]any
		secret     string
	}{
		{"unicast", UDP(), "udp://127.0.0.1:%d", "udp://127.0.0.1:%d?timeout=15000000", nil, nil, ""},
		{"multicast", UDP(), "udp://239.255.77.7:%d", "udp://239.255.77.7:%d?localaddr=127.0.0.1&timeout=15000000", nil, map[string]any{"interface": "lo", "ttl": 1}, ""},
		{"constant rate", UDP(), "udp://127.0.0.1:%d", "udp://127.0.0.1:%d?timeout=15000000", nil, map[string]any{"mux_kbps": 2000}, ""},
		{"RIST", RIST(), "rist://127.0.0.1:%d", "rist://@127.0.0.1:%d", []string{"-rist_profile", "main", "-secret", "correct-horse", "-encryption", "128"}, map[string]any{"buffer_ms": 200}, "correct-horse"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			attempts.Run(t, 3, func(a *attempts.T) {
				port := ports.Even(a)
				reader := ffmpegReads(a, fmt.Sprintf(c.read, port), c.options, testkit.FeedFPS)
				settings := map[string]any{"url": fmt.Sprintf(c.send, port)}
				for k, v := range c.settings {
					settings[k] = v
				}
				feed := testkit.NewLiveFeed(a, 1)
				stop := run(a, newOutput(a, c.kind, settings, c.secret), feed)
				awaitFFmpeg(a, reader, testkit.FeedFPS)
				last := feed.Await(a, 15*time.Second, 0, func(r outputs.Report) bool { return r.SentPackets > 20 })
				if last.State != outputs.Sending || last.AckedBytes != 0 {
					a.Errorf("report %+v: nothing is ever acknowledged", last)
				}
				stop(2 * time.Second)
			})
		})
	}
}

// Datagrams are of as many TS packets as was asked for, and so is the TTL of those to a group.
func TestDatagrams(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	group := &net.UDPAddr{IP: net.IPv4(239, 255, 77, 8), Port: ports.Free(t)}
	conn, err := net.ListenMulticastUDP("udp4", lo, group)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p := ipv4.NewPacketConn(conn)
	if err := p.SetControlMessage(ipv4.FlagTTL, true); err != nil {
		t.Fatal(err)
	}
	feed := testkit.NewLiveFeed(t, 1)
	run(t, newOutput(t, UDP(), map[string]any{"url": "udp://" + group.String(), "interface": "lo", "ttl": 3, "packet_size": 376}, ""), feed)
	buf := make([]byte, 2000)
	full := 0
	for range 200 {
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, control, _, err := p.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if control == nil || control.TTL != 3 {
			t.Fatalf("a datagram came with %v, want a TTL of 3", control)
		}
		if n%packetBytes != 0 || n > 376 || buf[0] != 0x47 {
			t.Fatalf("a datagram of %d bytes, beginning with % x", n, buf[:4])
		}
		if n == 376 {
			full++
		}
	}
	if full < 100 {
		t.Errorf("%d of 200 datagrams were full", full)
	}
	// Nobody acknowledges; as good as live it counts all the same.
	feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.SentPackets > 20 && r.Works() })
}

// What has found nobody is said; it goes on, and whoever comes later gets the stream.
func TestNobodyListens(t *testing.T) {
	port := ports.Even(t)
	feed := testkit.NewLiveFeed(t, 1)
	run(t, newOutput(t, UDP(), map[string]any{"url": fmt.Sprintf("udp://127.0.0.1:%d", port)}, ""), feed)
	said := feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return strings.Contains(r.Detail, "nothing listens") })
	if said.Works() {
		t.Error("a chain would stay with it")
	}
	conn, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, _, err := conn.ReadFrom(make([]byte, 2000)); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		kind             outputs.Kind
		settings, secret string
		want             string
	}{
		{UDP(), `{}`, "", "must look like"},
		{UDP(), `{"url":"udp://host"}`, "", "needs a port"},
		{UDP(), `{"url":"udp://:5000"}`, "", "host and port only"},
		{UDP(), `{"url":"udp://host:5000?pkt_size=1316"}`, "", "host and port only"},
		{UDP(), `{"url":"udp://@239.1.1.1:5000"}`, "", ""},
		{UDP(), `{"url":"udp://host:5000","packet_size":1000}`, "", "multiple of 188"},
		{UDP(), `{"url":"udp://host:5000","ttl":300}`, "", "0 to 255"},
		{UDP(), `{"url":"udp://host:5000","colour":1}`, "", "colour"},
		{RIST(), `{"url":"rist://host:5001"}`, "", "even"},
		{RIST(), `{"url":"rist://host:5000","profile":"advanced"}`, "", "simple or main"},
		{RIST(), `{"url":"rist://host:5000","profile":"simple"}`, "secret", "encrypts"},
		{RIST(), `{"url":"rist://host:5000","buffer_ms":1}`, "", "20 to 8000"},
		{RIST(), `{"url":"rist://host:5000"}`, "secret", ""},
	} {
		_, err := c.kind.New(json.RawMessage(c.settings), outputs.Options{Secret: c.secret})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.settings, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q", c.settings, err, c.want)
		}
	}
}

// What cannot work is said before anything is sent.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		kind     outputs.Kind
		settings map[string]any
		want     string
	}{
		{UDP(), map[string]any{"url": "udp://127.0.0.1:5000", "interface": "no-such-0"}, "no network interface"},
		{UDP(), map[string]any{"url": "udp://no-such-host.invalid:5000"}, "no address was found"},
		{UDP(), map[string]any{"url": "udp://127.0.0.1:5000", "mux_kbps": 300}, "constant rate of 300"},
		{RIST(), map[string]any{"url": "rist://no-such-host.invalid:5000"}, "no address was found"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second) // one that sends has no end
		err := newOutput(t, c.kind, c.settings, "").Run(ctx, testkit.NewLiveFeed(t, 1))
		cancel()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %q", c.settings, err, c.want)
		}
		if c.settings["interface"] != nil && outputs.IsPermanent(err) {
			t.Errorf("%v: given up for good, though the interface may come back", c.settings)
		}
	}
}

// librist can be begun and ended over and over in one process.
func TestRISTReconnects(t *testing.T) {
	port := ports.Even(t)
	feed := testkit.NewLiveFeed(t, 8)
	var before testkit.Resources
	for i := range 120 {
		if i == 60 { // what is allocated once and kept, in every arena of malloc, is there now
			before = testkit.Measure(t)
		}
		feed.Reset()
		skip := feed.Reported()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		o := newOutput(t, RIST(), map[string]any{"url": fmt.Sprintf("rist://127.0.0.1:%d", port)}, "correct-horse")
		go func() { done <- o.Run(ctx, feed) }()
		feed.Await(t, 15*time.Second, skip, func(r outputs.Report) bool { return r.State == outputs.Sending })
		cancel()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatal("Run did not end")
		}
	}
	after := testkit.Settles(t, before, 32<<20, 5*time.Second)
	t.Logf("before %v, after %v", before, after)
}

// A dry run finds names and interfaces and sends nothing.
func TestProbe(t *testing.T) {
	for _, c := range []struct {
		kind      outputs.Kind
		settings  map[string]any
		want, bad string
	}{
		{UDP(), map[string]any{"url": "udp://127.0.0.1:5000"}, "there is a way", ""},
		{UDP(), map[string]any{"url": "udp://127.0.0.1:5000", "interface": "no-such-0"}, "", "no network interface"},
		{RIST(), map[string]any{"url": "rist://127.0.0.1:5000"}, "the name is found", ""},
		{RIST(), map[string]any{"url": "rist://no-such-host.invalid:5000"}, "", "no address was found"},
	} {
		said, err := newOutput(t, c.kind, c.settings, "").(outputs.Prober).Probe(t.Context())
		if !strings.Contains(said, c.want) || (err == nil) != (c.bad == "") || err != nil && !strings.Contains(err.Error(), c.bad) {
			t.Errorf("%v: %q, %v", c.settings, said, err)
		}
	}
}

// What the system says of a datagram that it does not take reaches the operator without
// sockets and system calls.
func TestSendErrorIsPlain(t *testing.T) {
	conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
	if err != nil {
		t.Fatal(err)
	}
	l := &udpLink{conn}
	defer l.close()
	if _, err := l.send(make([]byte, 70_000)); err == nil || err.Error() != "message too long" { // more than a datagram holds
		t.Errorf("the operator reads %q", err)
	}
}

// What ended a stream is said of the stream and of where it was going.
func TestFailureIsASentence(t *testing.T) {
	o := &output{name: "udp", at: "239.1.2.3:5000"}
	muxer := errors.New("av: write packet: external error")
	ended, end := context.WithCancel(t.Context())
	end()
	for _, c := range []struct {
		name string
		s    *sender
		err  error
		want string
	}{
		{"nothing", &sender{ctx: t.Context()}, nil, ""},
		{"the network", &sender{ctx: t.Context(), failed: syscall.EMSGSIZE}, muxer, "udp: the stream cannot be sent to 239.1.2.3:5000: message too long"},
		{"the network, at the end", &sender{ctx: t.Context(), failed: syscall.EMSGSIZE}, nil, "udp: the stream cannot be sent to 239.1.2.3:5000: message too long"},
		{"the muxer", &sender{ctx: t.Context()}, muxer, "udp: the stream cannot be packed as MPEG-TS: av: write packet: external error"},
		{"the muxer, before anything is sent", nil, muxer, "udp: the stream cannot be packed as MPEG-TS: av: write packet: external error"},
		{"a stop", &sender{ctx: ended}, muxer, context.Canceled.Error()},
	} {
		got := ""
		if err := o.failed(c.s, c.err); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: the operator reads %q, want %q", c.name, got, c.want)
		}
	}
}
