package whip

import (
	"net/http"
	"strings"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// maxICEServers bounds what a server may make us contact.
const maxICEServers = 8

// iceServers reads the STUN and TURN servers from the Link header fields of a
// WHIP response (RFC 9725 section 4.6, syntax RFC 8288). What it cannot read, and
// links of other relations, it leaves out.
func iceServers(h http.Header) []webrtc.ICEServer {
	var out []webrtc.ICEServer
	for _, field := range h.Values("Link") {
		for field != "" && len(out) < maxICEServers {
			var target string
			var params map[string]string
			var ok bool
			if target, params, field, ok = nextLink(field); !ok {
				break
			}
			if !strings.EqualFold(params["rel"], "ice-server") {
				continue
			}
			uri, err := stun.ParseURI(target)
			if err != nil {
				continue
			}
			server := webrtc.ICEServer{URLs: []string{target}}
			if uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS {
				if params["username"] == "" || params["credential"] == "" {
					continue // pion refuses a whole configuration for one such entry
				}
				server.Username, server.Credential = params["username"], params["credential"]
			}
			out = append(out, server)
		}
	}
	return out
}

// nextLink takes one link-value off the front of s.
func nextLink(s string) (target string, params map[string]string, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t,")
	if !strings.HasPrefix(s, "<") {
		return "", nil, "", false
	}
	target, s, ok = strings.Cut(s[1:], ">")
	if !ok {
		return "", nil, "", false
	}
	params = map[string]string{}
	for {
		s = strings.TrimLeft(s, " \t")
		if !strings.HasPrefix(s, ";") {
			return strings.TrimSpace(target), params, strings.TrimPrefix(s, ","), s == "" || s[0] == ','
		}
		s = strings.TrimLeft(s[1:], " \t")
		end := strings.IndexAny(s, "=;,")
		if end < 0 {
			end = len(s)
		}
		name := strings.ToLower(strings.TrimSpace(s[:end]))
		s = s[end:]
		value := ""
		if strings.HasPrefix(s, "=") {
			value, s = paramValue(strings.TrimLeft(s[1:], " \t"))
		}
		if _, seen := params[name]; name != "" && !seen {
			params[name] = value
		}
	}
}

// paramValue takes a token or a quoted string (RFC 9110 section 5.6.4) off the front of s.
func paramValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";,")
		if end < 0 {
			end = len(s)
		}
		return strings.TrimSpace(s[:end]), s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}
