// The C API of the session without I/O: checks the arguments, calls, translates.
#include <new>

#include "arguments.hpp"

using hawser::Error;
using hawser::Role;

namespace {

std::unique_ptr<hws_session> make_session(Role role, const hws_options *options) {
  auto settings = hawser::make_settings(nullptr, options != nullptr ? options->values.snapshot().get() : nullptr);
  hawser::SoloLimits limits{settings->memory_budget, settings->max_send_queue, settings->max_events,
                            settings->write_stall_timeout};
  auto handle = std::make_unique<hws_session>();
  handle->session = std::make_unique<hawser::SoloSession>(role, std::move(settings), limits);
  return handle;
}

template <typename Call>
hws_result with(hws_session *session, Error arguments, Call call) try {
  if (session == nullptr) return HWS_ERR_ARGUMENT;
  return code(arguments != Error::OK ? arguments : call(*session->session));
} catch (const std::bad_alloc &) {
  return HWS_ERR_NO_MEMORY;
}

template <typename Call>
hws_result with(hws_session *session, Call call) {
  return with(session, Error::OK, call);
}

// What the readers answer of the handshake, if it is still there.
template <typename Call>
const char *read(hws_session *session, Call call) {
  const hawser::Opening *handshake = session != nullptr ? session->session->handshake() : nullptr;
  return handshake != nullptr ? call(*handshake) : nullptr;
}

}  // namespace

extern "C" {

hws_session *hws_session_new_client(const char *url, const hws_options *options) try {
  if (url == nullptr) return nullptr;
  hawser::Result<hawser::Url> parsed = hawser::parse_url(url);
  if (!parsed) return nullptr;
  auto handle = make_session(Role::CLIENT, options);
  return handle->session->start(*parsed) ? nullptr : handle.release();
} catch (const std::bad_alloc &) {
  return nullptr;
}

hws_session *hws_session_new_server(const hws_options *options) try {
  return make_session(Role::SERVER, options).release();
} catch (const std::bad_alloc &) {
  return nullptr;
}

hws_session *hws_session_new_open(int32_t role, const hws_options *options) try {
  if (role != HWS_CLIENT && role != HWS_SERVER) return nullptr;
  auto handle = make_session(role == HWS_CLIENT ? Role::CLIENT : Role::SERVER, options);
  handle->session->assume_open();
  return handle.release();
} catch (const std::bad_alloc &) {
  return nullptr;
}

void hws_session_free(hws_session *session) {
  delete session;
}

int64_t hws_session_receive(hws_session *session, void *data, size_t size) try {
  if (session == nullptr || !is_payload(data, size)) return HWS_ERR_ARGUMENT;
  return static_cast<int64_t>(session->session->receive(static_cast<uint8_t *>(data), size));
} catch (const std::bad_alloc &) {
  return HWS_ERR_NO_MEMORY;
}

hws_result hws_session_receive_end(hws_session *session) {
  return with(session, [](hawser::SoloSession &own) {
    own.receive_end();
    return Error::OK;
  });
}

const hws_event *hws_session_event(hws_session *session) try {
  return session != nullptr ? reinterpret_cast<const hws_event *>(session->session->next_event()) : nullptr;
} catch (const std::bad_alloc &) {
  return nullptr;
}

const char *hws_session_event_text(hws_session *session) try {
  return session != nullptr ? session->session->event_text() : nullptr;
} catch (const std::bad_alloc &) {
  return nullptr;
}

const void *hws_session_output(hws_session *session) {
  return session != nullptr ? session->session->output() : nullptr;
}

int64_t hws_session_output_size(hws_session *session) {
  if (session == nullptr) return HWS_ERR_ARGUMENT;
  return static_cast<int64_t>(session->session->output_size());
}

hws_result hws_session_output_sent(hws_session *session, size_t size) {
  return with(session, [&](hawser::SoloSession &own) {
    if (size > own.output_size()) return Error::ARGUMENT;
    own.output_sent(size);
    return Error::OK;
  });
}

hws_result hws_session_send(hws_session *session, int32_t opcode, const void *data, size_t size) {
  return with(session, check_message(opcode, data, size),
              [&](hawser::SoloSession &own) { return own.send(to_opcode(opcode), bytes(data), size); });
}

hws_result hws_session_send_part(hws_session *session, int32_t opcode, const void *data, size_t size, int32_t final) {
  return with(session, check_message(opcode, data, size), [&](hawser::SoloSession &own) {
    return own.send_part(to_opcode(opcode), bytes(data), size, final != 0);
  });
}

hws_result hws_session_ping(hws_session *session, const void *data, size_t size) {
  return with(session, check_payload(data, size),
              [&](hawser::SoloSession &own) { return own.ping(bytes(data), size); });
}

hws_result hws_session_close(hws_session *session, int32_t close_code, const char *reason) {
  return with(session, [&](hawser::SoloSession &own) { return own.close(close_code, text(reason)); });
}

hws_result hws_session_accept(hws_session *session, const char *subprotocol, const hws_options *headers) {
  return with(session, [&](hawser::SoloSession &own) { return own.accept(text(subprotocol), headers_of(headers)); });
}

hws_result hws_session_respond(hws_session *session, int32_t status, const hws_options *headers, const void *body,
                               size_t size) {
  if (!is_payload(body, size) || status < 200 || status > 599) return HWS_ERR_ARGUMENT;
  return with(session,
              [&](hawser::SoloSession &own) { return own.respond(status, headers_of(headers), bytes(body), size); });
}

hws_result hws_session_pause(hws_session *session) {
  return with(session, [](hawser::SoloSession &own) {
    own.set_reading(false);
    return Error::OK;
  });
}

hws_result hws_session_resume(hws_session *session) {
  return with(session, [](hawser::SoloSession &own) {
    own.set_reading(true);
    return Error::OK;
  });
}

const char *hws_session_path(hws_session *session) {
  return read(session, [](const hawser::Opening &handshake) { return c_string(handshake.target()); });
}

const char *hws_session_header(hws_session *session, const char *name, int32_t nth) {
  if (name == nullptr || nth < 0) return nullptr;
  return read(session, [&](const hawser::Opening &handshake) { return handshake.headers().find(name, nth); });
}

const char *hws_session_header_at(hws_session *session, int32_t index) {
  return read(session, [&](const hawser::Opening &handshake) { return handshake.headers().line(index); });
}

const char *hws_session_status(hws_session *session) {
  return read(session, [](const hawser::Opening &handshake) { return c_string(handshake.status()); });
}

const char *hws_session_extensions(hws_session *session) {
  return session != nullptr ? session->session->extensions() : nullptr;
}

const char *hws_session_subprotocol(hws_session *session) {
  return session != nullptr ? session->session->subprotocol() : nullptr;
}

int64_t hws_session_deadline(hws_session *session) {
  if (session == nullptr) return HWS_ERR_ARGUMENT;
  return session->session->deadline();
}

hws_result hws_session_advance_to(hws_session *session, int64_t now_ms) {
  return with(session, [&](hawser::SoloSession &own) {
    own.advance_to(now_ms);
    return Error::OK;
  });
}

int32_t hws_session_should_close_transport(hws_session *session) {
  return session != nullptr && session->session->should_close_transport() ? 1 : 0;
}

}  // extern "C"
