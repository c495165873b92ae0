package sources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/av"
)

const networkSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["url"],
  "properties": {
    "url": {"type": "string", "minLength": 1, "title": "Address", "x-order": 1,
      "description": "rtmp, rtmps, srt, rtsp, rtsps, http, https (HLS and others), udp, rtp or tcp"},
    "low_delay": {"type": "boolean", "default": true, "title": "Low delay", "x-order": 2, "x-advanced": true, "description": "Short probing, no buffering, each picture decoded as it comes"},
    "rtsp_transport": {"enum": ["tcp", "udp"], "default": "tcp", "title": "RTSP transport", "x-order": 3, "x-advanced": true, "description": "tcp passes firewalls; udp has less delay"},
    "srt_latency_ms": {"type": "integer", "minimum": 20, "maximum": 8000, "default": 120, "title": "SRT latency", "x-order": 4, "x-unit": "ms", "x-advanced": true, "description": "Four times the round trip is usual"},
    "timeout_s": {"type": "number", "minimum": 1, "maximum": 120, "default": 10, "title": "Timeout", "x-order": 5, "x-unit": "s", "x-advanced": true, "description": "Without data for this long, the source is reopened"},
    "hardware": {"enum": ["auto", "off", "vaapi", "cuda", "qsv", "videotoolbox", "d3d11va"], "default": "auto", "title": "Hardware decoding", "x-order": 6, "x-advanced": true,
      "description": "auto takes what opens, and decodes in software otherwise"},
    "deinterlace": {"enum": ["auto", "off"], "default": "auto", "title": "Deinterlace", "x-order": 7, "x-advanced": true,
      "description": "auto makes whole pictures of interlaced ones: of each field where the canvas is as fast as the fields, else of each two"},
    "insecure": {"type": "boolean", "default": false, "title": "Accept any certificate", "x-order": 8, "x-advanced": true,
      "description": "For servers with a self-signed certificate: with https and rtmps, do not check who answers. With rtsps nobody is checked"}
  }
}`

type networkSettings struct {
	URL           string  `json:"url"`
	LowDelay      bool    `json:"low_delay"`
	RTSPTransport string  `json:"rtsp_transport"`
	SRTLatencyMS  int     `json:"srt_latency_ms"`
	TimeoutS      float64 `json:"timeout_s"`
	Hardware      string  `json:"hardware"`
	Deinterlace   string  `json:"deinterlace"`
	Insecure      bool    `json:"insecure"`
}

// Network is the kind of a stream pulled from the network. Its errors name the host,
// never the path, the query or a password.
func Network() Kind {
	return Kind{
		Name: "network", Title: "Network stream", Pacing: Live, HasVideo: true, HasAudio: true, Coded: true,
		Schema: json.RawMessage(networkSchema),
		New: func(raw json.RawMessage, opt Options) (Source, error) {
			s := networkSettings{LowDelay: true, RTSPTransport: "tcp", SRTLatencyMS: 120, TimeoutS: 10, Hardware: "auto", Deinterlace: "auto"}
			if err := decodeSettings("network", raw, &s); err != nil {
				return nil, err
			}
			in, err := s.input()
			if err != nil {
				return nil, err
			}
			in.opt = canvasOr(opt)
			return &network{in}, nil
		},
	}
}

type network struct{ in *liveInput }

// Run implements Source.
func (s *network) Run(ctx context.Context, sink Sink) error { return s.in.run(ctx, sink) }

// input checks the settings and translates them into libavformat's options.
func (s *networkSettings) input() (*liveInput, error) {
	if s.URL == "" {
		return nil, errors.New("network: it has no address yet")
	}
	scheme, rest, ok := strings.Cut(s.URL, "://")
	scheme = strings.ToLower(scheme)
	if !ok || rest == "" {
		return nil, errors.New("network: its address has to begin with rtmp://, srt://, rtsp://, https:// or the like")
	}
	if err := within("network", "timeout_s", s.TimeoutS, 1, 120); err != nil {
		return nil, err
	}
	if err := within("network", "srt_latency_ms", s.SRTLatencyMS, 20, 8000); err != nil {
		return nil, err
	}
	if err := oneOf("network", "rtsp_transport", s.RTSPTransport, "tcp", "udp"); err != nil {
		return nil, err
	}
	if err := oneOf("network", "hardware", s.Hardware, "auto", "off", "vaapi", "cuda", "qsv", "videotoolbox", "d3d11va"); err != nil {
		return nil, err
	}
	if err := oneOf("network", "deinterlace", s.Deinterlace, "auto", "off"); err != nil {
		return nil, err
	}
	options := map[string]string{}
	address := s.URL
	// What libavformat may open for this address: what the scheme itself is made of, and never a
	// file, so that the far end has nothing else read. httpproxy is for TLS where http_proxy is set.
	reach := scheme
	streamOnly := false
	switch scheme {
	case "rtsp", "rtsps":
		reach = "rtsp,rtsps,rtp,udp,tcp,tls,httpproxy"
		options["rtsp_transport"] = s.RTSPTransport
	case "srt":
		streamOnly = true
		// A latency in the address itself comes first. libavformat counts in microseconds.
		if u, err := url.Parse(address); err != nil || !u.Query().Has("latency") {
			options["latency"] = strconv.Itoa(s.SRTLatencyMS * 1000)
		}
	case "udp":
		streamOnly = true
		// 1 MB in the kernel, some 10 MB behind it; what overflows is lost, not fatal.
		options["buffer_size"] = "1048576"
		options["fifo_size"] = "57344"
		options["overrun_nonfatal"] = "1"
	case "tcp":
		streamOnly = true
	case "rtmp", "rtmps":
		reach = "rtmp,rtmps,tcp,tls,httpproxy"
	case "rtp":
		reach = "rtp,udp"
	case "http", "https":
		// Playlists name other servers, and session descriptions ports of RTP.
		reach = "http,https,tls,tcp,crypto,data,rtp,udp,httpproxy"
	default:
		return nil, fmt.Errorf("network: %s is not a protocol to pull streams by", scheme)
	}
	options["protocol_whitelist"] = reach
	words := lineFault
	if !s.Insecure && (scheme == "https" || scheme == "rtmps") {
		words = secureFault
	}
	return &liveInput{
		kind: "network", url: address, hardware: s.Hardware, lowDelay: s.LowDelay, deinterlace: s.Deinterlace == "auto", words: words,
		reports: scheme == "rtsp" || scheme == "rtsps",
		options: av.InputOptions{
			Options: options, LowDelay: s.LowDelay && scheme != "http" && scheme != "https",
			Timeout: time.Duration(s.TimeoutS * float64(time.Second)), VerifyPeers: !s.Insecure, StreamOnly: streamOnly,
		},
		bursts: func(in *av.Input) bool {
			return strings.Contains(in.FormatName(), "hls") || strings.Contains(in.FormatName(), "dash") || in.Duration() > 0
		},
	}, nil
}
