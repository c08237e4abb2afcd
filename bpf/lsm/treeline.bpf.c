/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One object from one file per concern: maps and global functions are shared, so they are one unit to the verifier and the loader. */
#include "file.bpf.c"
#include "fork.bpf.c"
#include "exec.bpf.c"
#include "commit.bpf.c"
#include "net.bpf.c"
#include "incoming.bpf.c"
#include "unix.bpf.c"
#include "cred.bpf.c"
#include "process.bpf.c"
#include "kernel.bpf.c"
#include "handed.bpf.c"
#include "syscalls.bpf.c"
#include "tasks.bpf.c"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
