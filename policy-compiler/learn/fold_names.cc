// SPDX-License-Identifier: Apache-2.0
#include "policy-compiler/learn/fold_names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <tuple>

#include "policy-compiler/learn/guards.h"
#include "policy-compiler/learn/name_shape.h"
#include "policy-compiler/learn/trace.h"
#include "policy-compiler/support/text.h"

namespace treeline::learn {
namespace {

constexpr size_t kMostEnds = 4;  // words of a name that may end in a random core, from the last one
constexpr size_t kTokenLength = 16, kTokenNames = 5;  // of random names that nothing but their look proves
constexpr std::array<size_t, 3> kRandomLengths = {6, 8, 10};  // mkstemp(3), python's tempfile, mktemp(1)

struct Candidate {
  NamePattern pattern;
  std::vector<size_t> members;
  std::string text;
  bool one_digit = false;
};

// Numbers of any length, in order: without leading zeros the longer one is the larger.
bool less_number(std::string_view a, std::string_view b) {
  const auto strip = [](std::string_view n) { return n.substr(std::min(n.find_first_not_of('0'), n.size())); };
  a = strip(a), b = strip(b);
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

class Names {
 public:
  Names(const std::vector<NameFacts>& names, const std::vector<std::pair<int64_t, int64_t>>& days)
      : names_(names), days_(days) {}

  FoldedNames fold() {
    std::vector<size_t> everyone(names_.size());
    for (size_t i = 0; i < everyone.size(); i++) everyone[i] = i;
    if (names_.size() > kMaxFoldedNames) {
      out_.near_misses.push_back(
          {everyone, "", "more than " + std::to_string(kMaxFoldedNames) + " names in one directory"});
      return std::move(out_);
    }
    by_shape(everyone, Cut::kWide);
    // Eight digits were no hex digits: they stand with the numbers of other lengths, of one counter or generator.
    second_ = std::set<size_t>(deferred_.begin(), deferred_.end());
    std::set<size_t> again = second_;
    again.insert(decimal_.begin(), decimal_.end());
    if (!second_.empty()) by_shape({again.begin(), again.end()}, Cut::kDigits);
    random_cores();
    tokens();
    projected_volumes();
    fan_outs();
    choose();
    return std::move(out_);
  }

 private:
  using Cuts = std::vector<std::pair<size_t, std::vector<Token>>>;  // index of the name, its tokens

  void by_shape(const std::vector<size_t>& members, Cut cut) {
    std::map<std::string, Cuts> shapes;
    for (const size_t i : members) {
      if (names_[i].projected || names_[i].fan_out || names_[i].name.find(".so.") != std::string::npos)
        continue;  // a library's version is no counter
      std::vector<Token> tokens = cut_name(names_[i].name, cut);
      const bool varies =
          std::any_of(tokens.begin(), tokens.end(), [](const Token& t) { return t.kind != Token::Kind::kText; });
      if (!varies) continue;
      const bool decimal = std::all_of(tokens.begin(), tokens.end(), [](const Token& t) {
        return t.kind == Token::Kind::kText || t.kind == Token::Kind::kDigits;
      });
      if (decimal && cut == Cut::kWide) decimal_.push_back(i);
      shapes[shape_key(tokens)].emplace_back(i, std::move(tokens));
    }
    for (auto& [key, cuts] : shapes) {
      const bool fresh = cut == Cut::kWide ||
                         std::any_of(cuts.begin(), cuts.end(), [&](const auto& c) { return second_.contains(c.first); });
      if (fresh) judge(cuts);
    }
  }

  static std::map<std::string, Cuts> split_by(const Cuts& cuts, size_t position) {
    std::map<std::string, Cuts> out;
    for (const auto& cut : cuts) out[cut.second[position].text].push_back(cut);
    return out;
  }

  std::vector<std::string> values(const Cuts& cuts, size_t position) const {
    std::set<std::string> out;
    for (const auto& cut : cuts) out.insert(cut.second[position].text);
    return {out.begin(), out.end()};
  }

  // Names of one shape. A part that is the same in all is literal; one with too few values for a class divides the
  // names.
  void judge(const Cuts& cuts) {
    std::vector<Piece> pieces;
    std::vector<size_t> counters;
    std::optional<size_t> few;
    const bool lettered = has_hex_letters(cuts);
    bool one_digit = false;
    size_t varying = 0;
    std::vector<size_t> members;
    for (const auto& cut : cuts) members.push_back(cut.first);
    const size_t positions = cuts.front().second.size();
    for (size_t p = 0; p < positions; p++) {
      const Token& first = cuts.front().second[p];
      if (first.kind == Token::Kind::kText) {
        pieces.push_back({Piece::Kind::kLiteral, 0, first.text});
        continue;
      }
      const std::vector<std::string> seen = values(cuts, p);
      std::optional<Piece> piece = class_of(first.kind, seen, cuts, lettered);
      if (!piece) {
        // One name's eight digits may be a date in truth, or hex digits: only what varies is worth another look.
        deferred_.insert(deferred_.end(), members.begin(), members.end());
        return;
      }
      if (seen.size() == 1 && cuts.size() > 1) {
        // The day of the recording is the same in all, and another one tomorrow.
        if (piece->kind == Piece::Kind::kDate)
          pieces.push_back({Piece::Kind::kSameDate, 0, ""});
        else
          pieces.push_back({Piece::Kind::kLiteral, 0, first.text});
        continue;
      }
      varying++;
      if (cuts.size() > 1 && seen.size() < needed(*piece, cuts) && !few) few = p;
      const bool counter =
          piece->kind == Piece::Kind::kDigits || piece->kind == Piece::Kind::kDigitsN || piece->kind == Piece::Kind::kLongDigits ||
          piece->kind == Piece::Kind::kAnyHex;
      if (counter) counters.push_back(p);
      one_digit |= piece->kind == Piece::Kind::kDigits && seen.back() == "9" &&
                   std::all_of(seen.begin(), seen.end(), [](const std::string& s) { return s.size() == 1; });
      pieces.push_back(*piece);
    }
    if (few && varying > 1) {
      for (const auto& [value, part] : split_by(cuts, *few)) judge(part);
      return;
    }
    NamePattern pattern(std::move(pieces));
    const size_t enough = enough_names(pattern, members);
    if (members.size() < enough) return miss(members, pattern, few_names(members.size(), enough));
    if (const std::string why = episodes_missing(members); !why.empty()) return miss(members, pattern, why);
    if (!counters.empty() && !is_counter(cuts, counters)) {
      return miss(members, pattern, "its numbers neither grow nor are the names deleted again");
    }
    offer(std::move(pattern), std::move(members), one_digit);
  }

  static bool has_hex_letters(const Cuts& cuts) {
    return std::any_of(cuts.begin(), cuts.end(), [](const auto& cut) {
      return std::any_of(cut.second.begin(), cut.second.end(), [](const Token& token) {
        return token.kind == Token::Kind::kHex && token.text.find_first_of("abcdefABCDEF") != std::string::npos;
      });
    });
  }

  size_t needed(const Piece& piece, const Cuts& cuts) const {
    const bool temporary =
        std::all_of(cuts.begin(), cuts.end(), [&](const auto& cut) { return names_[cut.first].temporary; });
    return names_[cuts.front().first].kernel_number || temporary ? 2 : names_needed(piece);
  }
  size_t enough_names(const NamePattern& pattern, const std::vector<size_t>& members) const {
    const bool two = all_temporary(members) || std::all_of(members.begin(), members.end(), [&](size_t i) {
                       return names_[i].kernel_number || names_[i].projected || names_[i].series;
                     });
    return two ? 2 : pattern.names_needed();
  }
  bool all_temporary(const std::vector<size_t>& members) const {
    return std::all_of(members.begin(), members.end(), [&](size_t i) { return names_[i].temporary; });
  }

  // `lettered`: some number of these names has hex digits that are letters.
  std::optional<Piece> class_of(Token::Kind kind, const std::vector<std::string>& seen, const Cuts& cuts, bool lettered) const {
    const auto length = static_cast<uint32_t>(seen.front().size());
    const auto any = [&](auto&& condition) { return std::any_of(seen.begin(), seen.end(), condition); };
    switch (kind) {
      case Token::Kind::kUuid:
        return Piece{Piece::Kind::kUuid, 0, ""};
      case Token::Kind::kDate:
        if (!near_the_clock(seen, members_of(cuts))) return std::nullopt;
        return Piece{Piece::Kind::kDate, 0, ""};
      case Token::Kind::kHex: {
        bool lower = any([](const std::string& s) { return s.find_first_of("abcdef") != std::string::npos; });
        bool upper = any([](const std::string& s) { return s.find_first_of("ABCDEF") != std::string::npos; });
        for (const auto& cut : cuts) {
          lower |= names_[cut.first].lower_hex;
          upper |= names_[cut.first].upper_hex;
        }
        // One printf wrote all numbers of a name (%016x-%016x.wal): where one has letters, none is decimal. And what is padded to 8 or 16
        // places may be hex that met no letter yet. A decimal counter of 64 bits has at most 20 digits: what is longer counts in hex.
        if (!lower && !upper && lettered) return Piece{Piece::Kind::kAnyHex, length, ""};
        const bool padded = (length == 8 || length == 16) && any([](const std::string& s) { return s[0] == '0'; });
        if (!lower && !upper && length <= 20 && !padded) return std::nullopt;
        return Piece{lower == upper ? Piece::Kind::kAnyHex : lower ? Piece::Kind::kHex : Piece::Kind::kUpperHex, length, ""};
      }
      case Token::Kind::kDigits: {
        size_t longest = 0;
        for (const std::string& value : seen) longest = std::max(longest, value.size());
        const bool equal = !any([&](const std::string& s) { return s.size() != length; });
        const bool padded = equal && length > 1 && any([](const std::string& s) { return s[0] == '0'; });
        // Seconds or milliseconds since 1970, from 2017 to 2033.
        const bool epoch = equal && (length == 10 || length == 13) &&
                           !any([](const std::string& s) { return s[0] != '1' || s[1] < '5'; });
        // A date and a time of day, without signs between.
        const bool stamp = equal && (length == 12 || length == 14 || length == 17) && near_the_clock(first_eight(seen), members_of(cuts));
        if (equal && (padded || epoch || stamp)) return Piece{Piece::Kind::kDigitsN, length, ""};
        if (longest > 20) return equal ? std::optional(Piece{Piece::Kind::kDigitsN, length, ""}) : std::nullopt;
        // Random numbers of 64 bits have 18 to 20 digits, and that those of two starts had as many says nothing.
        if (longest > 10) {
          const size_t shortest = std::min_element(seen.begin(), seen.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); })->size();
          return Piece{Piece::Kind::kLongDigits, static_cast<uint32_t>(std::min<size_t>(longest + 1, 20)), "",
                       static_cast<uint32_t>(std::max<size_t>(shortest, 3) - 2)};
        }
        // Of any length: a young container's process ids have two digits, after a week seven; and the ends of the name are literal.
        return Piece{Piece::Kind::kDigits, 0, ""};
      }
      case Token::Kind::kText:
        break;
    }
    return std::nullopt;
  }

