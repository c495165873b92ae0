package pipe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/outputs"
)

// pollReader is how often a named pipe is asked whether somebody reads it.
const pollReader = 100 * time.Millisecond

// waiting says what Run waits for at first.
func (o *output) waiting() string {
	if o.path != "" {
		return "waiting for a reader of " + filepath.Base(o.path)
	}
	return "starting " + filepath.Base(o.argv[0])
}

func (o *output) open(ctx context.Context) (sink, error) {
	if o.path == "" {
		return startProgram(o.argv, o.finishWithin)
	}
	info, err := os.Stat(o.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f, err := os.OpenFile(o.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return nil, fmt.Errorf("pipe: the file %s cannot be made: %w", filepath.Base(o.path), reason(err))
		}
		return &fileSink{f: f, made: true}, nil
	case err != nil:
		return nil, fmt.Errorf("pipe: %s cannot be looked at: %w", filepath.Base(o.path), reason(err))
	case info.Mode()&fs.ModeNamedPipe == 0:
		return nil, outputs.Permanent(fmt.Errorf("pipe: %s is there already and is no named pipe: nothing is ever overwritten; name another file, or make a pipe with mkfifo", filepath.Base(o.path)))
	}
	return openPipe(ctx, o.path)
}

// openPipe waits until somebody reads the pipe. Opened without blocking, it tells
// (ENXIO) that nobody does, and Go's poller can end a write that waits.
func openPipe(ctx context.Context, path string) (sink, error) {
	tick := time.NewTicker(pollReader)
	defer tick.Stop()
	for {
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			return &fileSink{f: f}, nil
		}
		if !errors.Is(err, syscall.ENXIO) {
			return nil, fmt.Errorf("pipe: %s cannot be opened: %w", filepath.Base(path), reason(err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// reason is err, which may be nil, without the path around it.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// fileSink is a named pipe or a file.
type fileSink struct {
	f    *os.File
	made bool // a file, of this Run
}

func (s *fileSink) Write(b []byte) (int, error) {
	n, err := s.f.Write(b)
	return n, reason(err)
}

func (s *fileSink) end(bool) error { return reason(s.f.Close()) }
func (s *fileSink) name() string   { return filepath.Base(s.f.Name()) }

// abort: files have no deadlines and do not wait either.
func (s *fileSink) abort() { _ = s.f.SetWriteDeadline(time.Unix(1, 0)) }

// program is a child process that reads the stream.
type program struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	said  *lastWords
	done  chan struct{} // closed when the process has ended
	err   error         // of Wait; after done
	limit time.Duration // to end by itself
	once  sync.Once
}

func startProgram(argv []string, limit time.Duration) (sink, error) {
	p := &program{cmd: exec.Command(argv[0], argv[1:]...), said: &lastWords{}, done: make(chan struct{}), limit: limit}
	p.cmd.Stderr = p.said
	// Its children are ended with it.
	ownGroup(p.cmd)
	p.cmd.WaitDelay = limit
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("pipe: the program %q cannot be given an input: %w", argv[0], err)
	}
	if err := p.cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return nil, outputs.Permanent(fmt.Errorf("pipe: there is no program %q on this machine", argv[0]))
		}
		return nil, outputs.Permanent(fmt.Errorf("pipe: the program %q cannot be started: %w", argv[0], reason(err)))
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *program) Write(b []byte) (int, error) {
	n, err := p.stdin.Write(b)
	if errors.Is(err, os.ErrClosed) { // Wait closes it when the program ends
		err = syscall.EPIPE
	}
	return n, reason(err)
}

func (p *program) name() string { return filepath.Base(p.cmd.Path) }

func (p *program) abort() { p.once.Do(func() { endGroup(p.cmd) }) }

// end closes the program's input and gives it its limit to end by itself.
func (p *program) end(broken bool) error {
	_ = p.stdin.Close() // closed already when the program has ended
	timer := time.NewTimer(p.limit)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.abort()
		<-p.done
		if !broken {
			return fmt.Errorf("pipe: %s did not end with its input and was ended", p.name())
		}
	}
	if p.err == nil {
		if broken {
			return fmt.Errorf("pipe: %s has ended by itself", p.name())
		}
		return nil
	}
	if words := p.said.String(); words != "" {
		return fmt.Errorf("pipe: %s has failed (%w): %s", p.name(), p.err, words)
	}
	return fmt.Errorf("pipe: %s has failed (%w)", p.name(), p.err)
}

// lastWords keeps the last line that a program wrote to its standard error. Programs name
// addresses as they were given them, stream keys and all: those are left out.
type lastWords struct {
	mu  sync.Mutex
	buf []byte // guarded by mu; the end of it
}

// maxWords bounds what is kept.
const maxWords = 4 << 10

func (l *lastWords) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, b...)
	if over := len(l.buf) - maxWords; over > 0 {
		l.buf = append(l.buf[:0], l.buf[over:]...)
	}
	return len(b), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.ToValidUTF8(string(bytes.TrimSpace(l.buf)), "?")
	if i := strings.LastIndexAny(text, "\r\n"); i >= 0 {
		text = text[i+1:]
	}
	if text = av.InText(text); len(text) > 200 {
		text = text[:200] + "…"
	}
	return text
}
