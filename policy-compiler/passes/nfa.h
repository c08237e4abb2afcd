// SPDX-License-Identifier: Apache-2.0
//
// The patterns of a policy as one nondeterministic automaton over the bytes of a path.
//
// It is a trie of pattern *elements*: patterns that begin alike share the states of what they have in common, wildcards
// included. So a hundred thousand literal rules are a plain trie, and determinising it costs no more than building it.
//
//   Nfa nfa;
//   nfa.add(pattern, 7);       // 7: the caller's number of the pattern, reported where it accepts
//   nfa.finish();
//
// Patterns of objects without a path are not paths: they are not added.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy-compiler/passes/flat_map.h"
#include "policy-compiler/passes/pattern.h"

namespace treeline::passes {

class Nfa {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kMostStates = 32u << 20;
  static constexpr uint32_t kMostClosure = 64u << 20;

  // Labels below 256 are bytes, the others are sets() [label - 256]. Set 0 is every byte of a name.
  static constexpr uint32_t kFirstSet = 256;
  static constexpr uint32_t kNameSet = 256;

  struct Edge {
    uint32_t label;
    uint32_t target;
    uint32_t next;  // kNone: last
  };

  Nfa();

  // False: the automaton would exceed kMostStates; the pattern is incomplete and the object good for nothing more.
  bool add(const Pattern& pattern, uint32_t number);

  // Computes the closures. False: they would exceed kMostClosure.
  bool finish();

  uint32_t size() const { return static_cast<uint32_t>(states_.size()); }
  uint32_t first_edge(uint32_t state) const { return states_[state].edge; }
  const Edge& edge(uint32_t index) const { return edges_[index]; }
  const ByteSet& set(uint32_t label) const { return sets_[label - kFirstSet]; }

  // The states that matter (they have edges or accept) reachable from `state` without a byte, itself included;
  // ascending.
  struct Span {
    const uint32_t* first;
    const uint32_t* last;
    const uint32_t* begin() const { return first; }
    const uint32_t* end() const { return last; }
  };
  Span closure(uint32_t state) const;

  // Numbers of the patterns that end in this state.
  void accepted(uint32_t state, std::vector<uint32_t>& numbers) const;
  bool accepts(uint32_t state) const { return states_[state].accept != kNone; }

  // A state with a loop that belongs to one pattern only: its number, else kNone. What makes subsets multiply.
  uint32_t looping_owner(uint32_t state) const { return states_[state].loops ? states_[state].owner : kNone; }
  // Any state that belongs to one pattern only.
  uint32_t owner(uint32_t state) const { return states_[state].owner; }

 private:
  struct State {
    uint32_t edge = kNone;
    uint32_t epsilon = kNone;  // index into epsilons_
    uint32_t accept = kNone;   // index into accepts_
    uint32_t owner = kNone;    // pattern that made it, kShared when another one came by
    bool loops = false;
  };
  struct Link {
    uint32_t value;
    uint32_t next;
  };
  static constexpr uint32_t kShared = UINT32_MAX - 1;

  uint32_t new_state();
  void connect(uint32_t from, uint32_t label, uint32_t to);
  void connect_free(uint32_t from, uint32_t to);
  // The state behind `label` from `state`, made once; `fresh` tells whether the caller has to fill it.
  uint32_t follow(uint32_t state, uint64_t key, bool& fresh);
  uint32_t byte(uint32_t state, uint8_t byte);
  uint32_t text(uint32_t state, std::string_view text);
  uint32_t one_of(uint32_t state, uint32_t label);
  uint32_t star(uint32_t state, uint32_t label);
  uint32_t any_depth(uint32_t state);
  uint32_t repeat(uint32_t state, uint32_t label, uint32_t min, uint32_t max);
  uint32_t element(uint32_t state, const Element& element);
  uint32_t sequence(uint32_t state, const Sequence& sequence);
  uint32_t name(uint32_t state, const Sequence& sequence);
  uint32_t not_empty(uint32_t state, const Element& element);
  uint32_t not_empty(uint32_t state, const Sequence& sequence);
  uint32_t set_label(const ByteSet& set);
  uint32_t shape(const std::string& text);

  std::vector<State> states_;
  std::vector<Edge> edges_;
  std::vector<Link> epsilons_;
  std::vector<Link> accepts_;
  std::vector<ByteSet> sets_;
  std::map<ByteSet, uint32_t> set_numbers_;
  std::map<std::string, uint32_t> shapes_;  // alternatives and the like, by their structure
  FlatMap follow_;
  std::vector<uint32_t> closure_of_;  // offset into closures_ per state with a closure of its own, else kNone
  std::vector<uint32_t> closures_;    // count, then the states
  std::vector<uint32_t> identity_;
  uint32_t number_ = 0;  // pattern that is being added
  bool full_ = false;
};

}  // namespace treeline::passes
