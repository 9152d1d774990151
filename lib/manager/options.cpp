#include "manager/options.hpp"

#include <algorithm>
#include <initializer_list>
#include <iterator>

#include <sys/resource.h>

#include "bytes/ascii.hpp"
#include "handshake/header_field.hpp"
#include "handshake/server_handshake.hpp"

namespace hawser {

namespace {

constexpr int64_t kReservedDescriptors = 32;
constexpr int64_t kFromDescriptors = INT64_MIN;  // in place of a default: default_max_connections()

int64_t default_max_connections() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1 << 16;
  return std::max<int64_t>(static_cast<int64_t>(limit.rlim_cur) - kReservedDescriptors, 1);
}

// One of `known`; `words` names them all.
Failure check_one_of(std::string_view value, std::initializer_list<std::string_view> known, const char *words) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return {};
  return {Error::RANGE, 0, words};
}

Failure check_slow_reader(std::string_view value) {
  return check_one_of(value, {"close", "skip"}, "slow_reader is \"close\" or \"skip\"");
}

Failure check_backend(std::string_view value) {
  return check_one_of(value, {"auto", "epoll", "kqueue", "poll"},
                      "backend is \"auto\", \"epoll\", \"kqueue\" or \"poll\"");
}

Failure check_client_auth(std::string_view value) {
  return check_one_of(value, {"none", "optional", "required"},
                      "tls_client_auth is \"none\", \"optional\" or \"required\"");
}

Failure check_tls_version(std::string_view value) {
  return check_one_of(value, {"1.2", "1.3"}, "tls_min_version is \"1.2\" or \"1.3\"");
}

Failure check_deflate(std::string_view value) {
  return check_one_of(value, {"off", "shared", "dedicated"}, "deflate is \"off\", \"shared\" or \"dedicated\"");
}

// RFC 7469 2.4, as curl writes it: "sha256//" and 44 characters of base64, several of them with ";" between.
Failure check_pinned_key(std::string_view value) {
  constexpr std::string_view kPrefix = "sha256//";
  constexpr size_t kBase64Size = 44;
  while (!value.empty()) {
    std::string_view pin = trim(value.substr(0, value.find(';')));
    if (!pin.starts_with(kPrefix) || pin.size() != kPrefix.size() + kBase64Size || pin.back() != '=') {
      return {Error::RANGE, 0, "a pinned key is \"sha256//\" and the base64 of 32 bytes"};
    }
    value.remove_prefix(std::min(value.find(';'), value.size() - 1) + 1);
  }
  return {};
}

// Files are looked at when they are used.
Failure check_any(std::string_view) {
  return {};
}

Failure check_field_value(std::string_view value) {
  if (std::all_of(value.begin(), value.end(), is_field_char)) return {};
  return {Error::RANGE, 0, "a value with a character that may not stand in a header field"};
}

using TextCheck = Failure (*)(std::string_view);

struct OptionRow {
  OptionInfo info;
  TextCheck check;
};

