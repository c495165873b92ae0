package rtmp

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/internal/media/h264"
	"crosspoint.studio/crosspoint/internal/media/hevc"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/outputs"
)

// Tests against other people's software: nginx with its RTMP module, and ffmpeg.

// start runs a program until the test ends and returns its process.
func start(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s is needed for this test (packaging/apt.sh test): %v", name, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGCONT)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, out.String())
		}
	})
	return cmd
}

// waitPort waits until something accepts connections.
func waitPort(t testing.TB, port int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		timer := time.NewTimer(20 * time.Millisecond)
		<-timer.C
	}
}

type nginx struct {
	cmd        *exec.Cmd
	rtmp, http int
}

func startNginx(t testing.TB) nginx {
	t.Helper()
	dir := t.TempDir()
	n := nginx{rtmp: ports.Free(t), http: ports.Free(t)}
	config := fmt.Sprintf(`load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; master_process off; worker_processes 1; user root; pid %[1]s/pid; error_log %[1]s/error.log notice;
events { worker_connections 64; }
rtmp { server { listen 127.0.0.1:%[2]d; chunk_size 4096; ping 2s; ping_timeout 2s;
  application live { live on; wait_key on; }
  application deny { live on; deny publish all; } } }
http { access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  server { listen 127.0.0.1:%[3]d; location /stat { rtmp_stat all; } } }
`, dir, n.rtmp, n.http)
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	n.cmd = start(t, "/usr/sbin/nginx", "-c", path, "-p", dir, "-e", filepath.Join(dir, "error.log"))
	waitPort(t, n.rtmp)
	waitPort(t, n.http)
	return n
}

func (n nginx) url(app string) string { return fmt.Sprintf("rtmp://127.0.0.1:%d/%s", n.rtmp, app) }

// stream is what nginx's statistics say of stream name.
type nginxStream struct {
	Name    string `xml:"name"`
	BytesIn int64  `xml:"bytes_in"`
	Width   int    `xml:"meta>video>width"`
	Video   string `xml:"meta>video>codec"`
	Audio   string `xml:"meta>audio>codec"`
}

func (n nginx) stat(t testing.TB, name string) (s nginxStream, found bool) {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/stat", n.http))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read below
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var stat struct {
		Streams []nginxStream `xml:"server>application>live>stream"`
	}
	if err := xml.Unmarshal(body, &stat); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, s := range stat.Streams {
		if s.Name == name {
			return s, true
		}
	}
	return nginxStream{}, false
}

// clip is real coded media.
type clip struct {
	tracks  []media.Track
	packets []*media.Packet
}

