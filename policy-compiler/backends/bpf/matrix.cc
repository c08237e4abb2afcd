// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/backends/bpf/matrix.h"

#include <map>

namespace treeline::backends::bpf {

Matrix make_matrix(const Classes& classes, uint32_t rows) {
  const uint32_t count = static_cast<uint32_t>((classes.columns.size() + TL_BLOCK - 1) / TL_BLOCK);
  Matrix matrix;
  std::map<Block, uint32_t> block_numbers = {{Block{}, 0}};
  matrix.blocks.emplace_back();
  std::vector<std::vector<uint32_t>> of_row(rows, std::vector<uint32_t>(count, 0));
  // Block by block, so that only the rows that have a right there are touched.
  for (uint32_t b = 0; b < count; ++b) {
    std::map<uint32_t, Block> touched;
    for (uint32_t c = b * TL_BLOCK; c < std::min<size_t>((b + 1) * TL_BLOCK, classes.columns.size()); ++c) {
      for (const Cell& cell : classes.columns[c]) {
        if (cell.rights != 0) touched[cell.row][c % TL_BLOCK] = cell.rights;
      }
    }
    for (const auto& [row, block] : touched) {
      const auto [at, fresh] = block_numbers.try_emplace(block, static_cast<uint32_t>(matrix.blocks.size()));
      if (fresh) matrix.blocks.push_back(block);
      of_row[row][b] = at->second;
    }
  }
  std::map<std::vector<uint32_t>, uint32_t> places;
  for (const std::vector<uint32_t>& index : of_row) {
    const auto [at, fresh] = places.try_emplace(index, static_cast<uint32_t>(matrix.block_index.size()));
    if (fresh) matrix.block_index.insert(matrix.block_index.end(), index.begin(), index.end());
    matrix.rights.push_back(at->second);
  }
  return matrix;
}

}  // namespace treeline::backends::bpf
