#!/usr/bin/env bash
# Parses with pySigma what `guardbee rules convert` makes of the shipped rules. Needs the network once, for PyPI.
set -euo pipefail
cd "$(dirname "$0")/../../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet pysigma==2.0.1
# 1: not every file can be converted, which is as it should be.
cargo run --quiet --package guardbee-cli --no-default-features -- rules convert rules --out "$scratch/sigma" || [ $? = 1 ]
"$scratch/venv/bin/python" tests/interop/pysigma/parse.py "$scratch/sigma"
