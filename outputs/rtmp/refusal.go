package rtmp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"crosspoint.studio/crosspoint/outputs"
)

// phase is how far a connection had come when it failed, in words that follow
// "while".
type phase string

const (
	phaseDial      phase = "connecting"
	phaseTLS       phase = "setting up encryption"
	phaseHandshake phase = "shaking hands"
	phaseConnect   phase = "opening the application"
	phasePublish   phase = "starting the stream"
	phaseLive      phase = "sending"
)

// statusError is an answer of the server that says no.
type statusError struct{ code, description string }

func (e *statusError) Error() string { return e.code + ": " + e.description }

var (
	errStalled      = errors.New("nothing has been taken for too long")
	errFinished     = errors.New("finished")
	errClosedAtOnce = errors.New("closed at once")
	errClosedSoon   = errors.New("closed soon, again")
)

// explain turns a failure into the sentence that the operator reads, and marks those
// that trying again cannot cure. It never contains the key.
func (t target) explain(p phase, err error) error {
	if err == nil || outputs.IsPermanent(err) || errors.Is(err, context.Canceled) {
		return err
	}
	var status *statusError
	if errors.As(err, &status) {
		return t.explainStatus(p, status)
	}
	where := net.JoinHostPort(t.host, t.port)
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var hostname x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, errClosedAtOnce):
		return fmt.Errorf("rtmp: %s accepted the stream and closed the connection at once: the stream key may be wrong, or publishing is not allowed there", where)
	case errors.Is(err, errClosedSoon):
		return fmt.Errorf("rtmp: %s accepted the stream and closed the connection within seconds, again: check the stream key, and whether publishing is allowed there", where)
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return fmt.Errorf("rtmp: the name %q does not exist: check the address", t.host)
		}
		return fmt.Errorf("rtmp: the name %q cannot be looked up: check the network", t.host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("rtmp: %s refuses connections: no server runs there, or a firewall is in the way", where)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fmt.Errorf("rtmp: there is no way to %s: check the network", where)
	case errors.As(err, &hostname):
		return outputs.Passing(fmt.Errorf("rtmp: the certificate at %s is for another name: check the address", where))
	case errors.As(err, &certificate):
		return outputs.Passing(fmt.Errorf("rtmp: the certificate of %s is not trusted (%s)", where, outputs.CertificateReason(certificate)))
	case errors.As(err, &record):
		return outputs.Passing(fmt.Errorf("rtmp: %s does not speak TLS: try rtmp:// instead of rtmps://", where))
	case errors.Is(err, errGarbage) && p == phaseLive, errors.Is(err, errBudget):
		return fmt.Errorf("rtmp: %s sends data that makes no sense", where)
	case errors.Is(err, errNotRTMP), errors.Is(err, errGarbage):
		return fmt.Errorf("rtmp: %s does not speak RTMP: check the address and the port", where)
	case errors.Is(err, errStalled), errors.Is(err, syscall.ETIMEDOUT):
		return fmt.Errorf("rtmp: %s has stopped taking the stream: the network or the server is stuck", where)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		if p == phaseDial {
			return fmt.Errorf("rtmp: %s does not answer", where)
		}
		return fmt.Errorf("rtmp: %s accepted the connection but does not answer while %s", where, p)
	case closedByPeer(err):
		return t.explainClosed(p, where)
	}
	return fmt.Errorf("rtmp: the connection to %s failed while %s: %s", where, p, t.redact(err.Error()))
}

// closedByPeer: the far end has closed the connection, or reset it, without a word.
func closedByPeer(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, errWriteEnd, net.ErrClosed} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

func (t target) explainClosed(p phase, where string) error {
	switch p {
	case phaseConnect:
		return fmt.Errorf("rtmp: %s closed the connection instead of opening the application %q: it may not exist there", where, t.appName())
	case phasePublish:
		return fmt.Errorf("rtmp: %s closed the connection instead of starting the stream: the stream key may be wrong", where)
	case phaseLive:
		return fmt.Errorf("rtmp: %s closed the connection", where)
	}
	hint := "it may expect rtmps://"
	if t.secure {
		hint = "it may expect rtmp://"
	}
	return fmt.Errorf("rtmp: %s closed the connection while %s: %s", where, p, hint)
}

// explainStatus reads the codes that servers use. Only a clear no is permanent: a
// name in use is often our own previous connection, which the server has yet to
// give up, and "failed" may be a passing state.
func (t target) explainStatus(p phase, s *statusError) error {
	where := net.JoinHostPort(t.host, t.port)
	said := t.redact(s.description)
	if said == "" {
		said = t.redact(s.code)
	}
	text := strings.ToLower(s.code + " " + s.description)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("badname", "already publish", "in use", "duplicate"):
		return fmt.Errorf("rtmp: the stream name is in use at %s: somebody publishes with this key, perhaps our previous connection (%s)", where, said)
	case has("invalidapp"), p == phaseConnect && has("not found", "no such app", "unknown app"):
		return outputs.Passing(fmt.Errorf("rtmp: %s has no application %q: check the address (%s)", where, t.appName(), said))
	case has("badauth", "denied", "unauthorized", "unauthorised", "authentication", "authmod", "forbidden", "invalid key", "invalid stream", "rejected"):
		final := outputs.Permanent
		if !has("auth", "denied", "forbidden", "invalid", "key", "token", "password") {
			final = outputs.Passing // "rejected" is also what a server says that is busy, or has yet to give up our last connection
		}
		if p == phaseConnect {
			return final(fmt.Errorf("rtmp: %s rejected the connection: %s", where, said))
		}
		return final(fmt.Errorf("rtmp: %s refused the stream key: %s", where, said))
	case p == phaseLive:
		return fmt.Errorf("rtmp: %s ended the stream: %s", where, said)
	}
	return fmt.Errorf("rtmp: %s refused the stream while %s: %s", where, p, said)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