  static std::vector<std::string> first_eight(const std::vector<std::string>& numbers) {
    std::vector<std::string> out;
    for (const std::string& number : numbers) out.push_back(number.substr(0, 8));
    return out;
  }

  static std::vector<size_t> members_of(const Cuts& cuts) {
    std::vector<size_t> out;
    for (const auto& cut : cuts) out.push_back(cut.first);
    return out;
  }

  bool near_the_clock(const std::vector<std::string>& dates, const std::vector<size_t>& members) const {
    std::set<std::pair<int64_t, int64_t>> spans;
    for (const size_t member : members) {
      for (const uint32_t episode : names_[member].episodes) {
        if (episode < days_.size() && days_[episode].first <= days_[episode].second) spans.insert(days_[episode]);
      }
    }
    return std::all_of(dates.begin(), dates.end(), [&](const std::string& date) {
      const std::optional<int64_t> day = day_of(date);
      return day && std::any_of(spans.begin(), spans.end(),
                                [&](const auto& span) { return *day >= span.first - 1 && *day <= span.second + 1; });
    });
  }

  // What stands literally before or behind a random core, but for the day of the recording.
  void add_literal(const std::string& text, const std::vector<size_t>& members, std::vector<Piece>& pieces) const {
    for (Token& token : cut_name(text, Cut::kWide)) {
      if (token.kind == Token::Kind::kDate && near_the_clock({token.text}, members))
        pieces.push_back({Piece::Kind::kSameDate, 0, ""});
      else
        pieces.push_back({Piece::Kind::kLiteral, 0, std::move(token.text)});
    }
  }
  NamePattern around(const std::string& before, uint32_t core, const std::string& behind, const std::vector<size_t>& members) const {
    std::vector<Piece> pieces;
    add_literal(before, members, pieces);
    pieces.push_back({Piece::Kind::kRand, core, ""});
    add_literal(behind, members, pieces);
    return NamePattern(std::move(pieces));
  }

