/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a process does to other processes, and what makes it another one.
 *
 *   ptrace_access_check, ptrace_traceme    may it look into that process, and change it?
 *   task_kill                              may it send it a signal?
 *   file_send_sigiotask                    a descriptor's signal to its owner: never to treelined
 *   task_setnice, _setioprio, _setscheduler, _movememory, _prlimit    may it tune it?
 *   task_fix_setuid                        may the node run as this user?
 *   bprm_creds_from_file                   may it gain rights by what it executes?
 *   task_prctl                             securebits, which ask no other hook for CAP_SETPCAP; PR_SET_MM
 *
 * By the relation of the two tasks (proc.bpf.h), never by a number: own, descendant, same workload, any.
 */
#include "report.bpf.h"
#include <bpf/bpf_tracing.h>

/* Of treelined, as it said itself, or its helper? That is its only child, and ends with it. */
static __always_inline bool is_daemon(u64 task)
{
	struct tl_control *c = the_control();

	return c && c->daemon &&
	       (READ32(struct task_struct, tgid, task) == c->daemon ||
		READ32(struct task_struct, tgid, READ(struct task_struct, real_parent, task)) == c->daemon);
}

/* The three operations of a family, from the narrowest on. */
#define FAMILY(descendant, workload, any) ((descendant) | (workload) << 8 | (any) << 16)
#define FAMILY_SIGNAL FAMILY(TL_OP_SIGNAL_DESCENDANT, TL_OP_SIGNAL_WORKLOAD, TL_OP_SIGNAL)
#define FAMILY_PTRACE FAMILY(TL_OP_PTRACE_DESCENDANT, TL_OP_PTRACE_WORKLOAD, TL_OP_PTRACE)
#define FAMILY_TUNE FAMILY(TL_OP_TUNE_WORKLOAD, TL_OP_TUNE_WORKLOAD, TL_OP_TUNE)

static __noinline u32 check_other(struct tl_tag *tag, u32 hook, u64 task, u32 family)
{
	u32 descendant = family & 0xff, workload = (family >> 8) & 0xff, any = (family >> 16) & 0xff;
	u64 wider = 1ull << any;

	if (is_daemon(task))
		return protect(hook);
	switch (is_runtime_at_work(task) ? RELATION_OTHER : relation_of(task)) {
	case RELATION_OWN:
		return 0;
	case RELATION_DESCENDANT:
		return check_operation(tag, hook, descendant, wider | 1ull << workload);
	case RELATION_WORKLOAD:
		return check_operation(tag, hook, workload, wider);
	default:
		return check_operation(tag, hook, any, wider);
	}
}

#define PTRACE_MODE_ATTACH 2
#define PTRACE_MODE_NOAUDIT 4

SEC("lsm/ptrace_access_check")
int tl_ptrace_access_check(u64 *ctx)
{
	u64 child;
	u32 mode = (u32)ctx[1];
	struct subject s;

	if (!subject(&s))
		return 0;
	child = raw_argument(ctx, 0);
	if (!(mode & PTRACE_MODE_ATTACH)) {
		/*
		 * Looking: within the workload what is opened is judged by its path; outside it the node needs the widest right. So does the
		 * container runtime on its way in, but nobody is told: whoever lists processes meets it now and then.
		 */
		bool runtime = is_runtime_at_work(child);

		if (!runtime && relation_of(child) != RELATION_OTHER)
			return 0;
		if (runtime || (mode & PTRACE_MODE_NOAUDIT)) /* or a question that hides some fields: answered, never told, never learned */
			return s.mode != TL_MODE_ENFORCE || tl_operation_allowed(s.img, s.row, TL_OP_PTRACE) ? 0 : -EACCES;
	}
	return finish(ctx, check_other(s.tag, TL_HOOK_PTRACE_ACCESS_CHECK, child, FAMILY_PTRACE));
}

/* The parent is to trace the caller, whatever the caller will execute: a right of the node that asks for it. */
SEC("lsm/ptrace_traceme")
int tl_ptrace_traceme(u64 *ctx)
{
	struct tl_tag *tag = my_tag();

	if (!tag)
		return 0;
	return finish(ctx, check_operation(tag, TL_HOOK_PTRACE_TRACEME, TL_OP_PTRACE_DESCENDANT, 1ull << TL_OP_PTRACE_WORKLOAD | 1ull << TL_OP_PTRACE));
}

/* (task, info, sig, cred): the kernel's own signals do not come here; with credentials given, it is the kernel that asks for somebody else. */
SEC("lsm/task_kill")
int tl_task_kill(u64 *ctx)
{
	struct tl_tag *tag;

	/* The credentials as a plain number: the verifier takes the hook's pointers to be never NULL, and would leave the question out. */
	if (!(u32)ctx[2] || !(tag = my_tag()) || raw_argument(ctx, 3)) /* signal 0 only asks whether the process is there */
		return 0;
	return finish(ctx, check_other(tag, TL_HOOK_TASK_KILL, raw_argument(ctx, 0), FAMILY_SIGNAL));
}

/*
 * (task, owner, sig): SIGIO, or what F_SETSIG chose, SIGKILL too. Who may make another process the owner was asked when it did (file_fcntl,
 * file_ioctl: the operation signal), but whom it named lies in its memory in two of the three ways. Here it is known; who is behind it is not, as
 * a packet or a timer may have caused it: refused without a word.
 */
