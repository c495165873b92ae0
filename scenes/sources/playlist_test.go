package sources

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
)

// naming are playlists that have a file of this machine played. Those of HLS and DASH are longer
// than what libavformat looks at first.
func naming(file string) map[string]string {
	return map[string]string{
		"HLS":    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://" + file + "\n#EXT-X-ENDLIST\n" + strings.Repeat("# nothing\n", 400),
		"concat": "ffconcat version 1.0\nfile '" + file + "'\n" + strings.Repeat("# nothing\n", 400),
		"SDP": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 40000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" +
			strings.Repeat("a=tool:nothing\r\n", 200),
		"DASH": `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" type="static" mediaPresentationDuration="PT2S">` +
			`<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000000" width="640" height="360"><BaseURL>file://` + file +
			`</BaseURL></Representation></AdaptationSet></Period><!--` + strings.Repeat(" nothing", 500) + "--></MPD>",
	}
}

// refused checks that a source ends with the sentence about playlists, and shows nothing.
func refused(t testing.TB, address string) {
	t.Helper()
	src, err := Network().New(json.RawMessage(settingsOf("url", address, "hardware", "off")), hd(640, 360, fps25))
	if err != nil {
		t.Fatal(err)
	}
	sink := newRecorder(Live, 0, 0)
	err = src.Run(t.Context(), sink)
	if err == nil || !strings.Contains(err.Error(), "sends a playlist, not a stream") || !errors.Is(err, av.ErrPlaylist) || sink.numVideo > 0 {
		t.Errorf("%s: %d pictures; ended with: %v", av.Where(address), sink.numVideo, err)
	}
}

// TestNetworkPlaylistIsRefused: who sends a stream does not choose what is opened here.
func TestNetworkPlaylistIsRefused(t *testing.T) {
	for what, text := range naming(liveClip(t)) {
		t.Run("tcp "+what, func(t *testing.T) {
			checkLeaks(t)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				for range 2 {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = c.Write([]byte(text)) // the source says what it has got
					_ = c.Close()                // as above
				}
			}()
			refused(t, "tcp://"+l.Addr().String())
			refused(t, "tcp://"+l.Addr().String()+"/live.m3u8")
			_ = l.Close() // ends the goroutine, if nothing else has
			<-sent
		})
		t.Run("udp "+what, func(t *testing.T) {
			checkLeaks(t)
			address := fmt.Sprintf("127.0.0.1:%d", ports.Free(t))
			c, err := net.Dial("udp", address)
			if err != nil {
				t.Fatal(err)
			}
			enough, sent := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(sent)
				defer c.Close() // nothing is waited for
				for {
					_, _ = c.Write([]byte(text)) // nobody may listen yet
					select {
					case <-enough:
						return
					case <-time.After(50 * time.Millisecond):
					}
				}
			}()
			refused(t, "udp://"+address)
			close(enough)
			<-sent
		})
	}
}

func TestNetworkPlaylistOverSRTIsRefused(t *testing.T) {
	for what, text := range naming(liveClip(t)) {
		t.Run(what, func(t *testing.T) {
			attempts.Run(t, 3, func(a *attempts.T) { refusedOverSRT(a, text) })
		})
	}
}

func refusedOverSRT(t testing.TB, text string) {
	checkLeaks(t)
	port := ports.Free(t)
	enough, sent := make(chan struct{}), make(chan error, 1)
	go func() {
		w, err := av.OpenProtocol(fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&listen_timeout=20000000", port), nil)
		if err == nil {
			for at := 0; at < len(text); at += 1316 {
				w.Write([]byte(text[at:min(at+1316, len(text))]))
			}
			<-enough
			w.Close()
		}
		sent <- err
	}()
	refused(t, fmt.Sprintf("srt://127.0.0.1:%d", port))
	close(enough)
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// TestNetworkPlaylistNamesNoFile: by HTTP playlists are read, and files are not.
func TestNetworkPlaylistNamesNoFile(t *testing.T) {
	lists := naming(liveClip(t))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(lists[strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), filepath.Ext(r.URL.Path))])) // the source says what it has got
	}))
	defer server.Close()
	for _, path := range []string{"/HLS.m3u8", "/DASH.mpd", "/concat.txt"} {
		src, err := Network().New(json.RawMessage(settingsOf("url", server.URL+path, "timeout_s", 3, "hardware", "off")), hd(640, 360, fps25))
		if err != nil {
			t.Fatal(err)
		}
		sink := newRecorder(Live, 0, 0)
		if err := src.Run(t.Context(), sink); err == nil || sink.numVideo > 0 {
			t.Errorf("%s: %d pictures; ended with: %v", path, sink.numVideo, err)
		}
	}
}

// TestNetworkReach: no scheme lets the far end have a file read.
func TestNetworkReach(t *testing.T) {
	for _, scheme := range []string{"rtmp", "rtmps", "rtsp", "rtsps", "srt", "udp", "rtp", "tcp", "http", "https"} {
		s := networkSettings{URL: scheme + "://127.0.0.1:9", RTSPTransport: "tcp", SRTLatencyMS: 120, TimeoutS: 10, Hardware: "off", Deinterlace: "auto"}
		in, err := s.input()
		if err != nil {
			t.Fatal(err)
		}
		reach := strings.Split(in.options.Options["protocol_whitelist"], ",")
		for _, name := range reach {
			switch name {
			case "rtmp", "rtmps", "rtsp", "rtsps", "srt", "udp", "rtp", "tcp", "tls", "http", "https", "httpproxy", "crypto", "data":
			default:
				t.Errorf("%s reaches %q", scheme, name)
			}
		}
		if !strings.Contains(","+strings.Join(reach, ",")+",", ","+scheme+",") {
			t.Errorf("%s does not reach itself: %q", scheme, reach)
		}
	}
}