  // Counters, process ids, segments: the names go away again, or the numbers grow in the order in which they were made.
  bool is_counter(const Cuts& cuts, const std::vector<size_t>& positions) const {
    size_t gone = 0;
    for (const auto& cut : cuts) gone += names_[cut.first].removed || names_[cut.first].kernel_number;
    if (2 * gone >= cuts.size()) return true;
    for (const size_t position : positions) {
      std::map<uint32_t, std::vector<std::pair<uint64_t, std::string_view>>> by_episode;
      for (const auto& [index, tokens] : cuts) {
        for (const auto& [episode, ns] : names_[index].born) {
          if (ns != 0) by_episode[episode].emplace_back(ns, tokens[position].text);
        }
      }
      size_t pairs = 0, growing = 0;
      for (auto& [episode, list] : by_episode) {
        std::sort(list.begin(), list.end());
        for (size_t i = 1; i < list.size(); i++) {
          if (list[i].second == list[i - 1].second) continue;
          pairs++;
          growing += less_number(list[i - 1].second, list[i].second);
        }
      }
      if (pairs != 0 && growing * 5 >= pairs * 4) return true;
    }
    return false;
  }

  static bool in_core(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }

  // Session files and other long tokens, made without O_EXCL (sess_0jt8p5c1...): five or more, of one length, each mixing
  // letters and digits, no place of which is the same in all.
  void tokens() {
    std::map<std::pair<size_t, std::string>, std::vector<size_t>> groups;  // length of all, what stands behind the core
    for (size_t i = 0; i < names_.size(); i++) {
      const std::string& name = names_[i].name;
      size_t best = 0, best_end = 0;
      for (size_t end = name.size(); end > 0; end--) {
        if (!in_core(name[end - 1]) || (end < name.size() && in_core(name[end]))) continue;
        size_t length = 0;
        while (length < end && in_core(name[end - 1 - length])) length++;
        if (length > best) best = length, best_end = end;
      }
      if (best >= kTokenLength) groups[{name.size(), name.substr(best_end)}].push_back(i);
    }
    for (auto& [key, members] : groups) {
      if (members.size() < kTokenNames) continue;
      const std::string& first = names_[members.front()].name;
      const size_t end = key.first - key.second.size();
      size_t begin = end;
      for (const size_t i : members)
        begin = std::min<size_t>(begin, std::mismatch(first.begin(), first.begin() + end, names_[i].name.begin()).first - first.begin());
      const bool random = begin + kTokenLength <= end && std::all_of(members.begin(), members.end(), [&](size_t i) {
        const std::string core = names_[i].name.substr(begin, end - begin);
        return mixes_kinds(core) && std::all_of(core.begin(), core.end(), in_core);
      });
      if (!random || !differs_everywhere(members, begin, end)) continue;
      // What they begin with alike may be the time (ULID, KSUID): the class takes the whole word.
      while (begin > 0 && in_core(first[begin - 1]) && first[begin - 1] != '_') begin--;
      NamePattern pattern = around(first.substr(0, begin), static_cast<uint32_t>(end - begin), key.second, members);
      if (const std::string why = episodes_missing(members); !why.empty())
        miss(members, pattern, why);
      else
        offer(std::move(pattern), members);
    }
  }
  bool differs_everywhere(const std::vector<size_t>& members, size_t begin, size_t end) const {
    const std::string& first = names_[members.front()].name;
    for (size_t at = begin; at < end; at++) {
      if (std::all_of(members.begin(), members.end(), [&](size_t i) { return names_[i].name[at] == first[at]; })) return false;
    }
    return true;
  }

