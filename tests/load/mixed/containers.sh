#!/usr/bin/env bash
# Containers come and go: an image is built and run by podman, one that lives is entered, one installs packages; others by crun alone.
. "$(dirname "$0")/lib.sh"
need podman crun busybox

round() {
	# What this machine can give: its v1 hierarchies to begin with, no network of their own, few files.
	for mount in $(awk '$3 == "cgroup2" {print $2}' /proc/mounts); do umount "$mount"; done
	pod() { podman --root "$copies/store" --runroot "$copies/run" --storage-driver vfs --cgroup-manager=cgroupfs --runtime=crun "$@"; }
	limits="--net=host --ulimit=nofile=1024:1024 --ulimit=nproc=1024:1024"
	mkdir "$copies/context"
	cd "$copies/context"
	cp "$(command -v busybox)" busybox
	printf '#!/bin/sh\ncat /srv/index.html\n' >serve
	cat >Containerfile <<-'FILE'
		FROM scratch
		COPY busybox /bin/busybox
		RUN ["/bin/busybox", "--install", "-s", "/bin"]
		COPY serve /usr/local/bin/serve
		RUN mkdir -p /etc /srv && echo root:x:0:0::/:/bin/sh >/etc/passwd && echo hello >/srv/index.html
		RUN chmod +x /usr/local/bin/serve && serve
		CMD ["/usr/local/bin/serve"]
	FILE
	pod build $limits --quiet --tag app .
	for _ in 1 2 3; do
		pod run --rm --pids-limit=-1 $limits app
		pod run --rm --pids-limit=-1 $limits app sh -c 'ls -l /; ps; id; date >/srv/date; find / -xdev | wc -l'
	done
	pod run --detach --pids-limit=-1 --name alive $limits app sleep 60
	pod exec alive sh -c 'hostname; df; cat /proc/self/status'
	pod logs alive
	pod stop --time 1 alive
	pod rm alive

	# A whole Debian: this one, beneath a layer of its own.
	mkdir -p "$copies/debian/upper" "$copies/debian/work" "$copies/debian/merged"
	cd "$copies/debian"
	mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work merged
	# As in the images of distributions: no service is started.
	printf '#!/bin/sh\nexit 101\n' >merged/usr/sbin/policy-rc.d
	chmod +x merged/usr/sbin/policy-rc.d
	# The toolchain lies where the images for Rust have it: what lies in somebody's home that somebody may have written.
	rust=$(rustc --print sysroot)
	pod run --rm --pids-limit=-1 $limits --volume "$folder/debs:/debs:ro" --volume "$here/..:/load:ro" \
		--volume "${rust%/*/*}:/usr/local/rustup:ro" --env RUSTUP_HOME=/usr/local/rustup \
		--env PATH="/usr/local/rustup/toolchains/${rust##*/}/bin:$PATH" --rootfs "$PWD/merged" bash -euc '
		apt-get -qq -y --no-install-recommends install /debs/*.deb && useradd --create-home app && runuser -u app -- id
		mkdir /srv/built && /load/mixed/builds.sh /srv/built'

	mkdir -p crun/rootfs/bin
	cp "$(command -v busybox)" crun/rootfs/bin/busybox
	cat >crun/config.json <<-'CONFIG'
		{"ociVersion": "1.0.2", "root": {"path": "rootfs"},
		 "process": {"user": {"uid": 33, "gid": 33}, "cwd": "/", "env": ["PATH=/bin"],
		             "args": ["/bin/busybox", "sh", "-c", "busybox uname -a; busybox ls -l /proc"]},
		 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
		            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
		 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]}}
	CONFIG
	crun run --bundle crun "mixed-$$"
	umount -R /sys/fs/cgroup
	mount -t cgroup2 none /sys/fs/cgroup
	crun run --bundle crun "mixed-$$"
}
if [ ! -e "$folder/debs/done" ]; then
	mkdir -p "$folder/debs/partial"
	apt-get -qq -y --no-install-recommends -o Dir::Cache::archives="$folder/debs" --download-only install cron
	touch "$folder/debs/done"
fi
in_copies round
# Runtimes leave the parents of their containers' cgroups.
for parent in /sys/fs/cgroup/*/libpod_parent; do
	[ ! -d "$parent" ] || find "$parent" -depth -type d -exec rmdir {} + 2>/dev/null || true
done
