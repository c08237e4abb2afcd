/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which refusals are told by an event: functions of the counters in abi.h alone. Compiled into the hooks and into the tests. No verdict depends on them.
 *
 * A refusal is counted twice: as its kind (slot, node, hook, reason; in `counts`) and as its behaviour (the object too; in `denials`, where its slot
 * has room). Its container's bucket holds so many events, and fills at a rate. A refusal whose behaviour is due (without an entry: always) is told
 *
 *   where the bucket has something left: what has not is counted there as not shown. What was never told stays due. So a container's flood hides
 *   no other container's refusals;
 *   where its kind is due as well, whatever the bucket has: kinds are few. So a flood hides no first refusal of another kind;
 *   where it asks treelined to kill or freeze the container (urgent), which happens once for each time that treelined does it.
 *
 * Whatever is told is taken out of the bucket, long events dearer than short ones (TL_TELL_BYTES): what passed it leaves a debt.
 *
 * Counters are shared by processors: what is added is added whole, what is only written may be off by those that did so at once. So counts are exact,
 * and the bound is passed by an event for each other processor at most, which the next ones wait for.
 */
#ifndef TREELINE_BPF_LSM_TELL_H
#define TREELINE_BPF_LSM_TELL_H

#include "abi.h"

#define TL_TELL_AGAIN_NS (600 * 1000000000ull) /* what goes on is told again after this time */
#define TL_TELL_OTHER_NS (1000000000ull) /* and after this time where it is another container's */
#define TL_TELL_FULL_NS (TL_TELL_BURST * TL_TELL_EACH_NS) /* what an empty bucket takes to be full */
#define TL_TELL_BYTES 512u /* an event costs its bucket one more for each so many bytes */

/* One more, stopped or in monitor. The new count. */
TL_INLINE __u64 tl_count(struct tl_denial *d, __u32 monitor, __u64 now)
{
	__u64 *n = monitor ? &d->would : &d->count;

	__sync_fetch_and_add(n, 1);
	if (!d->first)
		d->first = now;
	d->last = now;
	return *(volatile __u64 *)n;
}

/*
 * Is this count to be told? Each power of two, so that a flood costs bounded log; and again after a time, for another container of the policy, and
 * after what root changed (control.told_from), so that no quiet hides it. Never told is due.
 */
TL_INLINE __u32 tl_is_due(const struct tl_denial *d, __u64 count, __u64 now, __u32 container, __u64 told_from)
{
	__u64 told = *(volatile __u64 *)&d->told, quiet = now > told ? now - told : 0; /* another processor may have told it since `now` */

	return (count & (count - 1)) == 0 || quiet >= TL_TELL_AGAIN_NS || (d->container != container && quiet >= TL_TELL_OTHER_NS) || told <= told_from;
}

TL_INLINE void tl_mark_told(struct tl_denial *d, __u64 now, __u32 container)
{
	d->told = now;
	d->container = container;
}

/* Takes one event out of the bucket. 0: there is none, and nothing was taken, unless it is told all the same. */
TL_INLINE __u32 tl_take(struct tl_bucket *b, __u64 now, __u32 all_the_same)
{
	__u64 full = now > TL_TELL_FULL_NS ? now - TL_TELL_FULL_NS : 0, spent = *(volatile __u64 *)&b->spent_till;
	__u32 has;

	if (spent < full)
		*(volatile __u64 *)&b->spent_till = spent = full;
	has = spent + TL_TELL_EACH_NS <= now;
	if (has || all_the_same)
		__sync_fetch_and_add(&b->spent_till, TL_TELL_EACH_NS);
	return has;
}

/*
 * Is this refusal told? `kind` and `d` have counted it (together, count); either is NULL where there was no room. Written down as told where it is, as not
 * shown where it could be and is not.
 */
TL_INLINE __u32 tl_tell(struct tl_denial *kind, __u64 together, struct tl_denial *d, __u64 count, struct tl_bucket *bucket, __u64 now, __u32 container,
			__u64 told_from, __u32 urgent)
{
	__u32 unbounded, has;

	if (!urgent && d && !tl_is_due(d, count, now, container, told_from))
		return 0;
	unbounded = urgent || (kind && tl_is_due(kind, together, now, container, told_from));
	has = bucket && tl_take(bucket, now, unbounded);
	if (!has && !unbounded) {
		if (bucket)
			__sync_fetch_and_add(&bucket->not_shown, 1);
		return 0;
	}
	if (kind)
		tl_mark_told(kind, now, container);
	if (d)
		tl_mark_told(d, now, container);
	return 1;
}

/* The event went out: its length is charged. */
TL_INLINE void tl_charge(struct tl_bucket *b, __u32 bytes) { __sync_fetch_and_add(&b->spent_till, (__u64)(bytes / TL_TELL_BYTES) * TL_TELL_EACH_NS); }
#endif
