#!/usr/bin/env bash
# Finds or builds FFmpeg 7.1 and prints the PKG_CONFIG_PATH that uses it
# (an empty line when the system's own FFmpeg serves). Progress goes to stderr.
#
# Where the system has libavcodec 61 (Debian 13), that is used. Where not (Debian
# 12 has 5.1), FFmpeg is built once, static, from Debian 13's own source package,
# taken from the mirror apt is configured with and verified by apt's signatures.
# The result lives in a cache outside the repository, keyed by version and
# configure line, and is never built again.
#
#   CROSSPOINT_CACHE   the cache folder (default: $XDG_CACHE_HOME/crosspoint or ~/.cache/crosspoint)
#   DEBIAN_MIRROR      a Debian mirror, for systems whose apt has none (Ubuntu)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${CROSSPOINT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/crosspoint}
say() { printf 'crosspoint: %s\n' "$*" >&2; }

if pkg-config --atleast-version=61 libavcodec 2>/dev/null && pkg-config --max-version=61.999 libavcodec; then
  echo ""
  exit 0
fi

# Everything Crosspoint uses and nothing that pulls in a desktop. GPL because of
# x264 and x265; version 3 because of GnuTLS' own dependencies.
configure=(--disable-shared --enable-static --enable-pic --disable-doc --disable-debug --disable-sdl2
  --enable-gpl --enable-version3
  --enable-libx264 --enable-libx265 --enable-libsvtav1 --enable-libopus --enable-libvpx --enable-libdav1d
  --enable-libmp3lame --enable-libwebp --enable-libsrt --enable-librist --enable-gnutls --enable-libxml2 --enable-libfreetype
  --enable-libharfbuzz --enable-libfontconfig
  --enable-vaapi --enable-libvpl --enable-ffnvcodec --enable-nvenc --enable-nvdec
  --enable-libxcb --enable-libxcb-shm --enable-libxcb-xfixes --enable-libxcb-shape)
revision=3 # raise when this script changes what it builds
key=$(printf '%s\n' 7.1 "$revision" "${configure[@]}" "$(uname -m)" "$(. /etc/os-release; echo "${ID}${VERSION_ID:-}")" | sha256sum | cut -c1-12)
prefix=$cache/ffmpeg-7.1-$key
if [ -e "$prefix/.complete" ]; then
  echo "$prefix/lib/pkgconfig"
  exit 0
fi

# Two calls at once (make -j, two checkouts) build it once.
mkdir -p "$cache"
exec 9>"$cache/ffmpeg.lock"
flock 9
if [ -e "$prefix/.complete" ]; then
  echo "$prefix/lib/pkgconfig"
  exit 0
fi

command -v apt-get >/dev/null || { say "FFmpeg 7.x is not installed and there is no apt-get to fetch its source: install the libav* 7.x development files, then try again"; exit 1; }
say "FFmpeg 7.1 is not on this system; building it once into $prefix (about five minutes on two cores)"
"$here/../apt.sh" ffmpeg >&2

mirror=${DEBIAN_MIRROR:-}
if [ -z "$mirror" ]; then
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(SITE) $(ORIGIN)' 'Created-By: Packages' | awk '$2=="Debian" && $1!~/security/{print $1; exit}')
fi
[ -n "$mirror" ] || { say "apt is configured with no Debian mirror; set DEBIAN_MIRROR to one (its main archive) and try again"; exit 1; }
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || { say "the Debian archive keyring is missing: install debian-archive-keyring"; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work"/lists/partial "$work"/archives/partial "$work"/src
printf 'deb [signed-by=%s] %s trixie main\ndeb-src [signed-by=%s] %s trixie main\n' "$keyring" "$mirror" "$keyring" "$mirror" > "$work/sources.list"
# An apt of its own: the system's sources and lists stay as they are.
apt=(apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/lists"
  -o Dir::Cache::archives="$work/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
say "fetching FFmpeg's source package for Debian 13 (signatures checked by apt)"
"${apt[@]}" update >&2
cd "$work/src"
"${apt[@]}" source ffmpeg >"$work/source.log" 2>&1 || { cat "$work/source.log" >&2; exit 1; }
# NVENC wants newer headers than Debian 12 has; the package is headers alone.
"${apt[@]}" download libffmpeg-nvenc-dev >&2
mkdir -p "$work/nv"
dpkg-deb -x libffmpeg-nvenc-dev_*.deb "$work/nv"
nvpc=$(dirname "$(find "$work/nv" -name ffnvcodec.pc)")
sed -i "s#^prefix=.*#prefix=$work/nv/usr#" "$nvpc/ffnvcodec.pc"
cd ffmpeg-7.1*/
say "configuring"
stage=$prefix.partial.$$
PKG_CONFIG_PATH=$nvpc ./configure --prefix="$prefix" --extra-cflags="-I$work/nv/usr/include" "${configure[@]}" >"$work/configure.log" 2>&1 ||
  { tail -20 "$work/configure.log" ffbuild/config.log >&2; exit 1; }
say "compiling"
make -j"$(nproc)" >"$work/make.log" 2>&1 || { tail -30 "$work/make.log" >&2; exit 1; }
make DESTDIR="$stage" install >"$work/install.log" 2>&1 || { tail -30 "$work/install.log" >&2; exit 1; }
rm -rf "$prefix"
mv "$stage$prefix" "$prefix"
rm -rf "$stage"
touch "$prefix/.complete"
say "FFmpeg is ready in $prefix"
echo "$prefix/lib/pkgconfig"
