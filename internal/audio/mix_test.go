package audio

import (
	"math"
	"syscall"
	"testing"
	"time"
)

// plain is what the C loops have to give, bit for bit.
func plain(dst, src []float32, l0, r0, l1, r1 float32, add bool) (peakL, peakR float32) {
	n := len(dst) / 2
	stepL, stepR := (l1-l0)/float32(n), (r1-r0)/float32(n)
	for i := range n {
		gl, gr := l0+float32(stepL*float32(i+1)), r0+float32(stepR*float32(i+1))
		if i == n-1 || l0 == l1 && r0 == r1 {
			gl, gr = l1, r1
		}
		l, r := float32(src[2*i]*gl), float32(src[2*i+1]*gr)
		peakL, peakR = max(peakL, abs(l)), max(peakR, abs(r))
		if add {
			l, r = dst[2*i]+l, dst[2*i+1]+r
		}
		dst[2*i], dst[2*i+1] = l, r
	}
	return peakL, peakR
}

// TestLoopsAreExact: constant and ramped gains, of even and odd lengths, added and copied.
func TestLoopsAreExact(t *testing.T) {
	for _, frames := range []int{1, 2, 3, 5, 800, 801, 1601} {
		for _, c := range []struct{ l0, r0, l1, r1 float32 }{{1, 1, 1, 1}, {0.3, 0.7, 0.3, 0.7}, {1, 0, 0, 1}, {0.1, 0.2, 0.7, -0.4}} {
			for _, add := range []bool{false, true} {
				src, want := noise(1, frames), noise(2, frames)
				got := noise(2, frames)
				wl, wr := plain(want, src, c.l0, c.r0, c.l1, c.r1, add)
				r := ramp{c.l0, c.r0}
				f := r.copyTo
				if add {
					f = r.addTo
				}
				gl, gr := f(got, src, c.l1, c.r1)
				if gl != wl || gr != wr {
					t.Errorf("%d frames %v add %v: peaks %v %v, want %v %v", frames, c, add, gl, gr, wl, wr)
				}
				for i := range got {
					if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
						t.Fatalf("%d frames %v add %v: sample %d is %v, want %v", frames, c, add, i, got[i], want[i])
					}
				}
				if pl, pr := peaks(src); frames > 1 && (pl == 0 || pr == 0) {
					t.Error("a block of noise without peaks")
				}
			}
		}
	}
}

// TestSidesOfTheSource: trim, polarity and channels.
func TestSidesOfTheSource(t *testing.T) {
	for _, c := range []struct {
		name        string
		c           Controls
		left, right float32 // of a source with 0.5 left and 0.25 right
	}{
		{"as it is", Controls{}, 0.5, 0.25},
		{"mono", Controls{Channels: Mono}, 0.375, 0.375},
		{"left", Controls{Channels: LeftOnly}, 0.5, 0.5},
		{"right", Controls{Channels: RightOnly}, 0.25, 0.25},
		{"swapped", Controls{Channels: Swap}, 0.25, 0.5},
		{"inverted", Controls{Polarity: Inverted}, -0.5, -0.25},
		{"left inverted", Controls{Polarity: LeftInverted}, -0.5, 0.25},
		{"right inverted, mono", Controls{Polarity: RightInverted, Channels: Mono}, 0.125, 0.125},
		{"trim", Controls{TrimDB: 20 * math.Log10(2), Channels: Swap}, 0.5, 1},
	} {
		b := []float32{0.5, 0.25, 0.5, 0.25}
		m := identity
		m.process(b, c.c.sides())
		if abs(b[2]-c.left) > 1e-6 || abs(b[3]-c.right) > 1e-6 {
			t.Errorf("%s: %v %v, want %v %v", c.name, b[2], b[3], c.left, c.right)
		}
	}
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkMixing is gain, pan and sum of 16 stereo inputs to 6 buses, per block of 1024
// frames. x_memory is its time as a multiple of what moving the bytes it reads and
// writes takes in memory beyond the caches, in CPU time of the same run.
func BenchmarkMixing(b *testing.B) {
	const inputs, buses, frames = 16, 6, 1024
	var src, dst [][]float32
	for i := range inputs {
		src = append(src, noise(uint32(i), frames))
	}
	for range buses {
		dst = append(dst, make([]float32, 2*frames))
	}
	began := cpuTime(b)
	n := 0
	for b.Loop() {
		for k := range dst {
			clear(dst[k])
			for i := range src {
				r := ramp{0.5, 0.25}
				r.addTo(dst[k], src[i], 0.5, 0.25)
			}
		}
		n++
	}
	mixing := (cpuTime(b) - began).Seconds() / float64(n)
	const moved = inputs * buses * frames * 2 * 4 * 3 // read, read, written
	from, to := make([]byte, 64<<20), make([]byte, 64<<20)
	copy(to, from)
	began = cpuTime(b)
	const rounds = 8
	for range rounds {
		copy(to, from)
	}
	perByte := (cpuTime(b) - began).Seconds() / (rounds * 2 * float64(len(to)))
	b.ReportMetric(mixing/(moved*perByte), "x_memory")
	b.ReportMetric(mixing*1e6, "cpu_us/op")
}
