#!/usr/bin/env bash
# The main job, on real input: a web application is attacked through a request; the finding names the request; both are proven.
set -euo pipefail
cd "$(dirname "$0")/.."

bold() { if [ -t 1 ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi; }
[ "$(id -u)" = 0 ] || { echo "the sensor loads BPF programs: run this as root"; exit 1; }

bold "1. Building"
cargo build --release --package guardbee-cli
guardbee=$PWD/target/release/guardbee

work=$(mktemp -d /tmp/guardbee-demo.XXXXXX)
chmod 755 "$work"
mkdir -m 777 "$work/out"
sensor="" app=""
stop() {
	for pid in $app $sensor; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
	done
}
trap 'stop; rm -rf "$work"' EXIT

wait_for() { # seconds, pattern, file
	for _ in $(seq $(($1 * 20))); do
		grep -qs -- "$2" "$3" && return 0
		sleep 0.05
	done
	echo "waited $1 s for \"$2\"; this is what there was:" >&2
	tail -n 20 "$3" >&2
	return 1
}

bold "2. Starting the sensor, with its defaults and a key of its own"
"$guardbee" key new --out "$work/guardbee.key" --public "$work/guardbee.pub"
chown 65532 "$work/guardbee.key"
began=$(date +%s.%N)
"$guardbee" run --set seal.key="$work/guardbee.key" --set deliver.records_file="$work/out/records.jsonl" \
	--set deliver.console_spans=true >"$work/console" 2>"$work/log" &
sensor=$!
wait_for 60 "guardbee: ready" "$work/log"
cat "$work/log"

bold "3. Starting a small web application with a hole in it (tests/demo/app.py)"
python3 tests/demo/app.py --port 8088 >"$work/app" 2>&1 &
app=$!
wait_for 20 "listening" "$work/app"

bold "4. Attacking it"
python3 tests/demo/attack.py --port 8088
wait_for 20 "Injection In A Request Was Executed" "$work/console"
wait_for 20 "server GET /ping?host=localhost%3B" "$work/console"

bold "5. What the sensor says: the request's span, and the finding that names it"
cat "$work/console"
awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN { printf "\nfrom start to finding: %.1f s\n", b - a }'

bold "6. Stopping everything"
stop
sensor="" app=""

bold "7. Proving both, offline"
"$guardbee" verify "$work/out/records.jsonl" --key "$work/guardbee.pub"

cat <<'NEXT'

What to try next:
  make run                                   the sensor on this node, until Ctrl-C
  target/release/guardbee doctor             what works here, by which hook, and what can't be seen
  target/release/guardbee rules check rules  the shipped rules, and which of them can fire here
  edit one byte of an export and verify it   the edit is named
NEXT
