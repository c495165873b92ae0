package whip

import "github.com/pion/rtcp"

// toldAtMost bounds what told remembers: packets told as lost.
const toldAtMost = 4096

// told counts the packets that transport-wide feedback tells of, each once. Receivers tell
// again, from an earlier sequence number on, when a packet comes that they told as lost:
// on the way packets overtake each other. Not safe for concurrent use.
type told struct {
	next    uint16              // the first sequence number that nothing was told of
	missing map[uint16]struct{} // told as lost so far; nil before the first feedback
}

// take returns by how many packets what p tells changes the number of those that are lost
// (negative: some came after all) and of those told of; arrived is how many it tells as
// received, again or not.
func (t *told) take(p *rtcp.TransportLayerCC) (lost, seen, arrived int) {
	if t.missing == nil {
		t.next, t.missing = p.BaseSequenceNumber, map[uint16]struct{}{}
	}
	seq, left := p.BaseSequenceNumber, int(p.PacketStatusCount)
	count := func(symbol uint16, n int) {
		n = min(n, left)
		left -= n
		for ; n > 0; n-- {
			_, was := t.missing[seq]
			again := int16(seq-t.next) < 0
			received := symbol != rtcp.TypeTCCPacketNotReceived
			switch {
			case received && was:
				delete(t.missing, seq)
				if again {
					lost--
				}
			case !received && !again:
				if len(t.missing) >= toldAtMost {
					clear(t.missing)
				}
				t.missing[seq] = struct{}{}
				lost++
			}
			if received {
				arrived++
			}
			if !again {
				seen++
				t.next = seq + 1
			}
			seq++
		}
	}
	for _, chunk := range p.PacketChunks {
		switch chunk := chunk.(type) {
		case *rtcp.RunLengthChunk:
			count(chunk.PacketStatusSymbol, int(chunk.RunLength))
		case *rtcp.StatusVectorChunk:
			for _, symbol := range chunk.SymbolList {
				count(symbol, 1)
			}
		}
	}
	return lost, seen, arrived
}
