// The C API: checks the arguments, calls, translates. Every function that can fail catches what the C++ below may
// throw, which is std::bad_alloc and nothing else.
#include "hawser.h"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <new>
#include <string_view>

#include "arguments.hpp"

using hawser::Error;
using hawser::Result;

// ---------------------------------------------------------------------------------------------------------------------
// The header and the implementation say the same

#define HAWSER_ERROR(enumerator, name, value, text) static_assert(HWS_ERR_##name == (value));
#include "bytes/error.def"
#undef HAWSER_ERROR

static_assert(sizeof(hawser::Event) == sizeof(hws_event));
#define HAWSER_SAME_FIELD(field, offset)                 \
  static_assert(offsetof(hws_event, field) == (offset)); \
  static_assert(offsetof(hawser::Event, field) == (offset));
HAWSER_SAME_FIELD(kind, 0)
HAWSER_SAME_FIELD(opcode, 4)
HAWSER_SAME_FIELD(connection, 8)
HAWSER_SAME_FIELD(listener, 16)
HAWSER_SAME_FIELD(tag, 24)
HAWSER_SAME_FIELD(size, 32)
HAWSER_SAME_FIELD(code, 40)
HAWSER_SAME_FIELD(error, 44)
HAWSER_SAME_FIELD(system, 48)
HAWSER_SAME_FIELD(flags, 52)
HAWSER_SAME_FIELD(data, 56)
#undef HAWSER_SAME_FIELD

namespace {

// A call is under way, until the seat is left. nullptr: it must not go on (Ownership::enter), or not this way
// (enter_as_owner).
class Entry {
 public:
  explicit Entry(hawser::Ownership::Seat *seat) : seat_(seat) {}
  Entry(const Entry &) = delete;
  Entry &operator=(const Entry &) = delete;
  ~Entry() {
    if (seat_ != nullptr) hawser::Ownership::leave(seat_);
  }
  explicit operator bool() const { return seat_ != nullptr; }

 private:
  hawser::Ownership::Seat *seat_;
};

hawser::Ownership &ownership_of(hws_manager &manager) {
  return manager.manager->ownership();
}

// The answer of a call that any thread may make to an argument that is no good.
[[gnu::cold]] hws_result refuse(hws_manager &manager, Error error) {
  Entry entry(ownership_of(manager).enter_as_owner());
  return entry ? manager.fail(error) : code(error);
}

// Runs `call`; that it ran out of memory is remembered like its other failures.
template <typename Answer, typename Call>
Answer run(hws_manager &manager, Call call) try {
  return call(*manager.manager);
} catch (const std::bad_alloc &) {
  return manager.fail(Error::NO_MEMORY);
}

// Runs `call` with the manager for itself, if the `arguments` are found good.
template <typename Answer, typename Call>
Answer with(hws_manager *manager, Error arguments, Call call) try {
  if (manager == nullptr) return HWS_ERR_ARGUMENT;
  Entry entry(ownership_of(*manager).enter());
  if (!entry) return HWS_ERR_BUSY;
  if (arguments != Error::OK) return manager->fail(arguments);
  return run<Answer>(*manager, call);
} catch (const std::bad_alloc &) {
  return HWS_ERR_NO_MEMORY;  // of a seat: last_error is the polling thread's
}

template <typename Answer, typename Call>
Answer with(hws_manager *manager, Call call) {
  return with<Answer>(manager, Error::OK, call);
}

// The same for functions that return a pointer.
template <typename Call>
const char *read(hws_manager *manager, Call call) try {
  if (manager == nullptr) return nullptr;
  Entry entry(ownership_of(*manager).enter());
  return entry ? call(*manager->manager) : nullptr;
} catch (const std::bad_alloc &) {
  return nullptr;
}

// A send that is not plain (Manager::send_plainly).
[[gnu::noinline]] hws_result send_any(hws_manager *manager, hws_id connection, int32_t opcode, const void *data,
                                      size_t size) {
  if (manager == nullptr) return HWS_ERR_ARGUMENT;
  if (Error error = check_message(opcode, data, size); error != Error::OK) return refuse(*manager, error);
  Entry entry(ownership_of(*manager).enter_as_owner());
  if (!entry) return code(manager->manager->other_thread_send(connection, to_opcode(opcode), bytes(data), size));
  return run<hws_result>(*manager, [&](hawser::Manager &own) {
    return manager->answer(own.send(connection, to_opcode(opcode), bytes(data), size));
  });
}

Error check_not_null(const void *argument) {
  return argument != nullptr ? Error::OK : Error::ARGUMENT;
}
const hawser::Options *values_of(const hws_options *options) {
  return options != nullptr ? &options->values : nullptr;
}

}  // namespace

