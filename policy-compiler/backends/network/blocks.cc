// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/network/blocks.h"

#include <algorithm>
#include <initializer_list>

namespace treeline::backends::network {
namespace {

ir::Cidr block(bool v6, std::initializer_list<uint8_t> bytes, uint8_t prefix) {
  ir::Cidr out;
  out.v6 = v6;
  out.prefix = prefix;
  std::copy(bytes.begin(), bytes.end(), out.address.begin());
  return out;
}

// The words of the language (passes/network_match.h has their meaning; a test holds these against it).
std::vector<ir::Cidr> private4() {
  return {block(false, {10}, 8), block(false, {100, 64}, 10), block(false, {169, 254}, 16), block(false, {172, 16}, 12),
          block(false, {192, 168}, 16)};
}
std::vector<ir::Cidr> private6() { return {block(true, {0xfc}, 7), block(true, {0xfe, 0x80}, 10)}; }

}  // namespace

bool within(const ir::Cidr& inner, const ir::Cidr& outer) {
  if (inner.v6 != outer.v6 || inner.prefix < outer.prefix) return false;
  for (unsigned bit = 0; bit < outer.prefix; ++bit) {
    const auto mask = static_cast<uint8_t>(0x80u >> (bit % 8));
    if ((inner.address[bit / 8] & mask) != (outer.address[bit / 8] & mask)) return false;
  }
  return true;
}

bool loopback(const ir::Cidr& cidr) {
  return within(cidr, block(false, {127}, 8)) ||
         within(cidr, block(true, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128));
}

std::vector<Block> internal_blocks() {
  std::vector<Block> out;
  for (const ir::Cidr& cidr : private4()) out.push_back({cidr, {}});
  for (const ir::Cidr& cidr : private6()) out.push_back({cidr, {}});
  for (Block& one : out)
    for (const ir::Cidr& cidr : ir::metadata_addresses())
      if (within(cidr, one.cidr)) one.except.push_back(cidr);
  return out;
}

std::vector<Block> external_blocks() {
  Block four{block(false, {}, 0), private4()}, six{block(true, {}, 0), private6()};
  for (const ir::Cidr& cidr :
       {block(false, {0}, 8), block(false, {127}, 8), block(false, {224}, 4), block(false, {240}, 4)})
    four.except.push_back(cidr);
  // Not the mapped IPv4 block: it never stands on the wire, and servers take it for IPv4.
  for (const ir::Cidr& cidr :
       {block(true, {}, 128), block(true, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128), block(true, {0xfe, 0xc0}, 10),
        block(true, {0xff}, 8)})
    six.except.push_back(cidr);
  return {four, six};
}

}  // namespace treeline::backends::network
