#!/bin/sh
# In the guest, started with --icount: what operations cost without the sensor, and with it. Started by
# `cargo xtask accept thread --row k` through vmrun; $1 is the shared folder with the binaries, $2 gets what was counted.
set -eu
share=$1 made=$2
# A program that is run from the share reads it page by page: copy first.
cp -r "$share/guardbee" "$share/rules" "$share/count" "$share/nothing" /run
mkdir -p "$made"
uname -r >"$made/release"
# A real-time process gets 95 % of a second else.
echo -1 >/proc/sys/kernel/sched_rt_runtime_us

# As it is shipped: its rules, its budgets, findings and records to files.
install -d -o 65532 -g 65532 /run/out
cat >/run/guardbee.yaml <<YAML
rules: [/run/rules]
deliver: {findings_file: /run/out/findings.jsonl, records_file: /run/out/records.jsonl}
YAML

# Where the kernel and the sensor put their memory differs from start to start, and an exec may then cost 20,000 more: the
# smallest of some starts counts.
for start in 1 2 3; do
	/run/count /run/file /run/nothing >>"$made/bare"
	/run/guardbee run --config /run/guardbee.yaml >"$made/log.$start" 2>&1 &
	sensor=$!
	left=600
	until grep -q 'guardbee: ready' "$made/log.$start"; do
		left=$((left - 1))
		if [ $left -eq 0 ] || ! kill -0 $sensor; then
			echo "the sensor did not start:"
			cat "$made/log.$start"
			exit 1
		fi
		sleep 0.1
	done
	/run/count /run/file /run/nothing >>"$made/sensor"
	kill $sensor
	wait $sensor
done
