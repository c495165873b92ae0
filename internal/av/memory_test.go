package av

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/asticode/go-astiav"
)

// resident is this process's memory in bytes.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// TestTrimAllocator: what lies free between packets that are kept goes back to the system,
// and the packets stay what they are.
func TestTrimAllocator(t *testing.T) {
	const size, n, keep = 60_000, 1000, 8
	packets := make([]*astiav.Packet, n)
	data := make([]byte, size)
	for i := range packets {
		data[0], data[size-1] = byte(i), byte(i>>8)
		packets[i] = astiav.AllocPacket()
		if err := packets[i].FromData(data); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range packets {
		if i%keep != 0 {
			p.Free()
		}
	}
	before := resident(t)
	TrimAllocator()
	if gone := before - resident(t); gone < size*n/2 {
		t.Errorf("%d kB went back, of %d kB that are free", gone>>10, size*n*(keep-1)/keep>>10)
	}
	for i := 0; i < n; i += keep {
		d := packets[i].Data()
		if len(d) != size || d[0] != byte(i) || d[size-1] != byte(i>>8) {
			t.Errorf("packet %d is not what it was", i)
		}
		packets[i].Free()
	}
}