// makeClip encodes seconds of a test picture and a tone with the given ffmpeg.
func makeClip(t testing.TB, ffmpeg string, codec media.Codec, seconds int) clip {
	t.Helper()
	dir := t.TempDir()
	video, audio := filepath.Join(dir, "v"), filepath.Join(dir, "a.aac")
	args := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=30", "-f", "lavfi", "-i", "sine=f=440:r=48000", "-t", strconv.Itoa(seconds)}
	args = append(args, "-map", "1:a", "-c:a", "aac", "-ac", "2", "-b:a", "96k", audio, "-t", strconv.Itoa(seconds), "-map", "0:v", "-pix_fmt", "yuv420p", "-g", "30", "-bf", "0", "-b:v", "400k")
	switch codec {
	case media.H264:
		args = append(args, "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bsf:v", "h264_metadata=aud=insert", "-f", "h264", video)
	case media.HEVC:
		args = append(args, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:bframes=0:aud=1:repeat-headers=1", "-f", "hevc", video)
	case media.AV1:
		args = append(args, "-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "rc=2:pred-struct=1", "-f", "obu", video)
	}
	cmd := exec.Command(ffmpeg, args...)
	cmd.Env = append(os.Environ(), "SVT_LOG=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	v, err := os.ReadFile(video)
	if err != nil {
		t.Fatal(err)
	}
	a, err := os.ReadFile(audio)
	if err != nil {
		t.Fatal(err)
	}
	c := clip{tracks: testTracks(t)}
	c.tracks[0].Codec = codec
	var units []*media.Packet
	units, c.tracks[0].Extradata = accessUnits(t, codec, v)
	sounds, asc := adts(t, a)
	c.tracks[1].Extradata = asc
	for i := range max(len(units), len(sounds)) { // 30 and 46.9 a second
		if i < len(units) {
			units[i].DTS, units[i].PTS, units[i].Time = int64(i), int64(i), media.TimeOf(int64(i), c.tracks[0].TimeBase)
			c.packets = append(c.packets, units[i])
		}
		for j := i * 1600 / 1024; j < min((i+1)*1600/1024, len(sounds)); j++ {
			p := sounds[j]
			p.DTS, p.PTS, p.Time = int64(j)*1024, int64(j)*1024, media.TimeOf(int64(j)*1024, c.tracks[1].TimeBase)
			c.packets = append(c.packets, p)
		}
	}
	return c
}

// accessUnits splits a stream at its delimiters.
func accessUnits(t testing.TB, codec media.Codec, b []byte) (units []*media.Packet, extradata []byte) {
	t.Helper()
	begin := func() { units = append(units, &media.Packet{Track: 0}) }
	if codec == media.AV1 {
		for len(b) > 0 {
			kind, whole, _, rest, err := nextOBU(b)
			if err != nil {
				t.Fatal(err)
			}
			if kind == obuTemporalDelimiter {
				begin()
			}
			last := units[len(units)-1]
			last.Data = append(last.Data, whole...)
			if kind == obuSequenceHeader {
				last.Keyframe = true
				if extradata == nil {
					extradata = bytes.Clone(whole)
				}
			}
			b = rest
		}
		return units, extradata
	}
	for nal := range h264.NALUnits(b) {
		var delimiter, key, set bool
		if codec == media.H264 {
			k := h264.Type(nal)
			delimiter, key, set = k == h264.TypeAUD, k == h264.TypeIDR, k == h264.TypeSPS || k == h264.TypePPS
		} else {
			k := hevc.Type(nal)
			delimiter, key, set = k == hevc.TypeAUD, hevc.IsKeyframe(k), hevc.IsParameterSet(k)
		}
		if delimiter {
			begin()
		}
		last := units[len(units)-1]
		last.Data = h264.AppendStartCode(last.Data, nal)
		last.Keyframe = last.Keyframe || key
		if set && len(units) == 1 {
			extradata = h264.AppendStartCode(extradata, nal)
		}
	}
	return units, extradata
}

// adts splits an ADTS stream (ISO/IEC 13818-7 6.2) and makes its configuration.
func adts(t testing.TB, b []byte) (packets []*media.Packet, asc []byte) {
	t.Helper()
	for len(b) > 7 {
		size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
		if b[0] != 0xff || size < 7 || size > len(b) {
			t.Fatal("not ADTS")
		}
		rate, channels := b[2]>>2&15, b[2]&1<<2|b[3]>>6
		asc = []byte{(b[2]>>6+1)<<3 | rate>>1, rate<<7 | channels<<3}
		packets = append(packets, &media.Packet{Track: 1, Audio: true, Keyframe: true, Data: b[7:size]})
		b = b[size:]
	}
	return packets, asc
}

// play feeds a clip of seconds over and over at real pace until ctx ends: to its end then, the
// first time.
func (f *testFeed) play(ctx context.Context, c clip, seconds int64) {
	begin := time.Now()
	for offset := int64(0); ; offset += seconds {
		for _, p := range c.packets {
			again := *p
			units := offset * int64(c.tracks[p.Track].TimeBase.Inv().Float())
			again.DTS, again.PTS, again.Time = p.DTS+units, p.PTS+units, p.Time+time.Duration(offset)*time.Second
			timer := time.NewTimer(again.Time - time.Since(begin))
			<-timer.C
			if offset > 0 && ctx.Err() != nil {
				return
			}
			f.q.Put(&again)
		}
	}
}

func TestNginx(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { nginxTakes(a) })
}

func nginxTakes(t testing.TB) {
	n := startNginx(t)
	c := makeClip(t, "ffmpeg", media.H264, 5)
	feed := newTestFeed(c.tracks, media.LiveLimits)
	result := running(t.Context(), t, newPublisher(t, n.url("live"), "streamkey"), feed)
	playing, enough := context.WithCancel(t.Context())
	played := make(chan struct{})
	go func() { defer close(played); defer feed.q.Close(); feed.play(playing, c, 5) }()
	defer func() { enough(); <-played }()
	feed.waitState(t, outputs.Confirmed, 20*time.Second)
	probing, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	out, err := exec.CommandContext(probing, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,sample_rate,profile", "-of", "compact=p=0", n.url("live")+"/streamkey").CombinedOutput()
	if err != nil {
		t.Errorf("ffprobe: %v\n%s", err, out)
	}
	for _, want := range []string{"codec_name=h264", "width=320", "codec_name=aac|profile=LC|sample_rate=48000"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("ffprobe says %s, want %s in it", out, want)
		}
	}
	s, _ := n.stat(t, "streamkey")
	if s.Width != 320 || s.Video != "H264" || s.Audio != "AAC" {
		t.Errorf("nginx's statistics: %+v", s)
	}
	// A second publisher of the same name is told so, and the first goes on.
	refusing, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	second := newPublisher(t, n.url("live"), "streamkey").Run(refusing, newTestFeed(c.tracks, media.LiveLimits))
	enough()
	if second == nil || !strings.Contains(second.Error(), "the stream name is in use") || outputs.IsPermanent(second) {
		t.Errorf("a second publisher gets %v", second)
	}
	<-played
	if err := <-result; err != nil {
		t.Errorf("Run = %v", err)
	}
	if got := feed.states(); got != "resolving connecting handshaking sending live" {
		t.Errorf("states: %s", got)
	}
	last := feed.lastReport()
	t.Logf("last report: %+v; queue dropped %d", last, feed.q.Stats().Dropped)
	if last.AckedBytes < 60_000 || feed.q.Stats().Dropped != 0 {
		t.Errorf("last report %+v, %d packets dropped", last, feed.q.Stats().Dropped)
	}
	for deadline := time.Now().Add(3 * time.Second); ; {
		if _, still := n.stat(t, "streamkey"); !still {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the stream is still there after the goodbye")
		}
	}
	for app, want := range map[string]string{"deny": "the stream key may be wrong, or publishing is not allowed", "missing": `instead of opening the application "missing"`} {
		feed := newTestFeed(c.tracks, media.LiveLimits)
		for _, p := range c.packets[:20] {
			feed.q.Put(p)
		}
		err := newPublisher(t, n.url(app), "key").Run(t.Context(), feed)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("application %s gives %v, want …%s…", app, err, want)
		}
		if strings.Contains(feed.states(), "live") {
			t.Errorf("application %s was called live: %s", app, feed.states())
		}
	}
}

func TestFrozenServer(t *testing.T) {
	t.Parallel()
	n := startNginx(t)
	feed := newTestFeed(testTracks(t), media.LiveLimits)
	out := newPublisher(t, n.url("live"), "key")
	out.limits.degraded, out.limits.stalled = time.Second, 3*time.Second
	pumping, stop := context.WithCancel(t.Context())
	pumped := make(chan struct{})
	go func() { defer close(pumped); feed.pump(pumping, 200_000) }() // 48 Mb/s: fills the peer's kernel soon
	defer func() { stop(); <-pumped }()
	result := make(chan error, 1)
	go func() { result <- out.Run(t.Context(), feed) }()
	feed.waitState(t, outputs.Confirmed, 20*time.Second)
	if err := n.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	frozen := time.Now()
	feed.waitStateAfter(t, feed.reported(), outputs.Degraded, 8*time.Second)
	degraded := time.Since(frozen)
	select {
	case err := <-result:
		if err == nil || !strings.Contains(err.Error(), "has stopped taking the stream") || outputs.IsPermanent(err) {
			t.Errorf("Run = %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("still trying after 20s")
	}
	s := feed.q.Stats()
	t.Logf("degraded after %v, given up after %v; queue holds %v (%d bytes), dropped %d; last report %+v", degraded, time.Since(frozen), s.Depth, s.Bytes, s.Dropped, feed.lastReport())
	// Pictures go at 900 ms; sound is kept, so the queue grows by sound alone.
	if s.Dropped == 0 || s.Bytes > 12<<20 {
		t.Errorf("the queue dropped %d and holds %d bytes", s.Dropped, s.Bytes)
	}
}

func TestStopWhileFrozen(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { stopWhileFrozen(a) })
}

func stopWhileFrozen(t testing.TB) {
	n := startNginx(t)
	feed := newTestFeed(testTracks(t), media.LiveLimits)
	pumping, stop := context.WithCancel(t.Context())
	pumped := make(chan struct{})
	go func() { defer close(pumped); feed.pump(pumping, 200_000) }()
	defer func() { stop(); <-pumped }()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := newPublisher(t, n.url("live"), "key")
	out.limits.degraded = time.Second
	result := running(ctx, t, out, feed)
	feed.waitState(t, outputs.Confirmed, 20*time.Second)
	if err := n.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	feed.waitStateAfter(t, feed.reported(), outputs.Degraded, 8*time.Second)
	cancel()
	begin := time.Now()
	<-result
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("stopped after %v, want 2s at most", d)
	}
}
