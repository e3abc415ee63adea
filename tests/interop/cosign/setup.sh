#!/usr/bin/env bash
# Builds cosign where it isn't built yet, and prints its path. First time: minutes.
set -euo pipefail

version=v3.1.3
command -v go >/dev/null || { echo "Go is missing: cosign needs 1.26 or newer (https://go.dev/dl)" >&2; exit 1; }
folder=${XDG_CACHE_HOME:-$HOME/.cache}/guardbee/cosign-$version
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
if [ ! -x "$folder/cosign" ]; then
	echo "building cosign $version in $folder: minutes, once" >&2
	GOBIN=$folder nice go install -trimpath -ldflags='-s -w' "github.com/sigstore/cosign/v3/cmd/cosign@$version" >&2
fi
echo "$folder/cosign"
