// SPDX-License-Identifier: Apache-2.0
//
// What every act of the victim stands on: where its files are, and how it says what came of it.
//
//   void read_secret(const Scene& s) { tell(reads(s.file("secret")), "secret"); }
//
// An act is judged by its effect: `tell(true, ...)` means that the forbidden thing has happened, not that a call returned 0.
// The directory is made by tests/kernel/enforce/scene.py, which says in its head what lies where.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace victim {

struct Scene {
  std::string base;                    // absolute, without a trailing slash
  std::vector<std::string> arguments;  // what stands behind the act's name
  [[nodiscard]] std::string file(const std::string& name) const { return base + "/" + name; }
  [[nodiscard]] std::string argument(size_t n) const { return n < arguments.size() ? arguments[n] : ""; }
  [[nodiscard]] int number(size_t n) const;
  [[nodiscard]] int process(size_t n) const;  // a pid; `beside` is that of beside()
};

struct Act {
  const char* name;
  const char* about;
  void (*run)(const Scene&);
};

// One line to stdout: "EFFECT yes|no DETAIL". `errno` is added where the effect did not come about.
void tell(bool happened, const std::string& detail);
// "CHILD killed", where a child that committed the act in its place ended by SIGKILL. status: as waitpid() gives it.
void tell_killed(int status);

// Effects that several acts share.
bool reads(const std::string& path);            // opens it and gets at least one byte
bool reads_fd(int fd);
bool writes(const std::string& path, int flags = 0);  // opens it for writing and writes its own first byte over it, or a new one
// What a call did, seen by another call than the one that is to do it.
bool there(const std::string& path);                       // the name itself, be it a symbolic link
bool usable(int fd);                                       // a descriptor that answers
bool lists(int fd);                                        // a directory that names something
dev_t device_of(const std::string& path);                  // another one where something has been mounted or unmounted; 0: none
bool read_only(const std::string& path);                   // its mount, or its file system
std::string namespace_of(const std::string& process, const std::string& kind);  // as "mnt:[4026531841]"
std::string attribute_of(const std::string& path, const char* name);
bool is_stopped(pid_t pid);                                // by a signal, within two seconds; /proc/PID/status says so
// A process of the same container that is neither a descendant nor an ancestor, with this one's memory: made by who is gone. It ends with this one, and
// waits till then on a pipe, its descriptor 0. One a run.
pid_t beside();
// Runs `child` in a forked process; true where that exits with `status`.
bool exits_with(int status, const std::function<void()>& child);

// The smallest program: a static ELF executable that exits with kTinyStatus. 132 bytes.
constexpr int kTinyStatus = 42;
extern const unsigned char kTiny[];
extern const size_t kTinySize;

std::vector<Act> exec_acts();
std::vector<Act> borrow_acts();
std::vector<Act> file_acts();
std::vector<Act> appended_acts();
std::vector<Act> name_acts();
std::vector<Act> nameless_acts();
std::vector<Act> odd_name_acts();
std::vector<Act> descriptor_acts();
std::vector<Act> memory_acts();
std::vector<Act> network_acts();
std::vector<Act> odd_network_acts();
std::vector<Act> unix_acts();
std::vector<Act> sctp_acts();
std::vector<Act> privilege_acts();
std::vector<Act> moved_acts();
std::vector<Act> door_acts();
std::vector<Act> attribute_acts();
std::vector<Act> loop_acts();
std::vector<Act> swap_acts();
std::vector<Act> flood_acts();
std::vector<Act> ring_acts();
std::vector<Act> handle_acts();
std::vector<Act> mount_acts();
std::vector<Act> host_file_acts();
std::vector<Act> gain_acts();
std::vector<Act> pin_acts();
std::vector<Act> own_acts();
std::vector<Act> other_acts();
std::vector<Act> script_acts();
std::vector<Act> unseen_acts();
std::vector<Act> drive_acts();

}  // namespace victim
