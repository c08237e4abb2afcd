/* SPDX-License-Identifier: Apache-2.0
 *
 * What a closing filter refuses (tests/kernel/enforce/closing), by each of the three tables of system calls that an x86-64 process reaches: its own,
 * int 0x80 and x32. A line for each act: NAME yes|no ERRNO, where yes is an effect that something other than the call's answer shows. With the
 * argument "few" only what a policy allows. Linked so that what it passes lies below 4 GiB, where the other two tables find it.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NATIVE, INT80, X32, TABLES };
enum { UNSHARE, CLONE, CLONE3, IO_URING_SETUP, USERFAULTFD, MODIFY_LDT, SECCOMP, PERSONALITY, GETPID };
static const char *const kPrefix[TABLES] = {"", "int80-", "x32-"};
static const int kNative[] = {SYS_unshare, SYS_clone, SYS_clone3, SYS_io_uring_setup, SYS_userfaultfd, SYS_modify_ldt, SYS_seccomp, SYS_personality, SYS_getpid};
static const int kI386[] = {310, 120, 435, 425, 374, 123, 354, 136, 20}; /* arch/x86/entry/syscalls/syscall_32.tbl */
#define X32_BIT 0x40000000L
#define READ_IMPLIES_EXEC 0x400000
#define NEW_LISTENER 8

static int table;
static char my_namespace[64];

/* The answer; below 0 an errno. */
static int call(int which, unsigned long a, unsigned long b, unsigned long c)
{
	long result;

	if (table == INT80)
		__asm__ volatile("int $0x80" : "=a"(result) : "a"((long)kI386[which]), "b"(a), "c"(b), "d"(c), "S"(0L), "D"(0L) : "r8", "r9", "r10", "r11", "memory");
	else
		__asm__ volatile("xor %%r10d, %%r10d; xor %%r8d, %%r8d; xor %%r9d, %%r9d; syscall"
				 : "=a"(result)
				 : "a"(kNative[which] | (table == X32 ? X32_BIT : 0)), "D"(a), "S"(b), "d"(c)
				 : "rcx", "r8", "r9", "r10", "r11", "memory");
	return (int)result;
}

static void link_of(const char *name, char *into, size_t size)
{
	ssize_t length = readlink(name, into, size - 1);

	into[length < 0 ? 0 : length] = '\0';
}

/* How an act ends: in a process of its own, whose status says both. */
static void end(int happened, int answer)
{
	_exit((answer < 0 ? -answer & 63 : 0) | (happened ? 128 : 0));
}

static void end_by_namespace(int answer)
{
	char now[64];

	link_of("/proc/self/ns/user", now, sizeof now);
	end(now[0] && strcmp(now, my_namespace), answer);
}

static void end_by_descriptor(int fd, const char *kind)
{
	char name[64], what[64];

	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	link_of(name, what, sizeof what);
	end(fd >= 0 && strstr(what, kind), fd);
}

/* What a child of another call is in: this process waits, and ends as it ended. */
static void end_by_child(int child)
{
	int status;

	if (child == 0)
		end_by_namespace(0);
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		end(0, child);
	_exit(WEXITSTATUS(status));
}

static void unshare_user(void) { end_by_namespace(call(UNSHARE, CLONE_NEWUSER, 0, 0)); }
static void clone_user(void) { end_by_child(call(CLONE, CLONE_NEWUSER | SIGCHLD, 0, 0)); }

static void clone3_user(void)
{
	static uint64_t arguments[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD}; /* struct clone_args */

	end_by_child(call(CLONE3, (unsigned long)arguments, sizeof arguments, 0));
}

static void ring(void)
{
	static char parameters[120];

	end_by_descriptor(call(IO_URING_SETUP, 4, (unsigned long)parameters, 0), "io_uring");
}

static void fault_handler(void) { end_by_descriptor(call(USERFAULTFD, O_CLOEXEC, 0, 0), "userfaultfd"); }

