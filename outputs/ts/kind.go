package ts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"crosspoint.studio/crosspoint/internal/av"
	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
)

const (
	packetBytes    = 188
	defaultMessage = 1316 // seven packets: what everybody sends, within every MTU
	defaultTTL     = 16   // an organisation's network
)

var udpSchema = json.RawMessage(`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["url"],
  "properties": {
    "url": {"type": "string", "title": "Address", "x-order": 1, "description": "udp://host:port or udp://group:port, for example udp://239.1.2.3:5000", "pattern": "^udp://.+:[0-9]+$", "x-expected": "udp://host:port"},
    "ttl": {"type": "integer", "title": "TTL", "x-order": 2, "description": "How many routers a multicast may pass; 1 stays in this network", "minimum": 0, "maximum": 255, "default": 16},
    "interface": {"type": "string", "title": "Interface", "x-order": 3, "description": "Network interface, by name or by one of its addresses; empty: as the system decides", "default": ""},
    "packet_size": {"type": "integer", "title": "Packet size", "x-order": 4, "x-unit": "bytes", "x-advanced": true, "description": "A multiple of 188; 1316 fits everywhere", "minimum": 188, "maximum": 1472, "multipleOf": 188, "default": 1316},
    "mux_kbps": {"type": "integer", "title": "Constant rate", "x-order": 5, "x-unit": "kb/s", "x-advanced": true, "description": "Fill up to this rate with empty packets, which broadcast equipment wants; at least a fifth above the stream. 0: as much as there is", "minimum": 0, "maximum": 200000, "default": 0}
  }
}`)

var ristSchema = json.RawMessage(`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["url"],
  "properties": {
    "url": {"type": "string", "title": "Address", "x-order": 1, "description": "rist://host:port; the port is even", "pattern": "^rist://.+:[0-9]+$", "x-expected": "rist://host:port"},
    "profile": {"type": "string", "title": "Profile", "x-order": 2, "description": "main has encryption and one port; simple is for equipment that knows nothing else", "enum": ["simple", "main"], "default": "main"},
    "buffer_ms": {"type": "integer", "title": "Buffer", "x-order": 3, "x-unit": "ms", "description": "Time to repair losses in; about four times the round trip", "minimum": 20, "maximum": 8000, "default": 500},
    "key_length": {"type": "integer", "title": "AES key", "x-order": 4, "x-unit": "bits", "x-advanced": true, "description": "Used when there is a passphrase; only with the main profile", "enum": [128, 256], "default": 128}
  }
}`)

// UDP describes MPEG-TS over UDP.
func UDP() outputs.Kind {
	return outputs.Kind{
		Name: "udp", Title: "MPEG-TS over UDP", Video: []media.Codec{media.H264, media.HEVC}, Audio: []media.Codec{media.AAC},
		Schema: udpSchema, New: newUDP,
	}
}

// RIST describes RIST.
func RIST() outputs.Kind {
	return outputs.Kind{
		Name: "rist", Title: "RIST", Video: []media.Codec{media.H264, media.HEVC}, Audio: []media.Codec{media.AAC},
		Schema: ristSchema, New: newRIST,
	}
}

type udpSettings struct {
	URL       string `json:"url"`
	TTL       *int   `json:"ttl"`
	Interface string `json:"interface"`
	Packet    int    `json:"packet_size"`
	MuxKbps   int    `json:"mux_kbps"`
}

func decode(raw json.RawMessage, name string, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: the settings cannot be read: %w", name, err)
	}
	return nil
}

// address takes host and port from a URL with nothing else in it.
func address(raw, scheme string) (host string, port uint16, err error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Scheme != scheme {
		return "", 0, fmt.Errorf("%s: the address must look like %s://host:port", scheme, scheme)
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%s: the address needs a port, as in %s://host:5000", scheme, scheme)
	}
	host = strings.TrimPrefix(u.Hostname(), "@") // as players write it
	if host == "" || u.User != nil && u.User.String() != "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", 0, fmt.Errorf("%s: the address may have host and port only; the rest are settings of their own", scheme)
	}
	return host, uint16(n), nil
}

func newUDP(raw json.RawMessage, _ outputs.Options) (outputs.Output, error) {
	var s udpSettings
	if err := decode(raw, "udp", &s); err != nil {
		return nil, err
	}
	host, port, err := address(s.URL, "udp")
	if err != nil {
		return nil, err
	}
	o := &output{name: "udp", at: net.JoinHostPort(host, strconv.Itoa(int(port))), message: defaultMessage, muxBPS: s.MuxKbps * 1000}
	if s.Packet != 0 {
		o.message = s.Packet
	}
	ttl := defaultTTL
	if s.TTL != nil {
		ttl = *s.TTL
	}
	switch {
	case o.message%packetBytes != 0 || o.message < packetBytes || o.message > 1472:
		return nil, errors.New("udp: the packet size must be a multiple of 188 up to 1472 bytes")
	case ttl < 0 || ttl > 255:
		return nil, errors.New("udp: the TTL must be 0 to 255")
	case s.MuxKbps < 0 || s.MuxKbps > 200_000:
		return nil, errors.New("udp: the constant rate must be at most 200000 kb/s")
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsMulticast() {
		o.note = "multicast: nobody answers"
	}
	o.dial = dialUDP(host, port, ttl, strings.TrimSpace(s.Interface))
	return o, nil
}

type ristSettings struct {
	URL       string `json:"url"`
	Profile   string `json:"profile"`
	BufferMS  int    `json:"buffer_ms"`
	KeyLength int    `json:"key_length"`
}

func newRIST(raw json.RawMessage, opt outputs.Options) (outputs.Output, error) {
	s := ristSettings{Profile: "main", BufferMS: 500, KeyLength: 128}
	if err := decode(raw, "rist", &s); err != nil {
		return nil, err
	}
	host, port, err := address(s.URL, "rist")
	switch {
	case err != nil:
		return nil, err
	case port%2 != 0:
		return nil, errors.New("rist: the port must be even: the next one is for the answers")
	case s.Profile != "simple" && s.Profile != "main":
		return nil, errors.New("rist: the profile must be simple or main")
	case s.BufferMS < 20 || s.BufferMS > 8000:
		return nil, errors.New("rist: the buffer must be 20 to 8000 ms")
	case s.KeyLength != 128 && s.KeyLength != 256:
		return nil, errors.New("rist: the key length must be 128 or 256 bits")
	case opt.Secret != "" && s.Profile != "main":
		return nil, errors.New("rist: only the main profile encrypts: choose it, or take the passphrase away")
	case strings.ContainsRune(opt.Secret, 0):
		return nil, errors.New("rist: the passphrase may not contain a zero byte")
	case !av.HasProtocol("rist"):
		return nil, errors.New("rist: the FFmpeg on this machine is built without librist")
	}
	options := map[string]string{"rist_profile": s.Profile, "buffer_size": strconv.Itoa(s.BufferMS), "pkt_size": strconv.Itoa(defaultMessage), "log_level": "-1"}
	if opt.Secret != "" {
		options["secret"], options["encryption"] = opt.Secret, strconv.Itoa(s.KeyLength)
	}
	at := net.JoinHostPort(host, strconv.Itoa(int(port)))
	return &output{name: "rist", at: at, message: defaultMessage, note: "librist repairs losses but does not say how many", dial: dialRIST(host, port, options)}, nil
}
