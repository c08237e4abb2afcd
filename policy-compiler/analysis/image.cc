// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/analysis/image.h"

#include <algorithm>
#include <cstring>

#include "bpf/lsm/decide.h"
#include "policy-compiler/ir/names.h"
#include "policy-compiler/passes/network_match.h"

namespace treeline::analysis {
namespace {

uint64_t big_endian(const uint8_t* bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

Image::Image(std::string_view bytes)
    : image_(new tl_image{reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}) {}
Image::~Image() = default;

// As the walk feeds it: component by component, in words of eight bytes from the slash on.
uint32_t Image::state_behind(std::string_view name) const {
  const uint64_t words = tl_words(image_.get());
  uint32_t state = TL_DFA_START;
  for (size_t at = 0; at < name.size();) {
    const size_t end = std::min(name.find('/', at + 1), name.size());
    for (; at < end;) {
      const size_t n = std::min<size_t>(end - at, 8);
      uint64_t word = 0;
      std::memcpy(&word, name.data() + at, n);
      state = tl_dfa_step(image_.get(), words, state, word, static_cast<uint32_t>(n));
      at += n;
    }
  }
  return state;
}

uint32_t Image::class_of(std::string_view name) const {
  if (!name.empty() && name.front() == '{')
    return ir::names::reserved_classes().find(name.substr(1, name.size() - 2)).value_or(TL_CLASS_UNREADABLE);
  if (name.size() > TL_PATH_MAX) return TL_CLASS_UNREADABLE;
  return tl_dfa_class(image_.get(), state_behind(name));
}

ir::AccessSet Image::missing(uint32_t row, std::string_view name, ir::AccessSet words) const {
  return static_cast<ir::AccessSet>(tl_missing_access(image_.get(), row, class_of(name), words));
}

uint32_t Image::step(uint32_t row, std::string_view name) const {
  return tl_exec_edge(image_.get(), row, class_of(name), 0);
}

bool Image::interprets(uint32_t row, std::string_view name) const {
  return tl_exec_edge(image_.get(), row, class_of(name), TL_EDGE_INTERPRETER) == row;
}

bool Image::user(uint32_t row, uint32_t uid) const { return tl_user_allowed(image_.get(), row, uid) != 0; }

// bpf/lsm/file.bpf.c, move_allowed()
bool Image::move(std::string_view from, std::string_view to, bool directory) const {
  const uint64_t words = tl_words(image_.get());
  const auto below = [&](std::string_view name) { return tl_dfa_step(image_.get(), words, state_behind(name), '/', 1); };
  if (directory && below(from) != below(to)) return false;
  return tl_move_allowed(image_.get(), class_of(from), class_of(to)) != 0;
}

bool Image::capability(uint32_t row, uint32_t capability) const {
  return tl_capability_allowed(image_.get(), row, capability) != 0;
}

bool Image::operation(uint32_t row, uint32_t operation) const {
  return tl_operation_allowed(image_.get(), row, operation) != 0;
}

bool Image::socket(uint32_t row, uint32_t kind, uint32_t netlink) const {
  return tl_socket_allowed(image_.get(), row, kind, netlink) != 0;
}

bool Image::network(uint32_t row, ir::Direction direction, ir::Protocol protocol, const ir::Cidr& address, uint32_t port,
                    bool any_peer) const {
  uint32_t peer = TL_SOME_PEER;
  if (!any_peer) {
    passes::Address asked;
    asked.v6 = address.v6;
    asked.bytes = address.address;
    asked = passes::normalised(asked);
    peer = asked.v6 ? tl_peer_class6(image_.get(), big_endian(asked.bytes.data(), 8), big_endian(asked.bytes.data() + 8, 8))
                    : tl_peer_class4(image_.get(), static_cast<uint32_t>(big_endian(asked.bytes.data(), 4)));
  }
  return tl_net_allowed(image_.get(), row, static_cast<uint32_t>(direction), static_cast<uint32_t>(protocol), peer,
                        tl_port_class(image_.get(), port)) != 0;
}

}  // namespace treeline::analysis
