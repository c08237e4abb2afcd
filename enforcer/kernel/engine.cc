// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/engine.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "enforcer/base/fault.h"
#include "enforcer/base/log.h"
#include "enforcer/kernel/images.h"
#include "enforcer/kernel/libbpf_log.h"
#include "enforcer/kernel/object.h"
#include "enforcer/kernel/pins.h"
#include "enforcer/kernel/probe.h"
#include "enforcer/kernel/substitutes.h"
#include "treeline.skel.h"

namespace treeline::kernel {
namespace {

constexpr std::string_view kPrefix = "tl_";
constexpr char kRecorder[] = "tl_sys_enter", kTasks[] = "tl_tasks";

struct SkeletonDeleter {
  void operator()(treeline_bpf* s) const { treeline_bpf__destroy(s); }
};
struct LinkDeleter {
  void operator()(bpf_link* l) const { bpf_link__destroy(l); }
};
using Skeleton = std::unique_ptr<treeline_bpf, SkeletonDeleter>;
using Link = std::unique_ptr<bpf_link, LinkDeleter>;

struct MapName {
  const char* name;
  UniqueFd Maps::*fd;
  bool optional;  // not on every kernel
  bool holds_bound = false;  // what is bound, and to what: never missing where there are pins
};
constexpr MapName kMaps[] = {
    {"policies", &Maps::policies, false, true},         {"arena", &Maps::arena, false, true},       {"tags", &Maps::tags, true, true},
    {"tags_by_task", &Maps::tags_by_task, false, true}, {"bindings", &Maps::bindings, false, true}, {"containers", &Maps::containers, false, true},
    {"control", &Maps::control, false, true},           {"doubts", &Maps::doubts, false},           {"losses", &Maps::losses, false},
    {"counts", &Maps::counts, false},         {"canary_counts", &Maps::canary_counts, false},
    {"denials", &Maps::denials, false},       {"shares", &Maps::shares, false},     {"buckets", &Maps::buckets, false},
    {"learned", &Maps::learned, false},       {"syscalls", &Maps::syscalls, false}, {"owners", &Maps::owners, false},
    {"written", &Maps::written, false},       {"asked", &Maps::asked, false},       {"streams", &Maps::streams, false},
    {"events", &Maps::events, true},          {"events_perf", &Maps::events_perf, true},
};

bool is_event_map(const MapName& m) { return m.fd == &Maps::events || m.fd == &Maps::events_perf; }

std::string hook_of(const bpf_program* program) {
  std::string name = bpf_program__name(program);
  return name.rfind(kPrefix, 0) == 0 ? name.substr(kPrefix.size()) : name;
}

constexpr char kRepair[] = "; nothing was changed. If it stays so, stop the bound containers, then: treelined --detach --reason repair";

Error cannot_open(const std::string& pinned, int code) { return Error{system_error("cannot open " + pinned, code).message + kRepair, code}; }

bool is_hook(const bpf_program* program) { return !std::strncmp(bpf_program__section_name(program), "lsm/", 4); }

class BpfEngine final : public Engine {
 public:
  Result<void> open(const EngineOptions& options, const Facts& facts) {
    options_ = options;
    pins_ = std::make_unique<Pins>(options.pins);
    // Before 5.11 maps count against this limit.
    rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
    storage_ = facts.task_storage && !options.without_task_storage;
    ring_ = facts.ring_buffer && !options.without_ring_buffer;
    if (options.ephemeral) return load();
    Result<UniqueFd> lock = pins_->lock();
    if (!lock) return lock.error();
    lock_ = std::move(*lock);
    Result<Found> found = look_at_pins();
    if (!found) return found.error();
    if (found->exist) {
      // Where the tags are they stay until everything is detached: programs that look elsewhere would find nobody bound.
      const bool stored = access(pins_->map("tags").c_str(), F_OK) == 0;
      if (stored && options.without_task_storage)
        return Error{"the pinned tags lie in task storage; first: treelined --detach --reason TEXT", EINVAL};
      storage_ = stored;
      if (found->build == build() && found->linked) return take_over();
    }
    const bool upgrade = found->exist;
    if (Result<void> readable = upgrade ? check_pinned_images(*pins_) : Result<void>{}; !readable) return readable;
    if (Result<void> made = pins_->make(TL_ABI_MAPS); !made) return made;
    if (Result<void> loaded = load(upgrade); !loaded) {
      if (!upgrade) (void)!pins_->remove_all().has_value();
      return loaded;
    }
    how_ = upgrade ? Opened::kUpgraded : Opened::kFresh;
    return pins_->set_build(build());
  }

