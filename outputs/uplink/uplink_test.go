package uplink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/app/rehearsal"
	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media/h264"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/faults"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/rtmp"
	"crosspoint.studio/crosspoint/outputs/srt"
)

func TestMain(m *testing.M) {
	av.RouteLogs(slog.New(slog.DiscardHandler))
	leaks.VerifyTestMain(m)
}

func receiver(t testing.TB) *rehearsal.Receiver {
	t.Helper()
	r, err := rehearsal.Start(t.Context(), rehearsal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func output(t testing.TB, k outputs.Kind, address, secret string) outputs.Output {
	t.Helper()
	raw, err := json.Marshal(map[string]string{"url": address})
	if err != nil {
		t.Fatal(err)
	}
	out, err := k.New(raw, outputs.Options{Secret: secret, UserAgent: "Crosspoint/test"})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func host(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// wantRate: a narrow line's rate within 15 %.
func wantRate(t testing.TB, out outputs.Output, wantKbps int) {
	t.Helper()
	began := time.Now()
	got, err := Measure(t.Context(), out, Options{MaxKbps: 3 * wantKbps, Duration: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v after %v", got, time.Since(began))
	if got.RTT <= 0 {
		t.Error("no round trip was measured")
	}
	if got.AtLeast || got.Kbps < wantKbps*85/100 || got.Kbps > wantKbps*115/100 {
		t.Errorf("measured %+v on a line of %d kb/s", got, wantKbps)
	}
}

// TestRTMP: a line of 3 Mb/s before a rehearsal receiver, which decodes what arrives.
func TestRTMP(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { overRTMP(a) })
}

func overRTMP(t testing.TB) {
	r := receiver(t)
	proxy := faults.NewTCP(t, host(t, r.URLs()["rtmp"]))
	proxy.Rate(3_000_000)
	address := "rtmp://127.0.0.1:" + strconv.Itoa(proxy.Port) + "/live"
	wantRate(t, output(t, rtmp.Kind(), address, rehearsal.DefaultSecret), 3000)
}

// TestSRT: the same with datagrams, of which a full line loses some.
func TestSRT(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { overSRT(a) })
}

func overSRT(t testing.TB) {
	r := receiver(t)
	relay := faults.NewUDP(t, netip.MustParseAddrPort(host(t, r.URLs()["srt"])), nil)
	relay.Rate(3_000_000)
	relay.Delay(10 * time.Millisecond)
	wantRate(t, output(t, srt.Kind(), "srt://"+relay.Addr.String(), ""), 3000)
}

// TestMoreThanIsTried: a line that carries all that was to be tried is known to carry that.
func TestMoreThanIsTried(t *testing.T) {
	t.Parallel()
	attempts.Run(t, 3, func(a *attempts.T) { moreThanIsTried(a) })
}

func moreThanIsTried(t testing.TB) {
	r := receiver(t)
	got, err := Measure(t.Context(), output(t, rtmp.Kind(), r.URLs()["rtmp"], rehearsal.DefaultSecret), Options{MaxKbps: 2000, Duration: time.Second})
	if err != nil || !got.AtLeast || got.Kbps < 1700 || got.Kbps > 2100 {
		t.Errorf("measured %+v, %v; want at least 2000 kb/s", got, err)
	}
}

// TestRefusedAndSilent: a far end that refuses, one that never answers, and the caller's end.
func TestRefusedAndSilent(t *testing.T) {
	t.Parallel()
	r := receiver(t)
	if _, err := Measure(t.Context(), output(t, rtmp.Kind(), r.URLs()["rtmp"], "another key"), Options{MaxKbps: 2000}); err == nil || !outputs.IsPermanent(err) {
		t.Errorf("a refused key gives %v", err)
	}
	silent, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }() // nobody was accepted
	out := output(t, rtmp.Kind(), "rtmp://"+silent.Addr().String()+"/live", "key")
	if _, err := Measure(t.Context(), out, Options{MaxKbps: 2000, Connect: 100 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "acknowledged nothing") {
		t.Errorf("a far end that is silent gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, out, Options{MaxKbps: 2000}); !errors.Is(err, context.Canceled) {
		t.Errorf("the end of the context gives %v", err)
	}
	if _, err := Measure(t.Context(), out, Options{}); err == nil {
		t.Error("no rate to try is accepted")
	}
}

// TestFiller: what is padded has the size wanted, keeps its pictures, and decodes.
func TestFiller(t *testing.T) {
	c, err := encodeClip()
	if err != nil {
		t.Fatal(err)
	}
	var file []byte
	for n, picture := range c.pictures {
		if len(picture) > 3000 {
			t.Errorf("picture %d has %d bytes: the slowest rate is above what should be measured", n, len(picture))
		}
		out := filled(picture, 20_000)
		if len(out) != 20_000 || !bytes.HasPrefix(out, picture) || !h264.Has(out, h264.TypeIDR) {
			t.Fatalf("picture %d: %d bytes", n, len(out))
		}
		file = append(file, out...)
	}
	if decoded := decodeBars(t, file); decoded != len(c.pictures) {
		t.Errorf("%d of %d pictures decoded", decoded, len(c.pictures))
	}
	if got := filled(c.pictures[0], 10); !bytes.Equal(got, c.pictures[0]) {
		t.Error("a picture that is large enough was changed")
	}
}

// decodeBars counts the pictures of a raw stream and looks at their white bar.
func decodeBars(t *testing.T, raw []byte) (decoded int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bars.h264")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := av.OpenInput(t.Context(), path, av.InputOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	dec, err := av.NewVideoDecoder(in.Video(), av.VideoDecoderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	p := av.NewInputPacket()
	defer p.Free()
	for end := false; !end; {
		if end = in.ReadPacket(p) != nil; end {
			err = dec.Send(nil)
		} else {
			err = dec.Send(p)
		}
		if err != nil {
			t.Fatal(err)
		}
		for {
			f, err := dec.Receive()
			if err != nil {
				break
			}
			decoded++
			if y := f.Planes[0].Data[90*f.Planes[0].Stride+20]; y < 170 || y > 190 {
				t.Errorf("the white bar has luma %d", y)
			}
			f.Release()
		}
	}
	if dec.Damaged() != 0 {
		t.Errorf("%d pictures are damaged", dec.Damaged())
	}
	return decoded
}
