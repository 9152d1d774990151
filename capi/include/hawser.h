/*
 * hawser.h - WebSocket (RFC 6455) client and server in one C API
 *
 * hawser.h is the reference manual of libhawser. It needs C99 or C++.
 *
 * A program makes one manager, tells it to listen or to connect, and polls it for events, as it would call epoll_wait.
 * There are no callbacks:
 *
 *     hws_manager *manager = hws_manager_new(NULL);
 *     hws_id listener = hws_manager_listen(manager, "ws://127.0.0.1:9001/", NULL);
 *     hws_result count;
 *     while ((count = hws_manager_poll(manager, -1)) >= 0) {
 *       for (int32_t i = 0; i < count; i++) {
 *         const hws_event *event = hws_manager_event(manager, i);
 *         if (event->kind == HWS_EVENT_MESSAGE)
 *           hws_manager_send(manager, event->connection, event->opcode, event->data, (size_t)event->size);
 *       }
 *     }
 *
 * THE PROMISES
 *
 * 1. Every id that you were told (returned, or in an OPEN or REQUEST event) gets exactly one CLOSE event, with its tag.
 *    A connect that fails is a CLOSE without an OPEN. An inbound handshake that failed before you were told its id is
 *    only counted (hws_manager_stat). Delivering a CLOSE needs no allocation.
 * 2. A batch of events never changes. You may still see events of an id that you closed earlier in the same batch; its
 *    CLOSE comes in a later one. From the poll that delivers CLOSE, calls that act on the id return HWS_ERR_CLOSED;
 *    readers (path, header, address, queued ...) answer until the next poll; after it all of them return HWS_ERR_STALE
 *    or NULL.
 * 3. CLOSE says who ended the connection and why: in fields for programs, and in words (hws_manager_event_text).
 * 4. A message is accepted whole whenever fewer than "max_send_queue" bytes are queued before it, whatever its own
 *    size; else it is refused whole with HWS_ERR_WOULD_BLOCK, and exactly one DRAIN event follows when the queue is
 *    down to a quarter. Nothing is dropped silently. Pongs and Closes are never refused: a peer whose unread pongs pile
 *    up is read no further until it reads them. With "pause_above" the library stops reading from a connection whose
 *    queue is above it. What would break the protocol is refused where it is said: text that is not UTF-8, a whole
 *    message inside an unfinished one, an opcode other than HWS_TEXT and HWS_BINARY, a close code that may not travel,
 *    a reason of over 123 bytes or not UTF-8, a control payload over 125 bytes, anything before OPEN or after close.
 * 5. Your loop or ours. Ours: call hws_manager_poll. Yours: hws_manager_fd switches the manager to a descriptor that is
 *    level-triggered and readable while anything is left to do (events, bytes to read, unsent output, timers); when it
 *    is readable call hws_manager_poll(manager, 0). Loops that are edge-triggered call that until it returns 0. A poll
 *    that a signal interrupts returns early, with 0.
 * 6. hws_manager_send, hws_manager_close and hws_manager_wake may be called from any thread at any time, and one
 *    caller's sends arrive in its order, whichever threads it used. 0 means accepted: if the connection ends first, its
 *    CLOSE says so. During an unfinished hws_manager_send_part a message of another thread waits behind it. All other
 *    calls may come from any one thread at a time, never during poll. No call may be in progress during
 *    hws_manager_free. Managers share nothing that you can see.
 * 7. No C++ exception crosses this border. Out of memory is HWS_ERR_NO_MEMORY, and the manager stays usable.
 * 8. The library raises no signal (no SIGPIPE either), changes no signal handler and opens every descriptor
 *    close-on-exec (but OpenSSL and c-ares open files of the system for a moment: trust store, resolv.conf). After fork
 *    the child may only free, which writes nothing to the wire.
 * 9. Every limit has a default; -1 is unlimited and has to be asked for; 0 never is.
 *
 * CONVENTIONS
 *
 * Every function takes a stale, foreign or zero id and a NULL handle, and answers with an error code (or NULL, where it
 * returns a pointer). One that has a code to return answers HWS_ERR_BUSY where promise 6 forbids it during poll. A
 * payload is always (const void *data, size_t size); data may be NULL where size is 0. A send copies or writes: your
 * memory is neither kept nor changed. Text arguments are UTF-8 and end with NUL. Only the _new and _free pairs own
 * anything: nothing else that is returned is yours to free. Times are milliseconds, sizes are bytes.
 */
#ifndef HAWSER_H
#define HAWSER_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HWS_API __attribute__((visibility("default")))
#else
#define HWS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------------------------
 * Ids, results, errors
 * ------------------------------------------------------------------------------------------------------------------ */

/** Names a connection or a listener. Positive, at most 53 bits (exact in a double), never used again for another one.
 * 0 names none; a negative value, where a function returns an id, is an error code. */
