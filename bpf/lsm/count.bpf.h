/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How often something happened, and is it to be told this time? What happened is one number (WHAT); the counts are exact and lie in maps.
 */
#ifndef TREELINE_BPF_LSM_COUNT_BPF_H
#define TREELINE_BPF_LSM_COUNT_BPF_H

#include "fast.bpf.h"
#include "tell.h"

/* What happened, in one number that fits an argument of a global function. */
#define WHAT(hook, reason, kind, words) \
	((u64)(hook) | (u64)(reason) << 8 | (u64)(kind) << 16 | (u64)(words) << 32)
#define WHAT_COST(cost) ((u64)(cost) << 20) /* tl_cost_of_class() */
#define WHAT_URGENT (1ull << 23) /* it asks treelined for something: told, whatever the bounds say */
#define WHAT_CLASS(class_id) ((u64)(class_id) << 48) /* a reserved class, or how a walk failed */
#define WHAT_FLAGS(flags) ((u64)(flags) << 24) /* WHAT_... below */
#define WHAT_TMPFILE 1u
#define WHAT_EXCL 2u
#define WHAT_PENDING 4u /* the subject is the pending node (interpreter of a script) */
#define WHAT_EPERM 8u /* refused with EPERM, else EACCES */
#define WHAT_ALWAYS_KILL 16u /* the hook cannot refuse: what is refused is killed */
#define WHAT_PROTECTED 64u /* refused in every mode */
#define WHAT_MONITOR 128u /* the act goes on: counted apart from what was stopped */
#define WHAT_NAME 32u /* a name (parent and dentry), not an open object: no reserved class applies */

#define WITH_WORDS(what, words) (((what) & ~(0xffffull << 32)) | (u64)(words) << 32)

#define what_hook(w) ((u8)(w))
#define what_reason(w) ((u8)((w) >> 8))
#define what_kind(w) ((u8)((w) >> 16) & 0xf)
#define what_cost(w) ((u8)((w) >> 20) & 0x7)
#define what_flags(w) ((u8)((w) >> 24))
#define what_words(w) ((u16)((w) >> 32))
#define what_class(w) ((u16)((w) >> 48))

/* Of a count: this one is to be told by an event. */
#define COUNT_TELL (1ull << 63)
#define count_of(counted) ((counted) & ~COUNT_TELL)

/* A kind of refusal's counter, made where it is the first. NULL: no room, which is counted. */
static __always_inline struct tl_denial *counter_of_kind(u32 slot, u64 node, u64 what)
{
	struct tl_count_key key = {.node = node, .slot = slot, .hook = what_hook(what), .reason = what_reason(what)};
	void *map = slot == TL_SLOT_CANARY ? (void *)&canary_counts : (void *)&counts, *zero = zero_draft();
	struct tl_denial *kind = bpf_map_lookup_elem(map, &key);

	if (!kind && zero) {
		bpf_map_update_elem(map, &key, zero, BPF_NOEXIST);
		kind = bpf_map_lookup_elem(map, &key);
	}
	if (!kind)
		lost(TL_LOSS_COUNTS);
	return kind;
}

/* The counter of this behaviour, of that kind; made where it is the first, as long as the slot has not used up its share. NULL: no room. */
static __always_inline struct tl_denial *counter_of_behaviour(const struct tl_denial_key *key, struct tl_denial *kind)
{
	struct tl_denial *d = bpf_map_lookup_elem(&denials, key);
	void *zero = zero_draft();
	u64 *share;

	if (d || !zero)
		return d;
	share = bpf_map_lookup_elem(&shares, &key->slot);
	if (!share || *(volatile u64 *)share >= TL_DENIALS_SHARE)
		return NULL;
	if (!bpf_map_update_elem(&denials, key, zero, BPF_NOEXIST)) {
		__sync_fetch_and_add(share, 1);
		if (kind)
			__sync_fetch_and_add(&kind->objects, 1);
	}
	return bpf_map_lookup_elem(&denials, key);
}

/* Counts a refusal that nobody is told of. */
__noinline u32 count_untold(u32 slot, u64 node, u64 what)
{
	struct tl_denial *kind = counter_of_kind(slot, node, what);

	if (kind)
		tl_count(kind, what_flags(what) & WHAT_MONITOR, bpf_ktime_get_boot_ns());
	return 0;
}

