package scenes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// node is a JSON value, for one goroutine, that knows where in the document it stands and that keeps
// repeated keys, which encoding/json silently merges.
type node struct {
	start, end int // byte offsets in the document
	kind       byte
	members    []member         // kind '{', in document order
	index      map[string]*node // of many members, once get has been asked; the last where a key is repeated
	items      []*node          // kind '['
	text       string           // kind '"': the decoded string; kind '0': the literal
	truth      bool             // kind 't'
	bad        string           // kind '0': why the number cannot be used
}

type member struct {
	key   string
	start int
	value *node
}

// get is a member's value, the last one where a key is repeated (as
// encoding/json has it), or nil. It may be called on nil.
func (n *node) get(key string) *node {
	if n == nil || n.kind != '{' {
		return nil
	}
	if len(n.members) > manyMembers {
		if n.index == nil {
			n.index = make(map[string]*node, len(n.members))
			for _, m := range n.members {
				n.index[m.key] = m.value
			}
		}
		return n.index[key]
	}
	for i := len(n.members) - 1; i >= 0; i-- {
		if n.members[i].key == key {
			return n.members[i].value
		}
	}
	return nil
}

// manyMembers is more than any object of a show has; what else has so many is not searched again
// for each of them.
const manyMembers = 64

// list is an array's items; nothing for every other value.
func (n *node) list() []*node {
	if n == nil || n.kind != '[' {
		return nil
	}
	return n.items
}

// str is a member's string, and whether it is one.
func (n *node) str(key string) (string, bool) {
	v := n.get(key)
	if v == nil || v.kind != '"' {
		return "", false
	}
	return v.text, true
}

// num is a member's number, or the default.
func (n *node) num(key string, def float64) float64 {
	v := n.get(key)
	if v == nil || v.kind != '0' || v.bad != "" {
		return def
	}
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil {
		return def
	}
	return f
}

// plain is the value as the schema library wants it. Numbers that cannot be used
// are reported elsewhere and stand as 1 here.
func (n *node) plain() any {
	switch n.kind {
	case '{':
		m := make(map[string]any, len(n.members))
		for _, e := range n.members {
			m[e.key] = e.value.plain()
		}
		return m
	case '[':
		a := make([]any, len(n.items))
		for i, v := range n.items {
			a[i] = v.plain()
		}
		return a
	case '"':
		return n.text
	case '0':
		if n.bad != "" {
			return json.Number("1")
		}
		return json.Number(n.text)
	case 't':
		return n.truth
	}
	return nil
}

// write re-emits the value with whole numbers written plainly (2e3 as 2000), which
// is what encoding/json takes for integers. Settings are copied as they are.
func (n *node) write(b *bytes.Buffer, raw []byte) {
	switch n.kind {
	case '{':
		b.WriteByte('{')
		for i, e := range n.members {
			if i > 0 {
				b.WriteByte(',')
			}
			key, _ := json.Marshal(e.key) // a string always marshals
			b.Write(key)
			b.WriteByte(':')
			if e.key == "settings" {
				b.Write(raw[e.value.start:e.value.end])
				continue
			}
			e.value.write(b, raw)
		}
		b.WriteByte('}')
	case '[':
		b.WriteByte('[')
		for i, v := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			v.write(b, raw)
		}
		b.WriteByte(']')
	case '0':
		f, err := strconv.ParseFloat(n.text, 64)
		if err == nil && strings.ContainsAny(n.text, ".eE") && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			b.WriteString(strconv.FormatInt(int64(f), 10))
			return
		}
		b.WriteString(n.text)
	default:
		b.Write(raw[n.start:n.end])
	}
}

// maxCommas bounds what a document is taken apart into: a value needs a hundred times the memory of
// its text. What the program itself writes into a file of 16 MB has fewer.
const maxCommas = 1_000_000

// parseTree reads a document. It returns nil with the mistake when it is no JSON;
// a tree with mistakes for what is merely odd: text after the end, unusable
// numbers.
func parseTree(raw []byte) (*node, []found) {
	if !utf8.Valid(raw) {
		return nil, []found{{0, Mistake{"$", "the file is not UTF-8 text"}}}
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	var first json.RawMessage
	if err := dec.Decode(&first); err != nil {
		var syntax *json.SyntaxError
		at := len(raw)
		text := "the file ends too early; a bracket or quote is not closed"
		switch {
		case len(bytes.TrimSpace(raw)) == 0:
			text = "the file is empty"
		case errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF):
			at = int(syntax.Offset)
			text = fmt.Sprintf("this is not JSON at %s: %s", place(raw, at), syntax.Error())
		}
		return nil, []found{{at, Mistake{"$", text}}}
	}
	if bytes.Count(raw, []byte(",")) > maxCommas {
		return nil, []found{{0, Mistake{"$", "the file has more entries than any show"}}}
	}
	var mistakes []found
	p := treeParser{raw: raw}
	root := p.value()
	if rest := bytes.TrimLeft(raw[p.pos:], " \t\r\n"); len(rest) > 0 {
		at := len(raw) - len(rest)
		mistakes = append(mistakes, found{at, Mistake{"$", fmt.Sprintf("something follows the end of the show at %s; remove it", place(raw, at+1))}})
	}
	return root, mistakes
}

// trimMark removes the byte order mark that some editors put before the text.
func trimMark(raw []byte) []byte { return bytes.TrimPrefix(raw, []byte("\ufeff")) }

// place is where the byte before offset stands, for people.
func place(raw []byte, offset int) string {
	before := raw[:max(0, min(offset, len(raw))-1)]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return fmt.Sprintf("line %d, column %d", line, column)
}

// treeParser walks a document that is known to be valid JSON.
type treeParser struct {
	raw []byte
	pos int
}

func (p *treeParser) space() byte {
	for strings.IndexByte(" \t\r\n,:", p.raw[p.pos]) >= 0 {
		p.pos++
	}
	return p.raw[p.pos]
}

func (p *treeParser) value() *node {
	c := p.space()
	n := &node{start: p.pos, kind: c}
	switch c {
	case '{':
		for p.pos++; p.space() != '}'; {
			start := p.pos
			key := p.str()
			n.members = append(n.members, member{key, start, p.value()})
		}
		p.pos++
	case '[':
		for p.pos++; p.space() != ']'; {
			n.items = append(n.items, p.value())
		}
		p.pos++
	case '"':
		n.text = p.str()
	default:
		for p.pos < len(p.raw) && strings.IndexByte(" \t\r\n,:]}", p.raw[p.pos]) < 0 {
			p.pos++
		}
		switch n.text = string(p.raw[n.start:p.pos]); n.text {
		case "true", "false":
			n.kind, n.truth = 't', c == 't'
		case "null":
		default:
			n.kind = '0'
			n.bad = badNumber(n.text)
		}
	}
	n.end = p.pos
	return n
}

func (p *treeParser) str() string {
	start := p.pos
	for p.pos++; p.raw[p.pos] != '"'; p.pos++ {
		if p.raw[p.pos] == '\\' {
			p.pos++
		}
	}
	p.pos++
	var s string
	_ = json.Unmarshal(p.raw[start:p.pos], &s) // known to be valid
	return s
}

// badNumber keeps literals away from exact arithmetic that would take for ever,
// such as 1e999999999.
func badNumber(literal string) string {
	const text = "this number is too long or too large to mean anything here"
	if len(literal) > 64 {
		return text
	}
	if i := strings.IndexAny(literal, "eE"); i >= 0 {
		if e, err := strconv.Atoi(literal[i+1:]); err != nil || e > 300 || e < -300 {
			return text
		}
	}
	return ""
}
