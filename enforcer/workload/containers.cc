// SPDX-License-Identifier: Apache-2.0
#include "enforcer/workload/containers.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "enforcer/base/clock.h"
#include "enforcer/base/fault.h"
#include "enforcer/base/files.h"
#include "enforcer/base/json.h"
#include "enforcer/base/log.h"
#include "policy-compiler/support/text.h"

namespace treeline::workload {

Result<uint32_t> Containers::free_index() {
  const auto size = static_cast<uint32_t>(memory_.table.size());
  for (uint32_t i = 0; i + 2 < size; ++i) {
    // 0 is never used: a zeroed tag must not name a container. The last one is the canary's.
    const uint32_t index = 1 + (last_ + i) % (size - 2);
    if (containers_.contains(index) || (memory_.table[index].flags & TL_CONTAINER_BOUND)) continue;
    if (memory_.table[index].cgroup != 0 && memory_.tagged(index)) continue;  // a task that left the cgroup before it emptied
    last_ = index;
    return index;
  }
  return Error{"all " + std::to_string(size - 2) + " entries of the table of containers are in use, by containers that run or by processes that one left behind: stop some (treeline status lists "
                   "them, treeline ps their processes), or start this one on another machine",
               ENOSPC};
}

Result<const Container*> Containers::bind(const Binding& b) {
  if (find(b.id)) return Error{"'" + b.id + "' is bound already, and has not ended: stop that container first (treeline status lists it), or give this one another id", EEXIST};
  if (memory_.look_up(b.cgroup_id))
    return Error{"cgroup " + b.cgroup + " is bound already: each container needs a cgroup of its own", EEXIST};
  Result<uint32_t> index = free_index();
  if (!index) return index.error();

  Container container;
  container.index = *index;
  container.id = b.id;
  container.cgroup = b.cgroup;
  container.cgroup_id = b.cgroup_id;
  container.slot = b.slot;
  container.plain = b.plain;
  container.own_cgroup = b.own_cgroup;
  container.bundle = b.bundle;
  container.enforced_at_start = b.enforced_at_start;
  container.filter = b.filter;
  container.two_names = b.two_names;
  container.workload = b.workload;
  container.started = rfc3339(unix_ns());

  tl_container entry{};
  entry.cgroup = b.cgroup_id;
  entry.slot = b.slot;
  entry.flags = TL_CONTAINER_BOUND | (b.plain ? uint32_t{TL_CONTAINER_PLAIN} : 0u);
  for (size_t i = 0; i < 3; ++i) entry.stdio[i] = b.streams[i];
  entry.bound_at = boot_ns();
  entry.mount_ns_inum = b.mount_ns;
  memory_.table[*index] = entry;
  memory_.buckets[*index] = {};
  containers_[*index] = container;
  __atomic_add_fetch(&memory_.control->bound, 1, __ATOMIC_SEQ_CST);
  Result<void> done = save(container);
  fault_point("container-saved");
  if (done) done = memory_.insert(b.cgroup_id, *index);
  if (!done) {
    __atomic_sub_fetch(&memory_.control->bound, 1, __ATOMIC_SEQ_CST);
    memory_.table[*index].flags = 0;
    containers_.erase(*index);
    unlink(file_of(*index).c_str());
    return done.error();
  }
  return &containers_[*index];
}

Result<void> Containers::unbind(uint32_t index) {
  auto it = containers_.find(index);
  if (it == containers_.end()) return Error{"container entry " + std::to_string(index) + " is not in use", ENOENT};
  memory_.erase(it->second.cgroup_id);
  // The entry keeps its cgroup: a task that got away with a tag still finds its slot there, until the entry is reused.
  __atomic_and_fetch(&memory_.table[index].flags, ~uint32_t{TL_CONTAINER_BOUND}, __ATOMIC_SEQ_CST);
  __atomic_sub_fetch(&memory_.control->bound, 1, __ATOMIC_SEQ_CST);
  containers_.erase(it);
  if (unlink(file_of(index).c_str()) != 0 && errno != ENOENT) return system_error("cannot remove " + file_of(index), errno);
  return {};
}

Result<void> Containers::set_frozen(uint32_t index, bool by_violation) {
  auto it = containers_.find(index);
  if (it == containers_.end() || it->second.frozen_by_violation == by_violation) return {};
  it->second.frozen_by_violation = by_violation;
  return save(it->second);
}

const Container* Containers::at(uint32_t index) const {
  auto it = containers_.find(index);
  return it == containers_.end() ? nullptr : &it->second;
}

const Container* Containers::find(const std::string& id) const {
  for (auto& [index, container] : containers_)
    if (container.id == id) return &container;
  return nullptr;
}

uint32_t Containers::bound_to(uint32_t slot) const {
  uint32_t count = 0;
  for (auto& [index, container] : containers_) count += container.slot == slot;
  return count;
}

bool Containers::started(uint32_t index) const {
  return index < memory_.table.size() && (__atomic_load_n(&memory_.table[index].flags, __ATOMIC_RELAXED) & TL_CONTAINER_STARTED);
}

Result<void> Containers::save(const Container& c) const {
  if (Result<void> made = require_private_directory(directory_); !made) return made;
  const Json json = {{"schema", 1}, {"id", c.id}, {"cgroup", c.cgroup}, {"cgroup_id", c.cgroup_id}, {"own_cgroup", c.own_cgroup}, {"bundle", c.bundle}, {"started", c.started},
                     {"enforced_at_start", c.enforced_at_start}, {"filter", c.filter}, {"two_names", c.two_names}, {"workload", c.workload}, {"frozen_by_violation", c.frozen_by_violation}};
  return write_file_atomically(file_of(c.index), to_line(json) + "\n");
}

bool Containers::read_entry(const std::string& file, Container& c) {
  const std::optional<Json> known = parse_json(read_file_or_empty(file, 1 << 20));
  if (!known || !known->is_object()) return false;
  c.id = text_at(*known, "id");
  c.cgroup = text_at(*known, "cgroup");
  c.own_cgroup = flag_at(*known, "own_cgroup");
  c.bundle = text_at(*known, "bundle");
  c.started = text_at(*known, "started");
  c.enforced_at_start = flag_at(*known, "enforced_at_start");
  c.two_names = text_at(*known, "two_names");
  c.workload = text_at(*known, "workload");
  if (auto filter = known->find("filter"); filter != known->end() && filter->is_array())
    for (const Json& word : *filter)
      if (word.is_string()) c.filter.push_back(word.get<std::string>());
  c.frozen_by_violation = flag_at(*known, "frozen_by_violation");
  if (c.cgroup_id == 0) c.cgroup_id = static_cast<uint64_t>(number_at(*known, "cgroup_id"));
  return true;
}

std::vector<Container> Containers::freed() const {
  std::vector<Container> found;
  std::error_code gone;
  for (std::filesystem::directory_iterator each(directory_, gone), end; !gone && each != end; each.increment(gone)) {
    const auto index = text::decimal(each->path().stem().string(), UINT32_MAX);
    Container c;
    if (!index || containers_.contains(static_cast<uint32_t>(*index)) || !read_entry(each->path().string(), c)) continue;
    c.index = static_cast<uint32_t>(*index);
    found.push_back(std::move(c));
  }
  return found;
}

void Containers::forget_freed(uint32_t index) {
  if (!containers_.contains(index)) unlink(file_of(index).c_str());
}

bool Containers::held(uint32_t index) const {
  auto it = containers_.find(index);
  return it != containers_.end() && memory_.look_up(it->second.cgroup_id) == index;
}

Result<void> Containers::restore() {
  remove_begun(directory_);
  uint32_t bound = 0;
  for (uint32_t index = 1; index + 1 < memory_.table.size(); ++index) {
    const tl_container& entry = memory_.table[index];
    if (!(entry.flags & TL_CONTAINER_BOUND)) continue;
    ++bound;
    Container c;
    c.index = index;
    c.cgroup_id = entry.cgroup;
    c.slot = entry.slot;
    c.plain = entry.flags & TL_CONTAINER_PLAIN;
    // Whoever died between the entry and its file had bound nothing, and answered nobody: the runtime asks again.
    if (!read_entry(file_of(index), c) && !memory_.look_up(entry.cgroup) && !(entry.flags & TL_CONTAINER_STARTED)) {
      memory_.table[index].flags = 0;
      --bound;
      continue;
    }
    if (c.id.empty()) c.id = "cgroup-" + std::to_string(entry.cgroup);
    // Whoever died between the entry and its binding had answered nobody yet; the runtime asks again, and must not be told that it is bound when it is not.
    if (!memory_.look_up(entry.cgroup))
      if (Result<void> again = memory_.insert(entry.cgroup, index); !again)
        log_error("container " + c.id + " is not held: what begins in it from now on has no policy, and the table does not take it: " + again.error().message);
    containers_[index] = std::move(c);
  }
  __atomic_store_n(&memory_.control->bound, bound, __ATOMIC_SEQ_CST);
  return {};
}

Result<void> Containers::found_at(uint32_t index, const std::string& cgroup) {
  auto it = containers_.find(index);
  if (it == containers_.end()) return Error{"container entry " + std::to_string(index) + " is not in use", ENOENT};
  Container& c = it->second;
  c.cgroup = cgroup;
  if (c.plain) {  // of a `treeline run`, whose cgroup we made and named
    c.own_cgroup = true;
    c.id = cgroup.substr(cgroup.rfind('/') + 1);
  }
  return save(c);
}

std::optional<std::string> cgroup_on_disk(const std::string& directory, const std::string& id) {
  std::error_code gone;
  for (std::filesystem::directory_iterator each(directory, gone), end; !gone && each != end; each.increment(gone)) {
    const std::optional<Json> known = parse_json(read_file_or_empty(each->path(), 1 << 20));
    if (!known || !known->is_object() || text_at(*known, "id") != id) continue;
    if (std::string cgroup = text_at(*known, "cgroup"); cgroup.size() > 1 && cgroup[0] == '/' && cgroup.find("/..") == std::string::npos) return cgroup;
  }
  return std::nullopt;
}

}  // namespace treeline::workload
