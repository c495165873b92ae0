package rtmp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"crosspoint.studio/crosspoint/outputs"
)

// settings as in show files. The stream key is a secret, not a setting.
type settings struct {
	URL      string `json:"url"`
	Insecure bool   `json:"insecure"`
	User     string `json:"user"`
	Local    string `json:"local_address"`
}

const schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["url"],
  "additionalProperties": false,
  "properties": {
    "url": {
      "type": "string", "title": "Server", "x-order": 1,
      "description": "The service's RTMP address without the stream key, for example rtmps://live.example.com/app",
      "pattern": "^rtmps?://[^/]+/.+",
      "x-expected": "rtmp:// or rtmps:// with a server and an application, as in rtmps://live.example.com/app"
    },
    "user": {
      "type": "string", "title": "User name", "x-order": 2, "x-advanced": true, "maxLength": 256,
      "description": "Only for servers that ask for a name and a password (adobe, llnw): the stream key is then the password, and the stream's name is the last part of the address",
      "default": ""
    },
    "insecure": {
      "type": "boolean", "title": "Accept any certificate", "x-order": 3, "x-advanced": true,
      "description": "For rehearsal and servers with a self-signed certificate: with rtmps, do not check who answers",
      "default": false
    },
    "local_address": {
      "type": "string", "title": "Local address", "x-order": 4, "x-advanced": true,
      "description": "Address of this machine to send from, which chooses the network; empty for any",
      "default": ""
    }
  }
}`

// target is where and as what to publish.
type target struct {
	secure   bool
	insecure bool
	local    netip.Addr // to send from; invalid: any
	host     string     // name or address, for people and certificates
	port     string
	app      string // with its query, if any: may hold a token
	key      string
	user     string // for servers that ask; then password too
	password string
}

// tcURL is the address without the key, as the connect command carries it.
func (t target) tcURL() string {
	scheme := "rtmp"
	if t.secure {
		scheme = "rtmps"
	}
	host := t.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if t.port != t.defaultPort() {
		host = net.JoinHostPort(t.host, t.port)
	}
	return scheme + "://" + host + "/" + t.app
}

func (t target) defaultPort() string {
	if t.secure {
		return "443"
	}
	return "1935"
}

// appName is the application for the operator's eyes: its first part, no query.
func (t target) appName() string {
	name, _, _ := strings.Cut(t.app, "?")
	name, _, _ = strings.Cut(name, "/")
	return name
}

// redact is outputs.Said of a text that a server made, without the secrets in it.
func (t target) redact(text string) string {
	secrets := []string{t.key, url.QueryEscape(t.key), url.PathEscape(t.key)}
	if name, _, ok := strings.Cut(t.key, "?"); ok { // servers quote the name alone
		secrets = append(secrets, name)
	}
	if _, query, ok := strings.Cut(t.app, "?"); ok {
		secrets = append(secrets, query)
	}
	secrets = append(secrets, t.password)
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	return outputs.Said(text)
}

// parseTarget checks the settings. Its errors never show the address: the key may
// be in it.
func parseTarget(raw json.RawMessage, secret string) (target, error) {
	var s settings
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return target{}, fmt.Errorf("rtmp: the settings cannot be read: %w", err)
	}
	u, err := url.Parse(strings.TrimSpace(s.URL))
	if err != nil {
		return target{}, errors.New("rtmp: the address must look like rtmp://host/application")
	}
	t := target{secure: u.Scheme == "rtmps", insecure: s.Insecure, host: u.Hostname(), port: u.Port(), key: strings.TrimSpace(secret)}
	if t.user = strings.TrimSpace(s.User); t.user != "" {
		t.password, t.key = t.key, ""
		if t.password == "" {
			return target{}, errors.New("rtmp: a user name needs a password: enter it as the stream key")
		}
	}
	if u.Scheme != "rtmp" && u.Scheme != "rtmps" {
		return target{}, errors.New("rtmp: the address must begin with rtmp:// or rtmps://")
	}
	if t.host == "" {
		return target{}, errors.New("rtmp: the address has no host name")
	}
	if u.User != nil {
		return target{}, errors.New("rtmp: the address may not hold a user name: enter it under User name, and its password as the stream key")
	}
	if t.port == "" {
		t.port = t.defaultPort()
	}
	if s.Local != "" {
		if t.local, err = netip.ParseAddr(s.Local); err != nil {
			return target{}, errors.New("rtmp: the local address is not an IP address of this machine")
		}
	}
	path := strings.Trim(u.Path, "/")
	query := ""
	if u.RawQuery != "" {
		query = "?" + u.RawQuery
	}
	if t.key == "" {
		// The last part of the path is the key; its query belongs to it.
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			if t.user != "" {
				return target{}, errors.New("rtmp: the address has to end with the stream's name where there is a user name, as in rtmp://host/application/stream")
			}
			return target{}, errors.New("rtmp: the stream key is missing")
		}
		path, t.key, query = path[:i], path[i+1:]+query, ""
	}
	t.app = path + query
	if path == "" {
		return target{}, errors.New("rtmp: the address has no application, as in rtmp://host/application")
	}
	if len(t.key) > 4096 || len(t.app) > 4096 {
		return target{}, errors.New("rtmp: the address or the stream key is too long")
	}
	return t, nil
}

// keyApart is outputs.Kind.SecretApart: the last part of the address is the key.
func keyApart(raw json.RawMessage) (rest json.RawMessage, key string) {
	whole, err := parseTarget(raw, "")
	if err != nil {
		return raw, ""
	}
	var all map[string]json.RawMessage
	var address string
	if json.Unmarshal(raw, &all) != nil || json.Unmarshal(all["url"], &address) != nil {
		return raw, ""
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return raw, ""
	}
	u.Path, u.RawPath, u.RawQuery, u.Fragment, u.RawFragment = "/"+whole.app, "", "", "", ""
	if all["url"], err = json.Marshal(u.String()); err != nil { // a string always marshals
		panic(err)
	}
	if rest, err = json.Marshal(all); err != nil { // what was JSON before
		panic(err)
	}
	if apart, err := parseTarget(rest, whole.key); err != nil || apart != whole {
		return raw, "" // a key with spaces at its ends
	}
	return rest, whole.key
}

func newOutput(raw json.RawMessage, opt outputs.Options) (outputs.Output, error) {
	t, err := parseTarget(raw, opt.Secret)
	if err != nil {
		return nil, err
	}
	return &publisher{target: t, userAgent: opt.UserAgent, limits: defaultLimits()}, nil
}
