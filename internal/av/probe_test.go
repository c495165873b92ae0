package av

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/asticode/go-astiav"
)

// A damaged packet costs itself, whatever a decoder calls it.
func TestWhatIsDamage(t *testing.T) {
	for err, want := range map[error]bool{
		astiav.ErrInvaliddata: true, astiav.ErrPatchwelcome: true, astiav.Error(-1): true,
		astiav.Error(-12): false, astiav.ErrExternal: false, astiav.ErrEof: false, errors.New("another"): false,
	} {
		if got := isDamage(err); got != want {
			t.Errorf("%v is damage: %v, want %v", err, got, want)
		}
	}
}

func TestWhyAnEncoderDoesNotWork(t *testing.T) {
	hard, soft := Encoder{Name: "h264_nvenc", Hardware: true}, Encoder{Name: "libx264"}
	for _, c := range []struct {
		row  Encoder
		err  error
		want string
	}{
		{hard, fmt.Errorf("av: open h264_nvenc: %w", syscall.EPERM), "no device or no driver for it answers"},
		{hard, errors.New("av: open h264_nvenc: unknown error occurred"), "no device or no driver for it answers"},
		{hard, errors.New("av: open h264_nvenc: this FFmpeg was built without it"), "this FFmpeg was built without it"},
		{soft, fmt.Errorf("av: open libx264: %w", syscall.EPERM), "operation not permitted"},
	} {
		if got := noEncoder(c.row, c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
