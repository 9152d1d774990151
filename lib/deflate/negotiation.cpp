#include "deflate/negotiation.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "handshake/extension_list.hpp"

namespace hawser {

namespace {

constexpr std::string_view kName = "permessage-deflate";
constexpr int kMostBits = 15;

constexpr Failure bad_answer(const char *words) {
  return {Error::HANDSHAKE, 0, words};
}

// The parameters of an offer or an answer (RFC 7692 7.1).
struct Parameters {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  std::optional<int> server_max_window_bits;
  std::optional<int> client_max_window_bits;
  bool client_max_window_bits_alone = false;  // without a value: allowed in an offer
};

// 7.1.2: a decimal from 8 to 15 without leading zeros.
std::optional<int> parse_bits(std::string_view value) {
  bool one = value.size() == 1 && value[0] >= '8' && value[0] <= '9';
  bool two = value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5';
  if (one) return value[0] - '0';
  if (two) return 10 + (value[1] - '0');
  return std::nullopt;
}

bool set_flag(bool &flag, const ExtensionParameter &parameter) {
  return !std::exchange(flag, true) && !parameter.value;
}

bool set_bits(std::optional<int> &bits, const ExtensionParameter &parameter) {
  if (bits || !parameter.value) return false;
  bits = parse_bits(*parameter.value);
  return bits.has_value();
}

bool set_parameter(Parameters &all, const ExtensionParameter &parameter) {
  if (parameter.name == "server_no_context_takeover") return set_flag(all.server_no_context_takeover, parameter);
  if (parameter.name == "client_no_context_takeover") return set_flag(all.client_no_context_takeover, parameter);
  if (parameter.name == "server_max_window_bits") return set_bits(all.server_max_window_bits, parameter);
  if (parameter.name != "client_max_window_bits" || all.client_max_window_bits_alone) return false;
  if (parameter.value || all.client_max_window_bits) return set_bits(all.client_max_window_bits, parameter);
  return all.client_max_window_bits_alone = true;
}

// nullopt: a parameter is unknown, has a wrong value, or is there twice.
std::optional<Parameters> parse_parameters(const Extension &extension) {
  Parameters all;
  for (const ExtensionParameter &parameter : extension.parameters) {
    if (!set_parameter(all, parameter)) return std::nullopt;
  }
  return all;
}

std::string write_parameters(const Parameters &all) {
  std::string text(kName);
  if (all.server_no_context_takeover) text += "; server_no_context_takeover";
  if (all.client_no_context_takeover) text += "; client_no_context_takeover";
  if (all.server_max_window_bits) text += "; server_max_window_bits=" + std::to_string(*all.server_max_window_bits);
  if (all.client_max_window_bits) text += "; client_max_window_bits=" + std::to_string(*all.client_max_window_bits);
  if (all.client_max_window_bits_alone) text += "; client_max_window_bits";
  return text;
}

bool alone(const DeflateOptions &options, bool no_context_takeover) {
  return options.mode == DeflateMode::SHARED || no_context_takeover;
}

// What a client asks for, in order of preference. Who wants the server to spare memory gets less of that from a server
// that cannot, rather than no compression: but not in the mode that promises to hold nothing for a connection.
std::vector<Parameters> make_offers(const DeflateOptions &options) {
  Parameters wish;
  wish.server_no_context_takeover = alone(options, options.server_no_context_takeover);
  wish.client_no_context_takeover = alone(options, options.client_no_context_takeover);
  if (options.server_max_window_bits < kMostBits) wish.server_max_window_bits = options.server_max_window_bits;
  // 7.1.2.2: to name it is to say that the server may limit our window.
  if (options.client_max_window_bits < kMostBits) wish.client_max_window_bits = options.client_max_window_bits;
  wish.client_max_window_bits_alone = !wish.client_max_window_bits;
  std::vector<Parameters> offers{wish};
  bool asks_server = wish.server_no_context_takeover || wish.server_max_window_bits;
  if (asks_server && options.mode != DeflateMode::SHARED) {
    wish.server_no_context_takeover = false;
    wish.server_max_window_bits.reset();
    offers.push_back(wish);
  }
  return offers;
}

// 7.1: does the answer keep to the offer?
bool keeps_to(const Parameters &answer, const Parameters &offer) {
  if (offer.server_no_context_takeover && !answer.server_no_context_takeover) return false;
  if (offer.server_max_window_bits &&
      answer.server_max_window_bits.value_or(kMostBits) > *offer.server_max_window_bits) {
    return false;
  }
  // 7.1.2.2: within what the client said of itself.
  return answer.client_max_window_bits.value_or(8) <= offer.client_max_window_bits.value_or(kMostBits);
}

std::optional<DeflateAgreement> agree_to(const Parameters &offer, const DeflateOptions &options) {
  Parameters answer;
  answer.server_no_context_takeover =
      offer.server_no_context_takeover || alone(options, options.server_no_context_takeover);
  answer.client_no_context_takeover =
      offer.client_no_context_takeover || alone(options, options.client_no_context_takeover);
  int server_bits = std::min(options.server_max_window_bits, offer.server_max_window_bits.value_or(kMostBits));
  if (offer.server_max_window_bits || server_bits < kMostBits) answer.server_max_window_bits = server_bits;
  int client_bits = std::min(options.client_max_window_bits, offer.client_max_window_bits.value_or(kMostBits));
  bool may_limit = offer.client_max_window_bits || offer.client_max_window_bits_alone;
  // 7.1.2.2: a client that does not name it cannot be limited.
  if (client_bits < kMostBits && !may_limit) return std::nullopt;
  if (client_bits < kMostBits) answer.client_max_window_bits = client_bits;
  return DeflateAgreement{server_bits, client_bits, !answer.server_no_context_takeover,
                          !answer.client_no_context_takeover, write_parameters(answer)};
}

DeflateAgreement agreement_of_client(const Parameters &answer, const DeflateOptions &options, std::string_view text) {
  DeflateAgreement agreement;
  agreement.compress_bits = std::min(options.client_max_window_bits, answer.client_max_window_bits.value_or(kMostBits));
  agreement.inflate_bits = answer.server_max_window_bits.value_or(kMostBits);
  // 7.1.1.2: a client may do without its context whether or not the server knows.
  agreement.compress_takeover =
      !answer.client_no_context_takeover && !alone(options, options.client_no_context_takeover);
  agreement.inflate_takeover = !answer.server_no_context_takeover;
  agreement.answer = text;
  return agreement;
}

}  // namespace

std::string make_deflate_offer(const DeflateOptions &options) {
  if (options.mode == DeflateMode::OFF) return "";
  std::string text;
  for (const Parameters &offer : make_offers(options)) {
    if (!text.empty()) text += ", ";
    text += write_parameters(offer);
  }
  return text;
}

std::optional<DeflateAgreement> agree_to_deflate(std::string_view offers, const DeflateOptions &options) {
  if (options.mode == DeflateMode::OFF) return std::nullopt;
  std::optional<std::vector<Extension>> extensions = parse_extension_list(offers);
  if (!extensions) return std::nullopt;
  for (const Extension &extension : *extensions) {
    if (extension.name != kName) continue;
    std::optional<Parameters> offer = parse_parameters(extension);
    if (!offer) continue;
    if (std::optional<DeflateAgreement> agreement = agree_to(*offer, options)) return agreement;
  }
  return std::nullopt;
}

Result<DeflateAgreement> check_deflate_answer(std::string_view answer, const DeflateOptions &options) {
  constexpr Failure kNotOffered = bad_answer("the server chose an extension that was not offered");
  if (options.mode == DeflateMode::OFF) return kNotOffered;
  std::optional<std::vector<Extension>> extensions = parse_extension_list(answer);
  if (!extensions) return bad_answer("the answer's Sec-WebSocket-Extensions is malformed");
  if (extensions->size() > 1 || extensions->front().name != kName) return kNotOffered;
  std::optional<Parameters> parameters = parse_parameters(extensions->front());
  // 7.1.2.2: an answer has a value there.
  if (!parameters || parameters->client_max_window_bits_alone) {
    return bad_answer(
        "the server answered permessage-deflate with a parameter that is unknown, invalid or there twice");
  }
  for (const Parameters &offer : make_offers(options)) {
    if (keeps_to(*parameters, offer)) return agreement_of_client(*parameters, options, answer);
  }
  return bad_answer("the server's permessage-deflate does not keep to what was offered");
}

}  // namespace hawser
