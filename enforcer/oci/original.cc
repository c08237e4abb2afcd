// SPDX-License-Identifier: Apache-2.0
#include "enforcer/oci/original.h"

#include <fcntl.h>

#include <cerrno>

#include "enforcer/base/fd.h"
#include "enforcer/base/files.h"
#include "policy-compiler/support/files.h"

namespace treeline::oci {
namespace {

struct Place {
  const char* name;  // in the file
  std::initializer_list<std::string_view> path;
};
const Place kPlaces[] = {{"seccomp", {"linux", "seccomp"}}, {"apparmorProfile", {"process", "apparmorProfile"}}};

std::string text_in(const Config& config, const Place& place) {
  const json::Value* value = config.root().at(place.path);
  return value ? std::string(config.text_of(*value)) : "null";
}

}  // namespace

Result<void> put_back(const std::string& bundle, Config& config) {
  const UniqueFd directory(open(bundle.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return system_error("cannot open the bundle " + bundle, errno);
  const std::string path = bundle + "/" + kOriginalFile;
  if (faccessat(directory.get(), kOriginalFile, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) return {};
  Result<std::string> text = files::read_regular_at(directory.get(), kOriginalFile, path, 4 * kMaxConfig);
  if (!text) return text.error();
  Result<json::Value> kept = json::parse(*text);
  for (const Place& place : kPlaces) {
    const json::Value *was = kept ? kept->at({place.name, "was"}) : nullptr,
                      *wrote = kept ? kept->at({place.name, "wrote"}) : nullptr;
    if (!was || !wrote)
      return Error{
          path + " is not what treeline-oci writes; remove it, then what config.json holds now counts as the engine's",
          EBADMSG};
    const std::string now = text_in(config, place);
    if (now != wrote->scalar || now == was->scalar) continue;
    if (Result<void> back = config.set(place.path, was->scalar); !back) return back;
  }
  return {};
}

Result<void> keep(const std::string& bundle, const Config& before, const Config& after) {
  std::string text;
  bool differs = false;
  for (const Place& place : kPlaces) {
    const std::string was = text_in(before, place), wrote = text_in(after, place);
    differs |= was != wrote;
    text += (text.empty() ? "{" : ",") + json::quote(place.name) + ":{\"was\":" + json::quote(was) +
            ",\"wrote\":" + json::quote(wrote) + "}";
  }
  if (!differs) return {};
  return write_in_bundle(bundle + "/" + kOriginalFile, text + "}\n", 0600);
}

}  // namespace treeline::oci