  Maps& maps() override { return maps_; }
  Opened how() const override { return how_; }
  const std::vector<ProgramState>& programs() const override { return programs_; }

  std::vector<std::string> missing_pins() const override {
    std::vector<std::string> missing;
    if (options_.ephemeral) return missing;
    for (const ProgramState& state : programs_)
      if (state.attached && access(pins_->link(state.name).c_str(), F_OK) != 0 && errno == ENOENT) missing.push_back(pins_->link(state.name));
    return missing;
  }

  Result<void> detach() override { return options_.ephemeral ? Result<void>{} : pins_->remove_all(); }

  Result<void> record_syscalls(bool on) override {
    if (!on) {
      recorder_link_.reset();
      return {};
    }
    if (recorder_link_) return {};
    if (!recorder_fd_) return Error{"the pin of their recorder is gone; stop the bound containers, then: treelined --detach --reason repair", ENOENT};
    const int fd = bpf_raw_tracepoint_open("sys_enter", recorder_fd_.get());
    if (fd < 0) return system_error("cannot attach the recorder of system calls", errno);
    recorder_link_ = UniqueFd(fd);
    return {};
  }

  Result<std::vector<tl_task>> tasks() const override {
    if (!tasks_link_) return Error{"which processes are bound cannot be listed: this kernel has no iterator over tasks (5.8), or its pin is gone", ENOTSUP};
    const UniqueFd reader(bpf_iter_create(tasks_link_.get()));
    if (!reader) return system_error("cannot begin to read which processes are bound", errno);
    std::vector<tl_task> all;
    size_t filled = 0;  // bytes: a read may end within an entry
    while (true) {
      constexpr size_t kAtOnce = 256;  // entries
      all.resize(filled / sizeof(tl_task) + kAtOnce);
      const ssize_t got = read(reader.get(), reinterpret_cast<char*>(all.data()) + filled, all.size() * sizeof(tl_task) - filled);
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;  // EAGAIN: after a million of tasks that are not bound (bpf_seq_read)
      if (got < 0) return system_error("cannot read which processes are bound", errno);
      filled += static_cast<size_t>(got);
      if (got > 0) continue;
      all.resize(filled / sizeof(tl_task));
      return all;
    }
  }

 private:
  struct Found {
    bool exist = false;  // pins of a whole start
    std::string build;
    bool linked = false;
  };

  // What an earlier daemon left. What one left that died before it had pinned everything goes: nothing can be bound to that.
  Result<Found> look_at_pins() {
    Result<bool> exist = pins_->exist();
    if (!exist) return exist.error();
    if (!*exist) return Found{};
    Result<int> layout = pins_->layout();
    Result<std::string> build = pins_->build();
    Result<std::vector<std::string>> links = pins_->links();
    if (!layout) return layout.error();
    if (!build) return build.error();
    if (!links) return links.error();
    if (*layout != 0 && *layout != TL_ABI_MAPS)
      return Error{"the pinned maps have layout " + std::to_string(*layout) + ", this treelined works on " + std::to_string(TL_ABI_MAPS) +
                       ": stop the bound containers, then: treelined --detach --reason upgrade",
                   EPROTO};
    if (!build->empty()) return Found{true, *build, !links->empty()};
    if (Result<void> removed = pins_->remove_all(); !removed) return removed.error();
    return Found{};
  }