#define HAWSER_FROM_DESCRIPTORS kFromDescriptors
#define HAWSER_INT(name, default_value, min, max, text) \
  {{#name, OptionKind::INT, default_value, nullptr, min, max, text}, nullptr},
#define HAWSER_FLAG(name, default_value, text) {{#name, OptionKind::FLAG, default_value, nullptr, 0, 1, text}, nullptr},
#define HAWSER_TEXT(name, default_value, check, text) {{#name, OptionKind::TEXT, 0, default_value, 0, 0, text}, check},
const OptionRow kOptions[] = {
#include "manager/options.def"
};
#undef HAWSER_INT
#undef HAWSER_FLAG
#undef HAWSER_TEXT
#undef HAWSER_FROM_DESCRIPTORS

int32_t index_of(std::string_view name, bool text) {
  for (int32_t i = 0; i < option_count(); i++) {
    const OptionInfo &info = kOptions[i].info;
    if (info.name == name && (info.kind == OptionKind::TEXT) == text) return i;
  }
  return -1;
}

// Reads the options of a table row after row, in the order of the fields of Settings.
class SettingsReader {
 public:
  SettingsReader(const OptionValues *base, const OptionValues *own) : base_(base), own_(own) {}

  int64_t next_number() {
    size_t i = next_++;
    if (own_ != nullptr && own_->number(i)) return *own_->number(i);
    if (base_ != nullptr && base_->number(i)) return *base_->number(i);
    return option_default(static_cast<int32_t>(i));
  }
  std::string next_text() {
    size_t i = next_++;
    if (own_ != nullptr && own_->text(i)) return *own_->text(i);
    if (base_ != nullptr && base_->text(i)) return *base_->text(i);
    return kOptions[i].info.default_text;
  }

 private:
  const OptionValues *base_;
  const OptionValues *own_;
  size_t next_ = 0;
};

// A key that is not named stands in the file of its certificate.
TlsCertificate certificate_of(std::string_view host, std::string_view chain, std::string_view key) {
  return {std::string(host), std::string(chain), std::string(key.empty() ? chain : key)};
}

TlsConfig make_tls_config(const Settings &settings, std::vector<TlsCertificate> certificates) {
  TlsConfig config;
  config.verify = settings.tls_verify;
  config.ca_file = settings.tls_ca_file;
  config.ca_path = settings.tls_ca_path;
  config.ca = settings.tls_ca;
  if (!settings.tls_certificate.empty()) {
    config.certificates.push_back(certificate_of("", settings.tls_certificate, settings.tls_key));
  }
  std::move(certificates.begin(), certificates.end(), std::back_inserter(config.certificates));
  if (settings.tls_client_auth == "optional") config.client_auth = ClientAuth::OPTIONAL;
  if (settings.tls_client_auth == "required") config.client_auth = ClientAuth::REQUIRED;
  config.tls13_only = settings.tls_min_version == "1.3";
  config.kernel = settings.tls_kernel;
  config.pinned_keys = settings.tls_pinned_key;
  return config;
}

DeflateOptions make_deflate_options(const Settings &settings) {
  DeflateOptions options;
  if (settings.deflate == "shared") options.mode = DeflateMode::SHARED;
  if (settings.deflate == "dedicated") options.mode = DeflateMode::DEDICATED;
  options.level = static_cast<int>(settings.deflate_level);
  options.memory_level = static_cast<int>(settings.deflate_memory_level);
  options.server_max_window_bits = static_cast<int>(settings.deflate_server_max_window_bits);
  options.client_max_window_bits = static_cast<int>(settings.deflate_client_max_window_bits);
  options.server_no_context_takeover = settings.deflate_server_no_context_takeover;
  options.client_no_context_takeover = settings.deflate_client_no_context_takeover;
  options.min_size = settings.deflate_min_size;
  return options;
}

Config make_config(const Settings &settings, const std::string &headers) {
  Config config;
  config.message = {settings.max_message_size, settings.max_fragments};
  config.head = {settings.max_head_size, settings.max_headers};
  config.parts = settings.parts;
  config.pongs = settings.pongs;
  config.requests = settings.requests;
  config.keep_handshake = settings.keep_handshake;
  config.handshake_timeout = settings.handshake_timeout;
  config.close_timeout = settings.close_timeout;
  config.ping_interval = settings.ping_interval;
  config.ping_timeout = settings.ping_timeout;
  config.idle_timeout = settings.idle_timeout;
  config.offer = {settings.origin, settings.subprotocols, headers, ""};
  config.set_deflate(make_deflate_options(settings));
  config.policy = {settings.origins, settings.subprotocols, headers};
  return config;
}

}  // namespace

int32_t option_count() {
  return static_cast<int32_t>(std::size(kOptions));
}

const OptionInfo *option_info(int32_t index) {
  return index >= 0 && index < option_count() ? &kOptions[index].info : nullptr;
}

int64_t option_default(int32_t index) {
  const OptionInfo *info = option_info(index);
  if (info == nullptr) return 0;
  // Asked for each time: programs raise their limit of descriptors after the library was loaded.
  return info->default_number == kFromDescriptors ? default_max_connections() : info->default_number;
}

Failure OptionValues::set_number(std::string_view name, int64_t value) {
  static_assert(std::size(kOptions) <= kMost);
  int32_t index = index_of(name, false);
  if (index < 0) return {Error::OPTION, 0, "no number or flag has this name"};
  const OptionInfo &info = kOptions[index].info;
  // Zero is no limit: it would be taken for "none" by some and for "nothing" by others.
  bool unlimited_by_zero = value == 0 && info.min == -1;
  if (value < info.min || value > info.max || unlimited_by_zero) return {Error::RANGE, 0, "out of the option's range"};
  numbers_[static_cast<size_t>(index)] = value;
  return {};
}

Failure OptionValues::set_text(std::string_view name, std::string_view value) {
  int32_t index = index_of(name, true);
  if (index < 0) return {Error::OPTION, 0, "no text has this name"};
  if (Failure failure = kOptions[index].check(value)) return failure;
  texts_[static_cast<size_t>(index)] = value;
  return {};
}

Failure OptionValues::add_header(std::string_view name, std::string_view value) {
  return append_header_field(headers_, name, value);
}

void OptionValues::add_certificate(std::string_view host, std::string_view chain, std::string_view key) {
  certificates_.push_back(certificate_of(host, chain, key));
}

OptionValues &Options::change() {
  if (values_.use_count() > 1) values_ = std::make_shared<OptionValues>(*values_);
  return *values_;
}

std::shared_ptr<const Settings> make_settings(const OptionValues *base, const OptionValues *own) {
  auto settings = std::make_shared<Settings>();
  SettingsReader reader(base, own);
#define HAWSER_INT(name, default_value, min, max, text) settings->name = reader.next_number();
#define HAWSER_FLAG(name, default_value, text) settings->name = reader.next_number() != 0;
#define HAWSER_TEXT(name, default_value, check, text) settings->name = reader.next_text();
#include "manager/options.def"
#undef HAWSER_INT
#undef HAWSER_FLAG
#undef HAWSER_TEXT
  std::string headers = base != nullptr ? base->headers() : "";
  if (own != nullptr) headers += own->headers();
  static_cast<Config &>(*settings) = make_config(*settings, headers);
  std::vector<TlsCertificate> certificates;
  for (const OptionValues *values : {own, base}) {
    if (values != nullptr)
      std::copy(values->certificates().begin(), values->certificates().end(), std::back_inserter(certificates));
  }
  settings->tls = make_tls_config(*settings, std::move(certificates));
  return settings;
}

}  // namespace hawser
