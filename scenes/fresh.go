package scenes

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How many characters an id and a name may have; schema.json says so too.
const (
	maxID   = 64
	maxName = 200
)

// FitName is name with end behind it, as a name in a show: name is cut where the two would be
// too long. Names of files and windows can be longer.
func FitName(name, end string) string {
	text, room := []rune(name), maxName-utf8.RuneCountInString(end)
	if len(text) <= room {
		return name + end
	}
	return string(text[:max(room-1, 0)]) + "…" + end
}

// FreshID is an id that no element of the show has, made from base, which may be any
// text (a name, a file's name): lower-case letters, digits, "-" and "_", with "-2",
// "-3" and so on behind it where the id is taken. A base without any such character
// gives "item".
func (s *Show) FreshID(base string) string {
	stem := idFrom(base)
	if !s.has(stem) {
		return stem
	}
	// A name that ends in a number counts on from it: cam-2 becomes cam-3.
	n := 2
	if at := strings.LastIndexByte(stem, '-'); at > 0 {
		if last, err := strconv.Atoi(stem[at+1:]); err == nil && last > 0 && last < 1<<20 {
			stem, n = stem[:at], last+1
		}
	}
	for ; ; n++ {
		tail := "-" + strconv.Itoa(n)
		id := strings.TrimRight(stem[:min(len(stem), maxID-len(tail))], "-") + tail
		if !s.has(id) {
			return id
		}
	}
}

// idFrom brings text to the characters of an id.
func idFrom(base string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(base) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			b.WriteRune(r)
		case unicode.IsSpace(r), unicode.IsPunct(r), unicode.IsSymbol(r):
			if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
				b.WriteByte('-')
			}
		}
		if b.Len() >= maxID {
			break
		}
	}
	if id := strings.TrimRight(b.String(), "-"); id != "" {
		return id
	}
	return "item"
}

// has reports whether any element has the id.
func (s *Show) has(id string) bool {
	return indexOf(s.Programs, id) >= 0 || indexOf(s.Sources, id) >= 0 || indexOf(s.Scenes, id) >= 0 ||
		indexOf(s.Overlays, id) >= 0 || indexOf(s.Renditions, id) >= 0 || indexOf(s.Destinations, id) >= 0 ||
		indexOf(s.Recordings, id) >= 0
}
