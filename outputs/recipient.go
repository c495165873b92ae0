package outputs

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Recipient is who is told a secret as it is.
type Recipient struct {
	Host string // "": no other machine
	// Clear: others on the way can read it, or answer instead: it is not encrypted, or any
	// certificate is taken.
	Clear bool
}

// SecretTo is who is told the secret with these settings; told is false where nobody is, because
// it encrypts.
func (k Kind) SecretTo(settings json.RawMessage) (to Recipient, told bool) {
	if !k.TellsSecret {
		return Recipient{}, false
	}
	var s struct {
		URL      string `json:"url"`
		Insecure bool   `json:"insecure"`
	}
	if json.Unmarshal(settings, &s) != nil {
		return Recipient{}, true // New says why
	}
	u, err := url.Parse(strings.TrimSpace(s.URL))
	if err != nil {
		return Recipient{}, true // the same
	}
	return Recipient{Host: u.Hostname(), Clear: s.Insecure || u.Scheme == "rtmp" || u.Scheme == "http"}, true
}

// Site is what has one owner with host: its registrable domain (publicsuffix.org), or the
// address or name itself; "" of this machine, and of no host.
func Site(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if a, err := netip.ParseAddr(host); err == nil {
		if a.IsLoopback() {
			return ""
		}
		return a.Unmap().WithZone("").String()
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return ""
	}
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return domain
	}
	return host
}
