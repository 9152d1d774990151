// Options by name (options.def), and the settings that come of them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bytes/error.hpp"
#include "bytes/held.hpp"
#include "net/tls_context.hpp"
#include "session/config.hpp"

namespace hawser {

enum class OptionKind : int32_t { INT = 1, FLAG = 2, TEXT = 3 };

struct OptionInfo {
  const char *name;
  OptionKind kind;
  int64_t default_number;
  const char *default_text;
  int64_t min;
  int64_t max;
  const char *text;
};

int32_t option_count();
// nullptr out of range.
const OptionInfo *option_info(int32_t index);
// The default of a number or flag, which may depend on the limits of the process; 0 for a text and out of range.
int64_t option_default(int32_t index);

// The values that somebody set. A snapshot of them is shared and does not change any more.
class OptionValues {
 public:
  Failure set_number(std::string_view name, int64_t value);
  Failure set_text(std::string_view name, std::string_view value);
  Failure add_header(std::string_view name, std::string_view value);
  const std::string &headers() const { return headers_; }
  // For clients that ask for `host` (SNI); "" is for all others.
  void add_certificate(std::string_view host, std::string_view chain, std::string_view key);
  const std::vector<TlsCertificate> &certificates() const { return certificates_; }

  // By index in the table.
  std::optional<int64_t> number(size_t index) const { return numbers_[index]; }
  const std::optional<std::string> &text(size_t index) const { return texts_[index]; }

 private:
  static constexpr size_t kMost = 64;

  std::array<std::optional<int64_t>, kMost> numbers_;
  std::array<std::optional<std::string>, kMost> texts_;
  std::string headers_;
  std::vector<TlsCertificate> certificates_;
};

// The handle behind hws_options: copies its values only when they are changed after a use.
class Options {
 public:
  Options() : values_(std::make_shared<OptionValues>()) {}
  OptionValues &change();
  const std::shared_ptr<OptionValues> &snapshot() const { return values_; }

 private:
  std::shared_ptr<OptionValues> values_;
};

// All options with their final values, and, as a Config, what they are to a session: some have the same name there.
// Shared by the connections that were made with the same snapshot.
struct Settings : Config, Held<Settings> {
  TlsConfig tls;
  // Made by the first wss:// connect, so that all later ones share its trust store and resume its sessions.
  mutable std::shared_ptr<TlsContext> client_tls;
#define HAWSER_INT(name, default_value, min, max, text) int64_t name = 0;
#define HAWSER_FLAG(name, default_value, text) bool name = false;
#define HAWSER_TEXT(name, default_value, check, text) std::string name;
#include "manager/options.def"
#undef HAWSER_INT
#undef HAWSER_FLAG
#undef HAWSER_TEXT
};

// `own` over `base` over the defaults; either may be null.
std::shared_ptr<const Settings> make_settings(const OptionValues *base, const OptionValues *own);

}  // namespace hawser
