package media

import "time"

// Codec names an elementary stream's coding.
type Codec string

// Codecs.
const (
	H264 Codec = "h264"
	HEVC Codec = "hevc"
	AV1  Codec = "av1"
	// ProRes is Apple's codec for editing, every picture by itself, 4:2:2 in 10 bits.
	ProRes Codec = "prores"
	AAC    Codec = "aac"
	Opus   Codec = "opus"
	// MP3 is MPEG-1, 2 and 2.5 audio layer III: of sources that are passed on as they come; nothing
	// is encoded with it.
	MP3 Codec = "mp3"
	// FLAC is lossless, 24 bits: for sound that is recorded alone.
	FLAC Codec = "flac"
)

// IsAudio reports whether c carries sound.
func (c Codec) IsAudio() bool { return c == AAC || c == Opus || c == MP3 || c == FLAC }

// Track describes one elementary stream of a feed.
type Track struct {
	Codec    Codec
	TimeBase Rational // of the packets' PTS, DTS and Duration; video: one frame, audio: one sample

	Width, Height int        // video
	FPS           Rational   // video; of sound without pictures: what timecode counts, or not set
	SAR           Rational   // video; not set means square
	Color         CodePoints // video, as the stream itself has it; not set where not known
	SampleRateHz  int        // audio
	Channels      int        // audio

	BitrateBPS int // the encoder's target
	// Extradata is the decoder configuration as the codec's encoder gives it: H.264
	// and HEVC: parameter sets in Annex B (also repeated in each keyframe), AAC:
	// AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1), Opus: OpusHead (RFC 7845 5.1), FLAC:
	// STREAMINFO (RFC 9639 8.2), MP3: nothing.
	Extradata []byte
	// Delay is how many audio frames the decoder has to discard at the start.
	Delay int
	// FourCC is how QuickTime and MP4 files call the codec where its kind is not in the
	// stream itself (ProRes: "apcn"); empty otherwise.
	FourCC string
	// Title names the track in containers; may be empty.
	Title string
}

// Packet is one coded picture or block of sound. It is shared by all
// destinations and never changed; its memory is left to the garbage collector.
type Packet struct {
	Track    int // index into the feed's tracks
	Audio    bool
	Data     []byte // H.264 and HEVC: Annex B, one whole access unit; AAC: raw, no ADTS; Opus: one packet; MP3 and FLAC: one frame
	PTS, DTS int64  // in the track's time base; 0 is the studio's start
	Duration int64
	Keyframe bool // decoding can start here; always true for sound
	// Discardable: no other picture refers to this one.
	Discardable bool
	// Time is PTS as studio time.
	Time time.Duration
	// Made is the studio time at which the packet left its encoder.
	Made time.Duration
	// Tracks, on a keyframe, are the feed's tracks from here on, for which whoever writes a
	// file begins a new one. In a stream that is passed on as it came, what was before is of
	// another kind or of another stretch of time. Nil almost everywhere.
	Tracks []Track
	// Continues, with Tracks: time and sound go on; another encoder has taken over the pictures.
	Continues bool
}
