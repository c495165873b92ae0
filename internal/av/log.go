package av

// #include "native.h"
import "C"

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asticode/go-astiav"
)

// logSink is where libav's log lines go. libav has one callback for the whole process,
// so this is the one place with process-wide state; RouteLogs sets it.
type logSink struct {
	log *slog.Logger

	mu      sync.Mutex
	second  time.Time // guarded by mu; start of the window below
	lines   int       // guarded by mu; in this window
	dropped int       // guarded by mu
	last    string    // guarded by mu; repeats are not logged
}

// linesPerSecond bounds what a damaged stream can write to the log.
const linesPerSecond = 20

var sink atomic.Pointer[logSink]

// RouteLogs sends libav's warnings and errors to log at debug level, bounded in
// rate, without repeats, and with URLs reduced to scheme and host. Until it is
// called libav is silent but for errors on stderr. nil silences libav.
func RouteLogs(log *slog.Logger) {
	if log == nil {
		sink.Store(nil)
		astiav.SetLogLevel(astiav.LogLevelQuiet)
		return
	}
	sink.Store(&logSink{log: log})
	level := astiav.LogLevelWarning
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		level = astiav.LogLevelQuiet
	}
	C.cp_log_install(C.int(level))
}

// InText is text with the URLs in it as Where has them.
func InText(text string) string { return urls.ReplaceAllStringFunc(text, Where) }

var urls = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s'"]+`)

//export goLogLine
func goLogLine(_ C.int, from, line *C.char) {
	s := sink.Load()
	if s == nil {
		return
	}
	text := strings.TrimSpace(C.GoString(line))
	if text == "" {
		return
	}
	s.mu.Lock()
	now := time.Now()
	dropped := 0
	if now.Sub(s.second) > time.Second {
		dropped = s.dropped
		s.second, s.lines, s.dropped = now, 0, 0
	}
	quiet := text == s.last || s.lines >= linesPerSecond
	if quiet {
		s.dropped++
	} else {
		s.lines++
		s.last = text
	}
	s.mu.Unlock()
	if dropped > 0 {
		s.log.Debug("libav log lines left out", "lines", dropped)
	}
	if !quiet {
		s.log.Debug("libav", "from", C.GoString(from), "text", InText(text))
	}
}

// RegisterDevices makes capture devices known to libavformat; OpenInput calls it
// where a format is named. It may be called any number of times.
func RegisterDevices() { astiav.RegisterAllDevices() }
