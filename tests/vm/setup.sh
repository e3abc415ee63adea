#!/usr/bin/env bash
# Installs what the virtual machines need from Debian's packages, and makes their root image, where they are missing or of other
# packages: `setup.sh targets` the one for attacks, `setup.sh arm64` the one for arm64, and installs what builds for it.
set -euo pipefail
cd "$(dirname "$0")"

name=${1:-root}
packages="qemu-system-x86 qemu-system-common busybox-static zstd kmod e2fsprogs mmdebstrap bpftool"
[ "$name" != arm64 ] || packages="$packages qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
missing=""
for package in $packages; do
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
	[ "$(id -u)" = 0 ] || { echo "these packages are missing, install them as root:$missing" >&2; exit 1; }
	echo "installing:$missing" >&2
	apt-get update -qq
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing >/dev/null
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/guardbee/vm
mkdir -p "$cache"
exec 9>"$cache/root.lock"
flock 9
./mkroot "$name" >&2
if [ "$name" = arm64 ]; then
	rustup target add aarch64-unknown-linux-gnu >&2
	echo "$cache/arm64" # libraries to link with
fi
