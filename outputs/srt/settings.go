package srt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs"
	"crosspoint.studio/crosspoint/outputs/srt/libsrt"
)

// Mode is which end calls.
type Mode string

// Modes.
const (
	Caller     Mode = "caller"
	Listener   Mode = "listener"
	Rendezvous Mode = "rendezvous"
)

// Limits of the settings.
const (
	defaultLatency = 120 * time.Millisecond // libsrt's default, and every product's
	minLatency     = 20 * time.Millisecond
	maxLatency     = 8 * time.Second
	minPassphrase  = 10 // SRTO_PASSPHRASE
	maxPassphrase  = 79
	maxStreamID    = 512
)

// Target is the far end and how to reach it, checked.
type Target struct {
	Mode Mode
	// Host may be empty for a listener: every address of this machine.
	Host string
	Port uint16
	// Local is where a caller or rendezvous partner sends from; port 0 means any
	// free one for a caller and the far end's for rendezvous. May be invalid: any address.
	Local      netip.AddrPort
	Latency    time.Duration
	StreamID   string
	Passphrase string
	KeyLength  int // bytes
	// PacketFilter is a forward error correction as libsrt describes it; may be empty.
	PacketFilter string
}

// Address is host and port for people.
func (t Target) Address() string { return net.JoinHostPort(t.Host, strconv.Itoa(int(t.Port))) }

type settings struct {
	URL       string `json:"url"`
	Mode      Mode   `json:"mode"`
	LatencyMS int    `json:"latency_ms"`
	StreamID  string `json:"stream_id"`
	KeyLength int    `json:"key_length"`
	Local     string `json:"local_address"`
	FEC       string `json:"fec"`
	Bonding   string `json:"bonding"`
}

// filters are the forward error corrections that the settings offer. Lost packets are asked for at
// once beside them (arq:always). With arq:onreq, libsrt's default, the receiver asks when a
// row or column is whole and has not helped: at 0.7 Mb/s a row of ten is 150 ms, a matrix
// 1.5 s, which is after the latency, and one in three lost packets stayed lost.
var filters = map[string]string{
	"":       "",
	"off":    "",
	"row":    "fec,cols:10,rows:1,arq:always",
	"matrix": "fec,cols:10,rows:10,layout:staircase,arq:always",
}

var schema = json.RawMessage(`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["url"],
  "properties": {
    "url": {"type": "string", "title": "Address", "x-order": 1, "description": "srt://host:port; for a listener srt://:port", "pattern": "^srt://", "x-expected": "srt://host:port"},
    "mode": {"type": "string", "title": "Mode", "x-order": 2, "description": "caller: connect to the far end; listener: wait for it; rendezvous: both connect", "enum": ["caller", "listener", "rendezvous"], "default": "caller"},
    "latency_ms": {"type": "integer", "title": "Latency", "x-order": 3, "x-unit": "ms", "description": "Time to repair losses in; about four times the round trip", "minimum": 20, "maximum": 8000, "default": 120},
    "stream_id": {"type": "string", "title": "Stream id", "x-order": 4, "description": "What the server is asked for, if it wants one", "maxLength": 512, "default": ""},
    "key_length": {"type": "integer", "title": "AES key", "x-order": 5, "x-unit": "bytes", "x-advanced": true, "description": "16: AES-128, 24: AES-192, 32: AES-256; used when there is a passphrase", "enum": [16, 24, 32], "default": 16},
    "local_address": {"type": "string", "title": "Local address", "x-order": 6, "x-advanced": true, "description": "Address of this machine to send from; empty for any", "default": ""},
    "fec": {"type": "string", "title": "Error correction", "x-order": 7, "x-advanced": true, "description": "Repairs losses before they can be sent again, which long paths need. row: 10 % more data, one loss in ten packets; matrix: 20 % more, short bursts too", "enum": ["off", "row", "matrix"], "default": "off"},
    "bonding": {"type": "string", "title": "Bonding", "x-order": 8, "x-advanced": true, "description": "Several paths at once; only where libsrt is built with groups, which Debian's is not", "enum": ["off", "broadcast", "backup"], "default": "off"}
  }
}`)

// Kind describes SRT destinations.
func Kind() outputs.Kind {
	return outputs.Kind{
		Name:   "srt",
		Title:  "SRT",
		Video:  []media.Codec{media.H264, media.HEVC},
		Audio:  []media.Codec{media.AAC},
		Schema: schema,
		New:    New,

		Acknowledges: true,
		SoundTracks:  32,
	}
}

// New checks settings and makes an output; it opens nothing. opt.Secret is the
// passphrase, empty for no encryption.
func New(raw json.RawMessage, opt outputs.Options) (outputs.Output, error) {
	s := settings{Mode: "", LatencyMS: 0}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("srt: the settings cannot be read: %w", err)
	}
	target, err := s.target(opt.Secret)
	if err != nil {
		return nil, err
	}
	return &Output{target: target}, nil
}

