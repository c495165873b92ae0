package app

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// hasDisplay reports whether a window can be opened at all. A display that is named but
// does not answer is none: the window's library would end the program. So is Wayland's, for
// which that library has to be built with another tag (GLFW has one of the two): a desktop
// of Wayland has an X server besides, Xwayland.
func hasDisplay() bool {
	if runtime.GOOS != "linux" {
		return true
	}
	network, address, ok := x11Address(os.Getenv("DISPLAY"))
	return ok && (answers(network, address) || network == "unix" && answers(network, "@"+address))
}

// x11Address is where the X server of a display name listens (X(7), "DISPLAY NAMES"):
// [host]:display[.screen], or a socket's path.
func x11Address(display string) (network, address string, ok bool) {
	if filepath.IsAbs(display) {
		return "unix", display, true
	}
	i := strings.LastIndexByte(display, ':')
	if i < 0 {
		return "", "", false
	}
	host := display[:i]
	number, _, _ := strings.Cut(display[i+1:], ".")
	n, err := strconv.ParseUint(number, 10, 15)
	switch {
	case err != nil:
		return "", "", false
	case host == "" || host == "unix":
		return "unix", "/tmp/.X11-unix/X" + number, true
	}
	return "tcp", net.JoinHostPort(strings.Trim(host, "[]"), strconv.FormatUint(6000+n, 10)), true
}

func answers(network, address string) bool {
	conn, err := net.DialTimeout(network, address, 2*time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was said
	return true
}
