package pipe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/testkit"
	"crosspoint.studio/crosspoint/internal/testkit/attempts"
	"crosspoint.studio/crosspoint/internal/testkit/leaks"
	"crosspoint.studio/crosspoint/outputs"
)

func TestMain(m *testing.M) { leaks.VerifyTestMain(m) }

func newOutput(t testing.TB, settings map[string]any) outputs.Output {
	t.Helper()
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	o, err := New(raw, outputs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// start runs o; the result comes once, after the stop or the end.
func start(t testing.TB, o outputs.Output, feed outputs.Feed) (stop func(), done <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		result <- o.Run(ctx, feed)
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return cancel, result
}

func await(t testing.TB, done <-chan error, within time.Duration) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(within):
		t.Fatalf("Run did not end within %v", within)
		return nil
	}
}

func confirmed(r outputs.Report) bool { return r.State == outputs.Confirmed && r.SentPackets > 40 }

// pictures counts what ffprobe decodes of a file.
func pictures(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", file).CombinedOutput()
	if err != nil {
		t.Errorf("ffprobe: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// A program gets the stream as its input, in every format, and ends with it.
func TestProgram(t *testing.T) {
	for _, format := range []string{"mpegts", "matroska", "flv"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "out put.mkv")
			feed := testkit.NewLiveFeed(t, 4)
			o := newOutput(t, map[string]any{"command": `ffmpeg -v error -i - -c copy "` + file + `"`, "format": format}).(*output)
			o.finishWithin = 10 * time.Second // ffmpeg looks at all of it first, and does its work then
			_, done := start(t, o, feed)
			feed.Await(t, 10*time.Second, 0, confirmed)
			feed.End()
			if err := await(t, done, 12*time.Second); err != nil {
				t.Fatalf("Run: %v", err)
			}
			if got := pictures(t, file); !strings.HasPrefix(got, "h264,") || len(got) < 7 {
				t.Errorf("ffprobe says %q", got)
			}
		})
	}
}

// watched is a feed that looks closely.
type watched struct {
	*testkit.LiveFeed
	worst atomic.Int64 // stall, nanoseconds
}

func (w *watched) Watch(p outputs.Progress) { w.worst.Store(max(w.worst.Load(), int64(p.Stall))) }

// A named pipe waits for its reader, one that stops reading is said and holds up
// nothing, and one that leaves ends the connection.
func TestNamedPipe(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { namedPipe(a) })
}

func namedPipe(t testing.TB) {
	path := filepath.Join(t.TempDir(), "programme")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	feed := &watched{LiveFeed: testkit.NewLiveFeed(t, 1)}
	stop, done := start(t, newOutput(t, map[string]any{"path": path}), feed)
	feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool {
		return r.State == outputs.Connecting && strings.Contains(r.Detail, "reader of programme")
	})
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { reader.Close() }() // whichever it is then
	got := make([]byte, 188*200)
	if _, err := io.ReadFull(reader, got); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(got); i += 188 {
		if got[i] != 0x47 {
			t.Fatalf("byte %d is %#x, not a TS packet", i, got[i])
		}
	}
	// Nobody reads any more: the pipe holds 64 kB, half a second.
	feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool {
		return r.State == outputs.Degraded && strings.Contains(r.Detail, "does not read")
	})
	begin := time.Now()
	stop()
	if err := await(t, done, 2*time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	t.Logf("stopped a waiting write after %v", time.Since(begin))
	reader.Close()

	feed = &watched{LiveFeed: testkit.NewLiveFeed(t, 1)}
	_, done = start(t, newOutput(t, map[string]any{"path": path}), feed)
	if reader, err = os.Open(path); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(reader, got[:188]); err != nil {
		t.Fatal(err)
	}
	reader.Close()
	if err := await(t, done, 5*time.Second); err == nil || !strings.Contains(err.Error(), "stopped reading") || outputs.IsPermanent(err) {
		t.Errorf("Run: %v", err)
	}
}

