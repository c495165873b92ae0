package whip

import (
	"bufio"
	"errors"
	"strings"
)

// fragmentType is the media type of an SDP fragment (RFC 8840 section 9), the body of
// PATCH for trickle ICE and ICE restarts (RFC 9725 section 4.3).
const fragmentType = "application/trickle-ice-sdpfrag"

// fragment is what one end says of ICE: its credentials and candidates of the one
// transport that a WHIP session has (everything is bundled, RFC 9725 section 4.2).
type fragment struct {
	ufrag, password string
	candidates      []string // values of a=candidate, "candidate:..." left out
	end             bool     // no more will come

	mid  string // of the section that carries them
	kind string // of that section: the m= line without "m="
	mids []string
}

var errFragment = errors.New("whip: the fragment of a session description makes no sense")

// parseFragment reads a fragment, or what of one a whole session description has: the
// credentials and candidates of its first section, or above all sections.
func parseFragment(text string) (fragment, error) {
	var f fragment
	sections := 0
	scan := bufio.NewScanner(strings.NewReader(text))
	for scan.Scan() {
		line := strings.TrimRight(scan.Text(), "\r ")
		if len(line) < 2 || line[1] != '=' {
			if line == "" {
				continue
			}
			return fragment{}, errFragment
		}
		if strings.HasPrefix(line, "m=") {
			if sections++; sections == 1 {
				f.kind = line[2:]
			}
			continue
		}
		name, value, _ := strings.Cut(strings.TrimPrefix(line, "a="), ":")
		switch {
		case line[0] != 'a':
		case name == "mid":
			f.mids = append(f.mids, value)
			if sections == 1 {
				f.mid = value
			}
		case sections > 1: // bundled with the first
		case name == "ice-ufrag":
			f.ufrag = value
		case name == "ice-pwd":
			f.password = value
		case name == "candidate":
			f.candidates = append(f.candidates, value)
		case name == "end-of-candidates":
			f.end = true
		}
	}
	if scan.Err() != nil || len(f.ufrag) > 256 || len(f.password) > 256 || len(f.candidates) > maxCandidates {
		return fragment{}, errFragment
	}
	return f, nil
}

// maxCandidates bounds what a far end can make us try.
const maxCandidates = 64

// String is f as RFC 9725 section 4.3.1 shows it.
func (f fragment) String() string {
	var b strings.Builder
	line := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(p)
		}
		b.WriteString("\r\n")
	}
	if len(f.mids) > 0 {
		line("a=group:BUNDLE ", strings.Join(f.mids, " "))
	}
	if f.kind != "" {
		line("m=", f.kind)
	}
	if f.mid != "" {
		line("a=mid:", f.mid)
	}
	if f.ufrag != "" {
		line("a=ice-ufrag:", f.ufrag)
		line("a=ice-pwd:", f.password)
	}
	for _, c := range f.candidates {
		line("a=candidate:", c)
	}
	if f.end {
		line("a=end-of-candidates")
	}
	return b.String()
}

// without leaves out the candidates that o has.
func (f fragment) without(o fragment) fragment {
	known := make(map[string]bool, len(o.candidates))
	for _, c := range o.candidates {
		known[c] = true
	}
	var rest []string
	for _, c := range f.candidates {
		if !known[c] {
			rest = append(rest, c)
		}
	}
	f.candidates = rest
	return f
}

// withICE puts f's credentials and candidates in the place of those of a session
// description.
func withICE(description string, f fragment) string {
	var b strings.Builder
	first := true
	for line := range strings.SplitSeq(strings.TrimRight(description, "\r\n"), "\n") {
		line = strings.TrimRight(line, "\r")
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = "a=ice-ufrag:" + f.ufrag
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = "a=ice-pwd:" + f.password
		case strings.HasPrefix(line, "a=candidate:"), line == "a=end-of-candidates":
			continue
		case strings.HasPrefix(line, "a=mid:"):
			b.WriteString(line + "\r\n")
			if first {
				first = false
				for _, c := range f.candidates {
					b.WriteString("a=candidate:" + c + "\r\n")
				}
				if f.end {
					b.WriteString("a=end-of-candidates\r\n")
				}
			}
			continue
		}
		b.WriteString(line + "\r\n")
	}
	return b.String()
}
