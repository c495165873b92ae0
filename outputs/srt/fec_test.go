package srt

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/ports"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/srt/libsrt"
)

// Forward error correction repairs losses of 3 % with nothing sent again: the receiver
// has been told never to ask.
func TestErrorCorrectionRepairs(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { errorCorrectionRepairs(a) })
}

func errorCorrectionRepairs(t testing.TB) {
	server, err := NewServer(ServerOptions{Latency: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var repaired, lost atomic.Int64
	go func() {
		defer close(done)
		_ = server.Run(ctx, func(_ context.Context, c *Connection) { // it ends with its context
			buf := make([]byte, 1500)
			for {
				if _, err := c.Read(buf); err != nil {
					return
				}
				if st, err := c.Stats(); err == nil {
					repaired.Store(st.FilterRepaired)
					lost.Store(st.ReceiveDropped)
				}
			}
		})
	}()
	defer func() {
		cancel()
		<-done
	}()
	addr := relay(t, server.Addr(), impairment{loss: 0.03, delay: 10 * time.Millisecond})
	feed := testkit.NewLiveFeed(t, 1)
	run(t, newOutput(t, map[string]any{"url": "srt://" + addr.String() + "?packetfilter=fec,cols:6,rows:4,arq:never", "latency_ms": 300}, ""), feed)
	feed.Await(t, 10*time.Second, 0, func(outputs.Report) bool { return repaired.Load() >= 5 })
	last := feed.Await(t, time.Second, 0, func(outputs.Report) bool { return true })
	t.Logf("%d packets repaired, %d not, %d sent again, %.2f %% reported lost", repaired.Load(), lost.Load(), last.Retransmitted, last.LostPercent)
	if last.Retransmitted != 0 {
		t.Errorf("%d packets were sent again although nobody asks", last.Retransmitted)
	}
	if lost.Load() > repaired.Load() {
		t.Errorf("%d packets were not repaired, %d were", lost.Load(), repaired.Load())
	}
}

// srt-live-transmit takes every length of key, and the error corrections of the settings.
func TestSRTLiveTransmitKeysAndFilters(t *testing.T) {
	for _, c := range []struct {
		name, peer string
		settings   map[string]any
		secret     string
	}{
		{"AES-128 and rows", "&packetfilter=fec", map[string]any{"key_length": 16, "fec": "row"}, passphrase},
		{"AES-192 and a matrix", "&packetfilter=fec", map[string]any{"key_length": 24, "fec": "matrix"}, passphrase},
		{"a peer without a filter of its own", "", map[string]any{"fec": "row"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			attempts.Run(t, 3, func(a *attempts.T) { keysAndFilters(a, c.peer, c.settings, c.secret) })
		})
	}
}

func keysAndFilters(t testing.TB, peer string, settings map[string]any, secret string) {
	port := ports.Free(t)
	file := filepath.Join(t.TempDir(), "received.ts")
	from := fmt.Sprintf("srt://127.0.0.1:%d?mode=listener%s", port, peer)
	if secret != "" {
		from += "&passphrase=" + secret
	}
	transmit(t, from, "file://con:"+file)
	settings["latency_ms"] = calm
	settings["url"] = fmt.Sprintf("srt://127.0.0.1:%d", port)
	feed := testkit.NewLiveFeed(t, 1)
	out := run(t, newOutput(t, settings, secret), feed)
	feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool {
		return r.State == outputs.Confirmed && r.SentPackets > 100 && r.BandwidthBPS > 0
	})
	out.stop(t)
	got := received(t, file, testkit.FeedFPS)
	if got.Video < testkit.FeedFPS || got.BiggestGap > 70*time.Millisecond {
		t.Errorf("received %+v", got)
	}
}

// What cannot be is said when the settings are checked.
func TestBondingIsRefused(t *testing.T) {
	_, err := New(json.RawMessage(`{"url":"srt://host:9000","bonding":"broadcast"}`), outputs.Options{})
	if err == nil || !strings.Contains(err.Error(), "bond") || !strings.Contains(err.Error(), "backup") {
		t.Errorf("bonding: %v", err)
	}
	for _, bad := range []string{`"fec":"lots"`} {
		if _, err := New(json.RawMessage(`{"url":"srt://host:9000",`+bad+`}`), outputs.Options{}); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
	for _, bad := range []string{"none", "fec%3Brm", "fec,cols:"} {
		if _, err := ParseTarget("srt://host:9000?packetfilter=" + bad); err == nil {
			t.Errorf("packet filter %q was accepted", bad)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	f.Add("srt://example.com:9000?mode=rendezvous&latency=300&streamid=a%20b&pbkeylen=32&adapter=127.0.0.2")
	f.Add("srt://[::1]:9000?streamid=#!::r=live/x,m=publish&packetfilter=fec,cols:10,rows:5")
	f.Add("srt://:9000?mode=listener&latency=99999999999")
	f.Fuzz(func(t *testing.T, url string) {
		target, err := ParseTarget(url)
		if err != nil {
			if len(url) > 12 && strings.Contains(err.Error(), url) {
				t.Errorf("the error quotes the address: %v", err)
			}
			return
		}
		if target.Check() != nil {
			return
		}
		if target.Port == 0 || target.Mode != Listener && target.Host == "" || len(target.StreamID) > maxStreamID {
			t.Errorf("%q was accepted as %+v", url, target)
		}
		_ = target.config()
		_ = target.Address()
	})
}

// FuzzAdmit: as a listener sees callers, only those that ask for what there is come in,
// whatever they write into their handshake; and every code of refusal has words.
func FuzzAdmit(f *testing.F) {
	f.Add("#!::r=live/x,m=publish", "#!::r=live/x,m=publish", 1404)
	f.Add("", "\x00\xff", 0)
	f.Add("pgm", "pgm ", 1000)
	f.Fuzz(func(t *testing.T, own, asked string, code int) {
		target := Target{Mode: Listener, Port: 9000, Host: "h", StreamID: own}
		_, refuse := target.admit(asked, netip.AddrPort{})
		if (refuse == 0) != (own == "" || own == asked) {
			t.Errorf("%q asked for %q: %v", asked, own, refuse)
		}
		err := target.explain(&libsrt.RejectedError{Reason: Reason(code)})
		if err == nil || !strings.HasPrefix(err.Error(), "srt: ") {
			t.Errorf("code %d is %v", code, err)
		}
	})
}
