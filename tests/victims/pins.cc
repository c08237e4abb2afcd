// SPDX-License-Identifier: Apache-2.0
//
// Treeline by the ids of its maps, programs and links, by its pins below /sys/fs/bpf, and treelined by /proc.
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tests/victims/scene.h"

namespace victim {
namespace {

const std::string kPins = "/sys/fs/bpf/treeline";

int bpf(int command, bpf_attr& attributes) {
  return static_cast<int>(syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

// Opens every object of a kind; true where one of them is Treeline's. Maps and programs by name, any link as such.
bool takes(int next, int open_by_id, const char* ours) {
  bpf_attr ids{};
  bool got = false;
  while (bpf(next, ids) == 0) {
    const uint32_t id = ids.next_id;
    bpf_attr which{};
    which.map_id = id;
    const int fd = bpf(open_by_id, which);
    if (fd >= 0) {
      char room[256] = {};
      bpf_attr info{};
      info.info.bpf_fd = static_cast<uint32_t>(fd);
      info.info.info_len = sizeof room;
      info.info.info = reinterpret_cast<uint64_t>(room);
      bpf(BPF_OBJ_GET_INFO_BY_FD, info);
      const char* name = next == BPF_MAP_GET_NEXT_ID ? reinterpret_cast<bpf_map_info*>(room)->name : reinterpret_cast<bpf_prog_info*>(room)->name;
      got = got || next == BPF_LINK_GET_NEXT_ID || !std::strncmp(name, ours, std::strlen(ours));
      close(fd);
    }
    ids = {};
    ids.start_id = id;
  }
  return got;
}
void take_maps(const Scene&) { tell(takes(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID, "policies"), "the map of policies"); }
void take_marks(const Scene&) { tell(takes(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID, "written"), "the map of written files"); }
void take_programs(const Scene&) { tell(takes(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, "tl_"), "a program of Treeline's"); }
void take_links(const Scene&) { tell(takes(BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID, ""), "a link of Treeline's"); }

// A pin gets another name, and its own again.
void unpin(const Scene&) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kPins, ignored)) {
    if (entry.is_directory(ignored)) continue;
    const std::string path = entry.path(), moved = path + "_moved";
    const bool done = rename(path.c_str(), moved.c_str()) == 0;
    const int error = errno;
    if (done) (void)!rename(moved.c_str(), path.c_str());
    errno = error;
    return tell(done, "a pin moved");
  }
  tell(false, "no pin to be seen");
}

// The first pin of a kind that can be had; -1 and the error of the last that could not. (enforcer/kernel/pins.h)
int pinned(const std::string& kind) {
  std::error_code ignored;
  int error = ENOENT;
  for (const auto& entry : std::filesystem::directory_iterator(kPins + (kind == "link"      ? "/links"
                                                                        : kind == "program" ? "/programs"
                                                                                            : std::string()),
                                                               ignored)) {
    if (entry.is_directory(ignored)) continue;
    const std::string path = entry.path();
    bpf_attr which{};
    which.pathname = reinterpret_cast<uint64_t>(path.c_str());
    const int fd = bpf(BPF_OBJ_GET, which);
    if (fd >= 0) return fd;
    error = errno;
  }
  errno = error;
  return -1;
}

void pin_get(const Scene& s) { tell(pinned(s.argument(0)) >= 0, "a " + s.argument(0) + " of Treeline's by its pin"); }

// The kernel detaches no link of a hook: one step before it says so, and not that it may not be asked.
void detach(const Scene&) {
  bpf_attr which{};
  which.link_detach.link_fd = static_cast<uint32_t>(pinned("link"));
  tell(bpf(BPF_LINK_DETACH, which) != 0 && errno == EOPNOTSUPP, "a link of Treeline's, asked to be detached");
}

void pin_put(const Scene&) {
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);  // before 5.11 maps count
  bpf_attr made{}, pin{};
  made.map_type = BPF_MAP_TYPE_ARRAY;
  made.key_size = made.value_size = 4;
  made.max_entries = 1;
  const int fd = bpf(BPF_MAP_CREATE, made);
  if (fd < 0) return tell(false, "a map of its own");
  const std::string path = kPins + "/victim";
  pin.pathname = reinterpret_cast<uint64_t>(path.c_str());
  pin.bpf_fd = static_cast<uint32_t>(fd);
  const bool done = bpf(BPF_OBJ_PIN, pin) == 0 && there(path);
  const int error = errno;
  if (done) unlink(path.c_str());
  errno = error;
  tell(done, "a pin of its own among Treeline's");
}

void pin_directory(const Scene&) {
  const std::string path = kPins + "/victim";
  const bool done = mkdir(path.c_str(), 0700) == 0 && there(path);
  const int error = errno;
  if (done) rmdir(path.c_str());
  errno = error;
  tell(done, "a directory among Treeline's pins");
}
void pin_link(const Scene&) {
  const std::string path = kPins + "/victim";
  const bool done = symlink("x", path.c_str()) == 0 && there(path);
  const int error = errno;
  if (done) unlink(path.c_str());
  errno = error;
  tell(done, "a symbolic link among Treeline's pins");
}
// Of the scene's, which stand for Treeline's: they are gone then.
void pin_rmdir(const Scene&) { tell(rmdir("/sys/fs/bpf/tl-victim") == 0 && !there("/sys/fs/bpf/tl-victim"), "a directory of a bpffs removed"); }
void pin_unlink(const Scene&) { tell(unlink("/sys/fs/bpf/tl-victim-link") == 0 && !there("/sys/fs/bpf/tl-victim-link"), "a name of a bpffs removed"); }

// One step before: no address of the other process is known, and its score is the machine's. Both are asked for at the open alone.
void process_file(const Scene& s, const char* name, int flags) {
  const std::string path = "/proc/" + std::to_string(s.process(0)) + "/" + name;
  tell(usable(open(path.c_str(), flags | O_CLOEXEC)), path);
}
void memory(const Scene& s) { process_file(s, "mem", O_RDWR); }
void oom_score(const Scene& s) { process_file(s, "oom_score_adj", O_WRONLY); }

}  // namespace

std::vector<Act> pin_acts() {
  return {{"take-maps", "Treeline's maps by their ids", take_maps},
          {"take-marks", "likewise the map of what was written", take_marks},
          {"take-programs", "Treeline's programs by their ids", take_programs},
          {"take-links", "Treeline's links by their ids", take_links},
          {"unpin", "a name below /sys/fs/bpf/treeline", unpin},
          {"pin-get", "map|program|link: BPF_OBJ_GET of a pin", pin_get},
          {"detach", "BPF_LINK_DETACH", detach},
          {"pin-put", "BPF_OBJ_PIN among Treeline's pins", pin_put},
          {"pin-directory", "mkdir there", pin_directory},
          {"pin-link", "symlink there", pin_link},
          {"pin-rmdir", "rmdir on a bpffs", pin_rmdir},
          {"pin-unlink", "unlink on a bpffs", pin_unlink},
          {"memory-of", "PID: opens /proc/PID/mem to write", memory},
          {"oom-score-of", "PID: opens /proc/PID/oom_score_adj to write", oom_score}};
}

}  // namespace victim
