package whip

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"

	"crosspoint.studio/crosspoint/outputs"
)

// With a local address both HTTP and media leave from it and from no other.
func TestLocalAddress(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, nil)
	offers := make(chan string, 1)
	from := make(chan string, 1)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body) // as much as there is
			offers <- string(body)
			from <- r.RemoteAddr
			r.Body = io.NopCloser(strings.NewReader(string(body)))
		}
		http.StripPrefix("/whip", s.Server).ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	o, err := New(fmt.Appendf(nil, `{"url": %q, "local_address": "127.0.0.1"}`, front.URL+"/whip/show"), outputs.Options{Secret: testToken})
	if err != nil {
		t.Fatal(err)
	}
	feed := newPlayout(t, 5*time.Second)
	done := make(chan error, 1)
	go func() { done <- o.Run(t.Context(), feed) }()
	feed.await(t, 20*time.Second, "confirmed", confirmed)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if host, _, _ := net.SplitHostPort(<-from); host != "127.0.0.1" {
		t.Errorf("the offer came from %s", host)
	}
	offer, err := parseFragment(<-offers)
	if err != nil || len(offer.candidates) == 0 {
		t.Fatalf("candidates %q, %v", offer.candidates, err)
	}
	for _, text := range offer.candidates {
		c, err := ice.UnmarshalCandidate(text)
		if err != nil || c.Address() != "127.0.0.1" {
			t.Errorf("offered %q, %v", text, err)
		}
	}
}

// Sockets that could send from anywhere send from the local address.
func TestLocalAddressOfOpenSockets(t *testing.T) {
	n, err := newRoomyNet(netip.MustParseAddr("127.0.0.1"), newBundle())
	if err != nil {
		t.Fatal(err)
	}
	udp, err := n.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	packet, err := n.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packet.Close()
	for _, at := range []net.Addr{udp.LocalAddr(), packet.LocalAddr()} {
		if ip := at.(*net.UDPAddr).IP; !ip.IsLoopback() {
			t.Errorf("a socket is at %v", at)
		}
	}
}

// An address that this machine does not have is said to be that.
func TestLocalAddressThatIsNotThere(t *testing.T) {
	o, err := New([]byte(`{"url": "http://127.0.0.1:1/show", "local_address": "203.0.113.7"}`), outputs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = o.Run(t.Context(), newPlayout(t, time.Second))
	if err == nil || outputs.IsPermanent(err) || !strings.Contains(err.Error(), "local address") {
		t.Errorf("Run: %v", err)
	}
	if _, err := New([]byte(`{"url": "http://127.0.0.1:1/show", "local_address": "eth0"}`), outputs.Options{}); err == nil {
		t.Error("the name of an interface was taken for an address")
	}
}
