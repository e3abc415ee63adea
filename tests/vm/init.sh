#!/bin/busybox sh
# The guest's first process: mounts, runs /cmd in the root image under an overlay, says its exit code, powers off.
/bin/busybox --install -s /bin
export PATH=/bin
new=/new
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in $(cat /mods/order); do
	insmod "/mods/$module" || echo "vmrun: insmod $module failed"
done

# The image stays as it is. What is written goes to memory, or, where the root must be a disk as it is on a node, to a copy that QEMU
# makes of what changes.
if [ -e /disk-root ]; then
	mount -t ext4 /dev/vda $new || echo "vmrun: no root"
else
	mount -t ext4 -o ro /dev/vda /lo
	mount -t tmpfs tmpfs /rw
	mkdir /rw/upper /rw/work
	mount -t overlay -o lowerdir=/lo,upperdir=/rw/upper,workdir=/rw/work root $new || echo "vmrun: no root"
fi
for folder in proc sys dev tmp run lib/modules; do mkdir -p $new/$folder; done
mount -t proc proc $new/proc
mount -t sysfs sysfs $new/sys
mount -t devtmpfs devtmpfs $new/dev
mkdir -p $new/dev/pts $new/dev/shm
for name in fd fd/0:stdin fd/1:stdout fd/2:stderr; do ln -s "/proc/self/${name%:*}" "$new/dev/${name#*:}"; done
mount -t devpts devpts $new/dev/pts
mount -t tmpfs tmpfs $new/dev/shm
mount -t tmpfs -o mode=1777 tmpfs $new/tmp
mount -t tmpfs tmpfs $new/run
for one in securityfs:kernel/security tracefs:kernel/tracing debugfs:kernel/debug bpf:fs/bpf cgroup2:fs/cgroup; do
	mount -t "${one%%:*}" none "$new/sys/${one#*:}"
done
mount -t ext4 -o ro /dev/vdb $new/lib/modules
share=$(cat /shared-folder)
if [ -n "$share" ]; then
	mkdir -p "$new$share"
	mount -t virtiofs share "$new$share" || echo "vmrun: no share"
fi
ifconfig lo 127.0.0.1 up
hostname vm

# A port can be opened once only, and a command may open /dev/stdout again: a pipe lies between.
for port in /sys/class/virtio-ports/vport*; do
	ln -s "/dev/${port##*/}" "/port.$(cat "$port/name")"
done
# From here on by names relative to it: the root may be moved before somebody has opened what he is to open.
cd $new
cp /cmd run/.vmrun.cmd
mkfifo run/.vmrun.out run/.vmrun.err
cat run/.vmrun.out >/port.out &
out=$!
cat run/.vmrun.err >/port.err &
err=$!
# Whoever is in a chroot may make no user namespace: a disk is moved over what is the root until then, for all but this script.
[ ! -e /disk-root ] || mount -o move . /
# In a session, as all are on a node: there the first process leads one.
setsid chroot . /bin/sh /run/.vmrun.cmd </dev/null >run/.vmrun.out 2>run/.vmrun.err
code=$?
# What the command left running may hold the pipes: a second, no longer.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	kill -0 $out 2>/dev/null || kill -0 $err 2>/dev/null || break
	usleep 100000
done
echo $code >/port.rc
sync
poweroff -f
