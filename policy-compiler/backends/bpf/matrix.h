// SPDX-License-Identifier: Apache-2.0
//
// The (row, class) rights as blocks of 64 classes, equal blocks stored once, and per row the numbers of its blocks
// (abi.h: tl_row.rights, block_index, blocks). Most rows have no right in most blocks: block 0 is all zero.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "bpf/lsm/abi.h"
#include "policy-compiler/backends/bpf/columns.h"

namespace treeline::backends::bpf {

using Block = std::array<uint16_t, TL_BLOCK>;

struct Matrix {
  std::vector<Block> blocks;
  std::vector<uint32_t> block_index;
  std::vector<uint32_t> rights;  // by row: index into block_index
};

Matrix make_matrix(const Classes& classes, uint32_t rows);

}  // namespace treeline::backends::bpf
