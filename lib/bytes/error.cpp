#include "bytes/error.hpp"

namespace hawser {

const char *error_name(int32_t code) {
  if (code >= 0) return "HWS_OK";
  switch (static_cast<Error>(code)) {
#define HAWSER_ERROR(enumerator, name, value, text) \
  case Error::enumerator:                           \
    return "HWS_ERR_" #name;
#include "bytes/error.def"
#undef HAWSER_ERROR
    default:
      return "HWS_ERR_UNKNOWN";
  }
}

const char *error_text(int32_t code) {
  if (code >= 0) return "Success.";
  switch (static_cast<Error>(code)) {
#define HAWSER_ERROR(enumerator, name, value, text) \
  case Error::enumerator:                           \
    return text;
#include "bytes/error.def"
#undef HAWSER_ERROR
    default:
      return "Unknown error.";
  }
}

}  // namespace hawser
