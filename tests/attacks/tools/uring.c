/*
 * Opens a file through io_uring, reads a byte of it, and calls neither open(2) nor read(2) for it: uring FILE
 * Connects to port 80 of an address through io_uring, whether anybody answers or not: uring -c ADDRESS
 * Asks for a raw socket that hears everything through io_uring, whether it is made or not: uring -r socket
 * Links, links by a symbol, moves, deletes or gives an extended attribute:
 * uring -l FROM TO, uring -s TEXT TO, uring -m FROM TO, uring -u FILE, uring -x FILE
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct io_uring_params params;
static char *sq, *cq;
static struct io_uring_sqe *entries;
static int ring;

/* Submits one entry and gives its result. */
static int run(struct io_uring_sqe entry)
{
	unsigned *tail = (unsigned *)(sq + params.sq_off.tail), *array = (unsigned *)(sq + params.sq_off.array);
	unsigned *head = (unsigned *)(cq + params.cq_off.head), at = *tail & (params.sq_entries - 1);
	struct io_uring_cqe *done;

	entries[at] = entry;
	array[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -errno;
	done = (struct io_uring_cqe *)(cq + params.cq_off.cqes) + (*head & (params.cq_entries - 1));
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return done->res;
}

static int reach(const char *host)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(80) };
	int client = socket(AF_INET, SOCK_STREAM, 0), result;

	if (client < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1)
		return 2;
	result = run((struct io_uring_sqe){ .opcode = IORING_OP_CONNECT, .fd = client, .addr = (unsigned long)&address, .off = sizeof(address) });
	return result == 0 || result == -ECONNREFUSED ? 0 : 2;
}

static int look(const char *path)
{
	char byte;
	int file = run((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (unsigned long)path, .open_flags = O_RDONLY });

	if (file >= 0 && run((struct io_uring_sqe){ .opcode = IORING_OP_READ, .fd = file, .addr = (unsigned long)&byte, .len = 1 }) == 1)
		return 0;
	fprintf(stderr, "%s could not be read through io_uring: %s\n", path, strerror(file < 0 ? -file : EIO));
	return 2;
}

static int listen_to_all(void)
{
	int result = run((struct io_uring_sqe){ .opcode = IORING_OP_SOCKET, .fd = AF_PACKET, .off = SOCK_RAW });

	return result == -EINVAL ? 77 : 0;
}

/* What is done to a name. */
static int change(char what, const char *from, const char *to)
{
	struct io_uring_sqe entry = { .fd = AT_FDCWD, .addr = (unsigned long)from };
	int result;

	if (what == 'x') {
		entry.opcode = IORING_OP_SETXATTR;
		entry.addr = (unsigned long)"trusted.guardbee";
		entry.addr2 = (unsigned long)"1";
		entry.addr3 = (unsigned long)from;
		entry.len = 1;
	} else if (what == 'u') {
		entry.opcode = IORING_OP_UNLINKAT;
	} else if (what == 's') {
		entry.opcode = IORING_OP_SYMLINKAT;
		entry.addr2 = (unsigned long)to;
	} else {
		entry.opcode = what == 'l' ? IORING_OP_LINKAT : IORING_OP_RENAMEAT;
		entry.len = AT_FDCWD;
		entry.addr2 = (unsigned long)to;
	}
	result = run(entry);
	if (result == 0)
		return 0;
	fprintf(stderr, "io_uring could not do -%c to %s: %s\n", what, from, strerror(-result));
	return result == -EINVAL ? 77 : 2;
}

int main(int count, char **words)
{
	char option = count > 2 && words[1][0] == '-' ? words[1][1] : 0;
	int wanted = option == 0 ? 2 : option == 'l' || option == 'm' || option == 's' ? 4 : 3;

	if (count != wanted || (option && !strchr("clmrsux", option)))
		return 2;
	ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0) {
		fprintf(stderr, "this kernel has no io_uring for us: %s\n", strerror(errno));
		return 77;
	}
	sq = mmap(NULL, params.sq_off.array + params.sq_entries * sizeof(unsigned), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	entries = mmap(NULL, params.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || entries == MAP_FAILED)
		return 2;
	if (option == 0)
		return look(words[1]);
	if (option == 'r')
		return listen_to_all();
	return option == 'c' ? reach(words[2]) : change(option, words[2], words[count - 1]);
}
