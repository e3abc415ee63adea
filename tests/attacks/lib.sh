# What drivers have in common; sourced by them. They run in $WORK, a folder of their own, with $TOOLS beside.
set -euo pipefail

# Says what was done, as one line of JSON: did PATH... (what it touched). What doctor says of it, if that counts, is in $doctor.
did() {
	local paths="" path
	for path in "$@"; do paths="$paths${paths:+,}\"$path\""; done
	printf '{"behaviour":"%s","pid":%d,"paths":[%s]%s}\n' "$ID" $$ "$paths" "${doctor:+,\"doctor\":\"$doctor\"}"
}

# What `guardbee doctor` says of something, if it does: doctor_says WORDS
doctor_says() { as_installed guardbee "$GUARDBEE" doctor | tr -s ' ' | grep -F -m 1 -- "$1" || true; }

# Ends the driver: this machine can't do it. cannot WHY
cannot() {
	echo "$*"
	exit 77
}

# Runs a command as nobody, with no group and no capability.
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs -- "$@"; }

# Runs a command in a container, which a runtime of the system makes: see tools/container.c for the options.
in_container() { as_installed crun "$TOOLS/container" "$@"; }

# In a network namespace of one's own: 203.0.113.7 and 198.51.100.0/24 lead to itself.
own_network() {
	ip link set lo up
	ip address add 203.0.113.7/32 dev lo
	ip address add 169.254.169.254/32 dev lo
	ip route add local 198.51.100.0/24 dev lo
}

# Runs a shell function of the driver in a network of its own (see own_network), and among mounts of its own.
in_own_network() {
	export -f "$1" own_network wait_for stand_in site
	unshare --net --mount -- bash -euo pipefail -c '
		own_network
		"$@"' - "$@"
}

# What name_server, web and serve have started.
end_servers() {
	kill ${names:-} ${application:-} ${service:-} 2>/dev/null
	wait
}

# Starts a name server that knows 203.0.113.7 by every name, and has this mount namespace ask it. Within in_own_network.
name_server() {
	echo "nameserver 127.0.0.1" >"$WORK/resolv.conf"
	mount --bind "$WORK/resolv.conf" "$(realpath /etc/resolv.conf)"
	dnsmasq --keep-in-foreground --conf-file=/dev/null --no-hosts --no-resolv --address=/#/203.0.113.7 --listen-address=127.0.0.1 \
		--bind-interfaces --user=root --pid-file="$WORK/dnsmasq.pid" --log-facility=- 2>/dev/null &
	names=$!
	trap end_servers EXIT
	wait_for test -s "$WORK/dnsmasq.pid"
}

# Starts a service on these ports: serve PORT...
serve() {
	python3 "$DRIVERS/tools/serve.py" "$WORK/serves" "$@" &
	service=$!
	trap end_servers EXIT
	wait_for test -e "$WORK/serves"
}

# In a network of its own: gives away a script and a program, http://203.0.113.7:8080/install and .../tool.
site() {
	mkdir site
	printf '#!/bin/sh\necho hello\n' >site/install
	cp /bin/true site/tool
	(cd site && exec python3 -u -m http.server 8080 --bind 203.0.113.7 >../listening 2>&1) &
	trap 'kill %1' EXIT
	wait_for grep -q Serving listening
}

# Does what a workload always does, from its first time on for longer than the sensor learns it: learn COMMAND...
learn() {
	"$@"
	local end=$((SECONDS + LEARN + 1))
	while [ $SECONDS -lt $end ]; do
		sleep 0.1
		"$@"
	done
}

# Waits for a condition, a minute at most: wait_for COMMAND...
wait_for() {
	local end=$((SECONDS + 60))
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "waited in vain for: $*"; return 1; }
		sleep 0.02
	done
}

# Starts a web application with holes (tools/web.py), by that command if one is given; $port is where: web [COMMAND...]
web() {
	mkdir served
	cp "$DRIVERS/tools/web.py" served
	chmod -R a+rwX served
	"$@" python3 served/web.py "$WORK/served/port" &
	application=$!
	trap end_servers EXIT
	wait_for test -s served/port
	port=$(cat served/port)
}

# Asks the web application: ask PATH COMMAND
ask() { curl -s --max-time 10 -o /dev/null -G --data-urlencode "c=$2" "http://127.0.0.1:$port/$1"; }

# Runs a command without the driver's shell as its parent: as NAME COMMAND... makes a process of that name the parent.
as() {
	mkdir -p "$WORK/bin"
	cp "$TOOLS/spawn" "$WORK/bin/$1"
	"$WORK/bin/$1" "${@:2}"
}

# Runs a program as if the system had it by that name, in a mount namespace of its own: as_installed NAME PROGRAM WORDS... NAME is one
# of those that the harness made room for in $TOOLS/system: to write there a program called as a runtime is an attack.
as_installed() {
	unshare --mount -- bash -euo pipefail -c '
		name=$1 program=$2
		shift 2
		mount --bind "$TOOLS/system" /usr/local/sbin
		mount --bind "$program" "/usr/local/sbin/$name"
		"/usr/local/sbin/$name" "$@"' - "$@"
}

# Puts a program of that name, which does nothing, first in the path: what is looked for is the command, and the machine keeps
# its firewall. stand_in NAME
stand_in() {
	mkdir -p "$WORK/bin"
	cp "$TOOLS/nothing" "$WORK/bin/$1"
	PATH="$WORK/bin:$PATH"
}

# In a mount namespace of one's own: copies of /etc, /root, /home and the logs, over which one may do as one likes.
own_files() {
	mount -t tmpfs tmpfs "$WORK"
	for place in /etc /root /home /var/log /var/spool; do
		name=${place//\//_}
		mkdir "$WORK/$name" "$WORK/$name/upper" "$WORK/$name/work"
		mount -t overlay overlay -o "lowerdir=$place,upperdir=$WORK/$name/upper,workdir=$WORK/$name/work" "$place"
	done
	cd "$WORK"
	export HOME=/root
}

# Runs a shell function of the driver with files of its own: see own_files.
in_own_files() {
	export -f "$1" own_files wait_for stand_in
	unshare --mount -- bash -euo pipefail -c '
		own_files
		"$@"' - "$@"
}

# Makes a disk of a file, until the driver ends; $numbers are its device's.
disk() {
	truncate -s 8M image
	mkfs.ext4 -q image
	device=$(losetup --find --show image) || cannot "no loop device is free"
	trap 'losetup --detach "$device"' EXIT
	numbers=$(stat -c '%Hr %Lr' "$device")
}

# What daemon has started.
end_daemons() {
	for waits in $waiting; do exec {waits}>&-; done
	wait
}

# Starts what does nothing under a daemon's name until the driver ends, in a group of its own as a shell's jobs are: daemon NAME; $daemon is its number.
daemon() {
	mkdir -p "$WORK/bin"
	cp "$TOOLS/spawn" "$WORK/bin/$1"
	mkfifo "$WORK/bin/$1.waits"
	set -m
	"$WORK/bin/$1" cat <"$WORK/bin/$1.waits" &
	set +m
	daemon=$!
	exec {waits}>"$WORK/bin/$1.waits"
	waiting="${waiting:-} $waits"
	trap end_daemons EXIT
	wait_for grep -qx "$1" "/proc/$daemon/comm"
	# It lets signals wait while it starts its child.
	wait_for pgrep -P "$daemon" -x cat
	wait_for grep -q '^SigBlk:[[:space:]]0*$' "/proc/$daemon/status"
}
