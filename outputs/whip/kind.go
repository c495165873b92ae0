package whip

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

// Kind is the destination kind "whip".
func Kind() outputs.Kind {
	return outputs.Kind{
		Name:        "whip",
		Title:       "WebRTC (WHIP)",
		Video:       []media.Codec{media.H264, media.HEVC, media.AV1},
		Audio:       []media.Codec{media.Opus},
		NoBFrames:   true,
		Layers:      maxLayers - 1,
		Schema:      json.RawMessage(schema),
		TellsSecret: true,
		New:         New,
	}
}

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "title": "WebRTC (WHIP)",
  "properties": {
    "url": {
      "type": "string",
      "title": "Endpoint", "x-order": 1,
      "description": "The WHIP endpoint's address, without the token.",
      "pattern": "^https?://.",
      "x-expected": "the web address of a WHIP endpoint, as in https://live.example.com/whip"
    },
    "local_address": {
      "type": "string", "title": "Local address", "x-order": 2, "x-advanced": true,
      "description": "Address of this machine to send from, which chooses the network; empty for any",
      "default": ""
    }
  },
  "required": ["url"],
  "additionalProperties": false
}`

type settings struct {
	URL   string `json:"url"`
	Local string `json:"local_address"`
}

// output is one WHIP destination. Runs follow one another.
type output struct {
	endpoint  *url.URL
	local     netip.Addr // to send from; invalid: any
	token     string
	userAgent string
	tellAfter time.Duration // tests shorten it
	wasLive   bool          // in this or an earlier Run

	mu         sync.Mutex
	iceServers []webrtc.ICEServer // guarded by mu; as the last answer listed them
	noRestart  bool               // guarded by mu; the server does not restart ICE
}

// New checks settings ({"url": "https://host/whip", "local_address": "10.8.0.2"}, the
// second optional) and makes an output; it opens
// nothing. Options.Secret is the bearer token; without one no Authorization header
// is sent.
func New(raw json.RawMessage, opt outputs.Options) (outputs.Output, error) {
	var s settings
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("whip: the settings cannot be read: %w", err)
	}
	u, err := url.Parse(strings.TrimSpace(s.URL))
	if err != nil {
		// The parser's error quotes the address, which may hold a key.
		return nil, errors.New("whip: the address must look like https://host/whip")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("whip: the address has to begin with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("whip: the address names no server")
	case u.User != nil:
		return nil, errors.New("whip: the address may not hold a user name or a password: enter what the server asks for as the token")
	}
	token := strings.TrimSpace(opt.Secret)
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, errors.New("whip: the token holds spaces or control characters")
	}
	o := &output{endpoint: u, token: token, userAgent: opt.UserAgent, tellAfter: tellAfter}
	if s.Local != "" {
		if o.local, err = netip.ParseAddr(s.Local); err != nil {
			return nil, errors.New("whip: the local address is not an IP address of this machine")
		}
	}
	return o, nil
}

// isLoopback reports whether host is this machine by its name or address.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
