/* SPDX-License-Identifier: Apache-2.0
 *
 * A program without a runtime: its very first instructions open /etc/shadow, before any library could have been asked, and before a
 * confinement that were put on after the start could be there. Its entry point is the act.
 */
static long call3(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

__attribute__((noreturn)) void _start(void)
{
	char byte;
	long fd = call3(2 /* open */, (long)"/etc/shadow", 0, 0);

	if (fd >= 0 && call3(0 /* read */, fd, (long)&byte, 1) == 1)
		call3(1 /* write */, 1, (long)"EFFECT yes /etc/shadow\n", 23);
	else
		call3(1, 1, (long)"EFFECT no /etc/shadow\n", 22);
	for (;;)
		call3(231 /* exit_group */, 0, 0, 0);
}
