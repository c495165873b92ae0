package h264

import "fmt"

// SPS is the part of a sequence parameter set (H.264 7.3.2.1.1) that containers and
// session descriptions need.
type SPS struct {
	Profile, Constraints, Level  byte // the three bytes after the NAL header
	ChromaFormat                 int  // chroma_format_idc: 1 is 4:2:0
	BitDepthLuma, BitDepthChroma int
	Width, Height                int // in samples, after cropping
	RefFrames                    int // max_num_ref_frames
	Interlaced                   bool
	VUI                          VUI
}

// VUI is the part of the video usability information (H.264 E.1.1) that says what pictures look
// like and in which order they come; where an SPS has none, or one that is damaged, all of
// it is as where it does not say.
type VUI struct {
	SARWidth, SARHeight int // sample aspect ratio; 0 where it does not say
	FullRange           int // video_full_range_flag; -1 where it does not say
	Primaries           int // colour_primaries; 2 where it does not say
	Transfer            int // transfer_characteristics; 2 where it does not say
	Matrix              int // matrix_coefficients; 2 where it does not say
	Reorder             int // max_num_reorder_frames; -1 where it does not say
}

// ProfileLevelID is the SDP parameter of that name (RFC 6184 8.1), six hex digits.
func (s SPS) ProfileLevelID() string {
	return fmt.Sprintf("%02x%02x%02x", s.Profile, s.Constraints, s.Level)
}

// ProfileName is the profile in words.
func (s SPS) ProfileName() string {
	switch {
	case s.Profile == 66 && s.Constraints&0x40 != 0:
		return "constrained baseline"
	case s.Profile == 66:
		return "baseline"
	case s.Profile == 77:
		return "main"
	case s.Profile == 88:
		return "extended"
	case s.Profile == 100:
		return "high"
	case s.Profile == 110:
		return "high 10"
	case s.Profile == 122:
		return "high 4:2:2"
	case s.Profile == 244:
		return "high 4:4:4"
	}
	return fmt.Sprintf("profile %d", s.Profile)
}

