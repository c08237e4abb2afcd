// SPDX-License-Identifier: Apache-2.0
//
// Words for the numbers of abi.h that only events and counters carry: hooks, reasons, verdicts, modes. (Words of the profile
// language are in policy-compiler/ir/names.h.) The same words in text, JSON, `status` and the documentation; they never change.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace treeline::events {

std::string hook_word(uint32_t hook);          // the kernel's name: "file_open"; "hook-31" for one without a name
std::string reason_word(uint32_t reason);      // "not-in-tree"
std::string_view reason_sentence(uint32_t reason);  // "not in the tree": for people
std::string_view verdict_word(uint32_t verdict);    // "allow" "would-deny" "deny" "kill"
std::string_view mode_word(uint32_t mode);          // "off" "learn" "monitor" "enforce"
int mode_of_word(std::string_view word);            // enum tl_mode, -1 for another word
std::string_view loss_word(uint32_t loss);          // "events" "scratch" ...
uint32_t hook_of_word(std::string_view word);       // 0: none

}  // namespace treeline::events
