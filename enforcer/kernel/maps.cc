// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/maps.h"

#include <sys/mman.h>
#include <unistd.h>

#include <utility>

namespace treeline::kernel {

Result<MappedArray> MappedArray::map(int map_fd, size_t bytes, const char* name) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  MappedArray array;
  array.bytes_ = (bytes + page - 1) / page * page;
  array.memory_ = mmap(nullptr, array.bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (array.memory_ == MAP_FAILED) {
    array.memory_ = nullptr;
    return system_error(std::string("cannot map the memory of map ") + name, errno);
  }
  return array;
}

MappedArray::MappedArray(MappedArray&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MappedArray& MappedArray::operator=(MappedArray&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedArray::~MappedArray() {
  if (memory_) munmap(memory_, bytes_);
}

uint64_t sum_over_cpus(int map_fd, uint32_t index) {
  const int cpus = libbpf_num_possible_cpus();
  std::vector<uint64_t> values(cpus > 0 ? static_cast<size_t>(cpus) : 0);
  if (values.empty() || bpf_map_lookup_elem(map_fd, &index, values.data()) != 0) return 0;
  uint64_t sum = 0;
  for (uint64_t v : values) sum += v;
  return sum;
}

Result<void> map_memory(Maps& maps) {
  bpf_map_info info{};
  uint32_t length = sizeof info;
  if (bpf_obj_get_info_by_fd(maps.arena.get(), &info, &length) != 0) return system_error("cannot ask for the size of the arena", errno);
  maps.arena_elements = info.max_entries;
  struct Wanted {
    MappedArray* memory;
    int fd;
    size_t bytes;
    const char* name;
  } wanted[] = {
      {&maps.policies_memory, maps.policies.get(), TL_SLOTS * sizeof(tl_slot), "policies"},
      {&maps.arena_memory, maps.arena.get(), size_t{info.max_entries} * TL_ELEMENT, "arena"},
      {&maps.containers_memory, maps.containers.get(), TL_CONTAINERS * sizeof(tl_container), "containers"},
      {&maps.control_memory, maps.control.get(), sizeof(tl_control), "control"},
      {&maps.shares_memory, maps.shares.get(), TL_SLOTS * sizeof(uint64_t), "shares"},
      {&maps.buckets_memory, maps.buckets.get(), TL_CONTAINERS * sizeof(tl_bucket), "buckets"},
  };
  for (Wanted& w : wanted) {
    Result<MappedArray> memory = MappedArray::map(w.fd, w.bytes, w.name);
    if (!memory) return memory.error();
    *w.memory = std::move(*memory);
  }
  return {};
}

Result<Grace> Grace::create() {
  Grace grace;
  grace.inner_ = UniqueFd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "tl_grace_inner", 4, 4, 1, nullptr));
  if (!grace.inner_) return system_error("cannot make a map", errno);
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.inner_map_fd = static_cast<uint32_t>(grace.inner_.get());
  grace.outer_ = UniqueFd(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "tl_grace", 4, 4, 1, &options));
  if (!grace.outer_) return system_error("cannot make an array of maps", errno);
  return grace;
}

Result<void> Grace::wait() {
  const uint32_t index = 0;
  const int inner = inner_.get();
  if (bpf_map_update_elem(outer_.get(), &index, &inner, BPF_ANY) != 0) return system_error("cannot wait for running BPF programs", errno);
  return {};
}

}  // namespace treeline::kernel
