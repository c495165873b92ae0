package testkit

import "time"

// ClockLeads is by how much the decoding time of each picture of an MPEG-TS is ahead of the clock
// reference (PCR) beside it; of pictures without one beside them there is none.
func ClockLeads(raw []byte) (leads []time.Duration) {
	const packet, wrap = 188, 1 << 33
	for b := raw; len(b) >= packet; b = b[packet:] {
		if b[1]&0x40 == 0 || b[3]&0x30 != 0x30 || b[4] < 7 || b[5]&0x10 == 0 {
			continue // no PES packet begins here (ISO/IEC 13818-1, 2.4.3.2), or without PCR (2.4.3.4)
		}
		pcr := int64(b[6])<<25 | int64(b[7])<<17 | int64(b[8])<<9 | int64(b[9])<<1 | int64(b[10])>>7
		pes := b[5+int(b[4]) : packet]
		if len(pes) < 19 || pes[3]&0xf0 != 0xe0 || pes[7]&0x80 == 0 {
			continue
		}
		at := pes[9:]
		if pes[7]&0x40 != 0 {
			at = pes[14:] // a DTS follows the PTS (2.4.3.6)
		}
		dts := int64(at[0]>>1&7)<<30 | int64(at[1])<<22 | int64(at[2]>>1)<<15 | int64(at[3])<<7 | int64(at[4]>>1)
		leads = append(leads, time.Duration((dts-pcr+wrap)%wrap)*time.Second/90000)
	}
	return leads
}
