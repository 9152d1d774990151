#include "bytes/error.hpp"

namespace hawser {

const char *error_name(int32_t code) {
  if (code >= 0) return "HWS_OK";
  switch (code) {  // which may be too large for an Error
#define HAWSER_ERROR(enumerator, name, value, text) \
  case (value):                                     \
    return "HWS_ERR_" #name;
#include "bytes/error.def"
#undef HAWSER_ERROR
    default:
      return "HWS_ERR_UNKNOWN";
  }
}

const char *error_text(int32_t code) {
  if (code >= 0) return "Success.";
  switch (code) {  // which may be too large for an Error
#define HAWSER_ERROR(enumerator, name, value, text) \
  case (value):                                     \
    return text;
#include "bytes/error.def"
#undef HAWSER_ERROR
    default:
      return "Unknown error.";
  }
}

}  // namespace hawser
