// The error table (error.def) as an enum, and the values in which errors travel: a Failure, or a Result that is a value
// or a Failure. Nothing in lib/ throws because of what a peer sent.
#pragma once

#include <cstdint>
#include <utility>
#include <variant>

namespace hawser {

enum class Error : int8_t {
  OK = 0,
#define HAWSER_ERROR(enumerator, name, value, text) enumerator = (value),
#include "bytes/error.def"
#undef HAWSER_ERROR
};

// The stable name ("HWS_ERR_UTF8") and the sentence of a code; any number is answered.
const char *error_name(int32_t code);
const char *error_text(int32_t code);

// An error with what is known of its cause. `words` is a constant string: which rule or limit it was.
struct Failure {
  Error error = Error::OK;
  int32_t system = 0;  // errno or HTTP status, as `error` says
  const char *words = "";

  explicit operator bool() const { return error != Error::OK; }
};

template <typename T>
class Result {
 public:
  Result(T value) : content_(std::move(value)) {}
  Result(Failure failure) : content_(failure) {}

  explicit operator bool() const { return std::holds_alternative<T>(content_); }
  T &operator*() { return std::get<T>(content_); }
  const T &operator*() const { return std::get<T>(content_); }
  T *operator->() { return &std::get<T>(content_); }
  const T *operator->() const { return &std::get<T>(content_); }
  const Failure &failure() const { return std::get<Failure>(content_); }

 private:
  std::variant<T, Failure> content_;
};

}  // namespace hawser
