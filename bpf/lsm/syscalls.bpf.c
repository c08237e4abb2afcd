/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The recorder of system calls, attached only while something is learned. No verdicts: seccomp enforces them.
 */
#include "report.bpf.h"

#define X32_SYSCALL_BIT 0x40000000u
#define TS_COMPAT 2

static __always_inline u32 arch_of(u64 number)
{
	struct task_struct___thread_info *t = NULL;
	u64 me = bpf_get_current_task();

	if (bpf_core_field_exists(t->thread_info.status) &&
	    (READ32(struct task_struct___thread_info, thread_info.status, me) & TS_COMPAT))
		return 1;
	return number & X32_SYSCALL_BIT ? 2 : 0;
}

SEC("raw_tp/sys_enter")
int tl_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct tl_control *c = the_control();
	struct tl_syscalls_key key = {};
	struct tl_syscalls *seen;
	struct subject s;
	u64 number;
	u32 n;

	if (!c || !c->tracing || !subject(&s) || s.mode != TL_MODE_LEARN)
		return 0;
	number = ctx->args[1];
	n = (u32)number & ~X32_SYSCALL_BIT;
	if (n >= TL_SYSCALLS) {
		if ((__s32)number >= 0)
			lost(TL_LOSS_SYSCALLS);
		return 0;
	}
	key.node = s.tag->node;
	key.container = s.tag->container;
	key.arch = arch_of(number);
	seen = bpf_map_lookup_elem(&syscalls, &key);
	if (!seen) {
		void *zero = zero_draft();

		if (zero)
			bpf_map_update_elem(&syscalls, &key, zero, BPF_NOEXIST);
		seen = bpf_map_lookup_elem(&syscalls, &key);
		if (!seen) {
			lost(TL_LOSS_SYSCALLS);
			return 0;
		}
	}
	seen->seen[n & (TL_SYSCALLS - 1)] = 1;
	return 0;
}
