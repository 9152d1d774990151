// Checks and conversions of the arguments that cross the C API.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "handles.hpp"

// Nothing is larger than PTRDIFF_MAX: a size that is was a negative number.
inline bool is_payload(const void *data, size_t size) {
  return size <= PTRDIFF_MAX && (data != nullptr || size == 0);
}

inline hawser::Error check_payload(const void *data, size_t size) {
  return is_payload(data, size) ? hawser::Error::OK : hawser::Error::ARGUMENT;
}

inline hawser::Error check_message(int32_t opcode, const void *data, size_t size) {
  if (!is_payload(data, size)) return hawser::Error::ARGUMENT;
  int32_t unmarked = opcode & ~HWS_UNCOMPRESSED;
  return unmarked == HWS_TEXT || unmarked == HWS_BINARY ? hawser::Error::OK : hawser::Error::OPCODE;
}

inline hawser::Opcode to_opcode(int32_t opcode) {
  return hawser::Opcode((opcode & ~HWS_UNCOMPRESSED) | (opcode & HWS_UNCOMPRESSED ? hawser::kUncompressedMark : 0));
}

inline const uint8_t *bytes(const void *data) {
  return static_cast<const uint8_t *>(data);
}

// NULL is no text.
inline std::string_view text(const char *string) {
  return string != nullptr ? string : "";
}

// No text is NULL. The view ends with NUL.
inline const char *c_string(std::string_view view) {
  return view.empty() ? nullptr : view.data();
}

// The header lines of an options handle, which may be NULL.
inline std::string_view headers_of(const hws_options *options) {
  return options != nullptr ? std::string_view(options->values.snapshot()->headers()) : std::string_view();
}

inline hws_result code(hawser::Error error) {
  return static_cast<hws_result>(error);
}
