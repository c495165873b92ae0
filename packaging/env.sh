# Sourced by the Makefile and by editors' shells: the environment in which plain
# `go build ./...` and `go test ./...` work. Nothing here depends on the caller's
# folder except that it is the repository's root.
crosspoint_ffmpeg=$(packaging/ffmpeg/build.sh) || exit 1
if [ -n "$crosspoint_ffmpeg" ]; then
  export PKG_CONFIG_PATH="$crosspoint_ffmpeg${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
  # The ffmpeg and ffprobe of the same build: the bench's floor and the tests' judge.
  export CROSSPOINT_FFMPEG_BIN="${crosspoint_ffmpeg%/lib/pkgconfig}/bin"
else
  export CROSSPOINT_FFMPEG_BIN=/usr/bin
fi
# cgo warns about malgo's and Fyne's C on newer compilers; that is not our code.
export CGO_CFLAGS="${CGO_CFLAGS:--O2 -g}"
