package media

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Rational is an exact fraction, in lowest terms when made by NewRational or
// ParseRational. A frame rate is in frames per second; a time base in seconds
// per unit. The zero value means "not set".
type Rational struct{ Num, Den int64 }

// NewRational reduces num/den. It panics when den is not positive.
func NewRational(num, den int64) Rational {
	if den <= 0 {
		panic(fmt.Sprintf("media: rational %d/%d", num, den))
	}
	a, b := num, den
	if a < 0 {
		a = -a
	}
	for b != 0 {
		a, b = b, a%b
	}
	if a == 0 {
		a = 1
	}
	return Rational{num / a, den / a}
}

// ntsc are the decimal spellings of the 1000/1001 rates that people type.
var ntsc = map[string]Rational{
	"23.976": {24000, 1001}, "23.98": {24000, 1001}, "29.97": {30000, 1001},
	"47.95": {48000, 1001}, "59.94": {60000, 1001}, "119.88": {120000, 1001},
}

// ParseRational reads "30", "30000/1001" or a decimal; the usual decimal names
// of the NTSC rates (29.97, 59.94, 23.976) mean the exact fraction. The value
// must be positive.
func ParseRational(s string) (Rational, error) {
	s = strings.TrimSpace(s)
	if r, ok := ntsc[s]; ok {
		return r, nil
	}
	if num, den, ok := strings.Cut(s, "/"); ok {
		n, err1 := strconv.ParseInt(strings.TrimSpace(num), 10, 32)
		d, err2 := strconv.ParseInt(strings.TrimSpace(den), 10, 32)
		if err1 != nil || err2 != nil || n <= 0 || d <= 0 {
			return Rational{}, fmt.Errorf("%q is not a positive fraction", s)
		}
		return NewRational(n, d), nil
	}
	whole, frac, _ := strings.Cut(s, ".")
	if len(frac) > 6 {
		frac = frac[:6]
	}
	den := int64(1)
	for range frac {
		den *= 10
	}
	n, err := strconv.ParseInt(whole+frac, 10, 40)
	if err != nil || n <= 0 {
		return Rational{}, fmt.Errorf("%q is not a positive number", s)
	}
	return NewRational(n, den), nil
}

// IsSet reports whether r is a usable positive fraction.
func (r Rational) IsSet() bool { return r.Num > 0 && r.Den > 0 }

// Inv returns 1/r.
func (r Rational) Inv() Rational { return Rational{r.Den, r.Num} }

// Float is for display only; time is never computed from it.
func (r Rational) Float() float64 {
	if r.Den == 0 {
		return 0
	}
	return float64(r.Num) / float64(r.Den)
}

func (r Rational) String() string {
	if r.Den == 1 {
		return strconv.FormatInt(r.Num, 10)
	}
	return fmt.Sprintf("%d/%d", r.Num, r.Den)
}

// MarshalJSON writes the fraction as a string.
func (r Rational) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }

// UnmarshalJSON takes a string as ParseRational does, or a plain number.
func (r *Rational) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	v, err := ParseRational(s)
	if err != nil {
		return err
	}
	*r = v
	return nil
}

// mulDiv is a*b/c rounded to nearest (ties away from zero) in 128 bits; c > 0.
func mulDiv(a, b, c int64) int64 {
	neg := (a < 0) != (b < 0)
	ua, ub := uint64(a), uint64(b)
	if a < 0 {
		ua = -ua
	}
	if b < 0 {
		ub = -ub
	}
	hi, lo := bits.Mul64(ua, ub)
	lo, carry := bits.Add64(lo, uint64(c)/2, 0)
	hi += carry
	q, _ := bits.Div64(hi, lo, uint64(c))
	if neg {
		return -int64(q)
	}
	return int64(q)
}

// Rescale converts v units of time base from into units of time base to,
// rounded to nearest.
func Rescale(v int64, from, to Rational) int64 {
	// The two products stay below 2^63 for every frame rate, sample rate and
	// time base in use; v itself may be large.
	return mulDiv(v, from.Num*to.Den, from.Den*to.Num)
}

var nanoseconds = Rational{1, int64(time.Second)}

// TimeOf is the time of unit v in time base tb, rounded to a nanosecond.
func TimeOf(v int64, tb Rational) time.Duration {
	return time.Duration(Rescale(v, tb, nanoseconds))
}

// UnitsIn is how many units of tb have passed at t, rounded to nearest.
func UnitsIn(t time.Duration, tb Rational) int64 {
	return Rescale(int64(t), nanoseconds, tb)
}

// TickTime is the exact start of tick n at rate fps: n/fps.
func TickTime(n int64, fps Rational) time.Duration { return TimeOf(n, fps.Inv()) }

// SampleAt is the index of the first audio sample of tick n at rate fps:
// floor(n * sampleRateHz / fps). Consecutive ticks so partition the samples
// without gap or overlap, whatever the rate.
func SampleAt(n int64, fps Rational, sampleRateHz int) int64 {
	hi, lo := bits.Mul64(uint64(n), uint64(sampleRateHz)*uint64(fps.Den))
	q, _ := bits.Div64(hi, lo, uint64(fps.Num))
	return int64(q)
}
