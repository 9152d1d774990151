// Peers that stop in the middle of something, wherever it may be, and in every way in which one can stop.
#include "bench/load/wire.hpp"
#include "client_hello.hpp"
#include "kinds.hpp"

namespace soak {

namespace {

using Action = Step::Action;

// Where they stop -----------------------------------------------------------------------------------------------------

std::string cut(Composer &composer, const std::string &bytes) {
  return bytes.substr(0, composer.random.between(0, bytes.size() - 1));
}

// Over ws:// there is no such thing: that one stops in the request line.
void stop_in_tls_handshake(Composer &composer, Script &script) {
  const std::string line = composer.request().substr(0, 16);
  script.opens = false;
  script.without_tls = true;
  script.steps.push_back({Action::SEND, cut(composer, composer.is_secure() ? make_client_hello() : line)});
}

// The TLS handshake is done, and the opening handshake never will be.
void stop_in_request(Composer &composer, Script &script) {
  script.opens = false;
  script.steps.push_back({Action::SEND, cut(composer, composer.request())});
}

// In a header, in a payload, between the fragments of a message; or between two messages.
void stop_in_message(Composer &composer, Script &script) {
  constexpr size_t kLargest = 100'000;
  add_good_conduct(composer, script);
  const Step messages = composer.send_messages(2, kLargest);
  script.steps.push_back({Action::TOLERATE});  // the first of them may be whole
  script.steps.push_back({Action::SEND, cut(composer, messages.bytes)});
}

// Over ws:// in the Close frame.
void stop_in_tls_record(Composer &composer, Script &script) {
  // RFC 8446 5.2: application data, TLS 1.2 by name, 4 KiB.
  const std::string record = std::string("\x17\x03\x03\x10\x00", 5) + composer.random_bytes(4096);
  add_good_conduct(composer, script);
  if (composer.is_secure()) {
    script.steps.push_back({Action::SEND_BELOW, cut(composer, record)});
  } else {
    script.steps.push_back({Action::SEND, cut(composer, composer.send_close(1000).bytes)});
  }
}

// It closes, and never reads the answer.
void stop_in_close(Composer &composer, Script &script) {
  add_good_conduct(composer, script);
  script.steps.push_back({Action::STOP_READING});
  script.steps.push_back(composer.send_close(1000));
}

// How they stop -------------------------------------------------------------------------------------------------------

// The server may lose its patience earlier.
void hang(Composer &composer, Script &script) {
  script.steps.push_back({.action = Action::AWAIT_END, .patience = composer.longest_pause()});
  script.steps.push_back({Action::RESET});
}

void reset(Composer &, Script &script) {
  script.steps.push_back({Action::RESET});
}

void half_close(Composer &, Script &script) {
  script.steps.push_back({Action::END_OUTPUT});
  script.steps.push_back({Action::AWAIT_END});
}

void close(Composer &, Script &script) {
  script.steps.push_back({Action::CLOSE});
}

using Part = void (*)(Composer &composer, Script &script);

template <Part kWhere, Part kHow>
void stop(Composer &composer, Script &script) {
  kWhere(composer, script);
  kHow(composer, script);
}

constexpr Kind kBroken[] = {
    {"TLS handshake, hangs", stop<stop_in_tls_handshake, hang>},
    {"TLS handshake, resets", stop<stop_in_tls_handshake, reset>},
    {"TLS handshake, half closes", stop<stop_in_tls_handshake, half_close>},
    {"TLS handshake, closes", stop<stop_in_tls_handshake, close>},
    {"request, hangs", stop<stop_in_request, hang>},
    {"request, resets", stop<stop_in_request, reset>},
    {"request, half closes", stop<stop_in_request, half_close>},
    {"request, closes", stop<stop_in_request, close>},
    {"message, hangs", stop<stop_in_message, hang>},
    {"message, resets", stop<stop_in_message, reset>},
    {"message, half closes", stop<stop_in_message, half_close>},
    {"message, closes", stop<stop_in_message, close>},
    {"TLS record, hangs", stop<stop_in_tls_record, hang>},
    {"TLS record, resets", stop<stop_in_tls_record, reset>},
    {"TLS record, half closes", stop<stop_in_tls_record, half_close>},
    {"TLS record, closes", stop<stop_in_tls_record, close>},
    {"closing handshake, hangs", stop<stop_in_close, hang>},
    {"closing handshake, resets", stop<stop_in_close, reset>},
    {"closing handshake, closes", stop<stop_in_close, close>},
};

}  // namespace

Kinds broken_kinds() {
  return {kBroken, std::size(kBroken)};
}

}  // namespace soak
