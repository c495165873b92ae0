package libsrt

// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
)

// Errors of this package besides *Error and *RejectedError.
var (
	// ErrClosed: this end was closed.
	ErrClosed = errors.New("srt: this end was closed")
	// ErrLost: the peer ended the connection or was not heard of for too long.
	ErrLost = errors.New("srt: the connection was lost")
	// ErrFull: the send buffer has no room; nothing of the message was taken.
	ErrFull = errors.New("srt: the send buffer is full")
)

// Error is a failed call of libsrt.
type Error struct {
	Doing string
	Code  int // SRT_ERRNO
}

func (e *Error) Error() string {
	return fmt.Sprintf("srt: %s: %s (%d)", e.Doing, C.GoString(C.srt_strerror(C.int(e.Code), 0)), e.Code)
}

// AddressInUse reports whether the local address or port belongs to somebody else.
func (e *Error) AddressInUse() bool {
	return e.Code == C.SRT_EBINDCONFLICT || e.Code == C.SRT_ESOCKFAIL
}

func newError(doing string, result C.int) error {
	return &Error{doing, int(-result)}
}

// errorsIsGone reports whether err says that the socket is no more.
func errorsIsGone(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Code == C.SRT_EINVSOCK || e.Code == C.SRT_EPOLLEMPTY || e.Code == C.SRT_EINVPOLLID || e.Code == C.SRT_ESCLOSED)
}

// Reason is why a connection was refused: libsrt's own reasons below 1000, the
// listening program's from there (SRT access control: 1000 + an HTTP-like status).
type Reason int

// The reasons that are told apart here.
const (
	ReasonUnknown      Reason = C.SRT_REJ_UNKNOWN
	ReasonPeer         Reason = C.SRT_REJ_PEER // refused without saying why
	ReasonBacklog      Reason = C.SRT_REJ_BACKLOG
	ReasonVersion      Reason = C.SRT_REJ_VERSION
	ReasonBadSecret    Reason = C.SRT_REJ_BADSECRET
	ReasonUnsecure     Reason = C.SRT_REJ_UNSECURE
	ReasonTimeout      Reason = C.SRT_REJ_TIMEOUT
	ReasonFilter       Reason = C.SRT_REJ_FILTER
	ReasonFallback     Reason = 1000
	ReasonBadRequest   Reason = 1400
	ReasonUnauthorized Reason = 1401
	ReasonOverload     Reason = 1402
	ReasonForbidden    Reason = 1403
	ReasonNotFound     Reason = 1404
	ReasonBadMode      Reason = 1405
	ReasonConflict     Reason = 1409
	ReasonLocked       Reason = 1423
)

// RejectedError is a connection that was refused, or not answered in time.
type RejectedError struct{ Reason Reason }

func (e *RejectedError) Error() string {
	if e.Reason >= ReasonFallback {
		return fmt.Sprintf("srt: refused with code %d", int(e.Reason))
	}
	return "srt: " + C.GoString(C.srt_rejectreason_str(C.int(e.Reason)))
}

func rejection(reason C.int) error { return &RejectedError{Reason(reason)} }
