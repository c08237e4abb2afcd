// SPDX-License-Identifier: Apache-2.0
//
// A policy image asked as the hooks ask it: decide.h behind names that C++ reads well. What this says is what the kernel does.
//
//   const Image image(bytes);                                  // validated before (backends/bpf/validate.h); must outlive this
//   const uint32_t row = image.step(TL_ROW_ENTRY, "/entrypoint.sh");
//   image.missing(row, "/etc/hosts", TL_READ) == 0
//
// Names are walked ones (learn/object_name.h): "/proc//own/stat", "{pipe}".
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "policy-compiler/ir/policy.h"

struct tl_image;

namespace treeline::analysis {

class Image {
 public:
  explicit Image(std::string_view bytes);
  ~Image();

  uint32_t class_of(std::string_view name) const;
  // Of `words`, those that the row lacks.
  ir::AccessSet missing(uint32_t row, std::string_view name, ir::AccessSet words) const;
  // The row that an exec leads to; TL_ROW_NONE: refused.
  uint32_t step(uint32_t row, std::string_view name) const;
  bool interprets(uint32_t row, std::string_view name) const;
  bool user(uint32_t row, uint32_t uid) const;
  // A directory takes along all that lies below it.
  bool move(std::string_view from, std::string_view to, bool directory) const;
  bool capability(uint32_t row, uint32_t capability) const;
  // The operation itself or a wider one of its family.
  bool operation(uint32_t row, uint32_t operation) const;
  bool socket(uint32_t row, uint32_t kind, uint32_t netlink) const;
  // `any_peer`: bind and listen, where the peer is not known yet.
  bool network(uint32_t row, ir::Direction direction, ir::Protocol protocol, const ir::Cidr& address, uint32_t port,
               bool any_peer) const;

 private:
  uint32_t state_behind(std::string_view name) const;

  std::unique_ptr<tl_image> image_;
};

}  // namespace treeline::analysis
