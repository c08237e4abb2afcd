// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/passes/nfa.h"

#include <algorithm>
#include <numeric>

namespace treeline::passes {
namespace {

// What follows a state: `kind` and its operand. Kinds keep the keys of different constructs apart.
enum Follow : uint64_t { kByte, kSet, kStar, kAnyDepth, kShape };
constexpr uint64_t follow_key(Follow kind, uint32_t operand) { return (uint64_t{kind} << 28) | operand; }

bool may_be_empty(const Sequence& sequence);

bool may_be_empty(const Element& element) {
  switch (element.kind) {
    case Element::Kind::kBytes:
      return false;
    case Element::Kind::kSet:
      return element.min == 0;
    case Element::Kind::kAlternatives:
      return std::any_of(element.branches.begin(), element.branches.end(),
                         [](const Sequence& b) { return may_be_empty(b); });
  }
  return false;
}

bool may_be_empty(const Sequence& sequence) {
  return std::all_of(sequence.begin(), sequence.end(), [](const Element& e) { return may_be_empty(e); });
}

// A text that is equal for equal structures.
void describe(const Sequence& sequence, std::string& out) {
  for (const Element& element : sequence) {
    switch (element.kind) {
      case Element::Kind::kBytes:
        out += 'b' + std::to_string(element.bytes.size()) + ':' + element.bytes;
        break;
      case Element::Kind::kSet:
        out += 's' + std::to_string(element.min) + ',' + std::to_string(element.max);
        for (uint64_t word : element.set.words()) out += ',' + std::to_string(word);
        out += ';';
        break;
      case Element::Kind::kAlternatives:
        out += 'a' + std::to_string(element.branches.size()) + '(';
        for (const Sequence& branch : element.branches) {
          describe(branch, out);
          out += '|';
        }
        out += ')';
        break;
    }
  }
}

std::string description(const char* kind, const Sequence& sequence) {
  std::string text = kind;
  describe(sequence, text);
  return text;
}

}  // namespace

Nfa::Nfa() {
  set_label(ByteSet::name());
  states_.emplace_back();
  states_[0].owner = kShared;
}

uint32_t Nfa::new_state() {
  if (states_.size() >= kMostStates) {
    full_ = true;
    return 0;
  }
  states_.emplace_back();
  states_.back().owner = number_;
  return static_cast<uint32_t>(states_.size() - 1);
}

void Nfa::connect(uint32_t from, uint32_t label, uint32_t to) {
  edges_.push_back({label, to, states_[from].edge});
  states_[from].edge = static_cast<uint32_t>(edges_.size() - 1);
}

void Nfa::connect_free(uint32_t from, uint32_t to) {
  epsilons_.push_back({to, states_[from].epsilon});
  states_[from].epsilon = static_cast<uint32_t>(epsilons_.size() - 1);
}

uint32_t Nfa::follow(uint32_t state, uint64_t key, bool& fresh) {
  bool found = false;
  uint32_t& known = follow_.at((uint64_t{state} << 32) | key, found);
  fresh = !found;
  if (found) {
    if (states_[known].owner != number_) states_[known].owner = kShared;
    return known;
  }
  const uint32_t made = new_state();
  known = made;
  return made;
}

uint32_t Nfa::byte(uint32_t state, uint8_t byte) {
  bool fresh = false;
  const uint32_t to = follow(state, follow_key(kByte, byte), fresh);
  if (fresh) connect(state, byte, to);
  return to;
}

uint32_t Nfa::text(uint32_t state, std::string_view text) {
  for (char c : text) state = byte(state, static_cast<uint8_t>(c));
  return state;
}

uint32_t Nfa::one_of(uint32_t state, uint32_t label) {
  bool fresh = false;
  const uint32_t to = follow(state, follow_key(kSet, label), fresh);
  if (fresh) connect(state, label, to);
  return to;
}

uint32_t Nfa::star(uint32_t state, uint32_t label) {
  bool fresh = false;
  const uint32_t to = follow(state, follow_key(kStar, label), fresh);
  if (fresh) {
    connect_free(state, to);
    connect(to, label, to);
    states_[to].loops = true;
  }
  return to;
}

// Any number of whole names, each with its '/' before it.
uint32_t Nfa::any_depth(uint32_t state) {
  bool fresh = false;
  const uint32_t to = follow(state, follow_key(kAnyDepth, 0), fresh);
  if (fresh) {
    connect_free(state, to);
    const uint32_t slash = new_state();
    const uint32_t name = new_state();
    connect(to, '/', slash);
    connect(slash, kNameSet, name);
    connect(name, kNameSet, name);
    connect_free(name, to);
    states_[name].loops = true;
  } else if (to + 2 < states_.size()) {
    states_[to + 2].owner = states_[to].owner;  // `name`, made directly behind it
  }
  return to;
}

uint32_t Nfa::repeat(uint32_t state, uint32_t label, uint32_t min, uint32_t max) {
  if (full_) return 0;
  for (uint32_t i = 0; i < min; ++i) state = one_of(state, label);
  if (max == kUnlimited) return star(state, label);
  if (max == min) return state;
  bool fresh = false;
  const uint32_t end =
      follow(state, follow_key(kShape, shape("r" + std::to_string(label) + "," + std::to_string(max - min))), fresh);
  if (!fresh) return end;
  connect_free(state, end);
  for (uint32_t i = min; i < max; ++i) {
    state = one_of(state, label);
    connect_free(state, end);
  }
  return end;
}

uint32_t Nfa::element(uint32_t state, const Element& element) {
  if (full_) return 0;
  switch (element.kind) {
    case Element::Kind::kBytes:
      return text(state, element.bytes);
    case Element::Kind::kSet:
      return repeat(state, set_label(element.set), element.min, element.max);
    case Element::Kind::kAlternatives:
      break;
  }
  bool fresh = false;
  const uint32_t end = follow(state, follow_key(kShape, shape(description("a", {element}))), fresh);
  if (!fresh) return end;
  for (const Sequence& branch : element.branches) {
    const uint32_t of_branch = sequence(state, branch);
    if (of_branch != end) connect_free(of_branch, end);
  }
  return end;
}

uint32_t Nfa::sequence(uint32_t state, const Sequence& sequence) {
  for (const Element& e : sequence) state = element(state, e);
  return state;
}

// A whole component: what its sequence matches, without the empty name.
uint32_t Nfa::name(uint32_t state, const Sequence& sequence_of_name) {
  if (sequence_of_name.empty()) return state;  // an empty component of an abstract socket's name
  if (!may_be_empty(sequence_of_name)) return sequence(state, sequence_of_name);
  return not_empty(state, sequence_of_name);
}

uint32_t Nfa::not_empty(uint32_t state, const Element& e) {
  if (e.kind == Element::Kind::kBytes) return element(state, e);
  if (e.kind == Element::Kind::kSet) {
    if (e.max == 0) return kNone;
    const uint32_t label = set_label(e.set);
    return repeat(one_of(state, label), label, e.min == 0 ? 0 : e.min - 1,
                  e.max == kUnlimited ? kUnlimited : e.max - 1);
  }
  bool fresh = false;
  const uint32_t end = follow(state, follow_key(kShape, shape(description("na", {e}))), fresh);
  if (!fresh) return end;
  for (const Sequence& branch : e.branches) {
    const uint32_t of_branch = may_be_empty(branch) ? not_empty(state, branch) : sequence(state, branch);
    if (of_branch != kNone) connect_free(of_branch, end);
  }
  return end;
}

// All elements may be empty. The first one that is not empty starts at `state`; what follows it is free.
uint32_t Nfa::not_empty(uint32_t state, const Sequence& elements) {
  if (full_) return 0;
  if (elements.size() == 1) return not_empty(state, elements[0]);
  bool fresh = false;
  const uint32_t end = follow(state, follow_key(kShape, shape(description("n", elements))), fresh);
  if (!fresh) return end;
  uint32_t running = kNone;  // something has been matched
  for (const Element& e : elements) {
    const uint32_t starting = not_empty(state, e);
    if (running != kNone) running = element(running, e);
    if (starting == kNone || starting == running) continue;
    const uint32_t join = new_state();
    connect_free(starting, join);
    if (running != kNone) connect_free(running, join);
    running = join;
    if (full_) return 0;
  }
  if (running != kNone) connect_free(running, end);
  return end;
}

uint32_t Nfa::set_label(const ByteSet& set) {
  const auto [at, fresh] = set_numbers_.try_emplace(set, static_cast<uint32_t>(sets_.size()) + kFirstSet);
  if (fresh) sets_.push_back(set);
  return at->second;
}

uint32_t Nfa::shape(const std::string& text) {
  return shapes_.try_emplace(text, static_cast<uint32_t>(shapes_.size())).first->second;
}

bool Nfa::add(const Pattern& pattern, uint32_t number) {
  number_ = number;
  uint32_t state = 0;
  if (pattern.components.empty()) state = byte(state, '/');
  for (size_t i = 0; i < pattern.components.size() && !full_; ++i) {
    const Component& component = pattern.components[i];
    if (component.kind == Component::Kind::kAnyDepth) {
      state = any_depth(state);
      if (i + 1 != pattern.components.size()) continue;
      state = star(one_of(byte(state, '/'), kNameSet), kNameSet);  // as the last component: at least one name
      continue;
    }
    state = byte(state, '/');
    if (component.kind == Component::Kind::kName) {
      state = name(state, component.name);
    } else {
      state = text(state, pseudo_text(component.kind));
    }
  }
  if (full_) return false;
  accepts_.push_back({number, states_[state].accept});
  states_[state].accept = static_cast<uint32_t>(accepts_.size() - 1);
  return true;
}

bool Nfa::finish() {
  follow_ = FlatMap();
  closure_of_.assign(states_.size(), kNone);
  identity_.resize(states_.size());
  std::iota(identity_.begin(), identity_.end(), 0u);
  std::vector<uint32_t> found, seen(states_.size(), kNone);
  for (uint32_t state = 0; state < states_.size(); ++state) {
    if (states_[state].epsilon == kNone) continue;
    found.assign(1, state);
    seen[state] = state;
    for (size_t i = 0; i < found.size(); ++i) {
      for (uint32_t link = states_[found[i]].epsilon; link != kNone; link = epsilons_[link].next) {
        const uint32_t to = epsilons_[link].value;
        if (seen[to] == state) continue;
        seen[to] = state;
        found.push_back(to);
      }
    }
    std::erase_if(found, [&](uint32_t s) { return states_[s].edge == kNone && states_[s].accept == kNone; });
    std::sort(found.begin(), found.end());
    if (closures_.size() + found.size() + 1 > kMostClosure) return false;
    closure_of_[state] = static_cast<uint32_t>(closures_.size());
    closures_.push_back(static_cast<uint32_t>(found.size()));
    closures_.insert(closures_.end(), found.begin(), found.end());
  }
  return true;
}

Nfa::Span Nfa::closure(uint32_t state) const {
  if (closure_of_[state] == kNone) return {&identity_[state], &identity_[state] + 1};
  const uint32_t* at = &closures_[closure_of_[state]];
  return {at + 1, at + 1 + *at};
}

void Nfa::accepted(uint32_t state, std::vector<uint32_t>& numbers) const {
  for (uint32_t at = states_[state].accept; at != kNone; at = accepts_[at].next) numbers.push_back(accepts_[at].value);
}

}  // namespace treeline::passes
