// SPDX-License-Identifier: Apache-2.0
//
// What a source denies. The language has no denials: what is not written is denied. So a denial matters where a grant
// meets it, and then the grant is what has to go: written as it stands it would allow what the source refuses.
//
//   Denials denials;
//   denials.add("/etc/shadow", TL_READ, position);
//   denials.apply(policy, diagnostics);      // decided on automata (meetings.h); each loss is said, and each denial of a
//                                            // step that the draft does not have
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy-compiler/import/meetings.h"
#include "policy-compiler/ir/policy.h"
#include "policy-compiler/support/diagnostics.h"

namespace treeline::import_ {

class Denials {
 public:
  // `words`: TL_EXECUTE for a program that may not be started. `only`: executable of the programs that are meant; "":
  // all.
  void add(std::string pattern, ir::AccessSet words, ir::Position position, std::string only = "");
  bool empty() const { return denials_.empty(); }

  // What cannot be compared is taken for denied.
  void apply(ir::Policy& policy, Diagnostics& diagnostics) const;

 private:
  struct Denial {
    std::string pattern;
    ir::AccessSet words;
    ir::Position position;
    std::string only;
  };
  Meetings meetings(const ir::Policy& policy) const;
  std::vector<Denial> denials_;
};

// Takes a protocol away by its name, whatever its letters: its rules and the sockets that speak it, since no rule of the
// network sees what a raw one receives. Of a name that is not known, every socket.
void take_protocol(ir::Node& node, const std::string& name);

}  // namespace treeline::import_