hws_result hws_manager::fail(Error error, const char *words, int32_t system) {
  const char *detail = words != nullptr ? words : hws_error_text(code(error));
  const char *reason = system != 0 ? std::strerror(system) : "";
  std::snprintf(last_error, sizeof last_error, "%s%s%s", detail, system != 0 ? ": " : "", reason);
  return code(error);
}

hws_result hws_manager::fail(const hawser::Failure &failure) {
  std::string detail = manager->take_failure_detail();
  if (detail.empty()) return fail(failure.error, failure.words, failure.system);
  std::snprintf(last_error, sizeof last_error, "%s: %s", failure.words, detail.c_str());
  return code(failure.error);
}

extern "C" {

const char *hws_version(void) {
  return HAWSER_VERSION;
}
const char *hws_error_name(hws_result code) {
  return hawser::error_name(code);
}
const char *hws_error_text(hws_result code) {
  return hawser::error_text(code);
}

// ---------------------------------------------------------------------------------------------------------------------
// Options

hws_options *hws_options_new(void) try { return new hws_options; } catch (const std::bad_alloc &) {
  return nullptr;
}

void hws_options_free(hws_options *options) {
  delete options;
}

hws_result hws_options_set_int(hws_options *options, const char *name, int64_t value) try {
  if (options == nullptr || name == nullptr) return HWS_ERR_ARGUMENT;
  return code(options->values.change().set_number(name, value).error);
} catch (const std::bad_alloc &) {
  return HWS_ERR_NO_MEMORY;
}

hws_result hws_options_set_text(hws_options *options, const char *name, const char *value) try {
  if (options == nullptr || name == nullptr || value == nullptr) return HWS_ERR_ARGUMENT;
  return code(options->values.change().set_text(name, value).error);
} catch (const std::bad_alloc &) {
  return HWS_ERR_NO_MEMORY;
}

hws_result hws_options_add_header(hws_options *options, const char *name, const char *value) try {
  if (options == nullptr || name == nullptr || value == nullptr) return HWS_ERR_ARGUMENT;
  return code(options->values.change().add_header(name, value).error);
} catch (const std::bad_alloc &) {
  return HWS_ERR_NO_MEMORY;
}

hws_result hws_options_add_certificate(hws_options *options, const char *host, const char *chain, const char *key) try {
  if (options == nullptr || host == nullptr || chain == nullptr || key == nullptr) return HWS_ERR_ARGUMENT;
  options->values.change().add_certificate(host, chain, key);
  return HWS_OK;
} catch (const std::bad_alloc &) {
  return HWS_ERR_NO_MEMORY;
}

int32_t hws_option_count(void) {
  return hawser::option_count();
}

const char *hws_option_name(int32_t index) {
  const hawser::OptionInfo *option = hawser::option_info(index);
  return option != nullptr ? option->name : nullptr;
}

int32_t hws_option_kind(int32_t index) {
  const hawser::OptionInfo *option = hawser::option_info(index);
  return option != nullptr ? static_cast<int32_t>(option->kind) : 0;
}

int64_t hws_option_default(int32_t index) {
  return hawser::option_default(index);
}

int64_t hws_option_min(int32_t index) {
  const hawser::OptionInfo *option = hawser::option_info(index);
  return option != nullptr ? option->min : 0;
}

int64_t hws_option_max(int32_t index) {
  const hawser::OptionInfo *option = hawser::option_info(index);
  return option != nullptr ? option->max : 0;
}

const char *hws_option_text(int32_t index) {
  const hawser::OptionInfo *option = hawser::option_info(index);
  return option != nullptr ? option->text : nullptr;
}

// ---------------------------------------------------------------------------------------------------------------------
// The manager

hws_manager *hws_manager_new(const hws_options *options) try {
  auto made = hawser::Manager::make(values_of(options));
  if (!made) return nullptr;
  auto handle = std::make_unique<hws_manager>();
  handle->manager = std::move(*made);
  return handle.release();
} catch (const std::bad_alloc &) {
  return nullptr;
}

void hws_manager_free(hws_manager *manager) {
  delete manager;
}

hws_id hws_manager_listen(hws_manager *manager, const char *url, const hws_options *options) {
  return with<hws_id>(manager, check_not_null(url), [&](hawser::Manager &own) -> hws_id {
    Result<int64_t> id = own.listen(url, values_of(options));
    return id ? *id : manager->fail(id.failure());
  });
}

hws_id hws_manager_connect(hws_manager *manager, const char *url, const hws_options *options) {
  return with<hws_id>(manager, check_not_null(url), [&](hawser::Manager &own) -> hws_id {
    Result<int64_t> id = own.connect(url, values_of(options));
    return id ? *id : manager->fail(id.failure());
  });
}

// Flattened, the poll loop needs fewer instructions for a lone message (bench/run --only instructions ws-64B-1x1). What
// is not on the way of every message is kept out of it by gnu::noinline.
[[gnu::flatten]] hws_result hws_manager_poll(hws_manager *manager, int32_t timeout_ms) try {
  if (manager == nullptr) return HWS_ERR_ARGUMENT;
  Entry entry(ownership_of(*manager).enter_to_poll());
  if (!entry) return HWS_ERR_BUSY;
  if (timeout_ms < -1) return manager->fail(Error::ARGUMENT);
  manager->packed = 0;
  return run<hws_result>(*manager, [&](hawser::Manager &own) {
    int32_t count = own.poll(timeout_ms);
    return count >= 0 ? count : manager->fail(Error(count), "waiting for descriptors failed", errno);
  });
} catch (const std::bad_alloc &) {
  return HWS_ERR_NO_MEMORY;
}

hws_result hws_manager_flush(hws_manager *manager) {
  return with<hws_result>(manager, [](hawser::Manager &own) {
    own.flush();
    return HWS_OK;
  });
}

hws_result hws_manager_wake(hws_manager *manager) {
  if (manager == nullptr) return HWS_ERR_ARGUMENT;
  manager->manager->wake();
  return HWS_OK;
}

int64_t hws_manager_fd(hws_manager *manager) {
  return with<int64_t>(manager, [&](hawser::Manager &own) -> int64_t {
    Result<int64_t> fd = own.outer_fd();
    return fd ? *fd : manager->fail(fd.failure());
  });
}

const char *hws_manager_last_error(const hws_manager *manager) {
  return manager != nullptr ? manager->last_error : "";
}

const hws_event *hws_manager_event(const hws_manager *manager, int32_t index) {
  if (manager == nullptr) return nullptr;
  return reinterpret_cast<const hws_event *>(manager->manager->batch().at(index));
}

const char *hws_manager_event_text(const hws_manager *manager, int32_t index) try {
  return manager != nullptr ? manager->manager->event_text(index) : nullptr;
} catch (const std::bad_alloc &) {
  const hws_event *event = hws_manager_event(manager, index);
  return hws_error_text(event->error);
}

int64_t hws_manager_pack_size(hws_manager *manager) {
  return with<int64_t>(manager, [&](hawser::Manager &own) -> int64_t {
    const hawser::Event *event = own.batch().at(manager->packed);
    if (event == nullptr) return 0;
    size_t size = hawser::event_record_size(*event, own.event_text(manager->packed));
    return size != 0 ? static_cast<int64_t>(size) : manager->fail(Error::UNSUPPORTED);
  });
}

int64_t hws_manager_pack_events(hws_manager *manager, void *buffer, size_t size) {
  return with<int64_t>(manager, check_payload(buffer, size), [&](hawser::Manager &own) -> int64_t {
    size_t written = 0;
    while (const hawser::Event *event = own.batch().at(manager->packed)) {
      const char *words = own.event_text(manager->packed);
      size_t needed = hawser::event_record_size(*event, words);
      bool fits = needed != 0 && needed <= size - written;
      if (!fits && written != 0) break;
      if (!fits && needed != 0) return manager->fail(Error::TOO_SMALL);
      manager->packed++;
      if (!fits) return manager->fail(Error::UNSUPPORTED);
      hawser::write_event_record(static_cast<uint8_t *>(buffer) + written, *event, words);
      written += needed;
    }
    return static_cast<int64_t>(written);
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// Connections

hws_result hws_manager_send(hws_manager *manager, hws_id connection, int32_t opcode, const void *data,
                            size_t size) try {
  bool plain = (opcode == HWS_BINARY || opcode == HWS_TEXT) && data != nullptr;
  if (manager == nullptr || !plain) [[unlikely]]
    return send_any(manager, connection, opcode, data, size);
  {
    Entry entry(ownership_of(*manager).enter_as_owner());
    bool sent = entry && manager->manager->send_plainly(connection, hawser::Opcode(opcode), bytes(data), size);
    if (sent) [[likely]]
      return HWS_OK;
  }
  return send_any(manager, connection, opcode, data, size);
} catch (const std::bad_alloc &) {
  return HWS_ERR_NO_MEMORY;
}

hws_result hws_manager_send_part(hws_manager *manager, hws_id connection, int32_t opcode, const void *data, size_t size,
                                 int32_t final) {
  return with<hws_result>(manager, check_message(opcode, data, size), [&](hawser::Manager &own) {
    return manager->answer(own.send_part(connection, to_opcode(opcode), bytes(data), size, final != 0));
  });
}

hws_result hws_manager_ping(hws_manager *manager, hws_id connection, const void *data, size_t size) {
  return with<hws_result>(manager, check_payload(data, size), [&](hawser::Manager &own) {
    return manager->answer(own.ping(connection, bytes(data), size));
  });
}

hws_result hws_manager_close(hws_manager *manager, hws_id id, int32_t close_code, const char *reason) try {
  if (manager == nullptr) return HWS_ERR_ARGUMENT;
  Entry entry(ownership_of(*manager).enter_as_owner());
  if (!entry) return code(manager->manager->other_thread_close(id, close_code, text(reason)));
  return run<hws_result>(
      *manager, [&](hawser::Manager &own) { return manager->answer(own.close(id, close_code, text(reason))); });
} catch (const std::bad_alloc &) {
  return HWS_ERR_NO_MEMORY;
}

hws_result hws_manager_abort(hws_manager *manager, hws_id id) {
  return with<hws_result>(manager, [&](hawser::Manager &own) { return manager->answer(own.abort(id)); });
}

hws_result hws_manager_pause(hws_manager *manager, hws_id id) {
  return with<hws_result>(manager, [&](hawser::Manager &own) { return manager->answer(own.pause(id)); });
}

hws_result hws_manager_resume(hws_manager *manager, hws_id id) {
  return with<hws_result>(manager, [&](hawser::Manager &own) { return manager->answer(own.resume(id)); });
}

int64_t hws_manager_queued(hws_manager *manager, hws_id connection) {
  return with<int64_t>(manager, [&](hawser::Manager &own) -> int64_t {
    Result<int64_t> size = own.queued(connection);
    return size ? *size : manager->fail(size.failure());
  });
}

hws_result hws_manager_set_tag(hws_manager *manager, hws_id id, int64_t tag) {
  return with<hws_result>(manager, [&](hawser::Manager &own) { return manager->answer(own.set_tag(id, tag)); });
}

int32_t hws_manager_broadcast(hws_manager *manager, hws_id listener, hws_id except, int32_t opcode, const void *data,
                              size_t size) {
  return with<int32_t>(manager, check_message(opcode, data, size), [&](hawser::Manager &own) -> int32_t {
    Result<int32_t> count = own.broadcast(listener, except, to_opcode(opcode), bytes(data), size);
    return count ? *count : manager->fail(count.failure());
  });
}

hws_result hws_manager_accept(hws_manager *manager, hws_id connection, const char *subprotocol,
                              const hws_options *headers) {
  return with<hws_result>(manager, [&](hawser::Manager &own) {
    return manager->answer(own.accept(connection, text(subprotocol), headers_of(headers)));
  });
}

hws_result hws_manager_respond(hws_manager *manager, hws_id connection, int32_t status, const hws_options *headers,
                               const void *body, size_t size) {
  return with<hws_result>(manager, check_payload(body, size), [&](hawser::Manager &own) {
    return manager->answer(own.respond(connection, status, headers_of(headers), bytes(body), size));
  });
}

hws_result hws_manager_reload_tls(hws_manager *manager, hws_id listener, const hws_options *options) {
  return with<hws_result>(manager, [&](hawser::Manager &own) {
    hawser::Failure failure = own.reload_tls(listener, values_of(options));
    return failure ? manager->fail(failure) : HWS_OK;
  });
}

hws_result hws_manager_drain(hws_manager *manager, int32_t deadline_ms) {
  return with<hws_result>(manager, [&](hawser::Manager &own) {
    return manager->answer(deadline_ms >= -1 ? own.drain(deadline_ms) : Error::ARGUMENT);
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// Readers

const char *hws_manager_path(hws_manager *manager, hws_id connection) {
  return read(manager, [&](hawser::Manager &own) {
    const hawser::Opening *handshake = own.handshake(connection);
    return handshake != nullptr ? c_string(handshake->target()) : nullptr;
  });
}

const char *hws_manager_header(hws_manager *manager, hws_id connection, const char *name, int32_t nth) {
  return read(manager, [&](hawser::Manager &own) -> const char * {
    const hawser::Opening *handshake = own.handshake(connection);
    if (handshake == nullptr || name == nullptr || nth < 0) return nullptr;
    return handshake->headers().find(name, nth);
  });
}

const char *hws_manager_header_at(hws_manager *manager, hws_id connection, int32_t index) {
  return read(manager, [&](hawser::Manager &own) {
    const hawser::Opening *handshake = own.handshake(connection);
    return handshake != nullptr ? handshake->headers().line(index) : nullptr;
  });
}

const char *hws_manager_status(hws_manager *manager, hws_id connection) {
  return read(manager, [&](hawser::Manager &own) {
    const hawser::Opening *handshake = own.handshake(connection);
    return handshake != nullptr ? c_string(handshake->status()) : nullptr;
  });
}

const char *hws_manager_subprotocol(hws_manager *manager, hws_id connection) {
  return read(manager, [&](hawser::Manager &own) { return own.subprotocol(connection); });
}

const char *hws_manager_extensions(hws_manager *manager, hws_id connection) {
  return read(manager, [&](hawser::Manager &own) { return own.extensions(connection); });
}

const char *hws_manager_tls(hws_manager *manager, hws_id connection) {
  return read(manager, [&](hawser::Manager &own) { return own.tls(connection); });
}

const char *hws_manager_tls_subject(hws_manager *manager, hws_id connection) {
  return read(manager, [&](hawser::Manager &own) { return own.tls_subject(connection); });
}

const char *hws_manager_peer_address(hws_manager *manager, hws_id connection) {
  return read(manager, [&](hawser::Manager &own) { return own.peer_address(connection); });
}

const char *hws_manager_local_address(hws_manager *manager, hws_id id) {
  return read(manager, [&](hawser::Manager &own) { return own.local_address(id); });
}

int64_t hws_manager_stat(hws_manager *manager, const char *name) {
  return with<int64_t>(manager, check_not_null(name), [&](hawser::Manager &own) -> int64_t {
    Result<int64_t> value = own.stat(name);
    return value ? *value : manager->fail(value.failure());
  });
}

int32_t hws_stat_count(void) {
  return hawser::stat_count();
}
const char *hws_stat_name(int32_t index) {
  return hawser::stat_name(index);
}
const char *hws_stat_text(int32_t index) {
  return hawser::stat_text(index);
}

}  // extern "C"