func (s settings) target(passphrase string) (Target, error) {
	t, err := ParseTarget(s.URL)
	if err != nil {
		return Target{}, err
	}
	if s.Mode != "" {
		t.Mode = s.Mode
	}
	if s.LatencyMS != 0 {
		t.Latency = time.Duration(s.LatencyMS) * time.Millisecond
	}
	if s.StreamID != "" {
		t.StreamID = s.StreamID
	}
	if s.KeyLength != 0 {
		t.KeyLength = s.KeyLength
	}
	if s.Local != "" {
		if t.Local, err = parseLocal(s.Local); err != nil {
			return Target{}, err
		}
	}
	filter, ok := filters[s.FEC]
	if !ok {
		return Target{}, errors.New("srt: the error correction must be off, row or matrix")
	}
	if filter != "" {
		t.PacketFilter = filter
	}
	if s.Bonding != "" && s.Bonding != "off" {
		return Target{}, bondingRefusal()
	}
	t.Passphrase = passphrase
	return t, t.Check()
}

// bondingRefusal says why paths cannot be bonded here.
func bondingRefusal() error {
	if !libsrt.Groups() {
		return errors.New("srt: the libsrt on this machine is built without groups (ENABLE_BONDING), so paths cannot be bonded: set bonding to off and add a second destination, or a backup, that goes by the other network")
	}
	return errors.New("srt: bonding is not supported by this program: set it to off and add a second destination, or a backup, that goes by the other network")
}

func parseLocal(text string) (netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap, nil
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.AddrPort{}, errors.New("srt: the local address must be an IP address of this machine, with or without a port")
	}
	return netip.AddrPortFrom(ip, 0), nil
}

// filterForm is what a packet filter looks like: the built-in kind and its numbers.
var filterForm = regexp.MustCompile(`^fec(,(cols|rows|layout|arq):-?[a-z0-9]{1,10}){0,4}$`)

// ParseTarget reads an srt:// URL, with the query parameters that SRT programs
// understand in common: mode, latency (ms), streamid, pbkeylen, adapter, packetfilter. What
// the URL does not say has its default. A passphrase in it is refused, since URLs
// end up in show files and logs. Errors never quote the URL.
func ParseTarget(raw string) (Target, error) {
	t := Target{Mode: Caller, Latency: defaultLatency, KeyLength: 16}
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Scheme != "srt" {
		return t, errors.New("srt: the address must look like srt://host:port")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return t, errors.New("srt: the address needs a port, as in srt://host:9000")
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" {
		return t, errors.New("srt: the address may have host, port and parameters only; what the server is asked for belongs in the stream id")
	}
	t.Host, t.Port = u.Hostname(), uint16(port)
	for key, values := range u.Query() {
		v := values[len(values)-1]
		switch key {
		case "mode":
			t.Mode = Mode(v)
		case "latency":
			ms, err := strconv.Atoi(v)
			if err != nil {
				return t, errors.New("srt: the latency in the address is not a number of milliseconds")
			}
			t.Latency = time.Duration(ms) * time.Millisecond
		case "streamid":
			t.StreamID = v
		case "pbkeylen":
			if t.KeyLength, err = strconv.Atoi(v); err != nil {
				return t, errors.New("srt: the key length in the address is not a number")
			}
		case "adapter":
			if t.Local, err = parseLocal(v); err != nil {
				return t, err
			}
		case "packetfilter":
			if !filterForm.MatchString(v) {
				return t, errors.New(`srt: the packet filter in the address must look like "fec,cols:10,rows:5"`)
			}
			t.PacketFilter = v
		case "passphrase":
			return t, errors.New("srt: the passphrase does not belong in the address: enter it under Passphrase")
		case "transtype", "pkt_size", "payload_size", "smoother", "messageapi":
			// Other programs need them; live mode is all there is here.
		default:
			return t, fmt.Errorf("srt: the address has a parameter %q that is not known", key)
		}
	}
	return t, nil
}

// Check says what is wrong with t, in words for the operator.
func (t Target) Check() error {
	switch t.Mode {
	case Caller, Rendezvous:
		if t.Host == "" {
			return errors.New("srt: the address needs a host, as in srt://host:9000")
		}
	case Listener:
	default:
		return errors.New("srt: the mode must be caller, listener or rendezvous")
	}
	if t.Latency < minLatency || t.Latency > maxLatency {
		return fmt.Errorf("srt: the latency must be %d to %d ms", minLatency.Milliseconds(), maxLatency.Milliseconds())
	}
	if t.KeyLength != 16 && t.KeyLength != 24 && t.KeyLength != 32 {
		return errors.New("srt: the key length must be 16, 24 or 32 bytes")
	}
	if len(t.StreamID) > maxStreamID {
		return fmt.Errorf("srt: the stream id is longer than %d bytes", maxStreamID)
	}
	if strings.ContainsRune(t.StreamID, 0) || strings.ContainsRune(t.Passphrase, 0) {
		return errors.New("srt: the stream id and the passphrase may not contain a zero byte")
	}
	return CheckPassphrase(t.Passphrase)
}

// CheckPassphrase accepts what SRT can use: nothing, or 10 to 79 bytes.
func CheckPassphrase(p string) error {
	if p != "" && (len(p) < minPassphrase || len(p) > maxPassphrase) {
		return fmt.Errorf("srt: the passphrase must have %d to %d characters", minPassphrase, maxPassphrase)
	}
	return nil
}

func (t Target) config() libsrt.Config {
	c := libsrt.Config{Latency: t.Latency, Passphrase: t.Passphrase, PacketFilter: t.PacketFilter, ConnectTimeout: connectTimeout}
	if t.Passphrase != "" {
		c.KeyLength = t.KeyLength
	}
	if t.Mode == Caller {
		c.StreamID = t.StreamID
	}
	return c
}
