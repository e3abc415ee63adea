/* Connects to the first address while another thread writes the second one over it: swap REAL SHOWN. With `late` behind them it
 * writes no sooner than the connection is there, so that nothing ever goes to the second one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in address;
static struct in_addr real, shown;
static atomic_int begun, over;
static bool late;

/* Waits until the call is under way, then writes. */
static void *writer(void *listener)
{
	struct pollfd connected = { .fd = *(int *)listener, .events = POLLIN };

	while (!atomic_load(&begun))
		;
	if (late)
		poll(&connected, 1, 1000);
	while (!atomic_load(&over))
		*(volatile in_addr_t *)&address.sin_addr.s_addr = shown.s_addr;
	return NULL;
}

/* The kernel connected to the one, and memory says the other. */
static int try(void)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), yes = 1, done;
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(80) };
	pthread_t thread;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(listener, (struct sockaddr *)&own, sizeof(own)) != 0 || listen(listener, 8) != 0)
		return -1;
	address = own;
	address.sin_addr = real;
	atomic_store(&begun, 0);
	atomic_store(&over, 0);
	if (pthread_create(&thread, NULL, writer, &listener) != 0)
		return -1;
	atomic_store(&begun, 1);
	done = connect(client, (struct sockaddr *)&address, sizeof(address));
	*(volatile in_addr_t *)&address.sin_addr.s_addr = shown.s_addr;
	atomic_store(&over, 1);
	pthread_join(thread, NULL);
	done = done == 0 && getpeername(client, (struct sockaddr *)&peer, &size) == 0 && peer.sin_addr.s_addr == real.s_addr &&
	       address.sin_addr.s_addr == shown.s_addr;
	close(client);
	close(listener);
	return done;
}

int main(int count, char **words)
{
	late = count == 4 && strcmp(words[3], "late") == 0;
	if (count != 3 + late || inet_pton(AF_INET, words[1], &real) != 1 || inet_pton(AF_INET, words[2], &shown) != 1)
		return 2;
	for (int tries = 0; tries < 1000; tries++) {
		int done = try();

		if (done < 0) {
			fprintf(stderr, "swap: %s\n", strerror(errno));
			return 2;
		}
		if (done)
			return 0;
	}
	fprintf(stderr, "swap: the other thread was always too early\n");
	return 1;
}
