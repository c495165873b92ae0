package whip

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"

	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/outputs"
)

// janus is the Janus SFU in a process of its own, with a WHIP endpoint before it that
// speaks to its VideoRoom as simple-whip-server does.
type janus struct {
	t    testing.TB
	api  string
	cmd  *exec.Cmd
	http *httptest.Server

	mu        sync.Mutex
	session   string   // guarded by mu; path of the last one
	handle    string   // guarded by mu
	publisher int64    // guarded by mu
	offer     string   // guarded by mu; as ICE stands now
	seen      []string // guarded by mu; requests
}

const janusConfig = `general: {
	configs_folder = "%[1]s"
	plugins_folder = "/usr/lib/%[3]s/janus/plugins"
	transports_folder = "/usr/lib/%[3]s/janus/transports"
	events_folder = "%[1]s"
	loggers_folder = "%[1]s"
	debug_level = 2
	session_timeout = 60
}
media: { slowlink_threshold = 0 }
nat: { full_trickle = false }
plugins: { disable = "libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_voicemail.so" }
transports: { disable = "libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so,libjanus_websockets.so" }
`

// needsJanus skips a test where the distribution has no Janus (Debian 13); elsewhere it has
// to be there.
func needsJanus(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("janus"); err != nil {
		asked := exec.CommandContext(t.Context(), "apt-cache", "policy", "janus")
		asked.Env = append(os.Environ(), "LC_ALL=C") // its words are those of the locale
		policy, err := asked.Output()
		if err == nil && !strings.Contains(string(policy), "Candidate: ") || strings.Contains(string(policy), "Candidate: (none)") {
			t.Skip("this distribution has no package of Janus")
		}
		t.Fatal("janus is not installed: packaging/apt.sh test does that")
	}
}