  [[nodiscard]] std::string build() const {
    size_t size = 0;
    const void* bytes = treeline_bpf__elf_bytes(&size);
    return build_id({static_cast<const char*>(bytes), size}, storage_, ring_);
  }

  void note_programs(const bpf_object* object, const btf* vmlinux) {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object) {
      if (!is_hook(program)) continue;
      ProgramState state{bpf_program__name(program), hook_of(program), false, ""};
      // 6.0 (720e6a435194): trampolines pass structures by value, and btf_func_model says which arguments are some.
      const bool by_value = has_member(vmlinux, "btf_func_model", "arg_flags");
      const bool answered_otherwise = (state.hook == "path_chown" && !by_value) || (state.hook == "inode_setattr" && by_value);
      if (answered_otherwise || btf__find_by_name_kind(vmlinux, ("bpf_lsm_" + state.hook).c_str(), BTF_KIND_FUNC) < 0) {
        const char* note = substitute_of(state.hook.c_str());
        state.note = note ? note : "this kernel has no such hook";
      }
      programs_.push_back(std::move(state));
    }
  }

  Result<void> configure() {
    skeleton_->rodata->k_task_storage = storage_;
    skeleton_->rodata->k_ringbuf = ring_;
    bpf_map__set_autocreate(skeleton_->maps.tags, storage_);
    bpf_map__set_autocreate(skeleton_->maps.events, ring_);
    bpf_map__set_autocreate(skeleton_->maps.events_perf, !ring_);
    bpf_map__set_max_entries(skeleton_->maps.arena, options_.arena_elements);
    if (ring_) bpf_map__set_max_entries(skeleton_->maps.events, options_.ring_bytes);

    std::unique_ptr<btf, void (*)(btf*)> vmlinux(btf__load_vmlinux_btf(), btf__free);
    if (libbpf_get_error(vmlinux.get())) {
      (void)vmlinux.release();
      return Error{"the kernel's BTF cannot be read", ENOTSUP};
    }
    skeleton_->rodata->k_direct_reads = btf__find_by_name_kind(vmlinux.get(), "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
    skeleton_->rodata->k_idmap_first = argument_count(vmlinux.get(), "bpf_lsm_inode_setxattr") == 6;
    skeleton_->rodata->k_rename_flags = argument_count(vmlinux.get(), "bpf_lsm_path_rename") == 5;
    // Iterators are there from 5.8 on; they got bpf_task_storage_get together with its count of who is inside (a10787e6d58c, bc235cdb423a; 5.12).
    const bool iterates = btf__find_by_name_kind(vmlinux.get(), "bpf_iter_task", BTF_KIND_FUNC) > 0 &&
                          (!storage_ || btf__find_by_name_kind(vmlinux.get(), "bpf_task_storage_get_recur", BTF_KIND_FUNC) > 0);
    if (!iterates) bpf_program__set_autoload(skeleton_->progs.tl_tasks, false);
    note_programs(skeleton_->obj, vmlinux.get());
    for (ProgramState& state : programs_) {
      if (state.note.empty()) continue;
      if (!substitute_of(state.hook.c_str()))
        return Error{"this kernel has no LSM hook " + state.hook + ", and nothing else answers for it; see treeline doctor", ENOTSUP};
      bpf_program__set_autoload(bpf_object__find_program_by_name(skeleton_->obj, state.name.c_str()), false);
    }
    return {};
  }

  // Maps whose layout is frozen are taken over, so tags, bindings and counters survive an upgrade; the others are made anew.
  Result<void> reuse_pinned(bool upgrade) {
    for (const MapName& m : kMaps) {
      if (is_event_map(m)) continue;
      bpf_map* map = bpf_object__find_map_by_name(skeleton_->obj, m.name);
      if (!map || !bpf_map__autocreate(map)) continue;
      UniqueFd pinned(bpf_obj_get(pins_->map(m.name).c_str()));
      // Made anew, and empty, those would let all that is bound go free. (A map that is new in this build is another matter.)
      if (const int code = errno; !pinned && upgrade && (code != ENOENT || m.holds_bound))
        return cannot_open("the pinned map " + pins_->map(m.name), code);
      if (!pinned) continue;
      if (bpf_map__reuse_fd(map, pinned.get()) != 0) return system_error(std::string("cannot take over the map ") + m.name, errno);
    }
    return {};
  }

  Result<void> load(bool upgrade = false) {
    LibbpfLog log;
    skeleton_.reset(treeline_bpf__open());
    if (!skeleton_) return system_error("cannot open the BPF object:\n" + log.tail(), errno);
    if (Result<void> configured = configure(); !configured) return configured;
    if (!options_.ephemeral)
      if (Result<void> reused = reuse_pinned(upgrade); !reused) return reused;
    if (int error = treeline_bpf__load(skeleton_.get()); error != 0) {
      const std::string said = log.tail();
      return Error{std::string("the kernel refused the BPF programs (") + std::strerror(-error) + ")" + (said.empty() ? "" : ":\n" + said), ENOTSUP};
    }
    // From here on pins are replaced one by one. Whoever dies over it must not be followed by one that takes them for whole.
    if (upgrade)
      if (Result<void> begun = pins_->set_build(kUnfinished); !begun) return begun;
    for (const MapName& m : kMaps) {
      bpf_map* map = bpf_object__find_map_by_name(skeleton_->obj, m.name);
      // Of programs that go: the next daemon must not listen to it.
      if (!options_.ephemeral && is_event_map(m)) unlink(pins_->map(m.name).c_str());
      if (!map || !bpf_map__autocreate(map)) continue;
      maps_.*m.fd = UniqueFd(fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3));
      if (!(maps_.*m.fd)) return system_error(std::string("cannot keep the map ") + m.name, errno);
      const std::string pin = pins_->map(m.name);
      if (options_.ephemeral) continue;
      if (access(pin.c_str(), F_OK) != 0 && bpf_map__pin(map, pin.c_str()) != 0) return system_error(std::string("cannot pin the map ") + m.name, errno);
    }
    if (Result<void> mapped = map_memory(maps_); !mapped) return mapped;
    fault_point("maps-pinned");
    return attach();
  }