typedef int64_t hws_id;

/** 0 or a count is success, negative is one of HWS_ERR_*. */
typedef int32_t hws_result;

enum {
  HWS_OK = 0,
  HWS_ERR_NO_MEMORY = -1,    /**< out of memory, or over "memory_budget" */
  HWS_ERR_ARGUMENT = -2,     /**< a NULL handle, a NULL payload with a size, a number out of range */
  HWS_ERR_STALE = -3,        /**< the id names nothing, or nothing any more */
  HWS_ERR_CLOSED = -4,       /**< the connection is closed or closing */
  HWS_ERR_WOULD_BLOCK = -5,  /**< the send queue is full: a DRAIN event follows */
  HWS_ERR_TOO_SMALL = -6,    /**< the next record does not fit into the buffer */
  HWS_ERR_STATE = -7,        /**< not now: before OPEN, inside an unfinished message, not a pending REQUEST */
  HWS_ERR_URL = -8,          /**< not a ws:// or wss:// URL */
  HWS_ERR_OPTION = -9,       /**< no option has this name and kind, or no counter this name */
  HWS_ERR_RANGE = -10,       /**< the value of an option is out of its range or malformed */
  HWS_ERR_HEADER = -11,      /**< a header name that is no token, or a value with a control character */
  HWS_ERR_OPCODE = -12,      /**< an opcode other than HWS_TEXT and HWS_BINARY, or not the unfinished message's */
  HWS_ERR_CLOSE_CODE = -13,  /**< a close code that may not travel (RFC 6455 7.4) */
  HWS_ERR_UTF8 = -14,        /**< text that is not UTF-8 (RFC 6455 8.1) */
  HWS_ERR_TOO_LARGE = -15,   /**< a control payload over 125 bytes, a close reason over 123 */
  HWS_ERR_UNSUPPORTED = -16, /**< this build or this system cannot do it */
  HWS_ERR_BUSY = -17,        /**< another thread is inside poll: see promise 6 */
  HWS_ERR_SYSTEM = -18,      /**< a system call failed; `system`: errno */
  HWS_ERR_RANDOM = -19,      /**< the system's random generator failed */
  HWS_ERR_RESOLVE = -20,     /**< the host name has no address; `system`: 0 */
  HWS_ERR_CONNECT = -21,     /**< no address of the host took the connection; `system`: errno */
  HWS_ERR_LISTEN = -22,      /**< bind or listen failed: hws_manager_last_error says why */
  HWS_ERR_TLS = -23,       /**< TLS failed: the words say why; `system`: OpenSSL's reason code or X509_V_ERR_*, or 0 */
  HWS_ERR_HTTP = -24,      /**< the server refused the upgrade; `system`: the HTTP status */
  HWS_ERR_HANDSHAKE = -25, /**< the peer's opening handshake breaks RFC 6455 section 4; `system`: our answer's status */
  HWS_ERR_PROTOCOL = -26,  /**< the peer broke RFC 6455 section 5 or 7 */
  HWS_ERR_LIMIT = -27,     /**< a limit was exceeded: the words name it; `system`: our answer's status, or 0 */
  HWS_ERR_TIMEOUT = -28,   /**< a deadline passed: the words name it */
  HWS_ERR_EOF = -29,       /**< the peer ended the TCP connection without a Close frame */
  HWS_ERR_IO = -30,        /**< reading or writing failed; `system`: errno (ECONNRESET ...) */
  HWS_ERR_ABORTED = -31,   /**< hws_manager_abort, a close before OPEN, hws_manager_respond (`system`: its status) */
  HWS_ERR_DEFLATE = -32    /**< a compressed message that cannot be inflated (RFC 7692 7.2.2) */
};

/** The version of the library, "0.1.0". A constant string. Any thread. */
HWS_API const char *hws_version(void);

/** The name of a code, "HWS_ERR_UTF8": stable, for bindings and logs. "HWS_OK" for 0 and positive numbers,
 * "HWS_ERR_UNKNOWN" for a number that is no code. A constant string. Any thread. */
HWS_API const char *hws_error_name(hws_result code);

/** One sentence in English about a code. Any number is answered. A constant string. Any thread. */
HWS_API const char *hws_error_text(hws_result code);

/* ---------------------------------------------------------------------------------------------------------------------
 * Events
 * ------------------------------------------------------------------------------------------------------------------ */