// highProfile reports whether the SPS carries the chroma and depth fields
// (7.3.2.1.1, the list after level_idc).
func highProfile(p byte) bool {
	switch p {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

// ParseSPS reads a sequence parameter set, given as a NAL unit with its header.
func ParseSPS(nal []byte) (SPS, error) {
	if Type(nal) != TypeSPS {
		return SPS{}, errNotSPS
	}
	b := Unescape(nal)
	if len(b) < 5 {
		return SPS{}, errTruncated
	}
	s := SPS{Profile: b[1], Constraints: b[2], Level: b[3], ChromaFormat: 1, BitDepthLuma: 8, BitDepthChroma: 8}
	r := BitReader{Data: b[4:]}
	r.UE() // seq_parameter_set_id
	separate := false
	if highProfile(s.Profile) {
		s.ChromaFormat = int(r.UE())
		if s.ChromaFormat == 3 {
			separate = r.Bit()
		}
		s.BitDepthLuma, s.BitDepthChroma = int(r.UE())+8, int(r.UE())+8
		r.Bit() // qpprime_y_zero_transform_bypass_flag
		if r.Bit() {
			skipScalingMatrix(&r, s.ChromaFormat)
		}
	}
	r.UE() // log2_max_frame_num_minus4
	switch r.UE() {
	case 0:
		r.UE() // log2_max_pic_order_cnt_lsb_minus4
	case 1:
		r.Bit()
		r.SE()
		r.SE()
		n := r.UE()
		if n > 255 {
			return SPS{}, errRange
		}
		for range n {
			r.SE()
		}
	}
	s.RefFrames = int(r.UE())
	r.Bit() // gaps_in_frame_num_value_allowed_flag
	mbWidth, mapHeight := int64(r.UE())+1, int64(r.UE())+1
	frameMBsOnly := r.Bit()
	s.Interlaced = !frameMBsOnly
	fields := int64(1)
	if !frameMBsOnly {
		fields = 2
		r.Bit() // mb_adaptive_frame_field_flag
	}
	r.Bit() // direct_8x8_inference_flag
	var left, right, top, bottom int64
	if r.Bit() {
		left, right, top, bottom = int64(r.UE()), int64(r.UE()), int64(r.UE()), int64(r.UE())
	}
	if r.Err != nil {
		return SPS{}, r.Err
	}
	// Units of the cropping rectangle: equations 7-19 to 7-22.
	cropX, cropY := int64(1), fields
	if !separate && (s.ChromaFormat == 1 || s.ChromaFormat == 2) {
		cropX = 2
	}
	if !separate && s.ChromaFormat == 1 {
		cropY = 2 * fields
	}
	width := mbWidth*16 - cropX*(left+right)
	height := mapHeight*16*fields - cropY*(top+bottom)
	if s.ChromaFormat > 3 || s.BitDepthLuma > 14 || s.BitDepthChroma > 14 ||
		width < 1 || height < 1 || width > 1<<16 || height > 1<<16 {
		return SPS{}, errRange
	}
	s.Width, s.Height = int(width), int(height)
	s.VUI = readVUI(&r)
	return s, nil
}

// aspectRatios are those of aspect_ratio_idc (table E-1).
var aspectRatios = [...][2]int{
	{}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11},
	{80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1},
}

// readVUI reads from vui_parameters_present_flag on.
func readVUI(r *BitReader) VUI {
	none := VUI{FullRange: -1, Primaries: 2, Transfer: 2, Matrix: 2, Reorder: -1}
	v := none
	if !r.Bit() {
		return none
	}
	if r.Bit() { // aspect_ratio_info_present_flag
		const extended = 255
		if idc := int(r.Bits(8)); idc == extended {
			v.SARWidth, v.SARHeight = int(r.Bits(16)), int(r.Bits(16))
		} else if idc < len(aspectRatios) {
			v.SARWidth, v.SARHeight = aspectRatios[idc][0], aspectRatios[idc][1]
		}
	}
	if r.Bit() { // overscan_info_present_flag
		r.Bit()
	}
	if r.Bit() { // video_signal_type_present_flag
		r.Bits(3) // video_format
		v.FullRange = int(r.Bits(1))
		if r.Bit() { // colour_description_present_flag
			v.Primaries, v.Transfer, v.Matrix = int(r.Bits(8)), int(r.Bits(8)), int(r.Bits(8))
		}
	}
	if r.Bit() { // chroma_loc_info_present_flag
		r.UE()
		r.UE()
	}
	if r.Bit() { // timing_info_present_flag
		r.Bits(32)
		r.Bits(32)
		r.Bit() // fixed_frame_rate_flag
	}
	nal := r.Bit()
	if nal {
		skipHRD(r)
	}
	vcl := r.Bit()
	if vcl {
		skipHRD(r)
	}
	if nal || vcl {
		r.Bit() // low_delay_hrd_flag
	}
	r.Bit()      // pic_struct_present_flag
	if r.Bit() { // bitstream_restriction_flag
		r.Bit() // motion_vectors_over_pic_boundaries_flag
		for range 4 {
			r.UE()
		}
		v.Reorder = int(r.UE())
		r.UE() // max_dec_frame_buffering
	}
	if r.Err != nil {
		return none
	}
	return v
}

// skipHRD reads over E.1.2.
func skipHRD(r *BitReader) {
	n := r.UE() + 1
	r.Bits(8) // bit_rate_scale, cpb_size_scale
	for i := uint32(0); i < n && r.Err == nil; i++ {
		r.UE()
		r.UE()
		r.Bit()
	}
	r.Bits(20) // four lengths
}

// skipScalingMatrix reads over 7.3.2.1.1.1.
func skipScalingMatrix(r *BitReader, chromaFormat int) {
	lists := 8
	if chromaFormat == 3 {
		lists = 12
	}
	for i := range lists {
		if !r.Bit() {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := int64(8), int64(8)
		for range size {
			if next != 0 {
				next = (last + r.SE() + 256) % 256
			}
			if next != 0 {
				last = next
			}
		}
	}
}

// BitReader reads bits and Exp-Golomb codes (H.264 9.1), most significant bit first.
// After the data's end it gives zeros and Err is set.
type BitReader struct {
	Data []byte
	Err  error
	pos  int // in bits
}

// Bit reads one bit.
func (r *BitReader) Bit() bool { return r.Bits(1) == 1 }

// Bits reads n <= 32 bits.
func (r *BitReader) Bits(n int) uint32 {
	if r.Err != nil || r.pos+n > len(r.Data)*8 {
		r.Err = errTruncated
		return 0
	}
	v := uint32(0)
	for range n {
		v = v<<1 | uint32(r.Data[r.pos/8]>>(7-r.pos%8))&1
		r.pos++
	}
	return v
}

// UE reads an unsigned Exp-Golomb code.
func (r *BitReader) UE() uint32 {
	zeros := 0
	for !r.Bit() {
		if r.Err != nil {
			return 0
		}
		if zeros++; zeros > 31 {
			r.Err = errRange
			return 0
		}
	}
	return 1<<zeros - 1 + r.Bits(zeros)
}

// SE reads a signed Exp-Golomb code.
func (r *BitReader) SE() int64 {
	v := int64(r.UE())
	if v&1 == 1 {
		return (v + 1) / 2
	}
	return -v / 2
}