/* The processor itself says whether there is an entry 0. */
static void descriptor_table(void)
{
	static uint32_t entry[4] = {0, 0, 0xfffff, 0x51}; /* struct user_desc: 32 bits, limit in pages, usable */
	int answer = call(MODIFY_LDT, 0x11, (unsigned long)entry, sizeof entry);
	unsigned long limit = 0;
	unsigned char there;

	__asm__ volatile("lsl %2, %0; setz %1" : "+r"(limit), "=r"(there) : "r"(7UL /* entry 0 of the LDT, ring 3 */) : "cc");
	end(there, answer);
}

static void listener_by(unsigned long operation)
{
	static struct sock_filter all = {BPF_RET | BPF_K, 0, 0, 0x7fff0000 /* SECCOMP_RET_ALLOW */};
	static struct sock_fprog native = {1, &all};
	static uint32_t compat[2] = {1}; /* the same with 32 bits, for both other tables */

	compat[1] = (uint32_t)(uintptr_t)&all;
	end_by_descriptor(call(SECCOMP, operation, NEW_LISTENER, table == NATIVE ? (unsigned long)&native : (unsigned long)compat), "seccomp notify");
}

static void listener(void) { listener_by(1 /* SECCOMP_SET_MODE_FILTER */); }
static void listener_64(void) { listener_by(1UL << 32 | 1); }

static void executable_heap(void)
{
	int answer = call(PERSONALITY, READ_IMPLIES_EXEC, 0, 0);

	end(syscall(SYS_personality, 0xffffffffUL) & READ_IMPLIES_EXEC, answer);
}

/* One who shares its descriptors and stops to: that a descriptor is closed there is not seen here. */
static void unshare_files(void)
{
	int status, answer, fd = dup(1), child = (int)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (child == 0) {
		answer = call(UNSHARE, CLONE_FILES, 0, 0);
		close(fd);
		end(0, answer);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		end(0, child);
	end(fcntl(fd, F_GETFD) >= 0, -(WEXITSTATUS(status) & 63));
}

static void get_pid(void)
{
	int answer = call(GETPID, 0, 0, 0);

	end(answer == getpid(), answer);
}

static const struct act {
	const char *name;
	void (*run)(void);
	int allowed, native;
} kActs[] = {
	{"getpid", get_pid, 1, 0},
	{"unshare-files", unshare_files, 1, 0},
	{"unshare-user", unshare_user, 0, 0},
	{"clone-user", clone_user, 0, 0},
	{"clone3-user", clone3_user, 0, 0},
	{"io_uring_setup", ring, 0, 0},
	{"userfaultfd", fault_handler, 0, 0},
	{"modify_ldt", descriptor_table, 0, 0},
	{"seccomp-listener", listener, 0, 0},
	{"seccomp-listener-64-bit", listener_64, 0, 1},
	{"personality", executable_heap, 0, 0},
};

int main(int argc, char **argv)
{
	int few = argc > 1 && !strcmp(argv[1], "few");

	link_of("/proc/self/ns/user", my_namespace, sizeof my_namespace);
	dprintf(1, "Seccomp %d\nNoNewPrivs %d\n", prctl(PR_GET_SECCOMP), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	for (table = 0; table < (few ? 1 : TABLES); table++) {
		for (size_t i = 0; i < sizeof kActs / sizeof *kActs; i++) {
			int status = 0, child;

			if ((few && !kActs[i].allowed) || (kActs[i].native && table != NATIVE))
				continue;
			child = fork();
			if (child == 0)
				kActs[i].run();
			if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
				dprintf(1, "%s%s died %d\n", kPrefix[table], kActs[i].name, status);
			else
				dprintf(1, "%s%s %s %d\n", kPrefix[table], kActs[i].name, WEXITSTATUS(status) & 128 ? "yes" : "no", WEXITSTATUS(status) & 63);
		}
	}
	return 0;
}