/** hws_event.kind. Ignore kinds that you do not know: later versions may add some. */
enum {
  HWS_EVENT_OPEN = 1,    /**< the handshake is done: sends are accepted from here on */
  HWS_EVENT_MESSAGE = 2, /**< a message, or with the option "parts" a part of one */
  HWS_EVENT_DRAIN = 3, /**< the send queue is down to a quarter after HWS_ERR_WOULD_BLOCK; `code`: broadcasts skipped */
  HWS_EVENT_CLOSE = 4, /**< the last event of an id */
  HWS_EVENT_REQUEST = 5, /**< with the option "requests": answer by hws_manager_accept or hws_manager_respond */
  HWS_EVENT_PONG = 6     /**< with the option "pongs": the answer to an hws_manager_ping */
};

/** hws_event.opcode, as on the wire (RFC 6455 5.2). */
enum { HWS_TEXT = 1, HWS_BINARY = 2 };

/** May be or-ed to the opcode of a send: this message is not compressed, whatever was agreed on. For what is compressed
 * already, and for secrets that travel with what an attacker has chosen (RFC 7692 8: the size would tell). */
enum { HWS_UNCOMPRESSED = 256 };

/** hws_event.flags */
enum {
  HWS_FIRST = 1,       /**< MESSAGE: begins a message */
  HWS_FINAL = 2,       /**< MESSAGE: ends a message; a whole one is both */
  HWS_BY_PEER = 4,     /**< CLOSE: the peer ended it, broke the protocol, was silent, or could not be reached */
  HWS_CLEAN = 8,       /**< CLOSE: both Close frames were exchanged (RFC 6455 7.1.4) */
  HWS_COMPRESSED = 16, /**< MESSAGE: came compressed (RFC 7692); data and size are the inflated ones */
  HWS_UPGRADE = 32     /**< REQUEST: a WebSocket handshake, may be accepted; else plain HTTP, only to be responded to */
};

/** Owned by the library, valid until the next poll or free of its manager. Fields are only ever appended. */
typedef struct hws_event {
  int32_t kind;       /**< HWS_EVENT_* */
  int32_t opcode;     /**< MESSAGE: HWS_TEXT or HWS_BINARY */
  int64_t connection; /**< the id; in the CLOSE of a listener: the listener's */
  int64_t listener;   /**< the listener that accepted it; 0 for an outgoing one */
  int64_t tag;        /**< yours: hws_manager_set_tag */
  int64_t size;       /**< bytes at data */
  int32_t code;       /**< CLOSE: the peer's close code; 1005 none given, 1006 no Close frame came. DRAIN: see above */
  int32_t error;      /**< CLOSE: 0 or the HWS_ERR_* that ended it */
  int32_t system;     /**< CLOSE: errno or HTTP status, as error says; else 0 */
  uint32_t flags;     /**< HWS_FIRST ... */
  const void
      *data; /**< payload, or the peer's close reason; any alignment, no NUL at the end; may be NULL when size is 0 */
} hws_event;

/* ---------------------------------------------------------------------------------------------------------------------
 * Options
 *
 * A set of named values for a manager, a listener or a connection. What is not set comes from the manager's options,
 * and what is not set there from the defaults. A use takes a snapshot: the handle may be changed or freed at once. One
 * handle belongs to one thread at a time. All names, with kind, default, range and text: hws_option_count and its
 * neighbours, or docs/reference/options.md.
 * ------------------------------------------------------------------------------------------------------------------ */

typedef struct hws_options hws_options;

/** hws_option_kind */
enum {
  HWS_OPTION_INT = 1,  /**< hws_options_set_int */
  HWS_OPTION_FLAG = 2, /**< hws_options_set_int with 0 or 1 */
  HWS_OPTION_TEXT = 3  /**< hws_options_set_text */
};

/** A handle in which nothing is set yet. The caller owns it. NULL: out of memory. */
HWS_API hws_options *hws_options_new(void);

/** Frees a handle; NULL is fine. Managers, listeners and connections that used it are not touched. */
HWS_API void hws_options_free(hws_options *options);

/** Sets a number or a flag. HWS_ERR_OPTION: no such number; _RANGE: out of range, as 0 is where -1 is in it;
 * _ARGUMENT, _NO_MEMORY. */
HWS_API hws_result hws_options_set_int(hws_options *options, const char *name, int64_t value);

/** Sets a text; value is copied. HWS_ERR_OPTION: no such text; _RANGE: malformed (a subprotocol that is no token);
 * _ARGUMENT, _NO_MEMORY. */
HWS_API hws_result hws_options_set_text(hws_options *options, const char *name, const char *value);

/** Adds a header field to the request of a connect, the 101 of a listener or an accept, the answer of a respond. Fields
 * of the same name are all sent; those of the manager's options come on top, but for a respond. HWS_ERR_HEADER: the
 * name is no token, the value has a CR, LF, NUL or another control character, or the name belongs to the handshake
 * itself or to HTTP's framing (Host, Upgrade, Connection, Sec-WebSocket-*, Content-Length, Transfer-Encoding, Expect
 * ...); _ARGUMENT, _NO_MEMORY. */
