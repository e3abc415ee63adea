#!/bin/sh
# In the guest: does every program fire here, and is the forking server's action joined to its request? Started by
# `cargo xtask accept thread --row k` through vmrun; $1 is the shared folder with the binaries, $2 gets what was made.
set -eu
share=$1 made=$2
# A program that is run from the share reads it page by page: copy first.
cp -r "$share/guardbee" "$share/fork" "$share/rules" "$share/nonce.yml" /run
guardbee=/run/guardbee
mkdir -p "$made"

# It answers 1 where something is missing; the figures say what.
$guardbee doctor >"$made/doctor" || true

install -d -o 65532 -g 65532 /run/out
$guardbee key new --out /run/out/guardbee.key --public /run/out/guardbee.pub >/dev/null
cat >/run/guardbee.yaml <<YAML
rules: [/run/rules, /run/nonce.yml]
seal: {key: /run/out/guardbee.key}
deliver: {findings_file: /run/out/findings.jsonl, records_file: /run/out/records.jsonl}
YAML

# Waits until `$2...` succeeds, $1 tenths of a second at most.
wait_for() {
	left=$1
	shift
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.1
	done
}
findings() { [ "$(grep -c 'rule_source":"[^"]*nonce.yml' /run/out/findings.jsonl 2>/dev/null)" -ge "$1" ]; }

$guardbee run --config /run/guardbee.yaml >"$made/log" 2>&1 &
sensor=$!
wait_for 600 grep -q 'guardbee: ready' "$made/log"
PORT=8080 DELAY_MS=300 /run/fork &
server=$!
wait_for 100 curl -sf -o /dev/null 'http://127.0.0.1:8080/harmless?nonce=ready'

# All in flight at once, a connection each.
asked=
for number in $(seq 20); do
	nonce=gbn$((100000 + number))
	curl -sf "http://127.0.0.1:8080/exec?nonce=$nonce" >"/run/out/answer.$number" &
	asked="$asked $!"
	curl -sf "http://127.0.0.1:8080/harmless?nonce=gbn$((200000 + number))" >/dev/null &
	asked="$asked $!"
done
for one in $asked; do
	wait "$one"
done
cat /run/out/answer.* >"$made/answers"
wait_for 300 findings 20 || echo "not every attack has a finding"

kill "$sensor"
wait "$sensor" || echo "guardbee ended with $?"
kill "$server"
$guardbee verify --key /run/out/guardbee.pub /run/out/records.jsonl >"$made/verify" 2>&1 && echo verified
cp /run/out/findings.jsonl /run/out/records.jsonl "$made"
