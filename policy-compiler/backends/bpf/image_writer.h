// SPDX-License-Identifier: Apache-2.0
//
// Puts sections behind one another into an image and fills in the header. Sections start at multiples of TL_IMAGE_ALIGN
// (of the entry, where that is larger), so that no entry crosses an element's border: every entry's size is a power of
// two.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "bpf/lsm/abi.h"

namespace treeline::backends::bpf {

class ImageWriter {
 public:
  ImageWriter() : bytes_(TL_DFA_OFFSET, '\0') {
    header_.magic = TL_IMAGE_MAGIC;
    header_.abi = TL_ABI_IMAGE;
  }

  tl_image_header& header() { return header_; }

  // False: beyond TL_IMAGE_MAX; nothing was added.
  template <typename Entry>
  [[nodiscard]] bool add(tl_section& section, const std::vector<Entry>& entries) {
    static_assert((sizeof(Entry) & (sizeof(Entry) - 1)) == 0);
    constexpr size_t kAlign = sizeof(Entry) > TL_IMAGE_ALIGN ? sizeof(Entry) : TL_IMAGE_ALIGN;
    const size_t offset = (bytes_.size() + kAlign - 1) / kAlign * kAlign;
    if (entries.size() > (TL_IMAGE_MAX - offset) / sizeof(Entry)) return false;
    bytes_.resize(offset + entries.size() * sizeof(Entry), '\0');
    if (!entries.empty()) std::memcpy(bytes_.data() + offset, entries.data(), entries.size() * sizeof(Entry));
    section = {static_cast<__u32>(offset), static_cast<__u32>(entries.size())};
    return true;
  }

  std::string finish() {
    bytes_.resize((bytes_.size() + TL_IMAGE_ALIGN - 1) / TL_IMAGE_ALIGN * TL_IMAGE_ALIGN, '\0');
    header_.size = static_cast<__u32>(bytes_.size());
    std::memcpy(bytes_.data(), &header_, sizeof header_);
    return std::move(bytes_);
  }

 private:
  tl_image_header header_{};
  std::string bytes_;
};

}  // namespace treeline::backends::bpf
