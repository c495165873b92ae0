package av

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/asticode/go-astiav"
)

var (
	// ErrAgain: a decoder wants another packet before it gives a frame.
	ErrAgain = errors.New("av: more input is needed")
	// ErrTimeout: nothing arrived for InputOptions.Timeout.
	ErrTimeout = errors.New("no data arrived in time")
	// ErrNoStream: the input has no stream of the kind asked for.
	ErrNoStream = errors.New("no such stream")
	// ErrPlaylist: what was to be a stream is a playlist, which names what is to be read instead.
	ErrPlaylist = errors.New("it is a playlist, not a stream")
)

// reason turns libav's error into words for the operator; system errors keep
// their identity for errors.Is (syscall.ENOSPC and the like).
func reason(err error) error {
	var e astiav.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e {
	case codePlaylist:
		return ErrPlaylist
	case astiav.ErrEof:
		return errors.New("the data ended early")
	case astiav.ErrInvaliddata:
		return errors.New("the data is damaged or not a known format")
	case astiav.ErrHttpUnauthorized, astiav.ErrHttpForbidden:
		return errors.New("the server refused access")
	case astiav.ErrHttpNotFound, astiav.ErrStreamNotFound:
		return errors.New("the server does not have it")
	case astiav.ErrHttpServerError:
		return errors.New("the server reported an error of its own")
	case astiav.ErrProtocolNotFound:
		return errors.New("the protocol is not supported")
	case astiav.ErrDemuxerNotFound, astiav.ErrMuxerNotFound:
		return errors.New("the format is not supported")
	case astiav.ErrDecoderNotFound, astiav.ErrEncoderNotFound:
		return errors.New("the codec is not supported")
	case astiav.ErrOptionNotFound:
		return errors.New("an option is not known")
	case astiav.ErrExit:
		return context.Canceled
	case astiav.ErrExternal:
		return errors.New("the codec's library or the device reported an error")
	}
	if e < 0 && e > -4096 {
		return syscall.Errno(-e)
	}
	return errors.New(strings.ToLower(e.Error()))
}

// isDamage reports errors of decoders that are about the packet and not about the
// decoder: besides the error made for it, the bare -1 (EPERM) that libavcodec's AAC decoder
// returns in places, and what it calls a feature nobody has sent a patch for.
func isDamage(err error) bool {
	return errors.Is(err, astiav.ErrInvaliddata) || errors.Is(err, astiav.ErrPatchwelcome) || errors.Is(err, astiav.Error(-1))
}

// Where names an input or output without what is secret in it: a file's base
// name, a network URL's scheme and host, a device's own name.
func Where(rawURL string) string {
	if !strings.Contains(rawURL, "://") {
		if strings.ContainsAny(rawURL, "/"+string(os.PathSeparator)) && !strings.HasPrefix(rawURL, "/dev/") {
			return filepath.Base(rawURL)
		}
		return rawURL
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" && u.Scheme != "file" {
		scheme, _, _ := strings.Cut(rawURL, "://")
		return scheme + " address"
	}
	if u.Scheme == "file" {
		return filepath.Base(u.Path)
	}
	return u.Scheme + "://" + u.Host
}

func wrap(doing string, err error) error { return fmt.Errorf("av: %s: %w", doing, reason(err)) }
