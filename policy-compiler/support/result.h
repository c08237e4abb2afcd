// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: the outcome of an operation that can fail. The method names are std::expected's (which clang 14 cannot see
// with libstdc++ 12); replace it by that one day.
//
//   Result<Image> r = load(path);
//   if (!r) return r.error();            // passes the Error on
//   use(*r);
//
// Three channels, never mixed: Result (the operation failed), Diagnostics (the user's profile is wrong), assert (our
// bug).
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace treeline {

// What went wrong, for a person: what was tried, on what, and the remedy where there is one. `code` is an errno value
// or 0.
struct Error {
  std::string message;
  int code = 0;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    assert(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}
  bool has_value() const { return !failed_; }
  explicit operator bool() const { return has_value(); }
  const Error& error() const {
    assert(failed_);
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

}  // namespace treeline
