package srt

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/srt/libsrt"
)

// connectTimeout is how long a caller waits for an answer; rendezvous ten times.
const connectTimeout = 3 * time.Second

// connect reaches the far end, or waits for it, until ctx ends. progress, which
// may be nil, is told how far it has come. Its errors are for the operator.
func (t Target) connect(ctx context.Context, progress func(outputs.State, string)) (*libsrt.Conn, error) {
	if progress == nil {
		progress = func(outputs.State, string) {}
	}
	if t.Mode == Listener {
		return t.waitForCaller(ctx, progress)
	}
	progress(outputs.Resolving, t.Host)
	remote, err := t.resolve(ctx)
	if err != nil {
		return nil, err
	}
	progress(outputs.Connecting, t.Address())
	var conn *libsrt.Conn
	if t.Mode == Rendezvous {
		conn, err = libsrt.Rendezvous(ctx, t.rendezvousLocal(remote), remote, t.config())
	} else {
		conn, err = libsrt.Dial(ctx, t.Local, remote, t.config())
	}
	if err != nil {
		return nil, t.explain(err)
	}
	return conn, nil
}

func (t Target) resolve(ctx context.Context) (netip.AddrPort, error) {
	host, local := t.Host, t.Local.Addr()
	if t.Mode == Listener {
		local = netip.Addr{} // host is the local one
		if host == "" {
			host = "0.0.0.0"
		}
	}
	ip, err := outputs.Lookup(ctx, "srt", host, local)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(ip, t.Port), nil
}

// rendezvousLocal: both ends use the same port unless told otherwise.
func (t Target) rendezvousLocal(remote netip.AddrPort) netip.AddrPort {
	ip, port := t.Local.Addr(), t.Local.Port()
	if !ip.IsValid() {
		ip = netip.IPv4Unspecified()
		if remote.Addr().Is6() {
			ip = netip.IPv6Unspecified()
		}
	}
	if port == 0 {
		port = remote.Port()
	}
	return netip.AddrPortFrom(ip, port)
}

func (t Target) waitForCaller(ctx context.Context, progress func(outputs.State, string)) (*libsrt.Conn, error) {
	local, err := t.resolve(ctx)
	if err != nil {
		return nil, err
	}
	l, err := libsrt.Listen(local, t.config(), t.admit)
	if err != nil {
		return nil, t.explain(err)
	}
	defer l.Close()
	progress(outputs.Connecting, fmt.Sprintf("waiting for a receiver on port %d", t.Port))
	return l.Accept(ctx)
}

// admit refuses callers that ask for something else than what there is.
func (t Target) admit(streamID string, _ netip.AddrPort) (string, libsrt.Reason) {
	if t.StreamID != "" && streamID != t.StreamID {
		return "", libsrt.ReasonNotFound
	}
	return "", 0
}

// explain puts a failure to connect into words.
func (t Target) explain(err error) error {
	var call *libsrt.Error
	if errors.As(err, &call) {
		if call.AddressInUse() {
			if t.Mode == Listener {
				return fmt.Errorf("srt: port %d of this machine is in use by another program, or %s is not an address of it", t.Port, t.Host)
			}
			return errors.New("srt: the local address or port is in use, or is not one of this machine")
		}
		if t.Mode == Listener {
			return fmt.Errorf("srt: no receiver can be waited for on port %d: %w", t.Port, err)
		}
		return fmt.Errorf("srt: %s cannot be reached: %w", t.Address(), err)
	}
	var rejected *libsrt.RejectedError
	if !errors.As(err, &rejected) {
		return err
	}
	at := t.Address()
	permanent := func(format string, args ...any) error {
		return outputs.Permanent(fmt.Errorf("srt: "+format, args...))
	}
	switch r := rejected.Reason; r {
	case libsrt.ReasonTimeout, libsrt.ReasonUnknown:
		return fmt.Errorf("srt: nothing answers at %s: check the address, and that its UDP port is open", at)
	case libsrt.ReasonBadSecret:
		return permanent("%s refused the passphrase: it is not the one set there", at)
	case libsrt.ReasonUnsecure:
		if t.Passphrase == "" {
			return permanent("%s asks for a passphrase and none is set here", at)
		}
		return permanent("%s uses no encryption, but a passphrase is set here", at)
	case libsrt.ReasonFilter:
		return permanent("%s uses another forward error correction than the one set here", at)
	case libsrt.ReasonVersion:
		return permanent("%s and this program speak versions of SRT that do not fit", at)
	case libsrt.ReasonBadRequest, libsrt.ReasonUnauthorized, libsrt.ReasonForbidden, libsrt.ReasonNotFound, libsrt.ReasonBadMode,
		1001, 1002, 1003, 1406, 1415:
		return permanent("%s refused the stream id (code %d: %s)", at, int(r), reasonWords[r])
	case libsrt.ReasonOverload, libsrt.ReasonConflict, libsrt.ReasonLocked, 1500, 1502, 1503, 1507:
		return fmt.Errorf("srt: %s cannot take the stream now (code %d: %s)", at, int(r), reasonWords[r])
	case libsrt.ReasonBacklog:
		return fmt.Errorf("srt: %s takes no further callers now", at)
	case libsrt.ReasonPeer, libsrt.ReasonFallback:
		return fmt.Errorf("srt: %s refused the connection without a reason", at)
	default:
		return fmt.Errorf("srt: %s refused the connection: %w", at, err)
	}
}

// reasonWords name the codes of the SRT access control guidelines, appendix "reject codes".
var reasonWords = map[libsrt.Reason]string{
	1001: "a key in it is not supported",
	1002: "no such file",
	1003: "no such host",
	1400: "it is not well-formed",
	1401: "it needs a user with a password",
	1402: "overloaded",
	1403: "not allowed",
	1404: "not found",
	1405: "wrong mode",
	1406: "not acceptable",
	1409: "somebody else is publishing there",
	1415: "unsupported media",
	1423: "locked",
	1500: "internal error",
	1502: "its own target refused",
	1503: "down for maintenance",
	1507: "no storage left",
}
