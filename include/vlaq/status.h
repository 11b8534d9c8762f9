// Errors as values: Status, and Result<T> for "a T or the reason why not".
//
// Library code returns these and never prints, aborts or lets an exception out. Each error says what is wrong, where
// (file, offset, tensor, node) and, if that helps, what to do. The code decides the exit code of the program.
// Thread-safe as plain values are.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace vlaq {

// Values are the program's exit codes (0 is success): scripts depend on them, do not change.
enum class ErrorCode {
  kInternal = 1,      // a bug in vlaq
  kUsage = 2,         // the command line, or a setting that must be given
  kInput = 3,         // a file that is missing, damaged or not what it claims
  kBackend = 4,       // ONNX Runtime (or another back end) is absent or refused
  kVerification = 5,  // the proof failed
  kUnstable = 6,      // a measurement that cannot be trusted
  kNotProven = 7,     // nothing is wrong, and nothing proves it
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string what;    // what is wrong, one sentence without a full stop
  std::string where;   // file, offset, tensor, node; empty if there is no place
  std::string advice;  // what to do; may be empty

  // "where: what; advice", without the empty parts; one Printable() line (text.h), each part cut where it is endless.
  std::string ToString() const;
};

class [[nodiscard]] Status {
 public:
  Status() = default;                                // success
  Status(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor): return Error{...}

  bool ok() const { return !error_.has_value(); }
  const Error& error() const {
    assert(error_);
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  const Error& error() const { return std::get<1>(state_); }

  // The value; only when ok().
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace vlaq
