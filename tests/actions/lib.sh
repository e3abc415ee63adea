# What actions have in common; sourced by them. Their table is written into a script for each, which takes its part as its argument.
. "$DRIVERS/lib.sh"

# Plays a part in a place of its own, which ends with it: mounts, network and names of the host, copies of /etc, /root, /home and
# the logs, nothing yet in the folders that anybody may write to, and no service of the system within reach.
play() {
	if [ -z "${PLACE-}" ]; then
		export PLACE=own
		exec unshare --mount --net --uts --ipc -- "$0" "$1"
	fi
	own_files
	own_network
	for place in /tmp /var/tmp /dev/shm /run /opt /srv; do
		mount -t tmpfs tmpfs "$place"
	done
	part=$1
	before
	"$part"
	echo # not every program ends its last line
	did
}

# Ends the action where a program isn't installed, which is then one that can't run here: needs PROGRAM
needs() { command -v "$1" >/dev/null || cannot "$1 is not installed"; }

# Makes an image of podman's with busybox alone, and removes it with the action: an_image NAME [OTHER NAME OF BUSYBOX]...
an_image() {
	needs podman
	needs crun
	image=$1
	# What a machine has that still gives v1 hierarchies, no network of its own and few files.
	for mount in $(awk '$3 == "cgroup2" {print $2}' /proc/mounts); do umount "$mount"; done
	podman=(podman --cgroup-manager=cgroupfs --runtime=crun)
	mkdir context
	cp "$(command -v busybox)" context/busybox
	printf 'FROM scratch\nCOPY busybox /bin/busybox\n' >context/Containerfile
	for name in "${@:2}"; do
		echo "COPY busybox /bin/$name" >>context/Containerfile
	done
	"${podman[@]}" build --quiet --tag "$image" context
	trap '"${podman[@]}" rmi --force "$image"' EXIT
}

# Runs a program in a container of that image, by podman: in_podman [--privileged] PROGRAM [ARGUMENT]...
in_podman() {
	local options=()
	[ "$1" != --privileged ] || { options=(--privileged) && shift; }
	"${podman[@]}" run --rm "${options[@]}" --net=host --pids-limit=-1 --ulimit=nofile=1024:1024 --ulimit=nproc=1024:1024 "$image" "$@"
}

# Runs a command line on a terminal of its own; what it reads is what is typed there.
on_terminal() { script -q -e -c "$1" /dev/null; }

# Starts nginx: serves WHAT [WHERE]. WHAT is a status with which it answers whatever it is asked, or a line of its configuration.
serves() {
	local what=$1 where=${2-127.0.0.1:8080}
	[[ $what = *' '* ]] || what="return $what"
	port=${where##*:}
	cat >"$port.conf" <<-END
		daemon off; master_process off; user root; pid $WORK/$port.pid; error_log $WORK/error.log;
		events {}
		http { access_log off; server { listen $where; location / { $what; } } }
	END
	nginx -p "$WORK" -c "$WORK/$port.conf" -e "$WORK/error.log" &
	server=$!
	trap 'kill $server; wait' EXIT
	wait_for test -s "$WORK/$port.pid"
}

# A process is older than so many seconds: older_than PID SECONDS
older_than() { [ "$(ps -o etimes= -p "$1")" -ge "$2" ]; }

# Starts Apache, which runs a program of the system as a page: cgi PROGRAM
cgi() {
	port=8080
	mkdir pages
	ln -s "$(command -v "$1")" "pages/$1"
	cat >apache.conf <<-END
		ServerName shop
		PidFile $WORK/apache.pid
		ErrorLog $WORK/error.log
		Listen 127.0.0.1:$port
		LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
		LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
		LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
		LoadModule cgi_module /usr/lib/apache2/modules/mod_cgi.so
		ScriptAlias /cgi-bin/ $WORK/pages/
		User www-data
		Group www-data
	END
	chmod 755 . pages
	# It ends its whole process group.
	setsid apache2 -d "$WORK" -f "$WORK/apache.conf" -DFOREGROUND &
	server=$!
	trap 'kill $server; wait' EXIT
	wait_for test -s "$WORK/apache.pid"
}

# Asks what was started by serves, cgi or web: asks PATH-AND-QUERY CURL-OPTION...
asks() { curl -s --max-time 10 -o /dev/null -g --path-as-is "${@:2}" "http://127.0.0.1:$port$1"; }

# Puts busybox's own program of that name first in the path: boxed NAME
boxed() {
	mkdir -p "$WORK/bin"
	cp /bin/busybox "$WORK/bin/$1"
	PATH="$WORK/bin:$PATH"
}