HWS_API hws_result hws_options_add_header(hws_options *options, const char *name, const char *value);

/** Adds a certificate to those of a wss:// listener, for clients that ask for `host` (SNI, RFC 6066 3): a name, or
 * "*.example.org" for every name with one more label. "" is for all others, as the options "tls_certificate" and
 * "tls_key" are. chain: the certificate and those that lead to its authority; key: its private key, "" if
 * it is in the same file; each the name of a PEM file or PEM text ("-----BEGIN ..."). They are read when a listener is
 * made, or reloaded, and refused there. HWS_ERR_ARGUMENT: NULL; _NO_MEMORY. */
HWS_API hws_result hws_options_add_certificate(hws_options *options, const char *host, const char *chain,
                                               const char *key);

/** Tell what options there are: they have the indexes 0 to hws_option_count() - 1. Out of range: NULL or 0. Constant
 * strings. Any thread. */
HWS_API int32_t hws_option_count(void);
HWS_API const char *hws_option_name(int32_t index);
HWS_API int32_t hws_option_kind(int32_t index);
HWS_API int64_t hws_option_default(int32_t index); /**< of a text 0: its default is in its hws_option_text */
HWS_API int64_t hws_option_min(int32_t index);
HWS_API int64_t hws_option_max(int32_t index);
HWS_API const char *hws_option_text(int32_t index); /**< what it does, in a sentence or two */

/* ---------------------------------------------------------------------------------------------------------------------
 * The manager: make, listen, connect, poll
 * ------------------------------------------------------------------------------------------------------------------ */

typedef struct hws_manager hws_manager;

/** A manager with these defaults for all its connections (NULL: the library's). NULL: out of memory or descriptors. */
HWS_API hws_manager *hws_manager_new(const hws_options *options);

/** Ends every connection and listener, without events and without Close frames, and frees the manager. NULL is fine. */
HWS_API void hws_manager_free(hws_manager *manager);

/** Listens at a ws:// or wss:// URL whose host is an IPv4 or IPv6 address or "localhost" (127.0.0.1); port 0 takes a
 * free one, which hws_manager_local_address tells. Path and query are not matched: look at hws_manager_path. Returns
 * the listener's id, or HWS_ERR_URL, _LISTEN, _LIMIT (1024 listeners), _TLS (a certificate, key or trust store that is
 * missing or no good: hws_manager_last_error names it), _STATE (hws_manager_drain), _SYSTEM, _NO_MEMORY. */
HWS_API hws_id hws_manager_listen(hws_manager *manager, const char *url, const hws_options *options);

/** Starts to connect to a ws:// or wss:// URL and returns at once; OPEN or CLOSE follows. A wss:// server's certificate
 * is verified ("tls_verify"): if it is no good CLOSE has HWS_ERR_TLS, and its words name the certificate. Connects with
 * one options handle share a trust store and resume each other's TLS sessions. The Origin header is the option
 * "origin". Redirects are not followed. Returns the connection's id, or HWS_ERR_URL, _LIMIT ("max_connections"), _TLS
 * (a trust store, certificate or key that is no good), _STATE (hws_manager_drain), _NO_MEMORY. */
HWS_API hws_id hws_manager_connect(hws_manager *manager, const char *url, const hws_options *options);

/** Ends the previous batch, sends what is queued, and waits up to timeout_ms (-1: for ever, 0: not at all) for events.
 * Returns the number of events now in the batch; 0 when the time is up, on a wake and when a signal came. HWS_ERR_BUSY:
 * another thread is inside poll; _ARGUMENT, _SYSTEM, _NO_MEMORY. */
HWS_API hws_result hws_manager_poll(hws_manager *manager, int32_t timeout_ms);

/** Sends now what the next poll would send, as far as the kernel takes it. */
HWS_API hws_result hws_manager_flush(hws_manager *manager);

/** Makes a poll that waits, or else the next one, return. Any thread, and signal handlers too. */
HWS_API hws_result hws_manager_wake(hws_manager *manager);

/** A descriptor for an outer loop, see promise 5, and the option "outer_flush" for loops that flush before they wait.
 * It stays the manager's: do not close it. HWS_ERR_UNSUPPORTED where the system or the backend ("poll") has none to
 * offer, _SYSTEM when none could be opened, _NO_MEMORY. */
HWS_API int64_t hws_manager_fd(hws_manager *manager);

/** Words about the last call that answered the polling thread with an error code other than HWS_ERR_BUSY: "" if there
 * was none. Valid until the next such call. */
HWS_API const char *hws_manager_last_error(const hws_manager *manager);

/** Event number `index` of the batch; NULL out of range. Valid until the next poll or free. */
HWS_API const hws_event *hws_manager_event(const hws_manager *manager, int32_t index);

