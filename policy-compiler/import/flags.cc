// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/import/flags.h"

#include <algorithm>
#include <iterator>

#include "bpf/lsm/abi.h"

namespace treeline::import_ {

bool known_open_flag(std::string_view word) {
  constexpr std::string_view kKnown[] = {"O_RDONLY",   "O_WRONLY", "O_RDWR",    "O_TRUNC",     "O_APPEND",   "O_CREAT", "O_DIRECTORY", "O_PATH",
                                         "O_TMPFILE",  "O_EXCL",   "O_CLOEXEC", "O_NOCTTY",    "O_NONBLOCK", "O_SYNC",  "O_DSYNC",     "O_RSYNC",
                                         "O_NDELAY",   "O_ASYNC",  "O_DIRECT",  "O_LARGEFILE", "O_NOATIME",  "FASYNC",  "O_NOFOLLOW",  "__O_SYNC",
                                         "O_FASYNC",   "__O_TMPFILE"};
  return std::find(std::begin(kKnown), std::end(kKnown), word) != std::end(kKnown);
}

OpenFlags open_flags(std::string_view text) {
  bool reading = false, writing = false, append = false, create = false, directory = false, path = false;
  OpenFlags out;
  out.known = false;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && ((text[end] >= 'A' && text[end] <= 'Z') || text[end] == '_')) ++end;
    const std::string_view word = text.substr(at, end - at);
    at = end == at ? at + 1 : end;
    if (word == "O_RDONLY") reading = out.known = true;
    if (word == "O_WRONLY") writing = out.known = true;
    if (word == "O_RDWR") reading = writing = out.known = true;
    if (word == "O_TRUNC") writing = true;
    if (word == "O_APPEND") append = true;
    if (word == "O_CREAT") create = true;
    if (word == "O_DIRECTORY") directory = true;
    if (word == "O_PATH") path = true;
    if (word == "O_TMPFILE") out.unnamed = true;
  }
  if (path) {
    out.known = true;
    return out;
  }
  uint32_t access = 0;
  if (reading) access |= directory && !out.unnamed ? TL_LIST : TL_READ;
  if (writing) access |= append ? TL_APPEND : TL_WRITE;
  if (create) access |= TL_CREATE;
  out.access = static_cast<ir::AccessSet>(access);
  return out;
}

}  // namespace treeline::import_
