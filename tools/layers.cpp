#include "layers.hpp"

#include <strings.h>

namespace hawser::tools {

namespace {

void append(std::string &list, const char *name, const char *value) {
  if (value == nullptr) return;
  list += (list.empty() ? "" : ", ") + std::string(name) + value;
}

}  // namespace

void set_layers(OptionSet &options, const LayerSettings &settings, const std::string &url) {
  if ((settings.certificate || settings.authorities) && strncasecmp(url.c_str(), "ws:", 3) == 0)
    options.refuse(url + ": certificates are for wss:// URLs");
  if (settings.certificate) options.set_text("tls_certificate", *settings.certificate);
  if (settings.key) options.set_text("tls_key", *settings.key);
  if (settings.authorities) options.set_text("tls_ca_file", *settings.authorities);
  if (settings.insecure) options.set_int("tls_verify", 0);
  options.set_text("deflate", settings.deflate);
}

std::string describe_layers(hws_manager *manager, hws_id connection) {
  std::string words;
  append(words, "", hws_manager_tls(manager, connection));
  append(words, "peer ", hws_manager_tls_subject(manager, connection));
  append(words, "", hws_manager_extensions(manager, connection));
  return words;
}

}  // namespace hawser::tools