/* Counts a refused act; the new count of its behaviour (0 where that has no room), and whether it is to be told (tell.h). */
__noinline u64 count_denial(u32 slot, u64 node, u64 what, u64 object, u32 container)
{
	struct tl_denial_key key = {.node = node,
				    .object = object,
				    .slot = slot,
				    .hook = what_hook(what),
				    .reason = what_reason(what),
				    .access = what_words(what)};
	u64 now = bpf_ktime_get_boot_ns(), together = 0, count = 0;
	struct tl_denial *kind = counter_of_kind(slot, node, what), *d;
	u32 monitor = what_flags(what) & WHAT_MONITOR;
	struct tl_control *control = the_control();
	struct tl_bucket *bucket;

	if (kind)
		together = tl_count(kind, monitor, now);
	if (slot == TL_SLOT_CANARY)
		return 0;
	d = counter_of_behaviour(&key, kind);
	if (d)
		count = tl_count(d, monitor, now);
	bucket = bpf_map_lookup_elem(&buckets, &container);
	if (tl_tell(kind, together, d, count, bucket, now, container, control ? control->told_from : 0, !!(what & WHAT_URGENT)))
		count |= COUNT_TELL;
	return count;
}

/* Counts a learned act; the count if its text has still to be told, else 0. */
__noinline u64 count_learned(u32 container, u64 node, u64 what, u64 object)
{
	struct tl_learned_key key = {.node = node,
				     .object = object,
				     .container = container,
				     .access = what_words(what),
				     .kind = what_kind(what)};
	u64 now = bpf_ktime_get_boot_ns();
	struct tl_learned first = {.count = 1, .first = now, .last = now}, *l;

	l = bpf_map_lookup_elem(&learned, &key);
	if (!l) {
		if (!bpf_map_update_elem(&learned, &key, &first, BPF_NOEXIST))
			return 1;
		l = bpf_map_lookup_elem(&learned, &key);
		if (!l) {
			lost(TL_LOSS_LEARNED);
			return 0;
		}
	}
	__sync_fetch_and_add(&l->count, 1);
	l->last = now;
	return l->told ? 0 : l->count;
}

/* The text of a learned object was sent: from now on it is only counted. */
static __always_inline void mark_told(const struct tl_event *e)
{
	struct tl_learned_key key = {.node = e->node, .object = e->object, .container = e->container, .access = e->access, .kind = e->kind};
	struct tl_learned *l = bpf_map_lookup_elem(&learned, &key);

	if (l)
		l->told = 1;
}

/* A behaviour that nobody has heard of, though it was to be told. */
__noinline u32 due_again(u32 slot, u64 node, u64 what, u64 object)
{
	struct tl_denial_key key = {.node = node,
				    .object = object,
				    .slot = slot,
				    .hook = what_hook(what),
				    .reason = what_reason(what),
				    .access = what_words(what)};
	struct tl_denial *d = bpf_map_lookup_elem(&denials, &key);

	if (d)
		d->told = 0;
	return 0;
}

/*
 * What follows for the counters once an event went out, or was lost: a behaviour that nobody has heard of is due again, within its container's bound. Its kind is
 * not: each refusal would pass the bound, and be owed, as long as nobody reads.
 */
static __always_inline void settle(const struct tl_event *e, bool is_lost)
{
	struct tl_bucket *bucket;

	if (e->type == TL_EVENT_LEARNED && !is_lost)
		mark_told(e);
	if (e->type == TL_EVENT_DENIAL && !is_lost) {
		bucket = bpf_map_lookup_elem(&buckets, &e->container);
		if (bucket)
			tl_charge(bucket, e->size);
	}
	if (e->type == TL_EVENT_DENIAL && is_lost)
		due_again(e->slot, e->node, WHAT(e->hook, e->reason, e->kind, e->access), e->object);
	if (is_lost)
		lost(TL_LOSS_EVENTS);
}

/* The same of a task's draft, and forgets it. A function of its own: 5.10 would follow it anew in each turn of a loop that reports. */
__noinline u32 settle_mine(u64 task, u32 is_lost)
{
	struct tl_draft *d = bpf_map_lookup_elem(&scratch, &task);

	if (!d)
		return 0;
	settle(&d->event, is_lost);
	bpf_map_delete_elem(&scratch, &task);
	return 0;
}
#endif
