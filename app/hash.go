package app

import (
	"encoding/binary"
	"hash"
	"math"

	"crosspoint.studio/crosspoint/internal/media"
)

// hashFrame adds a picture's visible samples, row by row.
func hashFrame(h hash.Hash, f *media.Frame) {
	for i, p := range f.Planes {
		rowBytes, rows := media.PlaneSize(f.Format, f.Width, f.Height, i)
		for y := range rows {
			_, _ = h.Write(p.Data[y*p.Stride : y*p.Stride+rowBytes]) // a hash takes everything
		}
	}
}

func hashSamples(h hash.Hash, samples []float32) {
	var b [4]byte
	for _, s := range samples {
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(s))
		_, _ = h.Write(b[:]) // as above
	}
}
