package sources

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
)

// lookUpWithin is how long the name of a host may take to be looked up, and its certificate to be
// shown, to tell why it could not be reached.
const lookUpWithin = 2 * time.Second

// lineFault says what is wrong with a stream from the network, in words that tell the
// operator where to look: libavformat knows little more than that the input failed. opened
// tells whether it had been opened. It may look a name up, which takes lookUpWithin at most.
func lineFault(ctx context.Context, address string, opened bool, err error) string {
	where := av.Where(address)
	switch {
	case errors.Is(err, errStreamEnded):
		return where + " has ended the stream"
	case errors.Is(err, av.ErrPlaylist):
		return where + " sends a playlist, not a stream: playlists are read by http:// and https:// alone"
	case errors.Is(err, av.ErrTimeout) && opened:
		return "nothing comes from " + where + " any more"
	case errors.Is(err, av.ErrTimeout), errors.Is(err, syscall.ETIMEDOUT):
		return where + " does not answer"
	case errors.Is(err, syscall.ECONNREFUSED):
		return where + " refuses connections: no server runs there, or a firewall is in the way"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ENETDOWN):
		return "there is no way to " + where + ": check the network"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.EIO) && opened:
		return where + " has closed the connection"
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program has the port of " + where
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return where + " is no address of this machine"
	case errors.Is(err, syscall.EIO):
		if text := nameFault(ctx, address); text != "" {
			return text
		}
		return where + " does not answer, or refuses: check the address, the port and a passphrase"
	}
	doing := "opened"
	if opened {
		doing = "read on"
	}
	if inner := errors.Unwrap(err); inner != nil { // which input it was is said here
		err = inner
	}
	return fmt.Sprintf("%s cannot be %s: %v", where, doing, err)
}

// secureFault is lineFault for servers whose certificates are checked: libavformat does not tell a
// refused one from a line that is out of order.
func secureFault(ctx context.Context, address string, opened bool, err error) string {
	if errors.Is(err, syscall.EIO) && !opened {
		if why := distrust(ctx, address); why != "" {
			return fmt.Sprintf("the certificate of %s is not trusted (%s): check the address, or set \"Accept any certificate\" for a server that has signed its own", av.Where(address), why)
		}
	}
	return lineFault(ctx, address, opened, err)
}

// distrust says what is wrong with the certificate of an address; empty when nothing is, or when
// that cannot be told.
func distrust(ctx context.Context, address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "443" // of rtmps too, as libavformat has it
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpWithin)
	defer cancel()
	conn, err := (&tls.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err == nil {
		_ = conn.Close() // only its beginning was of interest
		return ""
	}
	var fault *tls.CertificateVerificationError
	if !errors.As(err, &fault) {
		return ""
	}
	return strings.TrimPrefix(fault.Unwrap().Error(), "x509: ")
}

// nameFault says why the host of an address has no address; empty when it has one, or when
// that cannot be told.
func nameFault(ctx context.Context, address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpWithin)
	defer cancel()
	_, err = net.DefaultResolver.LookupHost(ctx, u.Hostname())
	var fault *net.DNSError
	switch {
	case !errors.As(err, &fault):
		return ""
	case fault.IsNotFound:
		return fmt.Sprintf("the name %q does not exist: check the address", u.Hostname())
	}
	return fmt.Sprintf("the name %q cannot be looked up: check the network", u.Hostname())
}