/** Words about an event, in English: for CLOSE which layer ended it and why. What the peer said is quoted in them, with
 * control characters as \x1B. Never NULL for an index in range. Valid until the next poll or free. */
HWS_API const char *hws_manager_event_text(const hws_manager *manager, int32_t index);

/** The batch as flat records, for foreign-function interfaces that are slow at structs. Packs whole records into buffer
 * from where the last call stopped. Returns the bytes written, 0 at the end of the batch, HWS_ERR_TOO_SMALL if the next
 * record does not fit, and once HWS_ERR_UNSUPPORTED for one of 4 GiB or more (max_message_size was raised so far),
 * which is left out: hws_manager_event has it. A record is native-endian and a multiple of 8 bytes:
 *
 *     u32 record_size; u16 header_size; u16 kind; i32 opcode; u32 flags; i64 connection, listener, tag, size;
 *     i32 code, error, system, text_size;
 *
 * then `size` bytes of payload, text_size bytes of hws_manager_event_text (CLOSE only; no NUL) and padding. Skip by
 * record_size and find the payload by header_size: later versions may lengthen the header. */
HWS_API int64_t hws_manager_pack_events(hws_manager *manager, void *buffer, size_t size);

/** The bytes that the next record needs, 0 at the end of the batch. HWS_ERR_UNSUPPORTED: it has 4 GiB or more. */
HWS_API int64_t hws_manager_pack_size(hws_manager *manager);

/* ---------------------------------------------------------------------------------------------------------------------
 * Connections
 * ------------------------------------------------------------------------------------------------------------------ */

/** Sends a whole message; opcode is HWS_TEXT or HWS_BINARY, perhaps | HWS_UNCOMPRESSED. It leaves with the next poll or
 * flush, or at once if it is large. Any thread. HWS_ERR_WOULD_BLOCK, _UTF8, _OPCODE, _STATE, _CLOSED, _STALE,
 * _ARGUMENT, _NO_MEMORY; of a client _RANDOM: there is no masking key, and CLOSE follows. */
HWS_API hws_result hws_manager_send(hws_manager *manager, hws_id connection, int32_t opcode, const void *data,
                                    size_t size);

/** Sends a part of a message as one frame (RFC 6455 5.4); the last part has final != 0. Every part of a message names
 * the same opcode. A text may be cut inside a character. Errors as hws_manager_send. */
HWS_API hws_result hws_manager_send_part(hws_manager *manager, hws_id connection, int32_t opcode, const void *data,
                                         size_t size, int32_t final);

/** Sends a ping with up to 125 bytes. Pings that keep a connection alive are the library's own ("ping_interval").
 * HWS_ERR_WOULD_BLOCK, _TOO_LARGE, _STATE, _CLOSED, _STALE, _ARGUMENT, _NO_MEMORY, _RANDOM (see hws_manager_send). */
HWS_API hws_result hws_manager_ping(hws_manager *manager, hws_id connection, const void *data, size_t size);

/** Starts the closing handshake: sends a Close behind what is queued. Messages are still delivered until the peer's
 * Close; CLOSE follows. code 0 sends an empty Close; else 1000-1003, 1007-1014, 3000-4999. reason: up to 123 bytes of
 * UTF-8, or NULL. Before OPEN it gives up the handshake. A listener: stops listening, its CLOSE follows, its
 * connections stay. Any thread. HWS_ERR_CLOSE_CODE (also: a reason without a code), _TOO_LARGE, _UTF8, _CLOSED, _STALE,
 * _NO_MEMORY. */
HWS_API hws_result hws_manager_close(hws_manager *manager, hws_id id, int32_t code, const char *reason);

/** Ends the TCP connection at once, unsent bytes and all. A listener: as hws_manager_close. CLOSE follows.
 * HWS_ERR_CLOSED, _STALE. */
HWS_API hws_result hws_manager_abort(hws_manager *manager, hws_id id);

/** Reads no more from a connection, accepts no more at a listener, until resume. Its keep-alive clock stands still, and
 * the peer's Close is not read either: resume what you close, or close_timeout ends it. HWS_ERR_CLOSED, _STALE. */
HWS_API hws_result hws_manager_pause(hws_manager *manager, hws_id id);
HWS_API hws_result hws_manager_resume(hws_manager *manager, hws_id id);

/** Bytes accepted for sending and not yet given to the kernel. In the batch of its CLOSE: bytes that were never sent.
 * HWS_ERR_STALE, for a listener too. */
HWS_API int64_t hws_manager_queued(hws_manager *manager, hws_id connection);

/** Sets a number of yours that comes with every later event of the id. Accepted connections start with their
 * listener's. HWS_ERR_CLOSED, _STALE. */
HWS_API hws_result hws_manager_set_tag(hws_manager *manager, hws_id id, int64_t tag);

