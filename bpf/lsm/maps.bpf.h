/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every map, and the switches that user space sets before load. Layouts and meanings stand in abi.h. Sizes here are defaults; the
 * enforcer sets arena, events, learned and denials from its configuration.
 */
#ifndef TREELINE_BPF_LSM_MAPS_BPF_H
#define TREELINE_BPF_LSM_MAPS_BPF_H

#include "abi.h"
#include <bpf/bpf_helpers.h>

/* Task storage whose lookup never fails for want of a per-CPU counter (6.2: bpf_task_storage_get_recur split off). On older kernels a
 * NULL there may mean "busy", which a hook could not tell from "not bound": they use the hash alone. */
const volatile bool k_task_storage = false;
const volatile bool k_ringbuf = true; /* else the perf buffer (before 5.8) */
const volatile bool k_direct_reads = false; /* the kernel has bpf_rdonly_cast (6.2, a35b9af4ec2c) */
const volatile bool k_idmap_first = false; /* inode_setxattr and its kin are given a user namespace or idmap first (5.12) */
const volatile bool k_rename_flags = false; /* path_rename has five arguments (6.0, 100f59d96405) */

struct tl_element {
	u8 bytes[TL_ELEMENT];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, struct tl_element);
} arena SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TL_SLOTS);
	__type(key, u32);
	__type(value, struct tl_slot);
} policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tl_tag);
} tags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__type(key, u64);
	__type(value, struct tl_tag);
} tags_by_task SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TL_CONTAINERS);
	__type(key, u64);
	__type(value, u32);
} bindings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TL_CONTAINERS);
	__type(key, u32);
	__type(value, struct tl_container);
} containers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct tl_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TL_HOOKS * TL_REASONS);
	__type(key, u32);
	__type(value, u64);
} doubts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TL_LOSSES);
	__type(key, u32);
	__type(value, u64);
} losses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct tl_count_key);
	__type(value, struct tl_denial);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct tl_count_key);
	__type(value, struct tl_denial);
} canary_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TL_DENIALS);
	__type(key, struct tl_denial_key);
	__type(value, struct tl_denial);
} denials SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TL_SLOTS);
	__type(key, u32);
	__type(value, u64);
} shares SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TL_CONTAINERS);
	__type(key, u32);
	__type(value, struct tl_bucket);
} buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct tl_learned_key);
	__type(value, struct tl_learned);
} learned SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct tl_syscalls_key);
	__type(value, struct tl_syscalls);
} syscalls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events_perf SEC(".maps");

/*
 * Where an event is put together: an element per task that is at it, so that no other task, not even one that preempts this one in the
 * same hook, can write into it (per-CPU scratch was seen to be overwritten). Full: the event is lost and counted, the verdict stands.
 */
struct tl_draft {
	union {
		struct tl_event event;
		char head[sizeof(struct tl_event)];
	};
	char text[TL_EVENT_TEXT];
};
TL_ASSERT(offsetof(struct tl_draft, text) == offsetof(struct tl_event, text));
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 128);
	__type(key, u64);
	__type(value, struct tl_draft);
} scratch SEC(".maps");

/* An element of zeroes to begin a draft or a counter with: none of them fits the stack. Read only. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct tl_draft);
} zeroes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tl_owner);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct tl_streams_key);
	__type(value, struct tl_streams);
} streams SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct tl_asked);
	__type(value, u64);
} asked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tl_written);
} written SEC(".maps");

/*
 * The state of the automaton at the root of a mount that is not the container's root, so that the path above it is not fed each time. True
 * while neither a mount nor a name has changed anywhere (`locks`: the counts of mount_lock and rename_lock). Written without a lock: an
 * entry that two tasks wrote at once has a wrong `check` and is none.
 */
struct tl_prefix {
	u64 mount; /* address of the vfsmount */
	u64 ns; /* sequence number of the namespace that it is in */
	u64 policy; /* container, slot, generation and mode of whoever asked */
	u64 locks;
	u64 state;
	u64 check;
};
#define PREFIXES 8192 /* buckets of two */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * PREFIXES);
	__type(key, u32);
	__type(value, struct tl_prefix);
} prefixes SEC(".maps");

static __always_inline void count(void *map, u32 index)
{
	u64 *n = bpf_map_lookup_elem(map, &index);

	if (n)
		(*n)++; /* per CPU; a preempting program can lose one increment, never a verdict */
}

static __always_inline void doubt(u32 hook, u32 reason) { count(&doubts, hook * TL_REASONS + reason); }
static __always_inline void lost(u32 what) { count(&losses, what); }

static __always_inline struct tl_control *the_control(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

static __always_inline void *zero_draft(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&zeroes, &zero);
}
#endif