  // mkstemp(3) and its like: a core of one length before the end or a byte that is none of the core's.
  void random_cores() {
    std::map<std::tuple<size_t, std::string, std::string>, std::vector<size_t>> shapes;
    for (size_t i = 0; i < names_.size(); i++) {
      const std::string& name = names_[i].name;
      if (!names_[i].exclusive || name.find(".so.") != std::string::npos) continue;
      size_t ends = 0;
      for (size_t end = name.size(); end > 0 && ends < kMostEnds; end--) {
        if (!in_core(name[end - 1]) || (end < name.size() && in_core(name[end]))) continue;
        ends++;
        size_t run = 0;
        while (run < end && in_core(name[end - 1 - run])) run++;
        for (const size_t length : kRandomLengths) {
          if (run >= length) shapes[{length, name.substr(0, end - length), name.substr(end)}].push_back(i);
        }
      }
    }
    for (auto& [shape, members] : shapes) {
      const size_t length = std::get<0>(shape);
      const std::string &prefix = std::get<1>(shape), &suffix = std::get<2>(shape);
      if (members.size() < 2) continue;
      size_t mixed = 0;
      for (const size_t i : members) mixed += mixes_kinds(names_[i].name.substr(prefix.size(), length));
      // Of two names one may be of letters alone by chance (8 in 100 of python's are); of three, not two.
      const bool temporary = all_temporary(members);
      if (temporary ? mixed * 2 < members.size() : mixed * 10 < members.size() * 6) continue;
      // A number is not cut in two: dump-2026071 and "1T103015" are a date and a time.
      const auto cuts_a_number = [&](size_t i) { return text::is_digit(prefix.back()) && text::is_digit(names_[i].name[prefix.size()]); };
      if (!prefix.empty() && std::any_of(members.begin(), members.end(), cuts_a_number)) continue;
      NamePattern pattern = around(prefix, static_cast<uint32_t>(length), suffix, members);
      if (const size_t enough = enough_names(pattern, members); members.size() < enough) {
        miss(members, pattern, few_names(members.size(), enough));
      } else if (const std::string why = episodes_missing(members); !why.empty()) {
        miss(members, pattern, why);
      } else {
        offer(std::move(pattern), members);
      }
    }
  }

