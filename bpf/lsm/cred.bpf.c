/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rights of the process itself.
 *
 *   capable      may the node use this capability? Asked after the kernel's own check, so only for what the task holds.
 */
#include "report.bpf.h"
#include <bpf/bpf_tracing.h>

#define CAP_OPT_NOAUDIT 2

SEC("lsm/capable")
int BPF_PROG(tl_capable, const struct cred *cred, struct user_namespace *ns, int capability, unsigned int options)
{
	u64 me = bpf_get_current_task();
	struct subject s;

	if (!subject(&s))
		return 0;
	/* Under overridden credentials it is the kernel that acts: a stacked file system as its mounter, or access(2), which only asks. */
	if (READ(struct task_struct, cred, me) != READ(struct task_struct, real_cred, me))
		return 0;
	if (options & CAP_OPT_NOAUDIT) {
		/* Mostly a question, not a use (who reads /proc/sys/net or lists attributes asks): answered, never told, never learned. SECURITY.md names the uses. */
		if (s.mode != TL_MODE_ENFORCE || tl_capability_allowed(s.img, s.row, (u32)capability))
			return 0;
		return -EPERM;
	}
	if (s.mode != TL_MODE_LEARN && tl_capability_allowed(s.img, s.row, (u32)capability))
		return 0;
	return finish(ctx, report_number(WHAT(TL_HOOK_CAPABLE, TL_REASON_CAPABILITY, TL_KIND_CAPABILITY, 0) | WHAT_FLAGS(WHAT_EPERM), (u32)capability));
}
