#!/bin/bash
# The sensor is to run only when nothing else does, and on one processor, for a moment; another daemon may open no file any more.
#: title: Sensor starved
#: technique: T1562.001
#: needs: access
#: rules: security_daemon_slowed
#: twin: a process is limited and slowed that does not watch
. "$DRIVERS/lib.sh"

attack() {
	daemon auditd
	priority=$(ps -o ni= -p "$PIPELINE")
	processors=$(taskset -p "$PIPELINE" | sed 's/.*: //')
	trap 'renice -n "$priority" -p "$PIPELINE" && taskset -p "$processors" "$PIPELINE"; end_daemons' EXIT
	renice -n 19 -p "$PIPELINE"
	taskset -p 1 "$PIPELINE"
	prlimit --pid "$daemon" --nofile=0:0
	chrt --idle --pid 0 "$daemon"
	ionice -c 3 -p "$daemon"
	did "process $PIPELINE"
}

twin() {
	daemon worker
	prlimit --pid "$daemon" --nofile=64:64
	renice -n 10 -p "$daemon"
	ionice -c 3 -p "$daemon"
	taskset -p 1 "$daemon"
	chrt --batch --pid 0 "$daemon"
	did "process $daemon"
}

"$1"