  Result<void> attach() {
    for (ProgramState& state : programs_) {
      if (!state.note.empty()) continue;
      bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, state.name.c_str());
      Link link(bpf_program__attach_lsm(program));
      if (!link) return system_error("cannot attach to the LSM hook " + state.hook, errno);
      if (!options_.ephemeral) {
        // An upgrade has both attached for a moment: both refuse. (No dot in the name: bpffs keeps those for itself.)
        const std::string pin = pins_->link(state.name), fresh = pin + "-new";
        unlink(fresh.c_str());
        if (bpf_link__pin(link.get(), fresh.c_str()) != 0) return system_error("cannot pin the link of " + state.hook, errno);
        if (rename(fresh.c_str(), pin.c_str()) != 0) {
          if (unlink(pin.c_str()) != 0 && errno != ENOENT) return system_error("cannot replace the link of " + state.hook, errno);
          if (rename(fresh.c_str(), pin.c_str()) != 0) return system_error("cannot replace the link of " + state.hook, errno);
        }
      }
      state.attached = true;
      links_.push_back(std::move(link));
      if (links_.size() == programs_.size() / 2) fault_point("half-attached");
    }
    fault_point("all-attached");
    if (Result<void> removed = remove_other_links(); !removed) return removed;
    // Of those on demand the program is pinned, not a link: who may open a pin is asked by the hook of programs.
    Result<UniqueFd> recorder = keep_program(skeleton_->progs.tl_sys_enter);
    Result<UniqueFd> tasks = keep_program(skeleton_->progs.tl_tasks);
    if (!recorder) return recorder.error();
    if (!tasks) return tasks.error();
    recorder_fd_ = std::move(*recorder);
    return attach_tasks(*tasks);
  }

