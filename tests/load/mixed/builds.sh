#!/usr/bin/env bash
# Builds from nothing: C by make and by cmake, Rust, Go, Python's and Node's packages, each with what it runs on the way.
. "$(dirname "$0")/lib.sh"
need gcc make cmake cargo go git npm
work=$folder/work
rm -rf "$work"
mkdir "$work"
cd "$work"
export HOME=$work GOCACHE=$folder/go CARGO_HOME=${CARGO_HOME:-/root/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-/root/.rustup}

by_make() {
	mkdir make && cd make
	for number in $(seq 12); do
		printf 'int part%d(void) { return %d; }\n' "$number" "$number" >"part$number.c"
	done
	printf '#include <stdio.h>\nint part1(void);\nint main(void) { return printf("%%d\\n", part1()) < 0; }\n' >main.c
	printf 'check: app\n\t./app\napp: %s main.o\n\t$(CC) -o $@ $^\ninstall: app\n\tinstall -m 755 app $(DESTDIR)/app\n' \
		"$(seq -f 'part%g.o' -s ' ' 12)" >Makefile
	make -s -j2 check install DESTDIR="$work"
}

by_cmake() {
	mkdir cmake && cd cmake
	cp "$here/../loads.c" .
	printf 'cmake_minimum_required(VERSION 3.18)\nproject(loads C)\nfind_package(Threads)\nadd_executable(loads loads.c)\nenable_testing()\nadd_test(NAME one COMMAND loads getppid 10)\n' >CMakeLists.txt
	cmake -S . -B out
	cmake --build out
	ctest --test-dir out -Q
}

by_cargo() {
	cargo --quiet init --vcs git --name app cargo && cd cargo
	printf 'fn main() { println!("cargo::rustc-env=MADE=by-a-build-script"); }\n' >build.rs
	printf 'fn main() { println!("{}", env!("MADE")); }\n#[test]\nfn one() { assert!(!env!("MADE").is_empty()); }\n' >src/main.rs
	cargo --quiet test --offline
	cargo --quiet run --offline
}

by_go() {
	cp -r "$here/../go" golang && cd golang
	go build -o server . && go vet .
}

by_pip() {
	mkdir -p pip/app && cd pip
	printf 'from setuptools import setup\nsetup(name="app", version="1", packages=["app"], entry_points={"console_scripts": ["app = app:main"]})\n' >setup.py
	printf 'def main():\n    print("hello")\n' >app/__init__.py
	/usr/bin/python3 -m venv venv
	venv/bin/pip --quiet --disable-pip-version-check install --no-index --no-build-isolation .
	venv/bin/app
}

by_npm() {
	mkdir -p npm/dep && cd npm
	printf '{"name":"dep","version":"1.0.0","bin":"dep.js","scripts":{"postinstall":"node dep.js && uname -a"}}\n' >dep/package.json
	printf '#!/usr/bin/env node\nconsole.log(require("os").userInfo().username)\n' >dep/dep.js
	printf '{"name":"app","version":"1.0.0","dependencies":{"dep":"file:dep"},"scripts":{"test":"dep"}}\n' >package.json
	npm install --silent --offline --no-audit --no-fund --no-update-notifier
	npm test --silent --no-update-notifier
}

by_git() {
	git init --quiet upstream && cd upstream
	git config user.email a@example.org && git config user.name a
	cp -r "$here/.." load && git add . && git commit --quiet -m one
	printf '#!/bin/sh\ngit log --oneline >/dev/null\n' >.git/hooks/post-commit
	chmod +x .git/hooks/post-commit
	touch two && git add two && git commit --quiet -m two && git gc --quiet
	git clone --quiet . ../clone
}

for way in make cmake cargo go pip npm git; do
	(by_$way) || { echo "by_$way failed" >&2; exit 1; }
done