/** Sends a message to every open connection of a listener but `except` (0: none). Returns how many accepted it. One
 * whose queue is full is closed with 1013, or with "slow_reader" = "skip" skipped: its DRAIN follows, with the count.
 * HWS_ERR_UTF8, _OPCODE, _CLOSED, _STALE, _ARGUMENT, _NO_MEMORY. */
HWS_API int32_t hws_manager_broadcast(hws_manager *manager, hws_id listener, hws_id except, int32_t opcode,
                                      const void *data, size_t size);

/** Answers a REQUEST that has HWS_UPGRADE with 101; OPEN follows. subprotocol: one that the client offered, or NULL or
 * "" for none. headers: an options handle whose headers are added, or NULL. HWS_ERR_ARGUMENT: another subprotocol;
 * _STATE: no such REQUEST waits; _CLOSED, _STALE, _NO_MEMORY. */
HWS_API hws_result hws_manager_accept(hws_manager *manager, hws_id connection, const char *subprotocol,
                                      const hws_options *headers);

/** Answers a REQUEST with any HTTP status from 200 to 599 (else HWS_ERR_ARGUMENT) and a body, then ends the connection:
 * CLOSE follows. Errors as hws_manager_accept. */
HWS_API hws_result hws_manager_respond(hws_manager *manager, hws_id connection, int32_t status,
                                       const hws_options *headers, const void *body, size_t size);

/** Takes new certificates for a wss:// listener, from the options (NULL: the manager's): all of tls_* and
 * hws_options_add_certificate, whose files are read anew. They are loaded and checked first. Connections that exist go
 * on with those they have; sessions that the old ones began are not resumed. HWS_ERR_TLS: something is wrong with the
 * new ones, hws_manager_last_error says what, and the old ones stay; _STATE: the listener is a ws:// one; _CLOSED,
 * _STALE, _NO_MEMORY. */
HWS_API hws_result hws_manager_reload_tls(hws_manager *manager, hws_id listener, const hws_options *options);

/** Ends everything in good order. Stops listening; answers handshakes that are in progress, once their request is
 * whole, and REQUESTs that wait, with HTTP status 503; gives up connects that are in progress; and closes the open
 * connections with 1001 (RFC 6455 7.4.1), which sends what is queued first. The Closes are spread over three quarters
 * of deadline_ms, so that the clients do not all come back at once somewhere else; whatever is left at the deadline is
 * cut off (HWS_ERR_TIMEOUT). deadline_ms -1: all are closed at once and none is cut off, but by its own deadlines
 * ("handshake_timeout" ends who never completes a request, and has no id yet). Go on polling: every id gets its CLOSE;
 * when nothing is left, hws_manager_stat(manager, "connections") is 0 and the first poll after that returns 0 without
 * waiting. Until then listen and connect answer HWS_ERR_STATE. The listeners' ids end first, and with them broadcasts.
 * Calling it again sets a new deadline for what is left. HWS_ERR_ARGUMENT. */
HWS_API hws_result hws_manager_drain(hws_manager *manager, int32_t deadline_ms);

/* ---------------------------------------------------------------------------------------------------------------------
 * Readers
 *
 * NULL where there is nothing to tell. Handshake data (path, headers, status) can be read from REQUEST to the end of
 * the batch with OPEN, in the batch of the CLOSE of a connection that never opened, and with the option
 * "keep_handshake" at any time; addresses, subprotocol and extensions as long as the id lives. The strings are the
 * library's, valid until the next poll (address, tls: the next call).
 * ------------------------------------------------------------------------------------------------------------------ */

/** The request target, path and query as they came: "/chat?room=1". For an outgoing connection the one it asked for,
 * once it has. */
HWS_API const char *hws_manager_path(hws_manager *manager, hws_id connection);

/** The value of the peer's header field `name` (any case), its nth occurrence from 0. */
HWS_API const char *hws_manager_header(hws_manager *manager, hws_id connection, const char *name, int32_t nth);

/** The peer's header field number `index` from 0: "Name: value". */
HWS_API const char *hws_manager_header_at(hws_manager *manager, hws_id connection, int32_t index);

/** What the server answered to an outgoing connection: "403 Forbidden". */
HWS_API const char *hws_manager_status(hws_manager *manager, hws_id connection);

/** The subprotocol agreed on; while a REQUEST waits the first of the option "subprotocols" that the client offers,
 * which is yours to pass to hws_manager_accept. NULL if none. */
HWS_API const char *hws_manager_subprotocol(hws_manager *manager, hws_id connection);

/** The extensions agreed on, as in the answer: "permessage-deflate; client_no_context_takeover". NULL if none. */
HWS_API const char *hws_manager_extensions(hws_manager *manager, hws_id connection);

