package sources

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit/attempts"
)

// untrusted is why a source whose server's certificate nobody vouches for does not open.
func untrusted(t testing.TB, address string) {
	t.Helper()
	src, err := Network().New(json.RawMessage(settingsOf("url", address, "timeout_s", 10)), hd(640, 360, fps25))
	if err != nil {
		t.Fatal(err)
	}
	err = src.Run(t.Context(), newRecorder(Live, 0, 0))
	if err == nil || !strings.Contains(err.Error(), "is not trusted (certificate signed by unknown authority): check the address, or set") {
		t.Errorf("%s ended with: %v", address, err)
	} else {
		t.Log(err)
	}
}

// TestNetworkChecksCertificates: of an address, and of what a playlist leads to.
func TestNetworkChecksCertificates(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { checksCertificates(a) })
}

func checksCertificates(t testing.TB) {
	dir := t.TempDir()
	secure := httptest.NewUnstartedServer(http.FileServer(http.Dir(dir)))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of those who refuse it
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(plain.Close)
	out, err := exec.Command(ffmpegProgram(), "-v", "error", "-i", liveClip(t), "-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod",
		"-hls_base_url", secure.URL+"/", filepath.Join(dir, "cam.m3u8")).CombinedOutput()
	if err != nil {
		t.Fatalf("making a playlist: %v: %s", err, out)
	}
	untrusted(t, secure.URL+"/cam.m3u8")
	pullUnchecked(t, settingsOf("url", secure.URL+"/cam.m3u8", "hardware", "off", "insecure", true), 40)

	src, err := Network().New(json.RawMessage(settingsOf("url", plain.URL+"/cam.m3u8", "timeout_s", 10)), hd(640, 360, fps25))
	if err != nil {
		t.Fatal(err)
	}
	sink := newRecorder(Live, 0, 0)
	if err := src.Run(t.Context(), sink); err == nil || sink.numVideo > 0 {
		t.Errorf("%d pictures of segments whose server is not trusted; ended with %v", sink.numVideo, err)
	} else {
		t.Log(err)
	}
	pullUnchecked(t, settingsOf("url", plain.URL+"/cam.m3u8", "hardware", "off", "insecure", true), 40)
}

func TestNetworkChecksCertificatesOfRTMPS(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { checksCertificatesOfRTMPS(a) })
}

func checksCertificatesOfRTMPS(t testing.TB) {
	port := startNginx(t)
	spawn(t, ffmpegProgram(), sendArgs(liveClip(t), "-f", "flv", fmt.Sprintf("rtmp://127.0.0.1:%d/live/cam", port))...)
	address := "rtmps://" + inTLS(t, fmt.Sprintf("127.0.0.1:%d", port)) + "/live/cam"
	untrusted(t, address)
	pullUnchecked(t, settingsOf("url", address, "hardware", "off", "insecure", true), 40)
}

// inTLS is the address of a relay to server, with the certificate of httptest.
func inTLS(t testing.TB, server string) string {
	t.Helper()
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certificate.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() }) // ends the loop
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.DialTimeout("tcp", server, time.Second)
			if err != nil {
				_ = from.Close() // the far end sees that
				continue
			}
			for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
				go func() {
					_, _ = io.Copy(way[0], way[1]) // either end may leave
					_, _ = way[0].Close(), way[1].Close()
				}()
			}
		}
	}()
	return listener.Addr().String()
}
