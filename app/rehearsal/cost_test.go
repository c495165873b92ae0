package rehearsal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
)

// childEnv makes the test program a receiver and nothing else, so that its cost can be
// told from that of the publishers.
const childEnv = "REHEARSAL_RECEIVER"

// receive is the child: it prints its addresses, and its reports when its input ends.
func receive() error {
	r, err := Start(context.Background(), Options{NoDecode: os.Getenv(childEnv) == "nodecode"})
	if err != nil {
		return err
	}
	defer r.Close()
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(r.URLs()); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return out.Encode(r.Reports())
}

var large = sync.OnceValues(func() (*clip, error) { return encode(options{1280, 720, 2 * clipFPS, 0, 3_000_000, 0}) })

// long plays a clip several times over.
func long(t testing.TB, get func() (*clip, error), opus bool, times int) *playing {
	p := play(t, get, opus)
	once := p.order
	p.order = nil
	for n := range times {
		for _, q := range once {
			copied := *q
			shift := time.Duration(n*clipSeconds) * time.Second
			units := media.UnitsIn(shift, p.tracks[q.Track].TimeBase)
			copied.PTS, copied.DTS = q.PTS+units, q.DTS+units
			copied.Time, copied.Made = q.Time+shift, q.Made+shift
			// Sound is not a whole number of packets long; what overlaps is left out.
			if q.Audio && n+1 < times && q.Time+20*time.Millisecond > clipSeconds*time.Second {
				continue
			}
			p.order = append(p.order, &copied)
		}
	}
	return p
}

// BenchmarkReceiver is what receiving 720p30 at 3 Mb/s by RTMP, SRT and WHIP at once
// costs, in percent of one processor.
func BenchmarkReceiver(b *testing.B) {
	for _, mode := range []string{"decode", "nodecode"} {
		b.Run(mode, func(b *testing.B) {
			for range b.N {
				percent := cost(b, mode)
				b.ReportMetric(percent, "%core")
			}
		})
	}
}

func cost(b *testing.B, mode string) float64 {
	const times = 4
	feeds := map[string]*playing{"rtmp": long(b, large, false, times), "srt": long(b, large, false, times), "whip": long(b, large, true, times)}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+mode)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it has ended if all went well
		_ = cmd.Wait()
	}()
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	remote := &Receiver{}
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &remote.urls) != nil {
		b.Fatalf("the receiver did not start: %q", lines.Text())
	}
	var wg sync.WaitGroup
	for kind, feed := range feeds {
		secret := map[string]string{"rtmp": DefaultSecret}[kind]
		out := output(b, remote, kind, secret, nil)
		wg.Go(func() {
			if err := out.Run(b.Context(), feed); err != nil {
				b.Errorf("%s: %v", kind, err)
			}
		})
	}
	wg.Wait()
	if err := stdin.Close(); err != nil {
		b.Fatal(err)
	}
	var reports []Report
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &reports) != nil || len(reports) != 3 {
		b.Fatalf("no reports: %q", lines.Text())
	}
	for i := range reports {
		if n := reports[i].Video.Pictures; n != times*clipSeconds*clipFPS {
			b.Errorf("%s: %d pictures", reports[i].Line(), n)
		}
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	b.Log(strings.TrimSpace(fmt.Sprintln("used", used, "\n"+Table(reports))))
	return 100 * used.Seconds() / (times * clipSeconds)
}
