package rtmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/yutopp/go-amf0"
)

// AMF0 (Adobe AMF 0 file format specification) is encoded by go-amf0 but decoded
// here: go-amf0 v0.1.0 allocates a strict array at whatever size the peer claims,
// refuses undefined, long strings and typed objects, and mixes up objects in an
// ECMA array. All of that comes from servers in the field, or from attackers.

const amfMaxDepth = 16

var errAMF = errors.New("rtmp: the AMF data are malformed")

// decodeAMF decodes values until b ends: float64, bool, string, nil,
// map[string]any, []any. What was decoded before an error is returned with it.
func decodeAMF(b []byte) (values []any, err error) {
	d := amfDecoder{b}
	for len(d.b) > 0 {
		v, err := d.value(0)
		if err != nil {
			return values, err
		}
		values = append(values, v)
	}
	return values, nil
}

type amfDecoder struct{ b []byte }

func (d *amfDecoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.b) {
		return nil, errAMF
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v, nil
}

func (d *amfDecoder) number(size int) (uint64, error) {
	b, err := d.take(size)
	if err != nil {
		return 0, err
	}
	v := uint64(0)
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v, nil
}

func (d *amfDecoder) text(sizeBytes int) (string, error) {
	n, err := d.number(sizeBytes)
	if err != nil || n > uint64(len(d.b)) {
		return "", errAMF
	}
	b, err := d.take(int(n))
	return string(b), err
}

// value decodes one value; the numbers are the markers of section 2.1.
func (d *amfDecoder) value(depth int) (any, error) {
	marker, err := d.number(1)
	if err != nil || depth > amfMaxDepth {
		return nil, errAMF
	}
	switch marker {
	case 0:
		n, err := d.number(8)
		return math.Float64frombits(n), err
	case 1:
		n, err := d.number(1)
		return n != 0, err
	case 2:
		return d.text(2)
	case 3:
		return d.object(depth)
	case 5, 6, 13: // null, undefined, unsupported
		return nil, nil
	case 8:
		if _, err := d.take(4); err != nil { // a hint only
			return nil, err
		}
		return d.object(depth)
	case 10:
		n, err := d.number(4)
		if err != nil || n > uint64(len(d.b)) { // a value has a byte at least
			return nil, errAMF
		}
		list := []any{}
		for range n {
			v, err := d.value(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case 11: // date: milliseconds and a zone nobody uses
		n, err := d.number(8)
		if err == nil {
			_, err = d.take(2)
		}
		return math.Float64frombits(n), err
	case 12, 15: // long string, XML
		return d.text(4)
	case 16:
		if _, err := d.text(2); err != nil {
			return nil, err
		}
		return d.object(depth)
	}
	return nil, errAMF
}

func (d *amfDecoder) object(depth int) (any, error) {
	object := map[string]any{}
	for {
		key, err := d.text(2)
		if err != nil {
			return nil, err
		}
		if key == "" && len(d.b) > 0 && d.b[0] == 9 {
			d.b = d.b[1:]
			return object, nil
		}
		if object[key], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
}

// encodeAMF encodes values with go-amf0.
func encodeAMF(values ...any) (*bytes.Buffer, error) {
	buf := new(bytes.Buffer)
	e := amf0.NewEncoder(buf)
	for _, v := range values {
		if err := e.Encode(v); err != nil {
			return nil, fmt.Errorf("rtmp: a command cannot be encoded: %w", err)
		}
	}
	return buf, nil
}

// readAMF decodes what is left of a message body.
func readAMF(body io.Reader) ([]any, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	return decodeAMF(b)
}

// fields of decoded values that may be missing or of another type.

func amfString(values []any, i int) string {
	if i >= len(values) {
		return ""
	}
	s, _ := values[i].(string)
	return s
}

func amfObject(values []any, i int) map[string]any {
	if i >= len(values) {
		return nil
	}
	m, _ := values[i].(map[string]any)
	return m
}

func amfNumber(m map[string]any, key string) float64 {
	f, _ := m[key].(float64)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

func be24(v uint32) []byte { return []byte{byte(v >> 16), byte(v >> 8), byte(v)} }

func read24(b []byte) uint32 { return binary.BigEndian.Uint32([]byte{0, b[0], b[1], b[2]}) }
