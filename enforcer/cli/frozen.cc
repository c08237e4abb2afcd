// SPDX-License-Identifier: Apache-2.0
#include "enforcer/cli/frozen.h"

#include <algorithm>
#include <filesystem>

#include "enforcer/daemon/protocol.h"
#include "enforcer/workload/cgroup.h"
#include "enforcer/workload/containers.h"

namespace treeline::cli {
namespace {

constexpr char kPrivate[] = "one-";  // launch.cc

std::vector<std::string> entries(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code gone;
  for (std::filesystem::directory_iterator each(directory, gone), end; !gone && each != end; each.increment(gone)) paths.push_back(each->path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> private_runtimes(const std::string& runtime) {
  std::vector<std::string> paths = entries(runtime);
  std::erase_if(paths, [](const std::string& path) { return path.compare(path.rfind('/') + 1, sizeof kPrivate - 1, kPrivate) != 0; });
  return paths;
}

}  // namespace

std::vector<std::string> private_sockets(const std::string& runtime) {
  std::vector<std::string> paths = private_runtimes(runtime);
  for (std::string& path : paths) path += std::string("/") + daemon::kSocketName;
  return paths;
}

std::optional<std::string> cgroup_of_container(const std::string& runtime, const std::string& cgroup2, const std::string& container) {
  std::vector<std::string> tables = private_runtimes(runtime);
  tables.insert(tables.begin(), runtime);
  for (const std::string& table : tables)
    for (const char* kind : {"/containers", "/unbound"})
      if (std::optional<std::string> cgroup = workload::cgroup_on_disk(table + kind, container)) return cgroup;
  const bool is_name = !container.empty() && container[0] != '.' && container.find('/') == std::string::npos;
  if (const std::string tree = "/treeline/" + container; is_name && workload::Cgroups(cgroup2).exists(tree)) return tree;
  return std::nullopt;
}

}  // namespace treeline::cli
