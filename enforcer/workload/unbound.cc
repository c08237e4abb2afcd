// SPDX-License-Identifier: Apache-2.0
#include "enforcer/workload/unbound.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "enforcer/base/files.h"
#include "enforcer/base/json.h"
#include "enforcer/base/log.h"
#include "enforcer/workload/process.h"
#include "policy-compiler/support/text.h"

namespace treeline::workload {

Result<void> Unbound::restore() {
  if (Result<void> made = require_private_directory(directory_); !made) return made;
  remove_begun(directory_);
  std::error_code gone;
  for (std::filesystem::directory_iterator each(directory_, gone), end; !gone && each != end; each.increment(gone)) {
    const auto number = text::decimal(each->path().stem().string(), UINT32_MAX);
    const std::optional<Json> known = parse_json(read_file_or_empty(each->path(), 1 << 20));
    if (!number || !known || !known->is_object() || text_at(*known, "cgroup").empty()) {
      log_error(each->path().string() + " is damaged: the container that it stands for runs without a policy, and is not listed");
      continue;
    }
    containers_[static_cast<uint32_t>(*number)] = {text_at(*known, "id"), text_at(*known, "cgroup"), text_at(*known, "since"),
                                                   static_cast<pid_t>(number_at(*known, "pid")), static_cast<uint64_t>(number_at(*known, "start_time")),
                                                   static_cast<uint64_t>(number_at(*known, "cgroup_id"))};
  }
  return {};
}

template <typename Gone>
void Unbound::remove_if(Gone gone) {
  for (auto it = containers_.begin(); it != containers_.end();) {
    if (!gone(it->second)) {
      ++it;
      continue;
    }
    unlink(file_of(it->first).c_str());
    it = containers_.erase(it);
  }
}

Result<void> Unbound::add(UnboundContainer c) {
  remove_if([&](const UnboundContainer& known) { return known.id == c.id && known.cgroup == c.cgroup; });  // one that was begun again
  const uint32_t number = containers_.empty() ? 1 : containers_.rbegin()->first + 1;
  const Json json = {{"schema", 1}, {"id", c.id}, {"cgroup", c.cgroup}, {"since", c.since}, {"pid", c.pid}, {"start_time", c.start_time}, {"cgroup_id", c.cgroup_id}};
  containers_[number] = std::move(c);
  if (Result<void> made = require_private_directory(directory_); !made) return made;
  return write_file_atomically(file_of(number), to_line(json) + "\n");
}

void Unbound::forget(const std::string& cgroup) {
  remove_if([&](const UnboundContainer& c) { return is_at_or_below(c.cgroup, cgroup); });
}

void Unbound::sweep(const Cgroups& cgroups) {
  remove_if([&](const UnboundContainer& c) {
    if (c.cgroup != "/") return cgroups.ended(c.cgroup) || (c.cgroup_id && cgroups.replaced(c.cgroup, c.cgroup_id));
    if (c.pid == 0) return false;
    const uint64_t now = start_time(c.pid);
    if (now == 0) return access(("/proc/" + std::to_string(c.pid)).c_str(), F_OK) != 0 && errno == ENOENT;
    return now != c.start_time;
  });
}

}  // namespace treeline::workload
