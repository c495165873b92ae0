package logtail

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

func newLog(level slog.Level) (*Tail, *slog.Logger, *bytes.Buffer) {
	tail := New(slog.LevelInfo)
	var console bytes.Buffer
	return tail, slog.New(tail.Handler(slog.NewTextHandler(&console, &slog.HandlerOptions{Level: level}))), &console
}

func texts(records []Record) string {
	var out []string
	for _, r := range records {
		out = append(out, fmt.Sprintf("%d %v %s", r.Seq, r.Level, r.Text))
	}
	return strings.Join(out, "\n")
}

func TestRecordsAreKeptAndPassedOn(t *testing.T) {
	tail, log, console := newLog(slog.LevelWarn)
	log.Debug("of no interest")
	log.Info("source opened", "id", "cam1", "size", slog.GroupValue(slog.Int("w", 1920), slog.Int("h", 1080)))
	log.With("destination", "tube").WithGroup("net").Warn("late", "queue", "two seconds", "error", errors.New("timed out"))
	want := "1 INFO source opened id=cam1 size.w=1920 size.h=1080\n" +
		"2 WARN late destination=tube net.queue=“two seconds” net.error=“timed out”"
	if got := texts(tail.Since(0)); got != want {
		t.Errorf("kept:\n%s\nwant:\n%s", got, want)
	}
	if got := texts(tail.Since(1)); !strings.HasPrefix(got, "2 ") {
		t.Errorf("after record 1 came %q; want record 2 alone", got)
	}
	if got := tail.Since(2); got != nil {
		t.Errorf("after the newest came %v", got)
	}
	if got := console.String(); strings.Contains(got, "opened") || !strings.Contains(got, "net.queue") {
		t.Errorf("passed on: %s; want the warning alone", got)
	}
	if tail.Since(0)[0].Time.IsZero() {
		t.Error("a record has no time")
	}
}

func TestTheRingForgetsTheOldest(t *testing.T) {
	tail, log, _ := newLog(slog.LevelError)
	for n := range Capacity + 7 {
		log.Info("line", "n", n)
	}
	got := tail.Since(0)
	if len(got) != Capacity || got[0].Seq != 8 || got[0].Text != "line n=7" || got[Capacity-1].Seq != Capacity+7 {
		t.Errorf("%d records, the first %+v", len(got), got[0])
	}
	if got := tail.Since(Capacity + 4); len(got) != 3 {
		t.Errorf("%d records after the fourth newest; want 3", len(got))
	}
}

func TestSecretsStayOut(t *testing.T) {
	tail, log, _ := newLog(slog.LevelError)
	tail.Hide("live_1234_abcd")
	tail.Hide("ab") // too short to be one
	log.Info("connecting to rtmp://user:pw@live.example/app/live_9999?token=x", "url", "srt://1.2.3.4:5000?passphrase=hush", "plain", "https://example.com")
	log.Info("server said", "reply", "no such stream live_1234_abcd, abacus", "stream_key", "zzzz", "Authorization", "Bearer q", "keyframe", 60)
	log.With("token", "t0ps3cret").Info("group", slog.Group("srt", "passphrase", "sesame"))
	log.Info("opened", "file", "file:///home/me/clip.mp4")
	got := texts(tail.Since(0))
	for _, secret := range []string{"live_9999", "token=x", "user", "pw@", "hush", "live_1234", "zzzz", "Bearer", "t0ps3cret", "sesame"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is in the log:\n%s", secret, got)
		}
	}
	for _, fact := range []string{"rtmp://live.example/…", "url=srt://1.2.3.4:5000/…", "plain=https://example.com", "abacus", "keyframe=60", "clip.mp4"} {
		if !strings.Contains(got, fact) {
			t.Errorf("%q is missing from the log:\n%s", fact, got)
		}
	}
}

func TestManyWritersAndReaders(t *testing.T) {
	tail, log, _ := newLog(slog.LevelError)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range 300 {
				log.Info("line", "n", n)
			}
		})
		all.Go(func() {
			seen := int64(0)
			for range 300 {
				for _, r := range tail.Since(seen) {
					if r.Seq <= seen {
						t.Errorf("record %d after %d", r.Seq, seen)
						return
					}
					seen = r.Seq
				}
			}
		})
	}
	all.Wait()
	if got := tail.Since(0); got[len(got)-1].Seq != 1200 {
		t.Errorf("the newest record is %d of 1200", got[len(got)-1].Seq)
	}
}
