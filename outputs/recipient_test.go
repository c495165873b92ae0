package outputs

import (
	"encoding/json"
	"testing"
)

func TestSecretTo(t *testing.T) {
	tells := Kind{TellsSecret: true}
	for settings, want := range map[string]Recipient{
		`{"url": " rtmps://Live.example:443/app "}`:             {Host: "Live.example"},
		`{"url": "rtmp://live.example/app"}`:                    {Host: "live.example", Clear: true},
		`{"url": "http://[2001:db8::1]:8080/whip"}`:             {Host: "2001:db8::1", Clear: true},
		`{"url": "https://live.example/whip"}`:                  {Host: "live.example"},
		`{"url": "rtmps://live.example/app", "insecure": true}`: {Host: "live.example", Clear: true},
		`{"url": "rtmp://%zz/"}`:                                {},
		`{"url": 5}`:                                            {},
	} {
		if got, told := tells.SecretTo(json.RawMessage(settings)); got != want || !told {
			t.Errorf("%s: %v, %v; want %v", settings, got, told, want)
		}
		if got, told := (Kind{}).SecretTo(json.RawMessage(settings)); got != (Recipient{}) || told {
			t.Errorf("%s: a kind that encrypts tells %v", settings, got)
		}
	}
}

func TestSite(t *testing.T) {
	for host, want := range map[string]string{
		"a.rtmp.YouTube.com": "youtube.com", "youtube.com.": "youtube.com", "live.bbc.co.uk": "bbc.co.uk",
		"mine.github.io": "mine.github.io", "github.io": "github.io", "ingest": "ingest",
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "fe80::1%eth0": "fe80::1",
		"": "", "localhost": "", "A.Localhost": "", "127.0.0.7": "", "::1": "", "::ffff:127.0.0.1": "",
	} {
		if got := Site(host); got != want {
			t.Errorf("%q is of %q, want %q", host, got, want)
		}
	}
}
