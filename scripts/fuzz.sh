#!/usr/bin/env bash
# Gives every parser of bytes from outside bytes of a stranger: scripts/fuzz.sh [seconds=60] [target...]
#
# Needs nothing but the pinned stable Rust and a C++ compiler: coverage and comparisons are instrumented, arithmetic
# and debug assertions are checked, address sanitizers (nightly only) are not used: the parsers have no unsafe code.
# New inputs go to fuzz/target/corpus, so that the next run goes on there; the committed corpus stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.13.2
host=$(rustc -vV | sed -n 's/^host: //p')
cache=${XDG_CACHE_HOME:-$HOME/.cache}/guardbee
export PATH=$cache/bin:$PATH CARGO_TARGET_DIR=$PWD/fuzz/target CARGO_BUILD_JOBS=${CARGO_BUILD_JOBS:-1}

seconds=60
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
	seconds=$1
	shift
fi
all=$(sed -n '/^\[\[bin\]\]/,/^path/s/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml)
targets=${*:-$all}
for target in $targets; do
	grep -qx -- "$target" <<<"$all" || {
		echo "no target is named $target; there are:" $all >&2
		exit 2
	}
done

mkdir -p "$CARGO_TARGET_DIR"
if [ "$(cargo fuzz --version 2>/dev/null)" != "cargo-fuzz $version" ]; then
	echo "installing cargo-fuzz $version into $cache"
	nice -n 10 cargo install cargo-fuzz --version "$version" --locked --quiet --force --root "$cache"
fi
for target in $targets; do
	nice -n 10 cargo fuzz build --fuzz-dir fuzz --sanitizer none "$target" >"$CARGO_TARGET_DIR/build.log" 2>&1 || {
		cat "$CARGO_TARGET_DIR/build.log" >&2
		exit 1
	}
done

# Bytes of an input: what the parser is given at most, by whom it is called.
longest() {
	case $1 in
	decode) echo 16384 ;;
	http) echo 8192 ;;
	rpc) echo 192 ;;
	config) echo 8192 ;;
	condition) echo 4096 ;;
	*) echo 65536 ;;
	esac
}

failed=0
printf '%-9s %12s  %-14s %s\n' target executions verdict seconds
for target in $targets; do
	found=fuzz/target/corpus/$target artifacts=fuzz/artifacts/$target log=fuzz/target/$target.log
	mkdir -p "$found" "$artifacts"
	began=$SECONDS status=0
	# A minute longer than it should take means that not even the timeout was obeyed.
	nice -n 10 timeout --kill-after=10 $((seconds + 60)) "fuzz/target/$host/release/$target" "$found" "fuzz/corpus/$target" \
		-artifact_prefix="$artifacts/" -max_total_time="$seconds" -max_len="$(longest "$target")" -timeout=10 \
		-rss_limit_mb=1024 -use_value_profile=1 -print_final_stats=1 >"$log" 2>&1 || status=$?
	case $status in
	0) verdict=ok ;;
	70 | 124 | 137) verdict=timeout ;;
	71) verdict="out of memory" ;;
	*) verdict=crash ;;
	esac
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	printf '%-9s %12s  %-14s %s\n' "$target" "${executions:--}" "$verdict" $((SECONDS - began))
	if [ "$verdict" != ok ]; then
		failed=1
		{ grep -a -A1 '^thread .* panicked' "$log"; grep -aE '^==[0-9]+== ?ERROR|Test unit written' "$log"; } | sed 's/^/    /' || true
		echo "    again: fuzz/target/$host/release/$target FILE; smaller: cargo fuzz tmin --fuzz-dir fuzz -s none $target FILE"
	fi
done
exit $failed
