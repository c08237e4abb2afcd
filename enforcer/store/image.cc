// SPDX-License-Identifier: Apache-2.0
#include "enforcer/store/image.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "bpf/lsm/decide.h"
#include "policy-compiler/backends/bpf/validate.h"

namespace treeline::store {

Result<ImageIdentity> identify_image(std::string_view image) {
  tl_image_header header{};
  if (image.size() < TL_DFA_OFFSET) return Error{"the policy image is shorter than its header", EBADMSG};
  std::memcpy(&header, image.data(), sizeof header);
  if (header.magic != TL_IMAGE_MAGIC) return Error{"this is not a policy image", EBADMSG};
  if (header.abi != TL_ABI_IMAGE)
    return Error{"the policy image has format " + std::to_string(header.abi) + ", this enforcer reads " + std::to_string(TL_ABI_IMAGE) +
                     ": compile the profile again with this version's treelinec",
                 EPROTO};
  if (header.size > image.size() || header.size < TL_DFA_OFFSET || header.size > TL_IMAGE_MAX || header.size % TL_IMAGE_ALIGN)
    return Error{"the policy image says it has " + std::to_string(header.size) + " bytes, there are " + std::to_string(image.size()), EBADMSG};
  return ImageIdentity{header.size, header.policy};
}

Result<void> check_image(std::string_view image) {
  Result<ImageIdentity> identity = identify_image(image);
  if (!identity) return identity.error();
  if (identity->size != image.size()) return Error{"bytes follow the end of the policy image", EBADMSG};
  return backends::bpf::validate(image);
}

bool image_holds(std::string_view image, uint64_t node) {
  tl_image view{reinterpret_cast<const unsigned char*>(image.data()), image.size()};
  return tl_row_of_key(&view, node) != TL_ROW_NONE;
}

}  // namespace treeline::store
