// SPDX-License-Identifier: Apache-2.0
//
// Renames and hard links that were seen must go on working. The hooks allow one only where no node has a right under the new name that
// it lacks under the old (a node could else read a secret by renaming it to what it may read). A program that writes a
// file under a temporary name and puts it in place breaks that rule at first sight: the readers of dump.rdb may not
// read temp-17.rdb.
//
// So each node that has a right on the new name gets it on the old one too: `implied` words, which nobody was seen to
// use and which give no one anything, for a file under that name is one that will be there under the other in a moment.
// Likewise `delete` on the new name for the node that makes and writes the file under the old one: the first time nothing is there to be replaced, on a
// volume that is kept there is the next time.
//
// Execute and map are never implied; nor is any word on a file that is executed or mapped, as its new name is one that somebody writes: such a
// rename is left out, which is a question. How many words there are is part of what the profile permits beyond use.
#pragma once

#include <cstdint>
#include <vector>

#include "policy-compiler/learn/fold_paths.h"
#include "policy-compiler/learn/observed.h"

namespace treeline::learn {

// `files[n]`: the rules of node n of `observed` (empty for nodes that are no more). Returns how many words were added.
uint64_t close_over_moves(const Observed& observed, std::vector<std::vector<LearnedFile>>& files, std::vector<Question>& questions);

}  // namespace treeline::learn
