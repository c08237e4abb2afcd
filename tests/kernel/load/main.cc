// SPDX-License-Identifier: Apache-2.0
//
// Loads and attaches every BPF program on the running kernel, and says what the verifier counted: in the variant that treelined
// takes there and in that for the oldest kernels; with --all in each that can run. One line of tests/run's protocol per program
// and variant, a table beside it. As root, in the micro VM:
//
//   tests/kernel/vm --kernel 5.10 -- build/release/bin/bpf_load [--all]
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "enforcer/kernel/probe.h"
#include "enforcer/kernel/substitutes.h"
#include "tests/kernel/load/verified.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include "treeline.skel.h"
#pragma GCC diagnostic pop

namespace {

// Ours. Of the kernel's million instructions most is left for the next change. Of its 512 bytes of stack one step of 32 is: file_open and what makes or
// removes a name take 480 on 5.10, in eight frames, which is all that there are.
constexpr unsigned kInstructions = 350000;
constexpr unsigned kStack = 480;
constexpr size_t kLog = 1 << 20;

struct Variant {
  const char* name;
  bool task_storage, ring_buffer, direct_reads;
};

struct SkeletonDeleter {
  void operator()(treeline_bpf* s) const { treeline_bpf__destroy(s); }
};

std::string g_said;

int keep(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[4096];
  std::vsnprintf(line, sizeof(line), format, arguments);
  g_said += line;
  if (g_said.size() > 16384) g_said.erase(0, g_said.size() - 16384);
  return 0;
}

std::string hook_of(const bpf_program* program) {
  const std::string name = bpf_program__name(program);
  return name.rfind("tl_", 0) == 0 ? name.substr(3) : name;
}

bool is_lsm(const bpf_program* program) { return std::strncmp(bpf_program__section_name(program), "lsm/", 4) == 0; }

// How many arguments the kernel's hook has; -1: it has none of that name.
int arguments_of_hook(const btf* kernel, const std::string& hook) {
  const int id = btf__find_by_name_kind(kernel, ("bpf_lsm_" + hook).c_str(), BTF_KIND_FUNC);
  if (id < 0) return -1;
  return btf_vlen(btf__type_by_id(kernel, btf__type_by_id(kernel, static_cast<__u32>(id))->type));
}

// path_chown takes ids, which are structures; kernels refuse programs on such functions before 6.1 (720e6a435194).
bool has_structure_argument(const btf* kernel, const std::string& hook) {
  const int id = btf__find_by_name_kind(kernel, ("bpf_lsm_" + hook).c_str(), BTF_KIND_FUNC);
  if (id < 0) return false;
  const btf_type* prototype = btf__type_by_id(kernel, btf__type_by_id(kernel, static_cast<__u32>(id))->type);
  for (int i = 0; i < btf_vlen(prototype); ++i) {
    const int type = btf__resolve_type(kernel, btf_params(prototype)[i].type);
    if (type > 0 && btf_is_composite(btf__type_by_id(kernel, static_cast<__u32>(type)))) return true;
  }
  return false;
}

// Told by a program that does nothing.
bool kernel_takes_structures(const btf* kernel) {
  static int answer = -1;
  if (answer >= 0) return answer;
  const bpf_insn code[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  bpf_prog_load_opts options{};
  options.sz = sizeof(options);
  options.expected_attach_type = BPF_LSM_MAC;
  options.attach_btf_id = static_cast<__u32>(btf__find_by_name_kind(kernel, "bpf_lsm_path_chown", BTF_KIND_FUNC));
  const int fd = bpf_prog_load(BPF_PROG_TYPE_LSM, "structures", "GPL", code, 2, &options);
  if (fd >= 0) close(fd);
  answer = fd >= 0;
  return answer;
}

bool load(const Variant& variant, const btf* kernel) {
  g_said.clear();
  std::unique_ptr<treeline_bpf, SkeletonDeleter> object(treeline_bpf__open());
  if (!object) {
    std::printf("FAIL %s/open: %s\n", variant.name, std::strerror(errno));
    return false;
  }
  object->rodata->k_task_storage = variant.task_storage;
  object->rodata->k_ringbuf = variant.ring_buffer;
  object->rodata->k_direct_reads = variant.direct_reads && btf__find_by_name_kind(kernel, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
  object->rodata->k_idmap_first = arguments_of_hook(kernel, "inode_setxattr") == 6;
  object->rodata->k_rename_flags = arguments_of_hook(kernel, "path_rename") == 5;
  bpf_map__set_autocreate(object->maps.tags, variant.task_storage);
  bpf_map__set_autocreate(object->maps.events, variant.ring_buffer);
  bpf_map__set_autocreate(object->maps.events_perf, !variant.ring_buffer);

  std::map<std::string, std::vector<char>> logs;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object->obj) {
    const std::string hook = hook_of(program);
    if (is_lsm(program) && arguments_of_hook(kernel, hook) < 0) {
      if (!treeline::kernel::substitute_of(hook.c_str())) std::printf("FAIL %s/%s: this kernel has no such hook, and none is known to stand in for it\n", variant.name, hook.c_str());
      bpf_program__set_autoload(program, false);
      continue;
    }
    if (has_structure_argument(kernel, hook) && !kernel_takes_structures(kernel)) {
      std::printf("SKIP %s/%s: the hook has structures for arguments, and this kernel's verifier refuses those\n", variant.name, bpf_program__name(program));
      bpf_program__set_autoload(program, false);
      continue;
    }
    if (hook == "inode_setattr" && kernel_takes_structures(kernel)) {  // as treelined: what it is given is not the same there (6.3)
      std::printf("SKIP %s/%s: path_chown answers on this kernel\n", variant.name, bpf_program__name(program));
      bpf_program__set_autoload(program, false);
      continue;
    }
    std::vector<char>& log = logs[bpf_program__name(program)];
    log.resize(kLog);
    bpf_program__set_log_buf(program, log.data(), log.size());
    bpf_program__set_log_level(program, 4);
  }
  if (const int error = treeline_bpf__load(object.get()); error != 0) {
    std::printf("%s", g_said.c_str());
    for (const auto& [name, log] : logs) {
      const std::string text = log.data();
      if (g_said.find("'" + name + "': BPF program load failed") != std::string::npos)
        std::printf("%s: %s\n", name.c_str(), text.substr(text.size() > 3000 ? text.size() - 3000 : 0).c_str());
    }
    std::printf("FAIL %s/load: %s\n", variant.name, std::strerror(-error));
    return false;
  }
  std::printf("NOTE %-34s %12s %6s %6s\n", variant.name, "instructions", "stack", "frames");
  bool good = true;
  bpf_object__for_each_program(program, object->obj) {
    if (!bpf_program__autoload(program)) continue;
    const char* name = bpf_program__name(program);
    const treeline::test::Verified v =
        treeline::test::read_verified(logs[name].data(), bpf_program__insns(program), bpf_program__insn_cnt(program));
    std::printf("NOTE   %-32s %12u %6u %6u\n", name, v.instructions, v.stack, v.frames);
    bpf_link* link = bpf_program__attach(program);
    const int attached = link ? 0 : errno;
    bpf_link__destroy(link);
    std::string wrong;
    if (!v.known) wrong = std::string("the verifier's figures could not be read: ") + logs[name].data();
    else if (v.instructions > kInstructions) wrong = "more than " + std::to_string(kInstructions) + " instructions";
    else if (v.stack > kStack) wrong = "more than " + std::to_string(kStack) + " bytes of stack";
    else if (attached) wrong = std::string("loads, but does not attach: ") + std::strerror(attached);
    if (wrong.empty()) std::printf("PASS %s/%s\n", variant.name, name);
    else std::printf("FAIL %s/%s: %s\n", variant.name, name, wrong.c_str());
    std::fflush(stdout);
    good = good && wrong.empty();
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  const bool all = argc > 1 && std::strcmp(argv[1], "--all") == 0;
  libbpf_set_print(keep);
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);
  const treeline::kernel::Facts facts = treeline::kernel::probe();
  btf* kernel = btf__load_vmlinux_btf();
  if (!kernel || !facts.root) {
    std::printf("FAIL prerequisites: %s\n", facts.root ? "the kernel's BTF cannot be read" : "not root");
    return 1;
  }
  std::vector<Variant> variants = {{"oldest-ways", false, false, false}};
  if (facts.ring_buffer && (all || !facts.task_storage)) variants.push_back({"ring-buffer", false, true, true});
  if (facts.task_storage) variants.push_back({"task-storage-and-ring-buffer", true, true, true});
  bool good = true;
  for (const Variant& variant : variants) good = load(variant, kernel) && good;
  btf__free(kernel);
  return good ? 0 : 1;
}