/** TLS version and cipher suite, "TLSv1.3 TLS_AES_256_GCM_SHA384", and the subject of the peer's certificate ("CN=..."
 * as RFC 2253 writes it; a client's is there only if "tls_client_auth" asks for it). From REQUEST or OPEN until the
 * connection is closed; NULL in the batch of its CLOSE, and where there is no TLS or no certificate. Valid until the
 * next call of one of them. */
HWS_API const char *hws_manager_tls(hws_manager *manager, hws_id connection);
HWS_API const char *hws_manager_tls_subject(hws_manager *manager, hws_id connection);

/** The address of the peer, or ours: "192.0.2.1:50000" or "[2001:db8::1]:50000". Local: also of a listener. */
HWS_API const char *hws_manager_peer_address(hws_manager *manager, hws_id connection);
HWS_API const char *hws_manager_local_address(hws_manager *manager, hws_id id);

/** A counter of the manager by its name: docs/reference/counters.md lists them. HWS_ERR_OPTION: there is none of this
 * name; _ARGUMENT. */
HWS_API int64_t hws_manager_stat(hws_manager *manager, const char *name);

/** Tell what counters there are: they have the indexes 0 to hws_stat_count() - 1; the text is what it counts, in a
 * sentence. Out of range: NULL. Constant strings. Any thread. */
HWS_API int32_t hws_stat_count(void);
HWS_API const char *hws_stat_name(int32_t index);
HWS_API const char *hws_stat_text(int32_t index);

/* ---------------------------------------------------------------------------------------------------------------------
 * The session
 *
 * One connection without any I/O, for those who bring their own: another transport than TCP, the TLS of another
 * library, a loop or threads of their own, a test without sockets. Bytes and time go in, events and bytes come out; a
 * session opens nothing, reads no clock and never waits. The manager runs every connection through the same one. The
 * guide, with loops to copy, is docs/guides/bring-your-own-io.md. Whenever something has happened:
 *
 *     1. hws_session_advance_to: tell the time. Whatever follows happens at this time.
 *     2. hws_session_receive with what was read, or hws_session_receive_end; after each hws_session_event until NULL.
 *     3. Say what there is to say: hws_session_send and its neighbours.
 *     4. Write hws_session_output, hws_session_output_sent, and ask hws_session_event again: a DRAIN may be due. If
 *        something was written, or a REQUEST answered, and bytes were left in step 2, begin again there.
 *     5. If hws_session_should_close_transport says so and no output is left, or if writing has failed, end the
 *        transport. Otherwise wait: for bytes, for room to write if there is output, and for hws_session_deadline at
 *        most.
 *
 * A session belongs to one thread at a time; two sessions share nothing that you can see. Of the options it heeds those
 * on messages, compression, the handshake and deadlines, and max_send_queue, memory_budget (its own), max_events (of
 * one hws_session_receive); the others are the manager's. Every function answers a NULL session with HWS_ERR_ARGUMENT
 * or NULL. Out of memory while receiving ends the session: its CLOSE event says so.
 * ------------------------------------------------------------------------------------------------------------------ */

typedef struct hws_session hws_session;

/** The side that a session is. */
enum { HWS_CLIENT = 1, HWS_SERVER = 2 };

/** A client before its handshake (RFC 6455 4.1): its request is in the output at once. The URL may be wss:// as well:
 * the TLS under it is yours. options may be NULL and is yours to free at once. NULL: no such URL, or out of memory or
 * random bytes. Time starts at 0. */
HWS_API hws_session *hws_session_new_client(const char *url, const hws_options *options);

/** A server that waits for a request (RFC 6455 4.2). NULL: out of memory. */
HWS_API hws_session *hws_session_new_server(const hws_options *options);

/** Either side after somebody else did the handshake; role: HWS_CLIENT (masks what it sends) or HWS_SERVER. It is open,
 * without an OPEN event, and without extensions. What somebody has read behind the handshake goes to
 * hws_session_receive. NULL: another role, or out of memory. */
HWS_API hws_session *hws_session_new_open(int32_t role, const hws_options *options);

/** Frees a session at any time, without a Close frame and without an event. NULL is fine. */
HWS_API void hws_session_free(hws_session *session);

/** Takes bytes of the peer, cut anyhow. They are changed in place (unmasked), and events and readers point into them:
 * so they must stay where they are, and nobody else may write to them, until hws_session_event has returned NULL.
 * Returns how many were taken, which may be 0: fewer than size when events have to be taken first, a REQUEST to be
 * answered, or more than 64 KiB of pongs in the output to be sent; or when what was taken ended the session. Give it
 * the rest again after hws_session_event has returned NULL. Once the session is over it takes everything and heeds
 * nothing. HWS_ERR_ARGUMENT. */
HWS_API int64_t hws_session_receive(hws_session *session, void *data, size_t size);

