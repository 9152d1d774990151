// What lies under the messages, TLS and compression: the settings that both subcommands have.
#pragma once

#include <optional>
#include <string>

#include "handles.hpp"

namespace hawser::tools {

struct LayerSettings {
  // Names of PEM files.
  std::optional<std::string> certificate;
  std::optional<std::string> key;  // without it the key is in the certificate's file
  std::optional<std::string> authorities;
  bool insecure = false;
  std::string deflate = "off";
};

// For a connection to, or a listener at, `url`: certificates that it has no use for are refused.
void set_layers(OptionSet &options, const LayerSettings &settings, const std::string &url);

// What a connection that is open has agreed on: "TLSv1.3 TLS_AES_256_GCM_SHA384, peer CN=localhost,
// permessage-deflate"; "" if there is neither TLS nor an extension.
std::string describe_layers(hws_manager *manager, hws_id connection);

}  // namespace hawser::tools