SEC("lsm/file_send_sigiotask")
int tl_file_send_sigiotask(u64 *ctx)
{
	return is_daemon(raw_argument(ctx, 0)) ? -EPERM : 0;
}

#define TUNE_HOOK(hook, HOOK) \
	SEC("lsm/" #hook) \
	int tl_##hook(u64 *ctx) \
	{ \
		struct tl_tag *tag = my_tag(); \
\
		return tag ? finish(ctx, check_other(tag, TL_HOOK_##HOOK, raw_argument(ctx, 0), FAMILY_TUNE)) : 0; \
	}
TUNE_HOOK(task_setnice, TASK_SETNICE)
TUNE_HOOK(task_setioprio, TASK_SETIOPRIO)
TUNE_HOOK(task_setscheduler, TASK_SETSCHEDULER)
TUNE_HOOK(task_movememory, TASK_MOVEMEMORY)

/* (cred, tcred, flags), asked for another process only; which one is not said. */
#define LSM_PRLIMIT_WRITE 2
SEC("lsm/task_prlimit")
int tl_task_prlimit(u64 *ctx)
{
	struct tl_tag *tag;

	if (!((u32)ctx[2] & LSM_PRLIMIT_WRITE) || !(tag = my_tag()))
		return 0;
	return finish(ctx, check_operation(tag, TL_HOOK_TASK_PRLIMIT, TL_OP_TUNE, 0));
}

/* ---------------------------------------------------------------------------------------------------- users --- */
/* The nth of the four ids of a credential. */
static __always_inline u32 id_of(u64 cred, int n)
{
	switch (n) {
	case 0:
		return READ32(struct cred, uid, cred);
	case 1:
		return READ32(struct cred, euid, cred);
	case 2:
		return READ32(struct cred, suid, cred);
	default:
		return READ32(struct cred, fsuid, cred);
	}
}

__noinline u32 check_new_id(u64 fresh, u64 old, u32 n)
{
	struct subject s;
	u32 uid = id_of(fresh, n);

	if (uid == id_of(old, n) || !subject(&s))
		return 0;
	if (s.mode != TL_MODE_LEARN && tl_user_allowed(s.img, s.row, uid))
		return 0;
	return report_number(WHAT(TL_HOOK_TASK_FIX_SETUID, TL_REASON_USER, TL_KIND_USER, 0) | WHAT_FLAGS(WHAT_EPERM), uid);
}

/* (new, old, flags): setuid and its kin, by whatever right. */
SEC("lsm/task_fix_setuid")
int tl_task_fix_setuid(u64 *ctx)
{
	u64 fresh, old;

	if (!my_tag())
		return 0;
	fresh = raw_argument(ctx, 0);
	old = raw_argument(ctx, 1);
	for (u32 n = 0; n < 4; n++)
		ASK(check_new_id(fresh, old, n));
	return 0;
}

/* (bprm, file), behind the kernel's own answer: do the new credentials hold more than the caller's? */
SEC("lsm/bprm_creds_from_file")
int tl_bprm_creds_from_file(u64 *ctx)
{
	struct tl_tag *tag = my_tag();
	u64 fresh, mine, gained;

	if (!tag)
		return 0;
	fresh = READ(struct linux_binprm, cred, raw_argument(ctx, 0));
	mine = READ(struct task_struct, cred, bpf_get_current_task());
	gained = READ(struct cred, cap_permitted, fresh) & ~READ(struct cred, cap_permitted, mine);
	if (id_of(fresh, 1) == id_of(mine, 1) && READ32(struct cred, egid, fresh) == READ32(struct cred, egid, mine) && !gained)
		return 0;
	return finish(ctx, check_operation(tag, TL_HOOK_BPRM_CREDS_FROM_FILE, TL_OP_SETUID, 0));
}

#define PR_SET_SECUREBITS 28
#define PR_SET_MM 35
#define PR_SET_MM_ARG_START 8
#define PR_SET_MM_AUXV 12
#define CAP_SETPCAP 8
/* 0 lets the hook's own answer stand: -ENOSYS, "not mine". */
SEC("lsm/task_prctl")
int tl_task_prctl(u64 *ctx)
{
	u32 option = (u32)ctx[0];
	struct subject s;

	if (!(option == PR_SET_SECUREBITS || option == PR_SET_MM) || !subject(&s))
		return 0;
	if (option == PR_SET_MM && (u32)ctx[1] >= PR_SET_MM_ARG_START && (u32)ctx[1] <= PR_SET_MM_AUXV) /* what ps shows: a process title */
		return 0;
	if (option == PR_SET_MM) /* can change what counts as the task's program (own_program): a checkpointer's right */
		return finish(ctx, check_operation(s.tag, TL_HOOK_TASK_PRCTL, TL_OP_PTRACE, 0));
	if (s.mode != TL_MODE_LEARN && tl_capability_allowed(s.img, s.row, CAP_SETPCAP))
		return 0;
	return finish(ctx, report_number(WHAT(TL_HOOK_TASK_PRCTL, TL_REASON_CAPABILITY, TL_KIND_CAPABILITY, 0) | WHAT_FLAGS(WHAT_EPERM), CAP_SETPCAP));
}
