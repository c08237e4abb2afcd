// SPDX-License-Identifier: Apache-2.0
//
// The maps that the hooks and the enforcer share (bpf/lsm/abi.h), as the enforcer touches them: arrays through mmap, hashes through
// bpf(2). Nothing here decides anything.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bpf/lsm/abi.h"
#include "enforcer/base/fd.h"
#include "enforcer/base/files.h"
#include "policy-compiler/support/result.h"

namespace treeline::kernel {

// The memory of an mmapable array map: a store here is what the next hook reads.
class MappedArray {
 public:
  MappedArray() = default;
  static Result<MappedArray> map(int map_fd, size_t bytes, const char* name);
  MappedArray(MappedArray&& other) noexcept;
  MappedArray& operator=(MappedArray&& other) noexcept;
  ~MappedArray();

  template <typename T>
  [[nodiscard]] std::span<T> as() const {
    return {static_cast<T*>(memory_), bytes_ / sizeof(T)};
  }

 private:
  void* memory_ = nullptr;
  size_t bytes_ = 0;
};

// Calls use(key, value) for each entry. Entries that come and go meanwhile may be missed or met twice (bpf(2)); `most` bounds the walk.
template <typename K, typename V, typename F>
void for_each(int map_fd, size_t most, F&& use) {
  K key{}, next{};
  const void* from = nullptr;
  for (size_t i = 0; i < most && bpf_map_get_next_key(map_fd, from, &next) == 0; ++i) {
    V value{};
    if (bpf_map_lookup_elem(map_fd, &next, &value) == 0) use(next, value);
    key = next;
    from = &key;
  }
}

// Removes the entries of which gone(key) is true.
template <typename K, typename V, typename F>
void erase_if(int map_fd, size_t most, F&& gone) {
  std::vector<K> keys;
  for_each<K, V>(map_fd, most, [&](const K& key, const V&) {
    if (gone(key)) keys.push_back(key);
  });
  for (const K& key : keys) bpf_map_delete_elem(map_fd, &key);
}

// Sum over the CPUs of entry `index` of a per-CPU array of u64.
uint64_t sum_over_cpus(int map_fd, uint32_t index);

// Every map by its role. fds are -1 for one that this kernel has no use for (tags, events or events_perf).
struct Maps {
  UniqueFd policies, arena, tags, tags_by_task, bindings, containers, control, doubts, losses, counts, canary_counts, denials, shares, buckets, learned, syscalls, owners,
      written, asked, streams, events, events_perf;
  MappedArray policies_memory, arena_memory, containers_memory, control_memory, shares_memory, buckets_memory;
  uint32_t arena_elements = 0;

  [[nodiscard]] std::span<tl_slot> slots() const { return policies_memory.as<tl_slot>(); }
  [[nodiscard]] std::span<tl_container> container_table() const { return containers_memory.as<tl_container>(); }
  [[nodiscard]] tl_control& control_word() const { return control_memory.as<tl_control>()[0]; }
  [[nodiscard]] std::span<uint64_t> share_table() const { return shares_memory.as<uint64_t>(); }
  [[nodiscard]] std::span<tl_bucket> bucket_table() const { return buckets_memory.as<tl_bucket>(); }
  [[nodiscard]] std::span<std::byte> arena_bytes() const { return arena_memory.as<std::byte>(); }
};

// Opens the memory of the mmapable ones.
Result<void> map_memory(Maps& maps);

// Waits until no BPF program that began before the call still runs: an update of an array of maps returns only after an RCU grace
// period (maybe_wait_bpf_programs, kernel/bpf/syscall.c).
class Grace {
 public:
  static Result<Grace> create();
  Result<void> wait();

 private:
  UniqueFd outer_, inner_;
};

}  // namespace treeline::kernel
