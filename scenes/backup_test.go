package scenes

import (
	"errors"
	"strings"
	"testing"
)

func TestBackupsAreCompleted(t *testing.T) {
	s := mustParse(t, `{"format":2,"destinations":[
		{"id":"d","kind":"rtmp","settings":{"url":"rtmp://a/b"},"credential":"key","backups":[
			{"settings":{"url":"rtmp://c/b"}},
			{"name":"Oslo","kind":"srt","settings":{"url":"srt://d:1"}},
			{"credential":"","settings":{"url":"rtmp://e/b"}}]},
		{"id":"e","kind":"srt","delay_seconds":30,"standby":"hot","back_after_seconds":60}]}`)
	d := s.Destinations[0]
	for i, want := range []struct{ name, kind, credential string }{{"backup 1", "rtmp", "key"}, {"Oslo", "srt", ""}, {"backup 3", "rtmp", ""}} {
		if b := d.Backups[i]; b.Name != want.name || b.Kind != want.kind || *b.Credential != want.credential {
			t.Errorf("backup %d is %q, %q, %q; want %+v", i, b.Name, b.Kind, *b.Credential, want)
		}
	}
	if d.Standby != Cold || d.BackAfterSeconds != 10 || d.StallMS != 0 || d.FixedBitrate {
		t.Errorf("defaults %+v", d)
	}
	if e := s.Destinations[1]; e.Standby != Hot || e.BackAfterSeconds != 60 || e.DelaySeconds != 30 || e.Backups == nil {
		t.Errorf("what was written became %+v", e)
	}
}

func TestBackupMistakes(t *testing.T) {
	for doc, want := range map[string]string{
		`{"format":2,"sources":[{"id":"a","kind":"clock","backup":"a"}]}`:                                                               "cannot stand in for itself",
		`{"format":2,"sources":[{"id":"a","kind":"clock","backup":"b"}]}`:                                                               `there is no source "b"`,
		`{"format":2,"destinations":[{"id":"d","kind":"rtmp","settings":{"url":"x"},"backups":[{"settings":{}}]}]}`:                     "url",
		`{"format":2,"destinations":[{"id":"d","kind":"rtmp","settings":{"url":"x"},"backups":[{"kind":"rtmpx"}]}]}`:                    `no kind of destination "rtmpx"`,
		`{"format":2,"destinations":[{"id":"d","kind":"srt","standby":"warm"}]}`:                                                        "standby",
		`{"format":2,"destinations":[{"id":"d","kind":"srt","start_at":"tomorrow"}]}`:                                                   "start_at",
		`{"format":2,"destinations":[{"id":"d","kind":"srt","start_at":"2026-04-31T20:00:00+02:00"}]}`:                                  "start_at there is no such day or time as 2026-04-31T20:00:00+02:00",
		`{"format":2,"destinations":[{"id":"d","kind":"srt","stop_at":"2026-04-30T24:00:00Z"}]}`:                                        "stop_at there is no such day or time",
		`{"format":2,"destinations":[{"id":"d","kind":"srt","delay_seconds":1801}]}`:                                                    "delay_seconds",
		`{"format":2,"destinations":[{"id":"d","kind":"srt","start_at":"2026-05-01T20:00:00+02:00","delay_seconds":1800,"group":"g"}]}`: "",
	} {
		got := Validate([]byte(doc), catalog{})
		if want == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || want == "" || !strings.Contains(got[0].Path+" "+got[0].Message, want) {
			t.Errorf("%s\n\t%v, want one mistake about %q", doc, got, want)
		}
	}
}

func TestBackupSourcesAreReferences(t *testing.T) {
	s := mustParse(t, `{"format":2,"sources":[{"id":"a","kind":"k","backup":"b"},{"id":"b","kind":"k"}]}`)
	var used *InUseError
	if _, err := s.RemoveSource("b", false); !errors.As(err, &used) {
		t.Errorf("a backup was removed: %v", err)
	}
	n, err := s.RemoveSource("b", true)
	if err != nil || n.Sources[0].Backup != "" || s.Sources[0].Backup != "b" {
		t.Errorf("with cascade %+v, %v", n, err)
	}
	b := s.Sources[1]
	b.ID = "c"
	if n, err = s.UpdateSource("b", b); err != nil || n.Sources[0].Backup != "c" {
		t.Errorf("after a new id %+v, %v", n, err)
	}
}

// A time that never comes is refused where it is put in; a show that has one opens all the
// same.
func TestTimesThatNeverCome(t *testing.T) {
	const never = "2026-13-01T20:00:00Z"
	s := mustParse(t, `{"format":2,"destinations":[{"id":"d","kind":"srt","start_at":"`+never+`"}]}`)
	d := s.Destinations[0]
	if _, err := s.SetDestination(d); err == nil || !strings.Contains(err.Error(), "start_at: there is no such day or time as "+never) {
		t.Errorf("put in again: %v", err)
	}
	d.StartAt, d.StopAt = "2024-02-29T23:59:59+14:00", "2024-03-01T00:00:00-02:30"
	if _, err := s.SetDestination(d); err != nil {
		t.Error(err)
	}
}
