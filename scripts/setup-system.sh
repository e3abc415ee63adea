#!/usr/bin/env bash
# Installs what Guardbee needs from Debian's packages: to build (default), to run the targets of the host lane (--targets), which
# --list-targets only lists, and what the hour of mixed load runs beside these (--loads).
# Idempotent; asks for nothing that is there already. Used by the Makefile and by .ci/run.
set -euo pipefail

build="clang-16 clang-format-16 llvm-16 libelf-dev zlib1g-dev pkg-config gcc g++ make libc6-dev"
# Servers and loads; what attacks and actions use.
host="curl openssl bpftool python3 python3-venv procps redis-server wrk
	nginx-light apache2 php-fpm
	openssh-client libcap2-bin kmod gdb
	busybox-static dnsmasq-base iproute2 util-linux bsdutils mount e2fsprogs crun podman"
loads="cmake git golang-go postgresql redis-tools"
command -v go >/dev/null && loads=${loads/golang-go/}
command -v npm >/dev/null || loads="$loads npm" # Node's own packages have it, and Debian's can't be beside them
packages=$build
for arg in "$@"; do
	case $arg in
	--targets) packages="$packages $host" ;;
	--loads) packages="$packages $host $loads" ;;
	--list-targets) printf '%s\n' $host; exit ;;
	*) echo "usage: $0 [--targets | --list-targets | --loads]" >&2; exit 2 ;;
	esac
done

missing=""
for package in $packages; do
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
	[ "$(id -u)" = 0 ] || { echo "these packages are missing, install them as root:$missing" >&2; exit 1; }
	echo "installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# Servers are started by the tests themselves, on ports of their own: never by the package.
	printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d.guardbee && chmod +x /usr/sbin/policy-rc.d.guardbee
	policy=/usr/sbin/policy-rc.d
	[ -e $policy ] || { mv /usr/sbin/policy-rc.d.guardbee $policy; trap 'rm -f /usr/sbin/policy-rc.d' EXIT; }
	rm -f /usr/sbin/policy-rc.d.guardbee
	# shellcheck disable=SC2086 # a list of words
	apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing >/dev/null
fi
command -v cargo >/dev/null || { echo "Rust is missing: install rustup, then run this again" >&2; exit 1; }
