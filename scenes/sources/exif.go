package sources

import (
	"bytes"
	"encoding/binary"
)

// orientation is the Exif tag 274 (Exif 2.32, 4.6.4 A): 1 is upright, 2 mirrored, 3
// upside down, 4 both, 5 to 8 the same turned by a quarter.
type orientation uint8

// size is that of the upright picture.
func (o orientation) size(w, h int) (int, int) {
	if o >= 5 {
		return h, w
	}
	return w, h
}

// place is where pixel x, y of the stored w x h picture belongs.
func (o orientation) place(x, y, w, h int) (int, int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8:
		return y, w - 1 - x
	}
	return x, y
}

// exifOrientation finds the orientation in a JPEG file; 1 where it says nothing
// that makes sense.
func exifOrientation(jpeg []byte) orientation {
	for i := 2; i+4 <= len(jpeg) && jpeg[i] == 0xff; {
		marker := jpeg[i+1]
		if marker == 0xda || marker == 0xd9 { // the picture itself; the end
			break
		}
		n := int(binary.BigEndian.Uint16(jpeg[i+2:]))
		if n < 2 || i+2+n > len(jpeg) {
			break
		}
		if segment := jpeg[i+4 : i+2+n]; marker == 0xe1 && bytes.HasPrefix(segment, []byte("Exif\x00\x00")) {
			return tiffOrientation(segment[6:])
		}
		i += 2 + n
	}
	return 1
}

// tiffOrientation reads the tag from the first directory of a TIFF structure.
func tiffOrientation(b []byte) orientation {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if string(b[:2]) == "II" {
		order = binary.LittleEndian
	}
	at := uint64(order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 1
	}
	entries := int(order.Uint16(b[at:]))
	for i := range entries {
		e := at + 2 + uint64(i)*12
		if e+12 > uint64(len(b)) {
			return 1
		}
		if order.Uint16(b[e:]) == 274 {
			if v := order.Uint16(b[e+8:]); v >= 1 && v <= 8 {
				return orientation(v)
			}
			return 1
		}
	}
	return 1
}
