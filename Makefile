# Two commands do everything on a fresh Debian 12 with Rust: `make demo` and `make test`.
export CLANG ?= clang-16

.PHONY: demo test run accept bench clean

## Attack a small web application and see the finding, its request and the proof.
demo:
	@scripts/setup-system.sh
	@scripts/demo.sh

## Every check and test of the pure and the host lane, and the rows' quick parts (root, BTF).
test:
	@scripts/setup-system.sh --targets
	@cargo xtask test

## The sensor on this node, as it is, until Ctrl-C.
run:
	@scripts/setup-system.sh
	@cargo build --release --package guardbee-cli
	@target/release/guardbee run $(ARGS)

## What must be shown: `make accept ROWS="a b"`.
accept:
	@scripts/setup-system.sh --targets
	@cargo xtask accept thread $(foreach row,$(ROWS),--row $(row))

## Cost, side by side with nothing and with empty hooks.
bench:
	@scripts/setup-system.sh --targets
	@cargo xtask bench

clean:
	@cargo clean
