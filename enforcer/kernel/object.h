// SPDX-License-Identifier: Apache-2.0
//
// What the engine asks of the BPF object and of the kernel's types before it loads.
#pragma once

#include <bpf/btf.h>

#include <string>
#include <string_view>

namespace treeline::kernel {

// Which object runs: two builds with the same bytes and the same switches are the same programs.
std::string build_id(std::string_view elf, bool storage, bool ring);
// Number of arguments of a kernel function; -1: there is no such function.
int argument_count(const btf* types, const char* function);

}  // namespace treeline::kernel
