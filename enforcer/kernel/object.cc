// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/object.h"

#include "policy-compiler/support/text.h"

namespace treeline::kernel {

std::string build_id(std::string_view elf, bool storage, bool ring) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (char byte : elf) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3ull;
  hash = (hash ^ storage) * 0x100000001b3ull;
  hash = (hash ^ ring) * 0x100000001b3ull;
  return text::hex64(hash).substr(2);
}

int argument_count(const btf* types, const char* function) {
  const int id = btf__find_by_name_kind(types, function, BTF_KIND_FUNC);
  if (id < 0) return -1;
  return btf_vlen(btf__type_by_id(types, btf__type_by_id(types, static_cast<uint32_t>(id))->type));
}

}  // namespace treeline::kernel
