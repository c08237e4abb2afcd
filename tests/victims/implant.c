/* SPDX-License-Identifier: Apache-2.0
 *
 * The intruder in a real server: a library that /etc/ld.so.preload puts into every program of a container, from learning on. It does
 * nothing but make its mapping and set a signal handler, until the test asks it for one act (implant.h). The act is then committed by
 * the server's own process, as code that an attacker brought in would commit it.
 *
 *   exec STATUS PATH [NAME=VALUE...] -- ARG0 ARG1...   a child executes PATH; the effect is that it exits with STATUS
 *   read PATH                                          a byte of the file
 *   write PATH                                         its first byte becomes X
 *   connect ADDRESS PORT                               TCP, IPv4
 *   listen PORT                                        TCP, IPv4; open until the next act
 *   load PATH                                          writes the blob there, loads it as a library: its constructor is the effect
 *   preload PATH STATUS PROGRAM -- ARG0...             writes the blob there, a child executes PROGRAM with LD_PRELOAD=PATH
 *   memfd                                              a child executes the blob (a program that exits with 42) from a memfd
 *   rwx                                                runs code in memory that mprotect made writable and executable
 *   host-name                                          a child sets the host's name in a UTS namespace of its own: CAP_SYS_ADMIN
 *   user-namespace                                     the same, with the rights that a user namespace of its own gives it
 *   borrow PATH SECRET                                 executes PATH, which must fail, then reads SECRET
 *   repeat SHADOW PAGE ADDRESS PORT                    a child commits five acts again and again until `stop`, and counts
 */
#define _GNU_SOURCE
#include "tests/victims/implant.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 40

static struct implant_box *box;
static int listener = -1;

/* The written library's constructor calls this. */
void treeline_implant_effect(void);
void treeline_implant_effect(void)
{
	__atomic_store_n(&box->effect, 1, __ATOMIC_SEQ_CST);
}

static int happened(int yes)
{
	if (yes)
		treeline_implant_effect();
	else
		box->error = errno;
	return yes;
}

/* True where the child exits with `status`. */
static int ended_with(pid_t child, int status)
{
	if (child < 0)
		return 0;
	while (waitpid(child, &box->status, 0) < 0)
		if (errno != EINTR)
			return 0;
	errno = WIFSIGNALED(box->status) ? EINTR : EACCES;
	return WIFEXITED(box->status) && WEXITSTATUS(box->status) == status;
}

static void unblock_all(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* words: PATH [NAME=VALUE...] -- ARG0 ARG1... */
static int executes(int status, char **words, const char *setting)
{
	char *environment[WORDS] = { "PATH=/usr/sbin:/usr/bin" }, *path = words[0];
	int n = 1;
	pid_t child;

	if (setting)
		environment[n++] = (char *)setting;
	for (words++; *words && strcmp(*words, "--"); words++)
		environment[n++] = *words;
	if (*words)
		words++;
	child = _Fork();
	if (child == 0) {
		unblock_all();
		execve(path, words, environment);
		_exit(100 + (errno & 31));
	}
	return ended_with(child, status);
}

static int reads(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY | O_CLOEXEC), got;

	if (fd < 0)
		return 0;
	got = read(fd, &byte, 1) == 1;
	close(fd);
	return got;
}

static int writes(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), wrote;

	if (fd < 0)
		return 0;
	wrote = write(fd, "X", 1) == 1;
	close(fd);
	return wrote;
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	inet_pton(AF_INET, host, &a.sin_addr);
	return a;
}

static int connects(const char *host, const char *port)
{
	struct sockaddr_in a = address(host, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), done, error;

	if (fd < 0)
		return 0;
	done = connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
	error = errno;
	close(fd);
	errno = error;
	return done;
}

static int listens(const char *port)
{
	struct sockaddr_in a = address("0.0.0.0", port);

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return listener >= 0 && bind(listener, (const struct sockaddr *)&a, sizeof(a)) == 0 && listen(listener, 8) == 0;
}

static int writes_blob(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700), wrote;

	if (fd < 0)
		return 0;
	wrote = write(fd, box->blob, box->blob_size) == (ssize_t)box->blob_size;
	close(fd);
	return wrote;
}

static void loads(const char *path)
{
	if (!writes_blob(path)) {
		box->error = -errno; /* the act's preparation, not the act */
		return;
	}
	errno = 0;
	if (!dlopen(path, RTLD_NOW))
		box->error = errno;
}

static int runs_memfd(void)
{
	char *arguments[] = { "tiny", NULL }, *environment[] = { NULL };
	int fd = memfd_create("tiny", MFD_CLOEXEC);
	pid_t child;

	if (fd < 0 || write(fd, box->blob, box->blob_size) != (ssize_t)box->blob_size)
		return 0;
	child = _Fork();
	if (child == 0) {
		syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH);
		_exit(100 + (errno & 31));
	}
	close(fd);
	return ended_with(child, 42);
}

