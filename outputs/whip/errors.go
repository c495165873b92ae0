package whip

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"crosspoint.studio/crosspoint/outputs"
)

// Errors of Run that callers and tests tell apart.
var (
	// ErrToken: the server refused the token. Permanent.
	ErrToken = errors.New("the server refused the token")
	// ErrCodec: the server does not take a codec of the rendition. Permanent.
	ErrCodec = errors.New("the server does not take the codec")
	// ErrLost: the connection was there and is gone.
	ErrLost = errors.New("the connection was lost")
)

// lostError is the end of a connection that stood, an ErrLost that says to whom and why.
type lostError struct {
	host string
	why  error
}

func (e *lostError) Error() string {
	return fmt.Sprintf("whip: the connection to %s was lost: %v", e.host, e.why)
}

// Is makes it an ErrLost.
func (e *lostError) Is(target error) bool { return target == ErrLost }

// Unwrap is why it was lost.
func (e *lostError) Unwrap() error { return e.why }

// lostTo is the error for a connection to host that stood, and why it ended.
func lostTo(host, format string, args ...any) error {
	return &lostError{host, fmt.Errorf(format, args...)}
}

func refusesToken(code int) bool {
	return code == http.StatusUnauthorized || code == http.StatusForbidden
}

// refusal says in a sentence why a POST did not give a session, or why OPTIONS did not find an
// endpoint.
func refusal(host string, res *http.Response) error {
	code := res.StatusCode
	switch {
	case refusesToken(code):
		return outputs.Permanent(fmt.Errorf("whip: %s: %w (HTTP %d): check the token", host, ErrToken, code))
	case code == http.StatusNotFound, code == http.StatusGone:
		return fmt.Errorf("whip: %s has no endpoint at this path (HTTP %d): check the address", host, code)
	case code == http.StatusConflict:
		return fmt.Errorf("whip: %s says that somebody is publishing this stream already (HTTP %d)", host, code)
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		return fmt.Errorf("whip: %s is too busy for another stream (HTTP %d)", host, code)
	case code == http.StatusBadRequest, code == http.StatusNotAcceptable, code == http.StatusUnprocessableEntity:
		return fmt.Errorf("whip: %s did not accept the offer (HTTP %d)", host, code)
	case code == http.StatusMethodNotAllowed, code == http.StatusNotImplemented:
		return fmt.Errorf("whip: %s is a web server, but no WHIP endpoint at this path (HTTP %d): check the address", host, code)
	case code >= 500:
		// Whoever calls says whether it is tried again: a probe is not.
		return fmt.Errorf("whip: %s reports a fault of its own (HTTP %d): if it goes on, tell the platform, or use a backup", host, code)
	case code >= 400:
		return fmt.Errorf("whip: %s refused the stream (HTTP %d)", host, code)
	}
	return fmt.Errorf("whip: %s answered HTTP %d instead of 201 Created, so it is no WHIP endpoint: check the address", host, code)
}

// transportError puts a failed exchange into words. What net/http reports quotes
// the whole address, which may hold a key, and what it did not understand of the answer.
func transportError(host string, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("whip: the name %s does not exist: check the address", host)
	case errors.As(err, &dns):
		return fmt.Errorf("whip: the name %s cannot be looked up: check the network", host)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("whip: %s did not answer in time", host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("whip: %s refuses connections: no server runs there, or a firewall is in the way", host)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fmt.Errorf("whip: there is no way to %s: check the network", host)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return errors.New("whip: this machine does not have the local address now: check that its network is connected")
	case errors.As(err, &name):
		return outputs.Passing(fmt.Errorf("whip: the certificate at %s is for another name: check the address", host))
	case errors.As(err, &cert):
		return outputs.Passing(fmt.Errorf("whip: the certificate of %s is not trusted (%s)", host, outputs.CertificateReason(cert)))
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return outputs.Passing(fmt.Errorf("whip: %s does not speak TLS: try http:// instead of https://", host))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("whip: %s closed the connection without an answer", host)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("whip: %s did not answer in time", host)
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return fmt.Errorf("whip: %s cannot be reached: %s", host, outputs.Said(dial.Err.Error())) // without the sockets' addresses around it
	}
	return fmt.Errorf("whip: the request to %s failed: %s", host, outputs.Said(err.Error()))
}
