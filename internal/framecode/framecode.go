// Package framecode draws and reads a machine-readable frame counter: a block of
// black and white squares in a picture's luma that says which camera it came
// from and which of its frames it is, so that tests, benchmarks and the rehearsal
// receiver can judge a received stream picture by picture.
//
// The block is two rows of twenty cells, most significant bit first, the first
// row before the second: 8 bits of camera id, 24 bits of frame number, 8 bits of
// CRC. White is code 216, black 40, chroma neutral; round the block lies a quiet
// border of mid grey (128), one cell wide, which is also the reader's reference:
// a faded picture is still read, a mix of two codes is refused. A cell is at least
// 8 pixels square (16 at 1080 lines), large enough to survive x264 at 3 Mb/s in
// 720p and scaling by one half.
//
// Threads: plain functions without state. Ownership: Draw writes into a frame
// that the caller must own alone; Read only reads. What it does not do: search the
// picture; the reader has to know where the code is.
package framecode

import (
	"crosspoint.studio/crosspoint/internal/media"
)

const (
	columns = 20
	rows    = 2

	black, grey, white = 40, 128, 216

	// minSpread is the least mean distance of the cells from the border at which
	// a code counts as there: a fifth of what Draw writes.
	minSpread = 18
)

// Cell is the side of one square, in pixels, in a picture of the given height.
func Cell(height int) int { return max(8, height*16/1080&^1) }

// Size is the width and height of the whole code, quiet border included, with
// squares of cell pixels.
func Size(cell int) (width, height int) { return (columns + 2) * cell, (rows + 2) * cell }

// Draw puts the code for camera id and the low 24 bits of frame number n at the
// default place of f (I420 or NV12): its border starts one cell, its squares
// start two cells from the top left.
func Draw(f *media.Frame, id uint8, n uint32) {
	c := Cell(f.Height)
	DrawAt(f, c, c, c, id, n)
}

// DrawAt puts the code with its border's top left corner at x, y (rounded down to
// even numbers, as 4:2:0 chroma needs) with squares of cell pixels (even). The
// parts outside the picture are left out.
func DrawAt(f *media.Frame, x, y, cell int, id uint8, n uint32) {
	x, y = x&^1, y&^1
	w, h := Size(cell)
	fillRect(f.Planes[0], f.Width, f.Height, x, y, w, h, grey)
	cw, ch := (f.Width+1)/2, (f.Height+1)/2
	switch f.Format {
	case media.I420:
		fillRect(f.Planes[1], cw, ch, x/2, y/2, w/2, h/2, 128)
		fillRect(f.Planes[2], cw, ch, x/2, y/2, w/2, h/2, 128)
	case media.NV12:
		fillRect(f.Planes[1], cw*2, ch, x, y/2, w, h/2, 128)
	default:
		panic("framecode: draw into " + f.Format.String())
	}
	bits := encode(id, n)
	for i := range columns * rows {
		v := byte(black)
		if bits>>(columns*rows-1-i)&1 != 0 {
			v = white
		}
		fillRect(f.Planes[0], f.Width, f.Height, x+(1+i%columns)*cell, y+(1+i/columns)*cell, cell, cell, v)
	}
}

// Read reads the code at the default place of a picture that has kept its size.
func Read(f *media.Frame) (id uint8, n uint32, ok bool) {
	return ReadIn(f, 0, 0, f.Width, f.Height, f.Width, f.Height)
}

// ReadIn reads the code of a srcWidth x srcHeight picture that is shown, scaled, in
// the rectangle x, y, w, h of f: a cell of a multiview, a picture in picture. The
// rectangle may reach beyond f where the code does not. RGBA frames are read too
// (by their green, which is most of luma).
func ReadIn(f *media.Frame, x, y, w, h, srcWidth, srcHeight int) (id uint8, n uint32, ok bool) {
	cell := float64(Cell(srcHeight))
	cw, ch := cell*float64(w)/float64(srcWidth), cell*float64(h)/float64(srcHeight)
	return readCells(f, float64(x)+cw, float64(y)+ch, cw, ch)
}

