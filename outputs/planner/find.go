package planner

import (
	"net/url"
	"strings"
)

// ownHosts are domains of services whose ingests have a name for each stream or region,
// beside the hosts of Platform.Ingests.
var ownHosts = map[string][]string{
	"twitch":   {"twitch.tv", "contribute.live-video.net"},
	"youtube":  {"youtube.com"},
	"facebook": {"facebook.com", "fbcdn.net"},
	"linkedin": {"linkedin.com", "licdn.com"},
	"tiktok":   {"tiktokcdn.com", "tiktok.com", "tiktokcdn-us.com"},
	"x":        {"pscp.tv", "x.com"},
	"vimeo":    {"vimeo.com", "cloud.vimeo.com"},
}

// PlatformAt is the service that an ingest address belongs to, by its host; "custom" for
// every other and for what is no address.
func PlatformAt(address string) Platform {
	custom, _ := FindPlatform("custom")
	host := hostOf(address)
	if host == "" {
		return custom
	}
	platforms := Platforms()
	// A host that is listed wins over a domain: two services rent ingests from one.
	for _, p := range platforms {
		for _, in := range p.Ingests {
			if hostOf(in.URL) == host {
				return p
			}
		}
	}
	for _, p := range platforms {
		for _, domain := range ownHosts[p.Name] {
			if host == domain || strings.HasSuffix(host, "."+domain) {
				return p
			}
		}
	}
	return custom
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
