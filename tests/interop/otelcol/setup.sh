#!/usr/bin/env bash
# Builds the Collector where it isn't built yet, and prints its path. First time: 430 MB of modules, 90 to 420 s.
set -euo pipefail
cd "$(dirname "$0")"

# From 1.21 on, Go fetches the version that go.mod asks for by itself; Debian 12's 1.19 does not know how to.
have=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null || true)
have=${have#go}
if [ -z "$have" ] || [ "$(printf '%s\n' 1.21 "$have" | sort -V | head -n 1)" != 1.21 ]; then
	echo "Go is ${have:-missing}: the Collector needs 1.25, or 1.21 and newer where that may fetch it (https://go.dev/dl)" >&2
	exit 1
fi
key=$({ cat go.mod go.sum main.go; go version; } | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/guardbee
binary=$cache/otelcol-$key
mkdir -p "$cache"
exec 9>"$cache/otelcol.lock"
flock 9
if [ ! -x "$binary" ]; then
	echo "building the OpenTelemetry Collector in $cache: minutes, once" >&2
	nice go build -mod=readonly -trimpath -ldflags='-s -w' -o "$binary.part" . >&2
	mv "$binary.part" "$binary"
fi
echo "$binary"
