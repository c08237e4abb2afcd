/* SPDX-License-Identifier: Apache-2.0 */
/* What the implant writes and has loaded, by itself or by LD_PRELOAD into a child: that this constructor runs is the effect. */
#include <stdlib.h>
#include <unistd.h>

void treeline_implant_effect(void) __attribute__((weak));

__attribute__((constructor)) static void ran(void)
{
	if (getenv("TREELINE_PRELOADED"))
		_exit(42);
	if (treeline_implant_effect)
		treeline_implant_effect();
}