func startJanus(t testing.TB) *janus {
	dir := t.TempDir()
	port := ports.Free(t)
	libraries, err := filepath.Glob("/usr/lib/*/janus/plugins")
	if err != nil || len(libraries) != 1 {
		t.Fatalf("janus is not installed: %v %v", libraries, err)
	}
	arch := strings.Split(libraries[0], "/")[3]
	for name, text := range map[string]string{
		"janus.jcfg":                  fmt.Sprintf(janusConfig, dir, port, arch),
		"janus.transport.http.jcfg":   fmt.Sprintf("general: {\n\tjson = \"compact\"\n\tbase_path = \"/janus\"\n\thttp = true\n\tport = %d\n\tip = \"127.0.0.1\"\n\thttps = false\n}\n", port),
		"janus.plugin.videoroom.jcfg": "room-1234: {\n\tdescription = \"programme\"\n\tpublishers = 4\n\tbitrate = 0\n\taudiocodec = \"opus\"\n\tvideocodec = \"h264\"\n\ttransport_wide_cc_ext = true\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j := &janus{t: t, api: fmt.Sprintf("http://127.0.0.1:%d/janus", port), cmd: exec.Command("janus", "-F", dir)}
	var log bytes.Buffer
	j.cmd.Stdout, j.cmd.Stderr = &log, &log
	if err := j.cmd.Start(); err != nil {
		t.Fatalf("start janus: %v", err)
	}
	j.http = httptest.NewServer(http.HandlerFunc(j.whip))
	t.Cleanup(func() {
		_ = j.cmd.Process.Signal(syscall.SIGCONT)
		_ = j.cmd.Process.Kill()
		_ = j.cmd.Wait() // killed
		j.http.CloseClientConnections()
		j.http.Close()
		if t.Failed() {
			t.Logf("janus said:\n%s", log.String())
		}
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(j.api + "/info")
		if err == nil {
			res.Body.Close()
			return j
		}
		if time.Now().After(end) {
			t.Fatalf("janus does not answer: %v\n%s", err, log.String())
		}
	}
}

type janusReply struct {
	Janus string `json:"janus"`
	Error *struct {
		Reason string `json:"reason"`
	} `json:"error"`
	Data struct {
		ID json.Number `json:"id"`
	} `json:"data"`
	Plugin struct {
		Data map[string]any `json:"data"`
	} `json:"plugindata"`
	JSEP struct {
		SDP string `json:"sdp"`
	} `json:"jsep"`
}

// ask sends a request to Janus.
func (j *janus) ask(ctx context.Context, path string, body map[string]any) (janusReply, error) {
	body["transaction"] = "t"
	raw, err := json.Marshal(body)
	if err != nil {
		return janusReply{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, j.api+path, bytes.NewReader(raw))
	if err != nil {
		return janusReply{}, err
	}
	return j.reply(req)
}

func (j *janus) reply(req *http.Request) (r janusReply, err error) {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	d := json.NewDecoder(res.Body)
	d.UseNumber()
	if err := d.Decode(&r); err != nil {
		return r, err
	}
	if r.Error != nil {
		return r, errors.New(r.Error.Reason)
	}
	return r, nil
}

// message sends a request to the VideoRoom and waits for its event.
func (j *janus) message(ctx context.Context, session, handle string, body map[string]any, offer string) (janusReply, error) {
	m := map[string]any{"janus": "message", "body": body}
	if offer != "" {
		m["jsep"] = map[string]any{"type": "offer", "sdp": offer}
	}
	r, err := j.ask(ctx, session+handle, m)
	for err == nil && r.Janus != "event" && r.Janus != "success" {
		var req *http.Request
		if req, err = http.NewRequestWithContext(ctx, http.MethodGet, j.api+session+"?maxev=1", nil); err == nil {
			r, err = j.reply(req)
		}
	}
	if text, ok := r.Plugin.Data["error"].(string); ok && err == nil {
		err = errors.New(text)
	}
	return r, err
}

// whip is the endpoint and its resource.
func (j *janus) whip(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // Janus judges it
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seen = append(j.seen, strings.TrimSpace(r.Method+" "+r.Header.Get("If-Match")))
	var err error
	switch r.Method {
	case http.MethodPost:
		err = j.publish(r.Context(), w, string(body))
	case http.MethodPatch:
		err = j.patch(r.Context(), w, string(body))
	case http.MethodDelete:
		_, err = j.ask(r.Context(), j.session, map[string]any{"janus": "destroy"})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
}

func (j *janus) publish(ctx context.Context, w http.ResponseWriter, offer string) error {
	r, err := j.ask(ctx, "", map[string]any{"janus": "create"})
	if err != nil {
		return err
	}
	j.session = "/" + r.Data.ID.String()
	if r, err = j.ask(ctx, j.session, map[string]any{"janus": "attach", "plugin": "janus.plugin.videoroom"}); err != nil {
		return err
	}
	j.handle, j.offer = "/"+r.Data.ID.String(), offer
	if r, err = j.message(ctx, j.session, j.handle, map[string]any{"request": "join", "ptype": "publisher", "room": 1234}, ""); err != nil {
		return err
	}
	id, _ := r.Plugin.Data["id"].(json.Number)
	j.publisher, _ = id.Int64()
	if r, err = j.message(ctx, j.session, j.handle, map[string]any{"request": "publish"}, offer); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/sdp")
	w.Header().Set("Location", "/resource/1")
	w.Header().Set("ETag", `"1"`)
	w.Header().Set("Accept-Patch", fragmentType)
	w.WriteHeader(http.StatusCreated)
	_, err = io.WriteString(w, r.JSEP.SDP)
	return err
}

func (j *janus) patch(ctx context.Context, w http.ResponseWriter, text string) error {
	f, err := parseFragment(text)
	if err != nil {
		return err
	}
	before, err := parseFragment(j.offer)
	if err != nil {
		return err
	}
	if f.ufrag == before.ufrag {
		for _, c := range f.candidates {
			if _, err := j.ask(ctx, j.session+j.handle, map[string]any{"janus": "trickle", "candidate": map[string]any{"candidate": "candidate:" + c, "sdpMid": f.mid, "sdpMLineIndex": 0}}); err != nil {
				return err
			}
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	j.offer = withICE(j.offer, f)
	r, err := j.message(ctx, j.session, j.handle, map[string]any{"request": "configure"}, j.offer)
	if err != nil {
		return err
	}
	own, err := parseFragment(r.JSEP.SDP)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", fragmentType)
	w.Header().Set("ETag", `"2"`)
	_, err = io.WriteString(w, own.String())
	return err
}

// forward has Janus send its publisher's pictures on, and ffmpeg decode so many of them.
func (j *janus) forward(t testing.TB, pictures int) {
	t.Helper()
	port := ports.Even(t)
	sdp := filepath.Join(t.TempDir(), "x.sdp")
	text := fmt.Sprintf("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video %d RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", port)
	if err := os.WriteFile(sdp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ffmpeg := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-v", "error", "-protocol_whitelist", "file,udp,rtp", "-i", sdp, "-frames:v", fmt.Sprint(pictures), "-f", "null", "-stats", "-")
	var out bytes.Buffer
	ffmpeg.Stderr = &out
	if err := ffmpeg.Start(); err != nil {
		t.Fatal(err)
	}
	j.mu.Lock()
	session, publisher := j.session, j.publisher
	j.mu.Unlock()
	r, err := j.ask(ctx, session, map[string]any{"janus": "attach", "plugin": "janus.plugin.videoroom"})
	if err == nil {
		_, err = j.message(ctx, session, "/"+r.Data.ID.String(), map[string]any{
			"request": "rtp_forward", "room": 1234, "publisher_id": publisher, "host": "127.0.0.1", "video_port": port, "video_pt": 96,
		}, "")
	}
	if err != nil {
		t.Errorf("rtp_forward: %v", err)
		cancel()
	}
	if err := ffmpeg.Wait(); err != nil || !strings.Contains(strings.ReplaceAll(out.String(), " ", ""), fmt.Sprintf("frame=%d", pictures)) {
		t.Errorf("ffmpeg behind janus: %v\n%s", err, out.String())
	}
}

// Janus takes the stream, what it sends on can be decoded, its feedback reaches the
// congestion control, and when it has been gone for seconds ICE is restarted in the
// same session.
func TestJanus(t *testing.T) {
	t.Parallel()
	needsJanus(t)
	attempts.Run(t, 3, func(a *attempts.T) { janusTakes(a) })
}

func janusTakes(t testing.TB) {
	j := startJanus(t)
	feed := newSettable(t, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := running(ctx, t, newOutput(t, j.http.URL+"/whip", ""), feed)
	feed.await(t, 15*time.Second, "confirmed", confirmed)
	j.forward(t, 30)
	feed.await(t, 3*time.Second, "measured", func(r outputs.Report) bool { return r.BandwidthBPS > 0 && r.State == outputs.Confirmed })
	t.Logf("%+v", feed.last())

	if err := j.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	feed.await(t, 8*time.Second, "degraded", func(r outputs.Report) bool { return r.Detail == "the server does not answer" })
	if err := j.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	feed.await(t, 8*time.Second, "live again", confirmed)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if got := strings.Join(j.seen, ", "); got != `OPTIONS, POST, PATCH "*", DELETE` {
		t.Errorf("the endpoint saw %s", got)
	}
}

// substreams has Janus send each layer of its publisher on to a port of its own, and returns
// the first so many whole pictures that come to each.
func (j *janus) substreams(t testing.TB, pictures int) [maxLayers][][]byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var conns [maxLayers]*net.UDPConn
	stream := map[string]any{"mid": "0", "host": "127.0.0.1", "simulcast": false}
	for i, name := range []string{"port", "port_2", "port_3"} {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
		stream[name] = c.LocalAddr().(*net.UDPAddr).Port
	}
	j.mu.Lock()
	session, publisher := j.session, j.publisher
	j.mu.Unlock()
	r, err := j.ask(ctx, session, map[string]any{"janus": "attach", "plugin": "janus.plugin.videoroom"})
	if err == nil {
		_, err = j.message(ctx, session, "/"+r.Data.ID.String(), map[string]any{
			"request": "rtp_forward", "room": 1234, "publisher_id": publisher, "host": "127.0.0.1", "streams": []any{stream},
		}, "")
	}
	if err != nil {
		t.Fatalf("rtp_forward: %v", err)
	}
	var got [maxLayers][][]byte
	for i, c := range conns {
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		var order reorder
		join := codecTable[0].newAssembler()
		buf := make([]byte, 2048)
		for len(got[i]) < pictures {
			n, err := c.Read(buf)
			if err != nil {
				t.Errorf("%d pictures of substream %d came: %v", len(got[i]), i, err)
				break
			}
			p := &rtp.Packet{}
			if err := p.Unmarshal(bytes.Clone(buf[:n])); err != nil {
				t.Fatal(err)
			}
			order.push(p, time.Now(), func(p *rtp.Packet, gap bool) {
				join.push(p, gap, func(u unit) { got[i] = append(got[i], u.data) })
			})
		}
	}
	return got
}

// streams is what Janus says of its publisher's pictures.
func (j *janus) streams(t testing.TB) map[string]any {
	t.Helper()
	j.mu.Lock()
	session := j.session
	j.mu.Unlock()
	r, err := j.ask(t.Context(), session, map[string]any{"janus": "attach", "plugin": "janus.plugin.videoroom"})
	if err == nil {
		r, err = j.message(t.Context(), session, "/"+r.Data.ID.String(), map[string]any{"request": "join", "ptype": "publisher", "room": 1234}, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	publishers, _ := r.Plugin.Data["publishers"].([]any)
	for _, p := range publishers {
		list, _ := p.(map[string]any)["streams"].([]any)
		for _, s := range list {
			if m, _ := s.(map[string]any); m["type"] == "video" {
				return m
			}
		}
	}
	t.Fatalf("janus lists %v", r.Plugin.Data)
	return nil
}

// Janus takes three layers, says that they are simulcast, and sends each on by itself, every
// picture as it was.
func TestJanusSimulcast(t *testing.T) {
	t.Parallel()
	needsJanus(t)
	j := startJanus(t)
	feed := newLayered(t, time.Minute, 2)
	// Each layer shows two seconds that no other one does, again and again.
	layers := []*playout{feed.playout, feed.more[0].playout, feed.more[1].playout}
	whole := feed.clip
	for i, l := range layers {
		l.clip = &clipMedia{video: whole.video[2*i*clipFPS : 2*(i+1)*clipFPS], audio: whole.audio}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- newOutput(t, j.http.URL+"/whip", "").Run(ctx, feed) }()
	feed.await(t, 15*time.Second, "confirmed", confirmed)
	feed.mu.Lock()
	if len(feed.taken) != 1 || !slices.Equal(feed.taken[0], []bool{true, true}) {
		t.Errorf("janus took %v of the further layers", feed.taken)
	}
	feed.mu.Unlock()
	if s := j.streams(t); s["simulcast"] != true || s["codec"] != "h264" {
		t.Errorf("janus says of the pictures: %v", s)
	}
	got := j.substreams(t, 20)
	cancel()
	<-done
	seen := map[string]bool{}
	for i, pictures := range got {
		name := "none"
		for k, l := range layers {
			sent := map[string]bool{}
			for _, au := range l.clip.video {
				sent[string(canonical(au))] = true
			}
			if !slices.ContainsFunc(pictures, func(au []byte) bool { return !sent[string(au)] }) {
				name = []string{"h", "m", "l"}[k]
			}
		}
		if name == "none" || seen[name] || len(pictures) < 20 {
			t.Errorf("substream %d has %d pictures, of layer %s", i, len(pictures), name)
		}
		seen[name] = true
		t.Logf("substream %d is layer %s", i, name)
	}
}
