/* SPDX-License-Identifier: Apache-2.0 */
/* The program of `preload` and `loader`: dynamically linked, says that nothing but itself has run. */
#include <unistd.h>

int main(void)
{
	static const char line[] = "EFFECT no the program itself runs\n";

	return write(STDOUT_FILENO, line, sizeof(line) - 1) > 0 ? 0 : 1;
}
