/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How often something happened, and is it to be told this time? What happened is one number (WHAT); the counts are exact and lie in maps.
 */
#ifndef TREELINE_BPF_LSM_COUNT_BPF_H
#define TREELINE_BPF_LSM_COUNT_BPF_H

#include "fast.bpf.h"

/* What happened, in one number that fits an argument of a global function. */
#define WHAT(hook, reason, kind, words) \
	((u64)(hook) | (u64)(reason) << 8 | (u64)(kind) << 16 | (u64)(words) << 32)
#define WHAT_COST(cost) ((u64)(cost) << 20) /* tl_cost_of_class() */
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

#define TELL_AGAIN_NS (600 * 1000000000ull) /* what goes on is told again after this time */
#define TELL_OTHER_NS (1000000000ull) /* and after this time where it is another container's */

static __always_inline bool power_of_two(u64 n) { return (n & (n - 1)) == 0; }

/* The map has no room for this object: it is counted with all others of its hook and reason, so that a flood of names still folds. */
__noinline u64 count_overflow(u32 hook, u32 reason)
{
	u32 index = hook * TL_REASONS + reason;
	u64 *n = bpf_map_lookup_elem(&overflow, &index), count;

	lost(TL_LOSS_DENIALS);
	if (!n)
		return 1 | COUNT_TELL;
	__sync_fetch_and_add(n, 1);
	count = *(volatile u64 *)n;
	return power_of_two(count) ? count | COUNT_TELL : count;
}

/*
 * Counts a refused act; the new count, and whether it is to be told: at each power of two, so that a flood costs bounded log, and again
 * after a time, for another container of the policy, and after what root changed (control.told_from), so that no quiet hides it.
 */
__noinline u64 count_denial(u32 slot, u64 node, u64 what, u64 object, u32 container)
{
	struct tl_denial_key key = {.node = node,
				    .object = object,
				    .slot = slot,
				    .hook = what_hook(what),
				    .reason = what_reason(what),
				    .access = what_words(what)};
	void *map = slot == TL_SLOT_CANARY ? (void *)&canary_denials : (void *)&denials, *zero = zero_draft();
	u64 now = bpf_ktime_get_boot_ns(), quiet, *n, count;
	struct tl_control *control = the_control();
	struct tl_denial *d = bpf_map_lookup_elem(map, &key);

	if (!d && zero) {
		bpf_map_update_elem(map, &key, zero, BPF_NOEXIST);
		d = bpf_map_lookup_elem(map, &key);
	}
	if (!d)
		return count_overflow(what_hook(what), what_reason(what));
	n = what_flags(what) & WHAT_MONITOR ? &d->would : &d->count;
	__sync_fetch_and_add(n, 1);
	count = *(volatile u64 *)n;
	if (!d->first)
		d->first = now;
	d->last = now;
	quiet = now - d->told;
	if (!power_of_two(count) && quiet < TELL_AGAIN_NS && (d->container == container || quiet < TELL_OTHER_NS) &&
	    (!control || d->told > control->told_from))
		return count;
	d->told = now;
	d->container = container;
	return count | COUNT_TELL;
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
#endif
