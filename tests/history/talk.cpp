#include "history/talk.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace history {

namespace {

constexpr char kUrl[] = "ws://server.example.com/chat";
constexpr char kDeflate[] = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

}  // namespace

std::unique_ptr<hws_options, conformance::Free> make_options(const Settings &settings) {
  std::unique_ptr<hws_options, conformance::Free> options(hws_options_new());
  for (const Setting &setting : settings) {
    hws_result result = setting.text != nullptr ? hws_options_set_text(options.get(), setting.name, setting.text)
                                                : hws_options_set_int(options.get(), setting.name, setting.number);
    if (result != HWS_OK) std::abort();
  }
  return options;
}

std::string answer_to(const std::string &request, const std::string &lines) {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
         conformance::accept_for(conformance::key_in(request)) + "\r\n" + lines + "\r\n";
}

Talk Talk::open(int32_t role, const Settings &settings) {
  return Talk(role, hws_session_new_open(role, make_options(settings).get()));
}

Talk Talk::begin(int32_t role, const Settings &settings) {
  auto options = make_options(settings);
  return Talk(role,
              role == HWS_CLIENT ? hws_session_new_client(kUrl, options.get()) : hws_session_new_server(options.get()));
}

Talk Talk::deflating(int32_t role, Settings settings) {
  if (std::none_of(settings.begin(), settings.end(),
                   [](const Setting &set) { return set.name == std::string("deflate"); }))
    settings.push_back(option("deflate", "dedicated"));
  Talk talk = begin(role, settings);
  if (role == HWS_CLIENT) {
    talk.feed(answer_to(talk.take_output(), kDeflate));
  } else {
    std::string request = conformance::request().str();
    talk.feed(request.insert(request.size() - 2, kDeflate));
  }
  talk.take_output();
  if (talk.opens != 1) std::abort();
  return talk;
}

bool Talk::feed(std::string_view bytes, size_t piece) {
  std::unique_ptr<uint8_t[]> copy(new uint8_t[std::min(piece, bytes.size())]);
  while (!bytes.empty()) {
    size_t size = std::min(piece, bytes.size());
    std::memcpy(copy.get(), bytes.data(), size);
    size_t used = 0;
    while (used < size) {
      int64_t got = hws_session_receive(session_.get(), copy.get() + used, size - used);
      bool any = take_events();
      if (got <= 0 && !any) return false;
      used += static_cast<size_t>(std::max<int64_t>(got, 0));
    }
    bytes.remove_prefix(size);
  }
  return true;
}

void Talk::end() {
  hws_session_receive_end(session_.get());
  take_events();
}

std::string Talk::take_output() {
  take_events();
  int64_t size = hws_session_output_size(session_.get());
  std::string output;
  if (size > 0) output.assign(static_cast<const char *>(hws_session_output(session_.get())), static_cast<size_t>(size));
  hws_session_output_sent(session_.get(), output.size());
  return output;
}

bool Talk::take_events() {
  constexpr int64_t kLong = 4096;
  bool any = false;
  const hws_event *event;
  for (; (event = hws_session_event(session_.get())) != nullptr; any = true) {
    opens += event->kind == HWS_EVENT_OPEN;
    if (event->kind == HWS_EVENT_MESSAGE) {
      messages++;
      bytes += event->size;
      last.clear();
      if (event->size <= kLong && event->size > 0)
        last.assign(static_cast<const char *>(event->data), static_cast<size_t>(event->size));
    }
    if (event->kind != HWS_EVENT_CLOSE) continue;
    closed = true;
    error = event->error;
    system = event->system;
    code = event->code;
    words = hws_session_event_text(session_.get());
  }
  return any;
}

}  // namespace history
