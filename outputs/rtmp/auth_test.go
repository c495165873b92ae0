package rtmp

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	authUser     = "encoder7"
	authPassword = "secret-word"
)

// gatekeeper asks for a name and a password as servers of the scheme do. FFmpeg, which
// has to get through it too, vouches that it asks rightly.
func gatekeeper(mod string) func(app string) error {
	const salt, challenge, opaque, nonce = "c2FsdA==", "Y2hhbA==", "b3BhcQ==", "MTIzNDU2"
	return func(app string) error {
		name, query, _ := strings.Cut(app, "?")
		v := map[string]string{}
		for part := range strings.SplitSeq(query, "&") {
			k, value, _ := strings.Cut(part, "=")
			v[k] = value
		}
		user := v["user"]
		if u, err := url.QueryUnescape(user); err == nil {
			user = u
		}
		reject := func(text string) error {
			return &rejection{"[ AccessManager.Reject ] : [ authmod=" + mod + " ] : " + text}
		}
		switch {
		case v["authmod"] != mod:
			return &rejection{"[ AccessManager.Reject ] : [ code=403 need auth; authmod=" + mod + " ] : "}
		case user != authUser:
			return reject("?reason=nosuchuser&opaque=x")
		case v["response"] == "" && mod == "adobe":
			return reject(fmt.Sprintf("?reason=needauth&user=%s&salt=%s&challenge=%s&opaque=%s", v["user"], salt, challenge, opaque))
		case v["response"] == "":
			return reject(fmt.Sprintf("?reason=needauth&user=%s&nonce=%s", v["user"], nonce))
		}
		b64 := func(s string) string {
			sum := md5.Sum([]byte(s))
			return base64.StdEncoding.EncodeToString(sum[:])
		}
		hex := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
		want := b64(b64(authUser+salt+authPassword) + opaque + v["challenge"])
		if mod == "llnw" {
			want = hex(hex(authUser+":live:"+authPassword) + ":" + v["nonce"] + ":" + v["nc"] + ":" + v["cnonce"] + ":auth:" + hex("publish:/"+name+"/_definst_"))
		}
		if v["response"] != want {
			return reject("?reason=authfailed")
		}
		return nil
	}
}

// The answers are what openssl makes of the same words by the published algorithms.
func TestLoginVectors(t *testing.T) {
	const user, password, own = "me@example.com", "pass word&1", "1a2b3c4d"
	for _, c := range []struct{ name, got, want string }{
		{"adobe, opaque", adobeAnswer(user, password, "c2E+", "Y2g/", "b3Bh+g==", own), "?authmod=adobe&user=me@example.com&challenge=1a2b3c4d&response=Iq3xlhy1Nor9mvDnKEmiCw==&opaque=b3Bh+g=="},
		{"adobe, challenge", adobeAnswer(user, password, "c2E+", "Y2g/", "", own), "?authmod=adobe&user=me@example.com&challenge=1a2b3c4d&response=w6hl1T3f2Jk5LQAqbUf5Hg=="},
		{"llnw", llnwAnswer(user, password, "live", "bm9uY2U=", own), "?authmod=llnw&user=me@example.com&nonce=bm9uY2U=&cnonce=1a2b3c4d&nc=00000001&response=021761e152291d810958decf1e794326"},
		{"llnw, an instance", llnwAnswer(user, password, "live/sub", "bm9uY2U=", own), "?authmod=llnw&user=me@example.com&nonce=bm9uY2U=&cnonce=1a2b3c4d&nc=00000001&response=e1e6e0bd700b507d583033e3ecaca2c5"},
		{"a name that would end early", queryName("a&b=c d%é"), "a%26b%3Dc%20d%25%C3%A9"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}

func newLogin(t *testing.T, address, user, password string) *publisher {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"url": address, "user": user})
	if err != nil {
		t.Fatal(err)
	}
	out, err := Kind().New(raw, outputs.Options{Secret: password, UserAgent: "Crosspoint/test"})
	if err != nil {
		t.Fatal(err)
	}
	return out.(*publisher)
}

// Both schemes let us in with the right password, and what they refuse is said in words
// that do not show it. FFmpeg gets through the same gates.
func TestLogin(t *testing.T) {
	t.Parallel()
	for _, mod := range []string{"adobe", "llnw"} {
		t.Run(mod, func(t *testing.T) {
			server := startGated(t, nil, gatekeeper(mod))
			address := "rtmp://" + server.addr + "/live/show"
			feed := newTestFeed(testTracks(t), media.LiveLimits)
			feed.q.Close()
			if err := newLogin(t, address, authUser, authPassword).Run(t.Context(), feed); err != nil {
				t.Fatalf("Run: %v", err)
			}
			if r := server.stream(0); r.key != "show" || !strings.HasPrefix(r.app, "live?authmod="+mod) {
				t.Errorf("published %q of %q", r.key, r.app)
			}
			for _, c := range []struct {
				user, password, want string
			}{
				{authUser, "wrong", "refused the user name or the password"},
				{"nobody", authPassword, "refused the user name or the password"},
				{"", "", "asks for a user name and a password: enter the one under User name and the other as the stream key"},
			} {
				feed := newTestFeed(testTracks(t), media.LiveLimits)
				err := newLogin(t, address, c.user, c.password).Run(t.Context(), feed)
				if err == nil || !strings.Contains(err.Error(), c.want) || !outputs.IsPermanent(err) {
					t.Errorf("%q: error %v, want a permanent one with %q", c.user, err, c.want)
				}
				if err != nil && c.password != "" && strings.Contains(err.Error(), c.password) {
					t.Errorf("the error shows the password: %v", err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			with := "rtmp://" + strings.ReplaceAll(url.QueryEscape(authUser), "+", "%20") + ":" + url.QueryEscape(authPassword) + "@" + server.addr + "/live/from-ffmpeg"
			out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=r=44100:d=0.2", "-c:a", "aac", "-f", "flv", with).CombinedOutput()
			if err != nil {
				t.Errorf("ffmpeg does not get through the gate: %v\n%s", err, out)
			}
		})
	}
}
