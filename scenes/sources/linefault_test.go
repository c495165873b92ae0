package sources

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
)

func TestLineFault(t *testing.T) {
	const address = "srt://127.0.0.1:9/secret?passphrase=hidden"
	for _, c := range []struct {
		err    error
		opened bool
		want   string
	}{
		{av.ErrTimeout, false, "srt://127.0.0.1:9 does not answer"},
		{av.ErrTimeout, true, "nothing comes from srt://127.0.0.1:9 any more"},
		{syscall.ETIMEDOUT, false, "srt://127.0.0.1:9 does not answer"},
		{syscall.ECONNREFUSED, false, "srt://127.0.0.1:9 refuses connections: no server runs there, or a firewall is in the way"},
		{syscall.ENETUNREACH, false, "there is no way to srt://127.0.0.1:9: check the network"},
		{syscall.ECONNRESET, true, "srt://127.0.0.1:9 has closed the connection"},
		{syscall.EIO, true, "srt://127.0.0.1:9 has closed the connection"},
		{syscall.EIO, false, "srt://127.0.0.1:9 does not answer, or refuses: check the address, the port and a passphrase"},
		{syscall.EADDRINUSE, false, "another program has the port of srt://127.0.0.1:9"},
		{syscall.EADDRNOTAVAIL, false, "srt://127.0.0.1:9 is no address of this machine"},
		{errStreamEnded, true, "srt://127.0.0.1:9 has ended the stream"},
		{av.ErrPlaylist, false, "srt://127.0.0.1:9 sends a playlist, not a stream: playlists are read by http:// and https:// alone"},
		{errors.New("the server does not have it"), false, "srt://127.0.0.1:9 cannot be opened: the server does not have it"},
		{errors.New("the data is damaged or not a known format"), true, "srt://127.0.0.1:9 cannot be read on: the data is damaged or not a known format"},
	} {
		wrapped := fmt.Errorf("av: open %s: %w", av.Where(address), c.err)
		if got := lineFault(t.Context(), address, c.opened, wrapped); got != c.want {
			t.Errorf("%v, opened %v: %q, want %q", c.err, c.opened, got, c.want)
		}
	}
	// RFC 6761, 6.4: no name under invalid exists. Without a resolver, that is what is said.
	got := lineFault(t.Context(), "rtsp://camera.invalid/x", false, fmt.Errorf("av: open it: %w", syscall.EIO))
	if !strings.HasPrefix(got, `the name "camera.invalid" `) {
		t.Errorf("a name that does not exist: %q", got)
	}
}

// TestNetworkRefused: the reason comes all the way from a port that nobody listens at.
func TestNetworkRefused(t *testing.T) {
	checkLeaks(t)
	src, err := Network().New([]byte(settingsOf("url", "tcp://127.0.0.1:1", "timeout_s", 5)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err = src.Run(t.Context(), newRecorder(Live, 1, 1))
	if err == nil || err.Error() != "network: tcp://127.0.0.1:1 refuses connections: no server runs there, or a firewall is in the way" {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v has lost its cause", err)
	}
}