// readCells reads a code whose border starts at x, y and whose cells are cw x ch.
func readCells(f *media.Frame, x, y, cw, ch float64) (id uint8, n uint32, ok bool) {
	if x < 0 || y < 0 || x+cw*(columns+2) > float64(f.Width)+0.5 || y+ch*(rows+2) > float64(f.Height)+0.5 {
		return 0, 0, false
	}
	var cells [rows + 2][columns + 2]float64
	var border float64
	for r := range cells {
		for c := range cells[r] {
			cells[r][c] = mean(f, x+float64(c)*cw, y+float64(r)*ch, cw, ch)
			if onBorder(r, c) {
				border += cells[r][c]
			}
		}
	}
	border /= 2*(columns+2) + 2*rows
	var spread float64
	for r := range cells {
		for c := range cells[r] {
			if !onBorder(r, c) {
				spread += abs(cells[r][c] - border)
			}
		}
	}
	spread /= columns * rows
	if spread < minSpread {
		return 0, 0, false
	}
	var bits uint64
	for r := range cells {
		for c := range cells[r] {
			d := cells[r][c] - border
			if onBorder(r, c) {
				if abs(d) > spread/2 {
					return 0, 0, false
				}
				continue
			}
			if abs(d) < spread/2 {
				return 0, 0, false
			}
			bits <<= 1
			if d > 0 {
				bits |= 1
			}
		}
	}
	return decode(bits)
}

func onBorder(r, c int) bool { return r == 0 || r == rows+1 || c == 0 || c == columns+1 }

// mean averages the pixels whose centres lie in the middle half of a cell, at
// least one.
func mean(f *media.Frame, x, y, w, h float64) float64 {
	x0, x1 := middle(x, w, f.Width)
	y0, y1 := middle(y, h, f.Height)
	step, offset := 1, 0
	if f.Format == media.RGBA {
		step, offset = 4, 1
	}
	sum := 0
	for yy := y0; yy < y1; yy++ {
		row := f.Planes[0].Data[yy*f.Planes[0].Stride:]
		for xx := x0; xx < x1; xx++ {
			sum += int(row[xx*step+offset])
		}
	}
	return float64(sum) / float64((x1-x0)*(y1-y0))
}

func middle(start, size float64, limit int) (from, to int) {
	from = int(start + size/4 + 0.5)
	to = int(start + size*3/4 + 0.5)
	if to <= from {
		from = int(start + size/2)
		to = from + 1
	}
	to = min(to, limit)
	return min(from, to-1), to
}

// encode packs id, the low 24 bits of n and their CRC.
func encode(id uint8, n uint32) uint64 {
	payload := uint32(id)<<24 | n&0xffffff
	return uint64(payload)<<8 | uint64(crc8(payload))
}

func decode(bits uint64) (id uint8, n uint32, ok bool) {
	payload := uint32(bits >> 8)
	if crc8(payload) != uint8(bits) {
		return 0, 0, false
	}
	return uint8(payload >> 24), payload & 0xffffff, true
}

// crc8 has the polynomial x^8+x^5+x^3+x^2+x+1 (0x2F), which finds every error of up to
// three bits in a message this short (Koopman and Chakravarty, DSN 2004), and starts
// at 0xFF so that an empty block is not a code.
func crc8(payload uint32) uint8 {
	crc := uint8(0xff)
	for shift := 24; shift >= 0; shift -= 8 {
		crc ^= uint8(payload >> shift)
		for range 8 {
			if crc&0x80 != 0 {
				crc = crc<<1 ^ 0x2f
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// fillRect sets a rectangle of a plane of width x height bytes, clipped to it.
func fillRect(p media.Plane, width, height, x, y, w, h int, v byte) {
	x0, y0, x1, y1 := max(x, 0), max(y, 0), min(x+w, width), min(y+h, height)
	if x0 >= x1 {
		return
	}
	for yy := y0; yy < y1; yy++ {
		row := p.Data[yy*p.Stride+x0 : yy*p.Stride+x1]
		for i := range row {
			row[i] = v
		}
	}
}

func abs(v float64) float64 {
	if v < 0 {
		return -v
	}
	return v
}
