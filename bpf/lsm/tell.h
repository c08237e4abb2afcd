/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which refusals are told by an event: functions of the counters in abi.h alone. Compiled into the hooks and into the tests. No verdict depends on them.
 *
 * A refusal is counted twice: as its kind (slot, node, hook, reason; in `counts`, always) and as its behaviour (the object too; in `denials`,
 * where it has room). It is told
 *
 *   where its behaviour is due (without an entry: always), and its kind is: outside of every bound, since kinds are few. So no flood hides the first
 *   refusal of another kind, and all objects without an entry are told as one behaviour;
 *   where its behaviour is due, and its container's bucket has something left: what has not is counted there as not shown, and stays due;
 *   where its behaviour has no entry, but the kind was told of another container last: likewise. So no container's flood hides another's refusals;
 *   where it asks treelined to kill or freeze the container (urgent), which happens once for each time that treelined does it.
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
	__u64 quiet = now - d->told;

	return (count & (count - 1)) == 0 || quiet >= TL_TELL_AGAIN_NS || (d->container != container && quiet >= TL_TELL_OTHER_NS) || d->told <= told_from;
}

TL_INLINE void tl_mark_told(struct tl_denial *d, __u64 now, __u32 container)
{
	d->told = now;
	d->container = container;
}

/* Takes one event out of the bucket; 0: there is none. */
TL_INLINE __u32 tl_take(struct tl_bucket *b, __u64 now)
{
	__u64 full = now > TL_TELL_FULL_NS ? now - TL_TELL_FULL_NS : 0, spent = *(volatile __u64 *)&b->spent_till;

	if (spent < full)
		*(volatile __u64 *)&b->spent_till = spent = full;
	if (spent + TL_TELL_EACH_NS > now)
		return 0;
	__sync_fetch_and_add(&b->spent_till, TL_TELL_EACH_NS);
	return 1;
}

/*
 * Is this refusal told? `kind` and `d` have counted it (together, count); either is NULL where there was no room. Written down as told where it is, as not
 * shown where it could be and is not.
 */
TL_INLINE __u32 tl_tell(struct tl_denial *kind, __u64 together, struct tl_denial *d, __u64 count, struct tl_bucket *bucket, __u64 now, __u32 container,
			__u64 told_from, __u32 urgent)
{
	__u32 due = urgent || !d || tl_is_due(d, count, now, container, told_from), bounded, single;

	if (!due)
		return 0;
	bounded = !urgent && !(kind && tl_is_due(kind, together, now, container, told_from));
	single = d || (kind && kind->container != container);
	if (bounded && !(bucket && single && tl_take(bucket, now))) {
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
#endif
