#!/usr/bin/env bash
# Builds the targets where they aren't built yet, and prints the folder. A part is built again when its sources change.
#   setup.sh [PART...]    of c, python, go, axum, node; without: all
set -euo pipefail
cd "$(dirname "$0")"
parts=" ${*:-c python go axum node} "
wanted() { [[ $parts == *" $1 "* ]]; }

../../scripts/setup-system.sh --targets >&2
missing=""
! wanted go || command -v go >/dev/null || missing="$missing golang-go"
! wanted node || command -v node >/dev/null || missing="$missing nodejs"
if [ -n "$missing" ]; then
	[ "$(id -u)" = 0 ] || { echo "these packages are missing, install them as root:$missing" >&2; exit 1; }
	echo "installing:$missing" >&2
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing >/dev/null
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/guardbee/targets
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

part() { # name, command that tells the tool's version, function that builds into $1
	local key
	wanted "$1" || return 0
	key=$({ $2; declare -f "$3"; find "$1" -type f -not -path '*/target/*' -print0 | sort -z | xargs -0 cat; } | sha256sum | cut -c1-16)
	if [ "$(cat "$cache/$1/key" 2>/dev/null)" != "$key" ]; then
		echo "building target: $1" >&2
		rm -rf "${cache:?}/$1"
		mkdir -p "$cache/$1"
		"$3" "$cache/$1" >&2
		echo "$key" >"$cache/$1/key"
	fi
}

build_c() {
	local name
	for name in fork timer pool reuse; do
		gcc -O1 -Wall -Wextra -Werror -D_GNU_SOURCE -pthread -o "$1/$name" "c/$name.c"
	done
}
build_python() {
	/usr/bin/python3 -m venv "$1/venv"
	"$1/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r python/requirements.txt
}
build_go() { (cd go && go build -o "$1/server" .); }
build_axum() {
	CARGO_TARGET_DIR=$1/target cargo build --quiet --locked --manifest-path axum/Cargo.toml
	mv "$1/target/debug/target-axum" "$1/server"
	rm -rf "$1/target"
}

part c "gcc -dumpfullversion" build_c
part python "/usr/bin/python3 --version" build_python
part go "go version" build_go
part axum "rustc --version" build_axum
echo "$cache"
