package rehearsal

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"crosspoint.studio/crosspoint/internal/media"
	"crosspoint.studio/crosspoint/outputs/rtmp"
)

func checkApp(app string) error {
	if app != rtmpApp {
		return rtmp.ErrUnknownApp
	}
	return nil
}

// publishRTMP takes the secret as the stream key; "?name=…" after it tells several
// streams apart, as platforms take options after a key.
func (r *Receiver) publishRTMP(app, key string) (rtmp.StreamHandler, error) {
	key, query, _ := strings.Cut(key, "?")
	name := rtmpApp
	if v, err := url.ParseQuery(query); err == nil && v.Get("name") != "" {
		name = shortName(v.Get("name"))
	}
	if err := checkApp(app); err != nil {
		r.refused("rtmp", name, "", "there is no such application; it is "+rtmpApp)
		return nil, err
	}
	if !r.isSecret(key) {
		r.refused("rtmp", name, "", "wrong stream key")
		return nil, rtmp.ErrBadKey
	}
	s, err := r.begin("rtmp", name, "", false)
	if err != nil {
		if !errors.Is(err, errInUse) {
			return nil, err
		}
		r.refused("rtmp", name, "", err.Error())
		return nil, rtmp.ErrNameInUse
	}
	return &rtmpHandler{s}, nil
}

type rtmpHandler struct{ s *stream }

// Track implements rtmp.StreamHandler.
func (h *rtmpHandler) Track(i int, t media.Track) { h.s.describe(i, t) }

// Packet implements rtmp.StreamHandler.
func (h *rtmpHandler) Packet(p *media.Packet) { h.s.packet(p, time.Since(h.s.began)) }

// Closed implements rtmp.StreamHandler.
func (h *rtmpHandler) Closed(err error) { h.s.end(reason(err)) }

// reason is an error in words; empty for none.
func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// shortName is a name that a publisher chose, made fit to be shown.
func shortName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, name)
	if r := []rune(name); len(r) > 40 {
		name = string(r[:40])
	}
	return name
}
