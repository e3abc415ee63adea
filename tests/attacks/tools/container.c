/*
 * Runs a command in what looks like a container to everybody: cgroups named as Docker names them, namespaces of its own, a
 * file system that is an overlay over the host's, no capability that Docker doesn't give, and an init that is not ours.
 *
 * container [-p] [-a] [-h] [-n] [-t] [-b FROM:TO] COMMAND...
 *   -p  privileged: keeps all capabilities
 *   -a  has CAP_SYS_ADMIN beside those that Docker gives
 *   -h  the host's pid namespace
 *   -n  the network that the runtime was started in
 *   -t  has a terminal
 *   -b  binds a file or folder of the host
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What Docker grants: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw,
 * sys_chroot, mknod, audit_write, setfcap. */
static unsigned long long granted = 0xa80425fbULL;

static char id[65];
static const char *roots[] = { "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
static char groups[4][200];

static void fail(const char *what)
{
	fprintf(stderr, "container: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void try(int result, const char *what)
{
	if (result < 0)
		fail(what);
}

static void name(void)
{
	unsigned char bytes[32];
	int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	if (file < 0 || read(file, bytes, sizeof(bytes)) != sizeof(bytes))
		fail("/dev/urandom");
	close(file);
	for (int at = 0; at < 32; at++)
		sprintf(id + 2 * at, "%02x", bytes[at]);
}

static void put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		fail(path);
	close(file);
}

/* The hierarchies by which containers can be told apart, cgroup v1, hybrid or v2. */
static void make_groups(void)
{
	char path[200];
	int made = 0;

	for (int at = 0; at < 4; at++) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", roots[at]);
		if (access(path, W_OK) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/docker", roots[at]);
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			continue;
		snprintf(groups[at], sizeof(groups[at]), "%s/docker/%s", roots[at], id);
		try(mkdir(groups[at], 0755), groups[at]);
		made++;
	}
	if (!made) {
		errno = ENOENT;
		fail("no cgroup hierarchy at /sys/fs/cgroup");
	}
}

static void join_groups(void)
{
	char path[1024];

	for (int at = 0; at < 4; at++)
		if (groups[at][0]) {
			snprintf(path, sizeof(path), "%s/cgroup.procs", groups[at]);
			put(path, "0");
		}
}

static void remove_groups(void)
{
	char path[200];

	for (int at = 0; at < 4; at++)
		if (groups[at][0]) {
			for (int tries = 0; rmdir(groups[at]) != 0 && errno == EBUSY && tries < 200; tries++)
				usleep(10000);
			snprintf(path, sizeof(path), "%s/docker", roots[at]);
			rmdir(path); /* stays if somebody else uses it */
		}
}

static void bind(const char *pair)
{
	char from[256], to[300];
	const char *colon = strchr(pair, ':');
	struct stat about;

	if (!colon) {
		errno = EINVAL;
		fail(pair);
	}
	snprintf(from, sizeof(from), "%.*s", (int)(colon - pair), pair);
	snprintf(to, sizeof(to), "/mnt/root%s", colon + 1);
	try(stat(from, &about), from);
	if (S_ISDIR(about.st_mode)) {
		mkdir(to, 0755);
	} else {
		unlink(to); /* in the overlay: there may be a link of the host's */
		int file = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		try(file, to);
		close(file);
	}
	try(mount(from, to, NULL, MS_BIND | MS_REC, NULL), to);
}

static void make_root(int count, char **binds)
{
	try(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
	try(mount("tmpfs", "/mnt", "tmpfs", 0, NULL), "mount tmpfs");
	try(mkdir("/mnt/upper", 0755) | mkdir("/mnt/work", 0755) | mkdir("/mnt/root", 0755), "mkdir");
	try(mount("overlay", "/mnt/root", "overlay", 0, "lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work"), "mount overlay");
	mkdir("/mnt/root/old", 0755);
	try(mount("tmpfs", "/mnt/root/run", "tmpfs", 0, "mode=755"), "mount /run");
	try(mount("tmpfs", "/mnt/root/dev", "tmpfs", 0, "mode=755"), "mount /dev");
	const char *devices[] = { "null", "zero", "full", "random", "urandom", "tty" };

	for (int at = 0; at < 6; at++) {
		char pair[64];

		snprintf(pair, sizeof(pair), "/dev/%s:/dev/%s", devices[at], devices[at]);
		bind(pair);
	}
	mkdir("/mnt/root/dev/pts", 0755);
	try(mount("devpts", "/mnt/root/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666"), "mount devpts");
	try(symlink("pts/ptmx", "/mnt/root/dev/ptmx"), "link ptmx");
	mkdir("/mnt/root/dev/shm", 01777);
	try(mount("tmpfs", "/mnt/root/dev/shm", "tmpfs", 0, "mode=1777"), "mount /dev/shm");
	for (int at = 0; at < count; at++)
		bind(binds[at]);
	try(chdir("/mnt/root"), "chdir");
	try(syscall(SYS_pivot_root, ".", "old"), "pivot_root");
	try(chdir("/"), "chdir");
}

static void drop(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	for (int cap = 0; cap <= 63; cap++)
		if (!(granted >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			fail("drop capabilities");
	memset(data, 0, sizeof(data));
	data[0].effective = data[0].permitted = (__u32)granted;
	try(syscall(SYS_capset, &head, data), "capset");
}

/* A terminal of the container's own, which is the session's. Its other end stays open in whoever has it. */
static void make_terminal(void)
{
	int there = posix_openpt(O_RDWR | O_NOCTTY), here;

	try(there, "open /dev/ptmx");
	try(grantpt(there) | unlockpt(there), "unlock the terminal");
	here = open(ptsname(there), O_RDWR | O_NOCTTY);
	try(here, "open the terminal");
	try(ioctl(here, TIOCSCTTY, 0), "TIOCSCTTY");
	for (int fd = 0; fd < 3; fd++)
		try(dup2(here, fd), "dup2");
}

int main(int count, char **words)
{
	int privileged = 0, host_pids = 0, network = CLONE_NEWNET, terminal = 0, bound = 0, option, status;
	char *binds[8];

	while ((option = getopt(count, words, "+pahntb:")) != -1) {
		if (option == 'p')
			privileged = 1;
		else if (option == 'a')
			granted |= 1ULL << CAP_SYS_ADMIN;
		else if (option == 'h')
			host_pids = 1;
		else if (option == 'n')
			network = 0;
		else if (option == 't')
			terminal = 1;
		else if (option == 'b' && bound < 8)
			binds[bound++] = optarg;
		else
			return 2;
	}
	if (optind == count)
		return 2;
	name();
	make_groups();
	pid_t runtime = fork();

	try(runtime, "fork");
	if (runtime == 0) {
		join_groups();
		try(unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | network | CLONE_NEWCGROUP | (host_pids ? 0 : CLONE_NEWPID)), "unshare");
		pid_t init = fork();

		try(init, "fork");
		if (init == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			setsid();
			make_root(bound, binds);
			try(mount("proc", "/proc", "proc", 0, NULL), "mount /proc");
			if (privileged)
				try(mount("sysfs", "/sys", "sysfs", 0, NULL), "mount /sys");
			try(umount2("/old", MNT_DETACH), "umount the old root");
			if (terminal)
				make_terminal();
			if (!privileged)
				drop();
			execvp(words[optind], words + optind);
			fail(words[optind]);
		}
		try(waitpid(init, &status, 0), "wait");
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
	try(waitpid(runtime, &status, 0), "wait");
	remove_groups();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
