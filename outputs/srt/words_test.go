package srt

import (
	"errors"
	"strings"
	"testing"

	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/srt/libsrt"
)

// A call of the library that fails is said of the far end, or of the port that is listened at.
func TestFailedCallIsASentence(t *testing.T) {
	const setupFailed = 1000 // SRT_ECONNSETUP, which no address in use gives
	failed := &libsrt.Error{Doing: "connect", Code: setupFailed}
	for _, c := range []struct {
		mode Mode
		want string
	}{
		{Caller, "srt: live.example.com:9000 cannot be reached: srt: connect: "},
		{Rendezvous, "srt: live.example.com:9000 cannot be reached: srt: connect: "},
		{Listener, "srt: no receiver can be waited for on port 9000: srt: connect: "},
	} {
		err := Target{Mode: c.mode, Host: "live.example.com", Port: 9000}.explain(failed)
		var call *libsrt.Error
		if !strings.HasPrefix(err.Error(), c.want) || !errors.As(err, &call) || outputs.IsPermanent(err) {
			t.Errorf("%s: the operator reads %v, want %s…", c.mode, err, c.want)
		}
	}
}
