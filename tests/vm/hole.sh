#!/usr/bin/env bash
# Builds tests/attacks/hole for the stock kernel 6.1 of the virtual machines, whose compiler this system has: hole.sh FOLDER
set -euo pipefail
folder=$(realpath "$1")
cd "$(dirname "$0")"
ready=${XDG_CACHE_HOME:-$HOME/.cache}/guardbee/vm/kernels/6.1/ready
[ -e "$ready" ] || ./vmrun --kernel 6.1 -- true
headers=linux-headers-$(cat "$ready")
if ! dpkg-query -W -f='${Status}' "$headers" 2>/dev/null | grep -q 'ok installed'; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$headers" gcc make >/dev/null ||
		{ echo "$headers is not to be had any more: remove $(dirname "$ready"), and the kernel is fetched anew" >&2; exit 1; }
fi
cp ../attacks/hole/* "$folder"
make -s -C "/usr/src/$headers" M="$folder" modules
