// SPDX-License-Identifier: Apache-2.0
//
// Which processes there still are, by procfs: a kill is repeated for those, and for no others.
#include "enforcer/workload/process.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "enforcer/base/mounts.h"

namespace treeline::workload {
namespace {

void wait_until_zombie(pid_t pid) {
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
}

TEST(Process, OneThatRunsIsAliveAZombieIsNot) {
  EXPECT_TRUE(is_alive(getpid()));
  EXPECT_EQ(parent_of(getpid()), getppid());
  const pid_t child = fork();
  if (child == 0) _exit(0);
  wait_until_zombie(child);
  EXPECT_FALSE(is_alive(child));
  EXPECT_EQ(parent_of(child), getpid());
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(is_alive(child));
  EXPECT_EQ(parent_of(child), 0);
}

TEST(Process, OneWhoseFirstThreadHasEndedIsAliveWhileAnotherRuns) {
  int ended[2];
  ASSERT_EQ(pipe(ended), 0);
  const pid_t child = fork();
  if (child == 0) {
    pthread_t other;
    pthread_create(&other, nullptr, [](void*) -> void* { for (;;) pause(); }, nullptr);
    close(ended[0]);
    (void)!write(ended[1], "x", 1);
    syscall(SYS_exit, 0);  // this thread alone; pthread_exit would unwind through the test
  }
  char byte = 0;
  ASSERT_EQ(read(ended[0], &byte, 1), 1);
  usleep(200'000);  // until the first thread is gone; before, it is alive in any case
  EXPECT_TRUE(is_alive(child));
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  close(ended[0]);
  close(ended[1]);
}

TEST(ProcView, OfTheLastMountOnProc) {
  const std::string head = "20 1 0:20 / /proc rw,nosuid - proc proc rw";
  EXPECT_FALSE(parse_proc_view(head + "\n").hides);
  const ProcView group = parse_proc_view(head + "\n21 20 0:20 / /proc rw - proc proc rw,gid=27,hidepid=invisible\n");
  EXPECT_TRUE(group.hides);
  EXPECT_FALSE(group.only_traceable);
  EXPECT_EQ(group.group, 27u);
  EXPECT_TRUE(parse_proc_view(head + ",hidepid=2\n").hides);
  EXPECT_TRUE(parse_proc_view(head + ",hidepid=ptraceable\n").only_traceable);
  EXPECT_FALSE(parse_proc_view("20 1 0:20 / /srv/proc rw - proc proc rw,hidepid=2\nnonsense - proc\n").hides);
}

}  // namespace
}  // namespace treeline::workload
