package record

import "time"

const (
	// roomOver is the time over which it is seen how fast a disk fills, and roomAfter the
	// least that says something.
	roomOver, roomAfter = time.Minute, 5 * time.Second
)

// roomMeter sees how fast a disk fills, whoever writes to it: other recordings do too. It
// belongs to one goroutine.
type roomMeter struct {
	dir   string
	marks []roomMark // oldest first
}

type roomMark struct {
	at   time.Time
	free int64
}

// left is how long the disk of dir, with free bytes of which stopBelow are not for use, lasts
// when it goes on filling as it does, or with own bytes a second where that is faster. 0:
// that is not known yet.
func (m *roomMeter) left(dir string, now time.Time, free int64, own float64) time.Duration {
	if dir != m.dir {
		m.dir, m.marks = dir, m.marks[:0]
	}
	n := 0
	for n < len(m.marks) && now.Sub(m.marks[n].at) > roomOver {
		n++
	}
	m.marks = append(m.marks[:copy(m.marks, m.marks[n:])], roomMark{now, free})
	rate := own
	if first := m.marks[0]; now.Sub(first.at) >= roomAfter {
		rate = max(rate, float64(first.free-free)/now.Sub(first.at).Seconds())
	}
	if rate <= 0 {
		return 0
	}
	return time.Duration(float64(max(free-stopBelow, 0)) / rate * float64(time.Second))
}
