/* SPDX-License-Identifier: Apache-2.0 */
/* The library of `victim BASE preload` and `audit`: its constructor is the effect. */
#include <unistd.h>

/* Without it ld.so unloads what LD_AUDIT names (rtld-audit(7)). */
unsigned la_version(unsigned version)
{
	return version;
}

__attribute__((constructor)) static void taken(void)
{
	static const char line[] = "EFFECT yes a written library runs in another program\n";

	if (write(STDOUT_FILENO, line, sizeof(line) - 1) > 0)
		_exit(0);
}
