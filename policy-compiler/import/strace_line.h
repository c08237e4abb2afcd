// SPDX-License-Identifier: Apache-2.0
//
// A line of strace(1), as printed with any of -f, -ff, -o, -t, -tt, -ttt, -r, -T, -y, -yy.
//
//   1234  12:00:01.5 openat(AT_FDCWD</srv>, "a", O_RDONLY) = 3</srv/a> <0.000010>
//   [pid  1234] connect(3, {sa_family=AF_INET, sin_port=htons(80), ...}, 16) = -1 EINPROGRESS (...)
//   1234  read(3,  <unfinished ...>        1234  <... read resumed>"x", 1) = 1
//   1235  execve("/a", ["a"], 0x1 <pid changed to 1234 ...>     1234  +++ superseded by execve in pid 1235 +++
//
// What a line says is taken as it stands: an argument that strace cut ("abc"...) says that it was cut.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace treeline::import_ {

constexpr size_t kMaxLine = 1u << 20;
constexpr size_t kMaxArguments = 64;

struct Line {
  // kNothing: known, and no call: blank, a signal, what strace says of itself. kOther: not to be read.
  enum class Kind : uint8_t { kOther, kNothing, kCall, kUnfinished, kResumed, kExited, kSuperseded, kAttached };
  Kind kind = Kind::kOther;
  uint32_t pid = 0;       // 0: none printed
  uint32_t attached = 0;  // a process that strace says it follows from here, in a line of its own or within one
  // Where a thread executes, which takes the number of its process. kUnfinished: that number, 0 where none is said;
  // kSuperseded: the thread's number.
  uint32_t other = 0;
  std::string_view name;  // of the call
  // kCall, kUnfinished, kResumed: what stands behind the '(' (or behind "resumed>"), to the end of the line or before
  // "<unfinished" and "<pid changed"
  std::string_view rest;
};

Line read_line(std::string_view text);

// Calls that put another program into the process's place.
inline bool executes(std::string_view call) { return call == "execve" || call == "execveat"; }

struct Call {
  std::vector<std::string_view> arguments;
  bool complete = false;  // the ')' and a result are there
  bool endless = false;   // the result is '?': the process ended within the call, or strace stopped following it
  std::optional<int64_t> result;
  std::string_view error;                  // "ENOENT", or ""
  std::optional<std::string> result_path;  // -y: the name behind the result
};

// `rest` of a whole call.
Call read_call(std::string_view rest);

// A quoted argument. nullopt: none, or cut.
struct Quoted {
  std::string bytes;
  bool cut = false;
};
std::optional<Quoted> quoted(std::string_view argument);

// "3</etc/passwd>", "AT_FDCWD</srv>": the descriptor (-100 for AT_FDCWD) and what -y says of it.
struct Descriptor {
  int64_t number = -1;
  std::optional<std::string> path;
};
std::optional<Descriptor> descriptor(std::string_view argument);

// Does the flag stand somewhere in the argument?
inline bool has(std::string_view argument, std::string_view flag) { return argument.find(flag) != std::string_view::npos; }

// The value of `key=` within a structure, up to ',' or '}' outside parentheses and quotes; "" where there is none.
std::string_view field(std::string_view structure, std::string_view key);

}  // namespace treeline::import_