// A file grows while it is written, and an existing one is never touched.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "programme.ts")
	feed := testkit.NewLiveFeed(t, 4)
	_, done := start(t, newOutput(t, map[string]any{"path": path}), feed)
	feed.Await(t, 10*time.Second, 0, confirmed)
	feed.End()
	if err := await(t, done, 20*time.Second); err != nil {
		t.Fatalf("Run: %v", err)
	}
	if got := pictures(t, path); !strings.HasPrefix(got, "h264,") {
		t.Errorf("ffprobe says %q", got)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	err = newOutput(t, map[string]any{"path": path}).Run(t.Context(), testkit.NewLiveFeed(t, 1))
	if err == nil || !outputs.IsPermanent(err) || !strings.Contains(err.Error(), "overwritten") {
		t.Errorf("a second run: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
}

// What goes wrong with a program is said in its own last words.
func TestProgramFails(t *testing.T) {
	for _, c := range []struct {
		command, want string
		permanent     bool
	}{
		{"no-such-program-here -x", "no program", true},
		{`sh -c "echo first >&2; echo the disk is full >&2; exit 3"`, "the disk is full", false},
		{`sh -c "echo rtmp://user:word@live.example.com/app/key-of-9?t=s: Connection refused >&2; exit 1"`, ": rtmp://live.example.com Connection refused", false},
		{"true", "has ended by itself", false},
	} {
		feed := testkit.NewLiveFeed(t, 1)
		_, done := start(t, newOutput(t, map[string]any{"command": c.command}), feed)
		err := await(t, done, 20*time.Second)
		if err == nil || !strings.Contains(err.Error(), c.want) || outputs.IsPermanent(err) != c.permanent {
			t.Errorf("%s: %v, want %q", c.command, err, c.want)
		}
	}
}

// A program that has ended before the header reaches it is said to have failed, whoever
// notices first, and without what the muxer says of its pipe.
func TestProgramThatIsGoneAtOnce(t *testing.T) {
	for range 8 {
		feed := testkit.NewLiveFeed(t, 1)
		o := newOutput(t, map[string]any{"command": `sh -c "exec 0<&-; echo no licence >&2; exit 7"`, "format": "matroska"}).(*output)
		o.finishWithin = 10 * time.Second // it may have to wait for a processor before it ends
		_, done := start(t, o, feed)
		err := await(t, done, 20*time.Second)
		if err == nil || err.Error() != "pipe: sh has failed (exit status 7): no licence" {
			t.Errorf("Run: %v", err)
		}
	}
}

// A full disk is the reason of a file's end, and stays it: another try would find the file and
// say only that it is there.
func TestFileOnAFullDisk(t *testing.T) {
	o := newOutput(t, map[string]any{"path": filepath.Join(t.TempDir(), "programme.ts")}).(*output)
	s, err := o.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{sink: full{s}}
	err = w.write([]byte("a packet"))
	got := o.ended(t.Context(), s, w, err, s.end(true))
	if !outputs.IsPermanent(got) || !errors.Is(got, syscall.ENOSPC) || !strings.Contains(got.Error(), "programme.ts could not be written further") {
		t.Errorf("the operator reads %v", got)
	}
}

// What could not be written, or not be packed, is said of what it was meant for.
func TestEndIsASentence(t *testing.T) {
	device, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	o, s := &output{format: "matroska"}, &fileSink{f: device}
	for _, c := range []struct {
		failed, err error
		want        string
	}{
		{syscall.EIO, errors.New("av: write packet: external error"), "pipe: null cannot be written to: input/output error"},
		{nil, errors.New("av: write packet: invalid argument"), "pipe: the stream cannot be packed as matroska: av: write packet: invalid argument"},
	} {
		got := o.ended(t.Context(), s, &writer{sink: s, failed: c.failed}, c.err, nil)
		if got == nil || got.Error() != c.want || outputs.IsPermanent(got) {
			t.Errorf("the operator reads %v, want %s", got, c.want)
		}
	}
}

// full is a sink whose disk is full.
type full struct{ sink }

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// A program that reads nothing and ignores the end of its input is ended on a stop.
func TestProgramIsStopped(t *testing.T) {
	attempts.Run(t, 3, func(a *attempts.T) { programIsStopped(a) })
}

func programIsStopped(t testing.TB) {
	feed := testkit.NewLiveFeed(t, 1)
	stop, done := start(t, newOutput(t, map[string]any{"command": "sleep 300"}), feed)
	feed.Await(t, 15*time.Second, 0, func(r outputs.Report) bool { return r.State == outputs.Degraded })
	begin := time.Now()
	stop()
	if err := await(t, done, 2*time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	t.Logf("after %v", time.Since(begin))
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{"  a  b ", []string{"a", "b"}},
		{`a "b c" 'd "e"' f""g ""`, []string{"a", "b c", `d "e"`, "fg", ""}},
		{`C:\x\y z`, []string{`C:\x\y`, "z"}},
	} {
		got, err := words(c.line)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, %v; want %q", c.line, got, err, c.want)
		}
	}
	for _, bad := range []string{`a "b`, `""`} {
		if got, err := words(bad); err == nil {
			t.Errorf("%q became %q", bad, got)
		}
	}
	for _, c := range []struct{ settings, want string }{
		{`{}`, "there is neither an address"},
		{`{"path":"a","command":"b"}`, "there are both an address"},
		{`{"path":"a","format":"avi"}`, "the format must be"},
		{`{"path":"a","colour":1}`, `the settings cannot be read: json: unknown field "colour"`},
	} {
		if _, err := New(json.RawMessage(c.settings), outputs.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.settings, err, c.want)
		}
	}
}

// A dry run runs and makes nothing.
func TestProbe(t *testing.T) {
	dir := t.TempDir()
	fifo, file := filepath.Join(dir, "fifo"), filepath.Join(dir, "file")
	if err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		settings  map[string]any
		want, bad string
	}{
		{map[string]any{"command": "sh -c x"}, "the program is", ""},
		{map[string]any{"command": "no-such-program-here"}, "", "no program"},
		{map[string]any{"path": fifo}, "the named pipe is there", ""},
		{map[string]any{"path": file}, "", "overwritten"},
		{map[string]any{"path": filepath.Join(dir, "new")}, "will be made", ""},
		{map[string]any{"path": filepath.Join(dir, "no", "new")}, "", "no folder"},
	} {
		said, err := newOutput(t, c.settings).(outputs.Prober).Probe(t.Context())
		if !strings.Contains(said, c.want) || (err == nil) != (c.bad == "") || err != nil && !strings.Contains(err.Error(), c.bad) {
			t.Errorf("%v: %q, %v", c.settings, said, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("the dry run made the file")
	}
}
