// SPDX-License-Identifier: Apache-2.0
// The smallest program to execute, without a library: `gcc -static -nostdlib`. What it costs is fork, execve, exit and wait.
void _start(void);

void _start(void)
{
	__asm__ volatile("syscall" : : "a"(60 /* exit */), "D"(0));
}
