#!/usr/bin/env bash
# Installs the Debian/Ubuntu packages that Crosspoint needs, listing the missing
# ones first. Idempotent: with nothing missing it costs a fraction of a second.
#
#   packaging/apt.sh build     what building and running needs
#   packaging/apt.sh ffmpeg    what building FFmpeg 7.1 needs (only where the system has none)
#   packaging/apt.sh test      the peers and servers the tests talk to
set -euo pipefail

build=(build-essential pkg-config git ca-certificates
  libgl-dev libegl-dev libegl1 libegl-mesa0 libgl1-mesa-dri
  libx11-dev libxcursor-dev libxrandr-dev libxinerama-dev libxi-dev libxxf86vm-dev libxkbcommon-dev libwayland-dev
  libsrt-gnutls-dev)
# On a system with FFmpeg 7 the libav* development packages are build dependencies.
system_ffmpeg=(libavcodec-dev libavformat-dev libavfilter-dev libavdevice-dev libswscale-dev libswresample-dev libavutil-dev ffmpeg)
ffmpeg=(build-essential pkg-config nasm xz-utils dpkg-dev patch
  libx264-dev libx265-dev libsvtav1enc-dev libopus-dev libvpx-dev libdav1d-dev libmp3lame-dev libwebp-dev
  libsrt-gnutls-dev librist-dev libgnutls28-dev libxml2-dev zlib1g-dev libbz2-dev liblzma-dev
  libva-dev libdrm-dev libvpl-dev libfreetype-dev libfontconfig-dev libharfbuzz-dev
  libxcb1-dev libxcb-shm0-dev libxcb-xfixes0-dev libxcb-shape0-dev)
test=(xvfb xauth xdotool x11-utils xserver-xorg-core xserver-xorg-video-dummy x11-xserver-utils pulseaudio pulseaudio-utils dbus nginx-light libnginx-mod-rtmp srt-tools ffmpeg chromium fonts-dejavu-core procps)
# Peers that not every distribution has: Debian 13 has no Janus. Their tests say so there.
test_offered=(janus)

say() { printf 'crosspoint: %s\n' "$*"; }

have_apt() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

# Packages of the list "$@" that are not installed.
missing() {
  local p
  for p in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || printf '%s\n' "$p"
  done
}

install() {
  local want sudo=()
  mapfile -t want < <(missing "$@")
  [ ${#want[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { say "these packages are missing and there is no sudo to install them: ${want[*]}"; exit 1; }
    sudo=(sudo)
  fi
  say "installing with apt-get: ${want[*]}"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${want[@]}" >/dev/null
}

# offered: apt could install the package. apt-cache's words are those of the locale.
offered() { [[ $(LC_ALL=C apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ [0-9] ]]; }

have_apt || { say "no apt-get here: see docs/BUILDING.md for what to install by hand"; exit 0; }
case "${1:-}" in
  build)
    install "${build[@]}"
    # apt knows the version it would install; 7:7.x is what go-astiav v0.39 needs.
    v=$(LC_ALL=C apt-cache policy libavcodec-dev 2>/dev/null | sed -n 's/.*Candidate: \(7:\)\?\([0-9]*\)\..*/\2/p')
    if [ "${v:-0}" = 7 ]; then install "${system_ffmpeg[@]}"; fi ;;
  ffmpeg) install "${ffmpeg[@]}" ;;
  test)
    install "${test[@]}"
    for p in "${test_offered[@]}"; do
      if offered "$p"; then install "$p"; else say "$p is not in this distribution: the tests with it do not run"; fi
    done ;;
  *) say "usage: packaging/apt.sh build|ffmpeg|test"; exit 2 ;;
esac
