package whip

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"crosspoint.studio/crosspoint/outputs"
)

// A request that failed is said of the server, without its address and the sockets'.
func TestTransportErrors(t *testing.T) {
	dialled := func(errno syscall.Errno) error {
		return &url.Error{Op: "Post", URL: "https://live.example.com/whip/stream-key", Err: &net.OpError{
			Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, Err: os.NewSyscallError("connect", errno)}}
	}
	for _, c := range []struct {
		name      string
		err       error
		want      string
		permanent bool
	}{
		{"no way", dialled(syscall.EHOSTUNREACH), "whip: there is no way to live.example.com: check the network", false},
		{"no network", dialled(syscall.ENETUNREACH), "whip: there is no way to live.example.com: check the network", false},
		{"another fault of the network", dialled(syscall.ENETDOWN), "whip: live.example.com cannot be reached: connect: network is down", false},
		{"an answer that is none", &url.Error{Op: "Post", URL: "https://live.example.com/whip/stream-key", Err: errors.New("malformed HTTP\x1b response")},
			"whip: the request to live.example.com failed: malformed HTTP  response", false},
		{"an end", &url.Error{Op: "Post", URL: "https://live.example.com/whip/stream-key", Err: io.EOF}, "whip: live.example.com closed the connection without an answer", false},
	} {
		err := transportError("live.example.com", c.err)
		if err == nil || err.Error() != c.want || outputs.IsPermanent(err) != c.permanent {
			t.Errorf("%s: the operator reads %v, want %s", c.name, err, c.want)
		}
	}
}

// A connection that was lost is one sentence, and ErrLost.
func TestLost(t *testing.T) {
	broken := fmt.Errorf("whip: ICE cannot be restarted: %w", io.ErrClosedPipe)
	for _, c := range []struct {
		err   error
		want  string
		cause error
	}{
		{lostTo("live.example.com", "nothing was acknowledged for %v", feedbackLost), "whip: the connection to live.example.com was lost: nothing was acknowledged for 10s", nil},
		{lostTo("live.example.com", "%w", broken), "whip: the connection to live.example.com was lost: whip: ICE cannot be restarted: io: read/write on closed pipe", io.ErrClosedPipe},
	} {
		if c.err.Error() != c.want || !errors.Is(c.err, ErrLost) || errors.Is(c.err, ErrToken) || c.cause != nil && !errors.Is(c.err, c.cause) {
			t.Errorf("the operator reads %v, want %s, which is an ErrLost", c.err, c.want)
		}
	}
}
