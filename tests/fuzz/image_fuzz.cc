// SPDX-License-Identifier: Apache-2.0
// links: treeline_backend_bpf treeline_passes
//
// Bytes as an image, and a good image with bytes changed: whatever validate() lets pass, no decision reads outside (the
// sanitizers watch), no state, row or class comes out that the image does not have, and what is never granted is not
// granted.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bpf/lsm/decide.h"
#include "policy-compiler/backends/bpf/lower.h"
#include "policy-compiler/backends/bpf/validate.h"
#include "policy-compiler/passes/check.h"

namespace {

using namespace treeline;

std::string good_image() {
  ir::Policy policy;
  policy.name = "fuzz";
  policy.nodes.resize(2);
  policy.nodes[0].executable.text = "/run.sh";
  policy.nodes[0].interpreter = ir::Pattern{"/bin/sh", {}};
  policy.nodes[0].children = {1};
  policy.nodes[0].files = {{{"/etc/**", {}}, TL_READ, false}, {{"{pipe}", {}}, TL_READ, false}};
  policy.nodes[1].executable.text = "/bin/b";
  policy.nodes[1].parent = 0;
  policy.nodes[1].files = {{{"/var/log/*.log", {}}, TL_WRITE | TL_CREATE, false}, {{"/var/*", {}}, TL_CREATE, false}};
  policy.nodes[1].users = {{3, {}}, {9, {}}};
  ir::NetworkRule rule;
  rule.peer.kind = ir::PeerKind::kExternal;
  rule.ports = {{80, 443}};
  policy.nodes[1].network = {rule};
  policy.entry = {0};
  Diagnostics diagnostics;
  std::optional<passes::Paths> paths = passes::compile_paths(policy, diagnostics);
  if (!paths) std::abort();
  std::optional<backends::bpf::Lowered> lowered = backends::bpf::lower(policy, std::move(*paths), diagnostics);
  if (!lowered || !backends::bpf::validate(lowered->image)) std::abort();
  return lowered->image;
}

void require(bool good) {
  if (!good) std::abort();
}

void use(const std::string& image, const uint8_t* data, size_t size) {
  const tl_image view = {reinterpret_cast<const unsigned char*>(image.data()), image.size()};
  tl_image_header header;
  std::memcpy(&header, image.data(), sizeof header);
  uint32_t state = TL_DFA_START;
  for (size_t at = 0; at < size && at < TL_PATH_MAX; at += 8) {
    uint64_t word = 0;
    const size_t n = std::min<size_t>(8, size - at);
    std::memcpy(&word, data + at, n);
    state = tl_dfa_feed(&view, state, word, static_cast<uint32_t>(n));
    require(state < header.dfa.count);
    require(tl_dfa_class(&view, state) < header.classes);
  }
  const uint32_t class_id = tl_dfa_class(&view, state);
  for (uint32_t row = 0; row < header.rows.count; ++row) {
    require((tl_rights(&view, row, class_id) & ~(TL_ACCESS_ALL | TL_UNSAFE)) == 0);
    require(tl_rights(&view, row, TL_CLASS_NONE) == 0 && tl_rights(&view, row, TL_CLASS_UNREADABLE) == 0);
    require(tl_exec_edge(&view, row, class_id, 0) < header.rows.count);
    require(tl_exec_edge(&view, row, class_id, TL_EDGE_INTERPRETER) < header.rows.count);
    (void)tl_user_allowed(&view, row, 3);
    (void)tl_net_allowed(&view, row, TL_NET_OUT, TL_PROTO_TCP, tl_peer_class4(&view, 0x08080808),
                         tl_port_class(&view, 443));
  }
  require(tl_peer_class4(&view, 0x7f000001) < header.peer_classes && tl_peer_class6(&view, 1, 2) < header.peer_classes);
  require(tl_port_class(&view, 8080) < header.port_classes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string good = good_image();
  if (size == 0) return 0;
  std::string image;
  if (data[0] % 2 == 0) {
    image.assign(reinterpret_cast<const char*>(data), size);
  } else {
    image = good;
    // Changes of five bytes: where (two), what kind of place, and two bytes of content.
    for (size_t at = 1; at + 5 <= size && at < 61; at += 5) {
      const size_t where = data[at] | data[at + 1] << 8;
      const size_t place = data[at + 2] % 2 == 0 ? where % sizeof(tl_image_header) : where % (image.size() - 1);
      image[place] = static_cast<char>(data[at + 3]);
      if (data[at + 2] % 3 == 0) image[place + 1] = static_cast<char>(data[at + 4]);
    }
  }
  if (backends::bpf::validate(image)) use(image, data, size);
  return 0;
}
