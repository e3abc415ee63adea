#!/bin/bash
# The half of the sensor that looks for attacks is frozen by a cgroup, for three seconds: no signal is sent. It can't say so before it
# thaws; an intruder would leave it so, and its heartbeats would be missing.
#: title: Sensor frozen by a cgroup
#: technique: T1562.001
#: needs: exec
#: expects: statement
#: twin: a process freezes its own child
. "$DRIVERS/lib.sh"

# Puts a process into a frozen cgroup, v1 or v2: freeze PID
freeze() {
	pid=$1
	for root in /sys/fs/cgroup/freezer /sys/fs/cgroup/unified /sys/fs/cgroup; do
		group=$root/guardbee-attack.$$
		mkdir "$group" 2>/dev/null || continue
		if [ -e "$group/freezer.state" ]; then
			line='[0-9]*:freezer:' knob=freezer.state words=(FROZEN THAWED) told=(FROZEN freezer.state)
		elif [ -e "$group/cgroup.freeze" ]; then
			line=0:: knob=cgroup.freeze words=(1 0) told=("frozen 1" cgroup.events)
		else
			rmdir "$group"
			continue
		fi
		home=$root$(sed -n "s/^$line//p" "/proc/$pid/cgroup")
		trap thaw EXIT
		echo "$pid" >"$group/cgroup.procs"
		echo "${words[0]}" >"$group/$knob"
		wait_for grep -q "${told[0]}" "$group/${told[1]}"
		return
	done
	cannot "no hierarchy of cgroups can freeze"
}

# Thaws, puts back where it was, and leaves nothing behind.
thaw() {
	echo "${words[1]}" >"$group/$knob"
	echo "$pid" >"$home/cgroup.procs" 2>/dev/null || true # it may have ended
	wait_for rmdir "$group"
}

said() { tail -c "+$1" "$RECORDS" | grep -o "the sensor did not run for [0-9]* ms"; }

attack() {
	local length
	length=$(stat -c %s "$RECORDS")
	freeze "$PIPELINE"
	sleep 3
	thaw
	trap - EXIT
	wait_for said "$length" >/dev/null
	printf '{"behaviour":"%s","pid":%d,"paths":["%s"],"statement":"%s"}\n' "$ID" $$ "$group" "$(said "$length" | head -1)"
}

twin() {
	sleep 30 &
	freeze $!
	kill -KILL $!
	did "$group"
}

"$1"