  static bool mixes_kinds(std::string_view core) {
    int kinds = 0;
    const auto has = [&](char from, char to) {
      return std::any_of(core.begin(), core.end(), [&](char c) { return c >= from && c <= to; });
    };
    kinds += has('0', '9');
    kinds += has('a', 'z');
    kinds += has('A', 'Z');
    return kinds >= 2;
  }

  // "..2024_05_01_10_20_30.123456789": where a projected volume keeps what it shows now.
  void projected_volumes() {
    std::vector<Piece> pieces = {{Piece::Kind::kLiteral, 0, ".."}, {Piece::Kind::kDigitsN, 4, ""}};
    for (int i = 0; i < 5; i++) {
      pieces.push_back({Piece::Kind::kLiteral, 0, "_"});
      pieces.push_back({Piece::Kind::kDigitsN, 2, ""});
    }
    pieces.push_back({Piece::Kind::kLiteral, 0, "."});
    pieces.push_back({Piece::Kind::kDigits, 0, ""});
    NamePattern pattern(std::move(pieces));
    std::vector<size_t> members;
    for (size_t i = 0; i < names_.size(); i++) {
      if (names_[i].projected && pattern.matches(names_[i].name)) members.push_back(i);
    }
    if (members.size() >= 2 && episodes_missing(members).empty())
      offer(std::move(pattern), std::move(members));
    else if (!members.empty())
      miss(members, pattern, few_names(members.size(), 2));
  }

