// Sec-WebSocket-Extensions (RFC 6455 9.1) and what is agreed on because of it (RFC 7692 7.1), in both roles.
#include "deflate/negotiation.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/reference.hpp"
#include "handshake/extension_list.hpp"

using namespace hawser;

namespace {

// An extension-list again, as plainly as can be.
std::string print(const std::vector<Extension> &extensions) {
  std::string text;
  for (const Extension &extension : extensions) {
    text += (text.empty() ? "" : ", ") + std::string(extension.name);
    for (const ExtensionParameter &parameter : extension.parameters) {
      text += "; " + std::string(parameter.name);
      if (parameter.value) text += "=" + *parameter.value;
    }
  }
  return text;
}

bool same_parameter(const ExtensionParameter &a, const ExtensionParameter &b) {
  return a.name == b.name && a.value == b.value;
}

bool same(const Extension &a, const Extension &b) {
  return a.name == b.name &&
         std::equal(a.parameters.begin(), a.parameters.end(), b.parameters.begin(), b.parameters.end(), same_parameter);
}

// RFC 6455 9.1: names and values are tokens, the values also when their quotes are gone.
void check_tokens(const Extension &extension) {
  HOLDS(fuzz::is_token(extension.name));
  for (const ExtensionParameter &parameter : extension.parameters) {
    HOLDS(fuzz::is_token(parameter.name));
    if (parameter.value) HOLDS(fuzz::is_token(*parameter.value));
  }
}

void check_list(std::string_view value) {
  std::optional<std::vector<Extension>> extensions = parse_extension_list(value);
  HOLDS(is_extension_list(value) == extensions.has_value());
  if (!extensions) return;
  HOLDS(!extensions->empty());
  size_t count = 0;
  for (const Extension &extension : *extensions) {
    check_tokens(extension);
    count += 1 + extension.parameters.size();
  }
  HOLDS(count <= value.size() / 2 + 1);  // a token and what separates it from the next one
  std::string printed = print(*extensions);
  HOLDS(printed.size() <= 2 * value.size());
  std::optional<std::vector<Extension>> again = parse_extension_list(printed);
  HOLDS(again && std::equal(extensions->begin(), extensions->end(), again->begin(), again->end(), same));
}

DeflateOptions options_of(uint8_t bits, uint8_t flags) {
  DeflateOptions options;
  options.mode = static_cast<DeflateMode>(flags % 3);
  options.server_max_window_bits = 8 + (bits & 7);
  options.client_max_window_bits = 8 + (bits >> 4 & 7);
  options.server_no_context_takeover = (flags & 16) != 0;
  options.client_no_context_takeover = (flags & 32) != 0;
  return options;
}

// 7.1: what holds for every agreement, for the one who compresses as server or as client.
void check_agreement(const DeflateAgreement &agreement, const DeflateOptions &options, bool server) {
  HOLDS(options.mode != DeflateMode::OFF);
  HOLDS(agreement.compress_bits >= 8 && agreement.compress_bits <= 15);
  HOLDS(agreement.inflate_bits >= 8 && agreement.inflate_bits <= 15);
  HOLDS(agreement.compress_bits <= (server ? options.server_max_window_bits : options.client_max_window_bits));
  bool alone = server ? options.server_no_context_takeover : options.client_no_context_takeover;
  if (alone || options.mode == DeflateMode::SHARED) HOLDS(!agreement.compress_takeover);
  if (options.mode == DeflateMode::SHARED) HOLDS(!agreement.inflate_takeover);
}

// A server answers with one extension, whose parameters it may name, and which its own parser understands.
void check_server(std::string_view offers, const DeflateOptions &options) {
  std::optional<DeflateAgreement> agreement = agree_to_deflate(offers, options);
  if (!agreement) return;
  check_agreement(*agreement, options, true);
  HOLDS(agreement->inflate_bits <= options.client_max_window_bits);
  if (options.client_no_context_takeover) HOLDS(!agreement->inflate_takeover);
  std::optional<std::vector<Extension>> answer = parse_extension_list(agreement->answer);
  HOLDS(answer && answer->size() == 1 && answer->front().name == "permessage-deflate");
  for (const ExtensionParameter &parameter : answer->front().parameters)
    HOLDS(parameter.value.has_value() == parameter.name.ends_with("_max_window_bits"));
}

void check_client(std::string_view answer, const DeflateOptions &options) {
  Result<DeflateAgreement> agreement = check_deflate_answer(answer, options);
  if (!agreement) {
    HOLDS(agreement.failure().error == Error::HANDSHAKE && *agreement.failure().words != '\0');
    return;
  }
  check_agreement(*agreement, options, false);
}

// Two of ours: what the server agrees to the client takes, and each compresses as the other one inflates.
void check_both(const DeflateOptions &client, const DeflateOptions &server) {
  std::string offer = make_deflate_offer(client);
  HOLDS(offer.empty() == (client.mode == DeflateMode::OFF));
  std::optional<DeflateAgreement> ours = agree_to_deflate(offer, server);
  if (!ours) return;
  Result<DeflateAgreement> theirs = check_deflate_answer(ours->answer, client);
  HOLDS(static_cast<bool>(theirs));
  HOLDS(theirs->compress_bits <= ours->inflate_bits && ours->compress_bits <= theirs->inflate_bits);
  HOLDS(!theirs->compress_takeover || ours->inflate_takeover);
  HOLDS(!ours->compress_takeover || theirs->inflate_takeover);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::Program program(data, size);
  uint8_t bits = program.byte();
  uint8_t flags = program.byte();
  DeflateOptions options = options_of(bits, flags);
  check_both(options, options_of(program.byte(), program.byte()));
  std::string_view value = program.rest();
  check_list(value);
  check_server(value, options);
  check_client(value, options);
  return 0;
}
