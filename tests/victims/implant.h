/* SPDX-License-Identifier: Apache-2.0
 *
 * What an intruder inside a server and the test outside share: one anonymous shared mapping, made when the implant is loaded. The test
 * finds it in /proc/PID/maps and reaches it by /proc/PID/map_files (tests/kernel/enforce/implant.py), so that the container needs no
 * file, socket or right of its own for it; it outlives the process it belongs to, so that what a killed process did not do can be seen.
 * A forked child shares its parent's; a program that is executed makes its own.
 *
 * The test writes `words` and `blob`, sets `state` to ASKED, and sends IMPLANT_SIGNAL to one process; its handler commits the act.
 */
#ifndef TREELINE_TESTS_IMPLANT_H
#define TREELINE_TESTS_IMPLANT_H

#include <stdint.h>

#define IMPLANT_MAGIC "treeline-implant" /* 16 bytes, without the 0 */
#define IMPLANT_SIGNAL 50		 /* a real-time signal that none of the servers uses */
#define IMPLANT_WORDS 2048
#define IMPLANT_BLOB (96 * 1024)
#define IMPLANT_SIZE (128 * 1024) /* of the mapping */

enum { IMPLANT_IDLE, IMPLANT_ASKED, IMPLANT_RUNNING, IMPLANT_DONE };

struct implant_box {
	char magic[16];
	int32_t state;
	int32_t effect; /* 1: the forbidden thing has happened; set at once, before anything that could still go wrong */
	int32_t error;	/* errno where it has not */
	int32_t status; /* of the child that the act forked, as wait gives it; -1: none */
	int32_t stop;	/* ends `repeat` */
	uint32_t blob_size;
	uint64_t attempts; /* of `repeat` */
	uint64_t effects;
	char words[IMPLANT_WORDS]; /* the act and its arguments, each ended by a 0; an empty one ends them */
	unsigned char blob[IMPLANT_BLOB];
};

#ifdef __cplusplus
static_assert(sizeof(implant_box) <= IMPLANT_SIZE, "");
#else
_Static_assert(sizeof(struct implant_box) <= IMPLANT_SIZE, "");
#endif

#endif