  void fan_outs() {
    std::map<size_t, std::vector<size_t>> by_length;
    for (size_t i = 0; i < names_.size(); i++) {
      if (names_[i].fan_out) by_length[names_[i].name.size()].push_back(i);
    }
    for (auto& [length, members] : by_length) {
      NamePattern pattern({{Piece::Kind::kHex, static_cast<uint32_t>(length), ""}});
      if (members.size() < pattern.names_needed())
        miss(members, pattern, few_names(members.size(), pattern.names_needed()));
      else if (const std::string why = episodes_missing(members); !why.empty())
        miss(members, pattern, why);
      else
        offer(std::move(pattern), std::move(members));
    }
  }

  static std::string few_names(size_t seen, size_t needed) {
    return (seen == 1 ? "one such name was" : std::to_string(seen) + " such names were") + " seen, " +
           std::to_string(needed) + " are needed";
  }

  std::string episodes_missing(const std::vector<size_t>& members) const {
    std::set<uint32_t> episodes;
    for (const size_t i : members) episodes.insert(names_[i].episodes.begin(), names_[i].episodes.end());
    return episodes.size() >= kEpisodesNeeded ? "" : "they were seen in one start only, 2 are needed";
  }

  void offer(NamePattern pattern, std::vector<size_t> members, bool one_digit = false) {
    std::string text = pattern.text();
    candidates_.push_back({std::move(pattern), std::move(members), std::move(text), one_digit});
  }
  void miss(std::vector<size_t> members, const NamePattern& pattern, std::string reason) {
    out_.near_misses.push_back({std::move(members), pattern.text(), std::move(reason)});
  }

  // The class that explains most names first; of equal ones the narrower. What it took counts for no other.
  void choose() {
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
      return std::tuple(b.members.size(), a.pattern.log2_names(), a.text) <
             std::tuple(a.members.size(), b.pattern.log2_names(), b.text);
    });
    std::vector<bool> taken(names_.size(), false);
    for (Candidate& candidate : candidates_) {
      std::erase_if(candidate.members, [&](size_t i) { return taken[i]; });
      if (candidate.members.empty()) continue;
      if (candidate.members.size() < enough_names(candidate.pattern, candidate.members)) continue;
      if (!episodes_missing(candidate.members).empty()) continue;
      for (const size_t i : candidate.members) taken[i] = true;
      out_.groups.push_back({std::move(candidate.pattern), std::move(candidate.members), candidate.one_digit});
    }
    for (NearMiss& near : out_.near_misses) std::erase_if(near.members, [&](size_t i) { return taken[i]; });
    std::erase_if(out_.near_misses, [](const NearMiss& near) { return near.members.empty(); });
  }

  const std::vector<NameFacts>& names_;
  const std::vector<std::pair<int64_t, int64_t>>& days_;
  std::vector<size_t> deferred_, decimal_;
  std::set<size_t> second_;  // of deferred_, what is looked at once more
  std::vector<Candidate> candidates_;
  FoldedNames out_;
};

}  // namespace

FoldedNames fold_names(const std::vector<NameFacts>& names, const std::vector<std::pair<int64_t, int64_t>>& days) {
  return Names(names, days).fold();
}

}  // namespace treeline::learn
