// Package av is the studio's only door to FFmpeg 7.1 (libav*): it opens and reads
// inputs, decodes pictures and sound, converts and scales pictures, encodes,
// and writes containers. It is the only importer of go-astiav; a small
// C file (native.c) reaches what that binding does not cover.
//
// Threads: an Input, decoder, encoder, Scaler or Muxer belongs to one
// goroutine at a time; only what says so may be called from another. Ownership: a
// Frame that a decoder returns is the caller's, to be released once; it keeps the
// decoder's memory alive by itself, so it outlives the decoder. Encoders and
// scalers borrow the frames they are given for the length of the call. Packets
// that encoders return are plain Go memory.
//
// What this package does not do: retry, pace, queue, or know shows. Transfer
// functions and gamuts are not converted: HDR material keeps its code values, only
// the matrix and the range become the canvas's.
package av

// #cgo pkg-config: libavfilter libavformat libavcodec libswscale libswresample libavutil
// #cgo LDFLAGS: -lm
// #cgo CFLAGS: -O3 -Wall -Wno-deprecated-declarations
// #include "native.h"
import "C"