  // Of hooks that only an earlier build had: they would go on refusing by its rules, and no status would list them.
  Result<void> remove_other_links() {
    if (options_.ephemeral) return {};
    Result<std::vector<std::string>> pinned = pins_->links();
    if (!pinned) return pinned.error();
    for (const std::string& name : *pinned) {
      const bool ours = std::any_of(programs_.begin(), programs_.end(), [&](const ProgramState& state) { return state.attached && state.name == name; });
      if (!ours && unlink(pins_->link(name).c_str()) != 0 && errno != ENOENT) return system_error("cannot remove the link " + pins_->link(name), errno);
    }
    return {};
  }

  // -1: this kernel cannot run it.
  Result<UniqueFd> keep_program(const bpf_program* program) {
    if (!bpf_program__autoload(program)) return UniqueFd();
    UniqueFd fd(fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 3));
    if (!fd) return system_error(std::string("cannot keep the program ") + bpf_program__name(program), errno);
    if (options_.ephemeral) return fd;
    const std::string pin = pins_->program(bpf_program__name(program));
    unlink(pin.c_str());
    if (bpf_obj_pin(fd.get(), pin.c_str()) != 0) return system_error("cannot pin " + pin, errno);
    return fd;
  }

  Result<void> attach_tasks(const UniqueFd& program) {
    if (!program) {
      log_warning("which processes are bound cannot be listed (no iterator over tasks before 5.8, or its pin is gone): a kill or freeze of a container "
                  "misses who has left its cgroup, and treeline ps does not answer");
      return {};
    }
    tasks_link_ = UniqueFd(bpf_link_create(program.get(), 0, BPF_TRACE_ITER, nullptr));
    if (!tasks_link_) return system_error("cannot attach the iterator over tasks", errno);
    return {};
  }

  // The same programs run already: open what is pinned, change nothing.
  Result<void> take_over() {
    LibbpfLog log;
    how_ = Opened::kTakenOver;
    for (const MapName& m : kMaps) {
      maps_.*m.fd = UniqueFd(bpf_obj_get(pins_->map(m.name).c_str()));
      if (!(maps_.*m.fd) && !m.optional) return cannot_open("the pinned map " + pins_->map(m.name), errno);
    }
    if (Result<void> mapped = map_memory(maps_); !mapped) return mapped;
    skeleton_.reset(treeline_bpf__open());
    if (!skeleton_) return system_error("cannot open the BPF object:\n" + log.tail(), errno);
    if (Result<void> configured = configure(); !configured) return configured;
    for (ProgramState& state : programs_) {
      // Held as well as pinned: who removes the pin, or unmounts bpffs, detaches nothing while this process lives.
      UniqueFd link(bpf_obj_get(pins_->link(state.name).c_str()));
      if (!link && errno != ENOENT) return cannot_open("the pinned link of " + state.hook, errno);
      state.attached = static_cast<bool>(link);
      if (!state.attached && state.note.empty())
        return Error{"the hook " + state.hook + " is not attached any more: somebody removed " + pins_->link(state.name) +
                         "; stop the bound containers and start afresh: treelined --detach --reason repair",
                     ENOTSUP};
      if (link) taken_over_.push_back(std::move(link));
    }
    recorder_fd_ = UniqueFd(bpf_obj_get(pins_->program(kRecorder).c_str()));
    skeleton_.reset();
    return attach_tasks(UniqueFd(bpf_obj_get(pins_->program(kTasks).c_str())));
  }

  EngineOptions options_;
  std::unique_ptr<Pins> pins_;
  UniqueFd lock_;
  Skeleton skeleton_;
  std::vector<Link> links_;
  std::vector<UniqueFd> taken_over_;  // links that an earlier daemon attached
  UniqueFd recorder_fd_, recorder_link_, tasks_link_;
  Maps maps_;
  std::vector<ProgramState> programs_;
  Opened how_ = Opened::kFresh;
  bool storage_ = false;  // tags in task storage
  bool ring_ = false;     // events by ring buffer
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(const EngineOptions& options, const Facts& facts) {
  auto engine = std::make_unique<BpfEngine>();
  if (Result<void> opened = engine->open(options, facts); !opened) return opened.error();
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace treeline::kernel