/** The peer has ended its side of the transport, or reading or writing failed. CLOSE follows (HWS_ERR_EOF) if it was
 * not due already. What is in the output stays there: it can be sent if only the peer's side has ended. Do not call
 * hws_session_receive again. */
HWS_API hws_result hws_session_receive_end(hws_session *session);

/** The next event, NULL when none is left; connection, listener and tag are 0. The event is valid until the next call
 * of this function or of hws_session_receive. CLOSE comes exactly once and is the last event. To ask until NULL is what
 * lets the session go on: only then the Close that answers the peer's, or says why the session failed, is written, so
 * that answers to the messages before it go first. Ask after every call that can bring news: receive, receive_end,
 * output_sent (DRAIN), accept (OPEN), respond, close and advance_to (CLOSE), and a call that fails (CLOSE, when a
 * client gets no random bytes for its masks). */
HWS_API const hws_event *hws_session_event(hws_session *session);

/** Words about the event that was taken last: for CLOSE which layer ended it and why, else "". Valid until the next
 * call of this function. NULL when out of memory. */
HWS_API const char *hws_session_event_text(hws_session *session);

/** What is to be sent, and how many bytes of it there are. The pointer is valid until the next call that takes this
 * session, but for output_size. The size is what hws_manager_queued tells of a connection. It drops to 0 when the
 * transport has to go at once (a deadline passed, the application gave up the handshake): what is left is not to be
 * sent then. */
HWS_API const void *hws_session_output(hws_session *session);
HWS_API int64_t hws_session_output_size(hws_session *session);

/** The first `size` bytes of the output were given to the transport. HWS_ERR_ARGUMENT: there are not as many. */
HWS_API hws_result hws_session_output_sent(hws_session *session, size_t size);

/** Say something: as their namesakes of the manager, with the same errors, but HWS_ERR_STATE where accept and respond
 * come too late, and no HWS_ERR_STALE. They only add to the output. Payloads are copied. */
HWS_API hws_result hws_session_send(hws_session *session, int32_t opcode, const void *data, size_t size);
HWS_API hws_result hws_session_send_part(hws_session *session, int32_t opcode, const void *data, size_t size,
                                         int32_t final);
HWS_API hws_result hws_session_ping(hws_session *session, const void *data, size_t size);
HWS_API hws_result hws_session_close(hws_session *session, int32_t code, const char *reason);
HWS_API hws_result hws_session_accept(hws_session *session, const char *subprotocol, const hws_options *headers);
HWS_API hws_result hws_session_respond(hws_session *session, int32_t status, const hws_options *headers,
                                       const void *body, size_t size);

/** You read no more from the transport, until resume: as nothing can be heard, the keep-alive clock stands still.
 * hws_session_receive goes on to take what it is given. */
HWS_API hws_result hws_session_pause(hws_session *session);
HWS_API hws_result hws_session_resume(hws_session *session);

/** Tell about the handshake: as their namesakes of the manager. A server can read the request from REQUEST or OPEN (or
 * the CLOSE of a session that never opened) until hws_session_event returns NULL, but for as long as REQUEST waits for
 * its answer; a client the answer from OPEN until then, and that of a server that refused from CLOSE on; with the
 * option "keep_handshake" at any time. Subprotocol and extensions as long as the session lives. The strings are the
 * session's. */
HWS_API const char *hws_session_path(hws_session *session);
HWS_API const char *hws_session_header(hws_session *session, const char *name, int32_t nth);
HWS_API const char *hws_session_header_at(hws_session *session, int32_t index);
HWS_API const char *hws_session_status(hws_session *session);
HWS_API const char *hws_session_subprotocol(hws_session *session);
HWS_API const char *hws_session_extensions(hws_session *session);

/** The time at which hws_session_advance_to has to be called at the latest, in milliseconds since the session was made;
 * -1: there is no deadline now. Any other call may change it. */
HWS_API int64_t hws_session_deadline(hws_session *session);

/** Tells the time: it is now_ms, in milliseconds since the session was made, by a clock that does not jump
 * (CLOCK_MONOTONIC); an earlier time than before is ignored. Does what is due: writes a ping, starts to close, gives
 * up. May be called at any time. */
HWS_API hws_result hws_session_advance_to(hws_session *session, int64_t now_ms);

/** 1 when the transport is to be closed as soon as the output is sent, else 0 (for NULL, too). A server says so after
 * both Closes, a client only when the server has ended the transport or "close_timeout" has passed (RFC 6455 7.1.1),
 * both of them when they gave up. Close a TCP connection in which unread bytes of the peer may wait by ending your
 * direction first (shutdown with SHUT_WR) and reading to the end, or its reset may overtake your Close;
 * hws_session_deadline bounds that as well. */
HWS_API int32_t hws_session_should_close_transport(hws_session *session);

#ifdef __cplusplus
}
#endif

#endif
