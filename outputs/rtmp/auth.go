package rtmp

import (
	"crypto/md5" // the schemes' own choice
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"crosspoint.studio/crosspoint/outputs"
)

// Two schemes in which a server asks for a name and a password, by refusing connect
// with a challenge in its description: "adobe" (Adobe Media Server's access manager,
// Wowza, Akamai) and "llnw" (Limelight), which is HTTP digest in another coat. Neither
// is specified; librtmp and FFmpeg's rtmpproto.c are what servers are made for. Each
// answer needs a new connection, since servers close after the refusal.

// maxLogins bounds the connections of one try: the first refusal, the challenge, the answer.
const maxLogins = 3

// login is the state of one try at a server that may ask for a name and a password.
type login struct {
	user, password string
	params         string // appended to the application and the address, with its '?'
	answered       bool   // a challenge has been answered
}

// next reads a refusal of connect. True means: connect again, with l.params. An error is
// the operator's to read.
func (l *login) next(t target, refusal *statusError) (bool, error) {
	text := refusal.description
	mod := ""
	for _, known := range []string{"adobe", "llnw"} {
		if strings.Contains(text, "authmod="+known) {
			mod = known
		}
	}
	if mod == "" {
		return false, nil
	}
	where := t.host
	switch {
	case l.user == "" || l.password == "":
		return false, outputs.Permanent(fmt.Errorf("rtmp: %s asks for a user name and a password: enter the one under User name and the other as the stream key", where))
	case strings.Contains(text, "reason=nosuchuser"), strings.Contains(text, "reason=authfailed"), strings.Contains(text, "reason=badauth"), l.answered:
		return false, outputs.Permanent(fmt.Errorf("rtmp: %s refused the user name or the password", where))
	case strings.Contains(text, "code=403 need auth"):
		l.params = "?authmod=" + mod + "&user=" + queryName(l.user)
		return true, nil
	}
	_, query, ok := strings.Cut(text, "?reason=needauth")
	if !ok {
		return false, nil
	}
	query, _, _ = strings.Cut(query, " ")
	challenge := map[string]string{}
	for part := range strings.SplitSeq(query, "&") {
		// Not url.ParseQuery: the values are Base64, whose + is not a space here.
		if k, v, ok := strings.Cut(part, "="); ok {
			challenge[k] = v
		}
	}
	l.answered = true
	if mod == "adobe" {
		l.params = adobeAnswer(l.user, l.password, challenge["salt"], challenge["challenge"], challenge["opaque"], randomHex())
	} else {
		l.params = llnwAnswer(l.user, l.password, t.app, challenge["nonce"], randomHex())
	}
	return true, nil
}

func adobeAnswer(user, password, salt, challenge, opaque, own string) string {
	first := base64MD5(user + salt + password)
	server := challenge
	if opaque != "" {
		server = opaque
	}
	answer := fmt.Sprintf("?authmod=adobe&user=%s&challenge=%s&response=%s", queryName(user), own, base64MD5(first+server+own))
	if opaque != "" {
		answer += "&opaque=" + opaque
	}
	return answer
}

func llnwAnswer(user, password, app, nonce, own string) string {
	const realm, method, qop, count = "live", "publish", "auth", "00000001"
	if !strings.Contains(app, "/") {
		app += "/_definst_"
	}
	first := hexMD5(user + ":" + realm + ":" + password)
	second := hexMD5(method + ":/" + app)
	response := hexMD5(strings.Join([]string{first, nonce, count, own, qop, second}, ":"))
	return fmt.Sprintf("?authmod=llnw&user=%s&nonce=%s&cnonce=%s&nc=%s&response=%s", queryName(user), nonce, own, count, response)
}

// queryName is a user name for a query. The publishers that servers are made for send it as it is,
// so only what would end it there is escaped: an address such as me@example.com is not.
func queryName(user string) string {
	var b strings.Builder
	for _, c := range []byte(user) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("%&=+#?", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func base64MD5(s string) string {
	sum := md5.Sum([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// randomHex is a challenge of our own, eight digits as other publishers have it.
func randomHex() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails (Go 1.24)
	return hex.EncodeToString(b[:])
}