static int runs_written_memory(void)
{
	static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov eax,42; ret */
	int (*function)(void), done;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return 0;
	memcpy(page, code, sizeof(code));
	if (mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
		done = errno;
		munmap(page, 4096);
		errno = done;
		return 0;
	}
	memcpy(&function, &page, sizeof(function));
	done = function() == 42;
	munmap(page, 4096);
	return done;
}

static int sets_host_name(int flags)
{
	pid_t child = _Fork();

	if (child == 0) {
		char name[65] = "";

		if (unshare(CLONE_NEWUTS | flags) == 0 && sethostname("taken", 5) == 0 && gethostname(name, sizeof(name) - 1) == 0)
			_exit(strcmp(name, "taken") ? 99 : 42);
		_exit(100 + (errno & 31));
	}
	return ended_with(child, 42);
}

/* Beside a server that goes on serving. Everything that forbids one of these stands in the policy, so none may ever succeed. */
static void repeat(char **words)
{
	char *shell[] = { "/bin/sh", "--", "sh", "-c", "exit 7", NULL };

	if (_Fork() != 0)
		return;
	for (unsigned n = 0; !__atomic_load_n(&box->stop, __ATOMIC_SEQ_CST); n++) {
		int done = 0;

		switch (n % 5) {
		case 0: done = reads(words[1]); break;
		case 1: done = writes(words[2]); break;
		case 2: done = connects(words[3], words[4]); break;
		case 3: done = runs_written_memory(); break;
		case 4: done = executes(7, shell, NULL); break;
		}
		if (done)
			__atomic_fetch_add(&box->effects, 1, __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&box->attempts, 1, __ATOMIC_SEQ_CST);
		usleep(3000);
	}
	_exit(0);
}

static void commit(char **words)
{
	const char *act = words[0];

	if (!strcmp(act, "exec"))
		happened(executes(atoi(words[1]), words + 2, NULL));
	else if (!strcmp(act, "read"))
		happened(reads(words[1]));
	else if (!strcmp(act, "write"))
		happened(writes(words[1]));
	else if (!strcmp(act, "connect"))
		happened(connects(words[1], words[2]));
	else if (!strcmp(act, "listen"))
		happened(listens(words[1]));
	else if (!strcmp(act, "load"))
		loads(words[1]);
	else if (!strcmp(act, "preload")) {
		static char setting[256] = "LD_PRELOAD=";

		strncpy(setting + 11, words[1], sizeof(setting) - 12);
		if (writes_blob(words[1]))
			happened(executes(atoi(words[2]), words + 3, setting));
		else
			box->error = -errno;
	} else if (!strcmp(act, "memfd"))
		happened(runs_memfd());
	else if (!strcmp(act, "rwx"))
		happened(runs_written_memory());
	else if (!strcmp(act, "host-name"))
		happened(sets_host_name(0));
	else if (!strcmp(act, "user-namespace"))
		happened(sets_host_name(CLONE_NEWUSER));
	else if (!strcmp(act, "borrow")) {
		char *arguments[] = { words[1], NULL }, *environment[] = { NULL };

		execve(words[1], arguments, environment);
		happened(reads(words[2]));
	} else if (!strcmp(act, "repeat"))
		repeat(words);
	else
		box->error = ENOSYS;
}

static void on_signal(int number)
{
	static char copy[IMPLANT_WORDS]; /* a sharer of the box is asked next: words of this act are this process's own */
	char *words[WORDS] = { NULL };
	int error = errno, asked = IMPLANT_ASKED;

	(void)number;
	if (!__atomic_compare_exchange_n(&box->state, &asked, IMPLANT_RUNNING, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	if (listener >= 0)
		close(listener);
	listener = -1;
	memcpy(copy, box->words, sizeof(copy));
	copy[sizeof(copy) - 1] = copy[sizeof(copy) - 2] = 0;
	for (int n = 0, at = 0; n < WORDS - 1 && copy[at]; n++, at += (int)strlen(copy + at) + 1)
		words[n] = copy + at;
	if (words[0])
		commit(words);
	__atomic_store_n(&box->state, IMPLANT_DONE, __ATOMIC_SEQ_CST);
	errno = error;
}

__attribute__((constructor)) static void loaded(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	box = mmap(NULL, IMPLANT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (box == MAP_FAILED)
		abort();
	sigfillset(&action.sa_mask);
	if (sigaction(IMPLANT_SIGNAL, &action, NULL) != 0)
		abort();
	memcpy(box->magic, IMPLANT_MAGIC, sizeof(box->magic)); /* last: who sees it may send the signal */
}
