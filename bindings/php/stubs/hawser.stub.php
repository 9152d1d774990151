<?php

/**
 * The extension hawser, for IDEs and static analysis: it is never loaded. The manual is hawser.h, whose words these are.
 *
 * Arguments are of the very type that is declared, with strict_types or without. They are given by position: their names
 * here are not known to PHP.
 */

namespace Hawser;

const OK = 0;
/** out of memory, or over "memory_budget" */
const ERR_NO_MEMORY = -1;
/** a null handle, a null payload with a size, a number out of range */
const ERR_ARGUMENT = -2;
/** the id names nothing, or nothing any more */
const ERR_STALE = -3;
/** the connection is closed or closing */
const ERR_CLOSED = -4;
/** the send queue is full: a DRAIN event follows */
const ERR_WOULD_BLOCK = -5;
/** the next record does not fit into the buffer */
const ERR_TOO_SMALL = -6;
/** not now: before OPEN, inside an unfinished message, not a pending REQUEST */
const ERR_STATE = -7;
/** not a ws:// or wss:// URL */
const ERR_URL = -8;
/** no option has this name and kind, or no counter this name */
const ERR_OPTION = -9;
/** the value of an option is out of its range or malformed */
const ERR_RANGE = -10;
/** a header name that is no token, or a value with a control character */
const ERR_HEADER = -11;
/** an opcode other than TEXT and BINARY, or not the unfinished message's */
const ERR_OPCODE = -12;
/** a close code that may not travel (RFC 6455 7.4) */
const ERR_CLOSE_CODE = -13;
/** text that is not UTF-8 (RFC 6455 8.1) */
const ERR_UTF8 = -14;
/** a control payload over 125 bytes, a close reason over 123 */
const ERR_TOO_LARGE = -15;
/** this build or this system cannot do it */
const ERR_UNSUPPORTED = -16;
/** another thread is inside poll: see promise 6 */
const ERR_BUSY = -17;
/** a system call failed; `system`: errno */
const ERR_SYSTEM = -18;
/** the system's random generator failed */
const ERR_RANDOM = -19;
/** the host name has no address; `system`: 0 */
const ERR_RESOLVE = -20;
/** no address of the host took the connection; `system`: errno */
const ERR_CONNECT = -21;
/** bind or listen failed: the words say why */
const ERR_LISTEN = -22;
/** TLS failed: the words say why; `system`: OpenSSL's reason code or X509_V_ERR_*, or 0 */
const ERR_TLS = -23;
/** the server refused the upgrade; `system`: the HTTP status */
const ERR_HTTP = -24;
/** the peer's opening handshake breaks RFC 6455 section 4; `system`: our answer's status */
const ERR_HANDSHAKE = -25;
/** the peer broke RFC 6455 section 5 or 7 */
const ERR_PROTOCOL = -26;
/** a limit was exceeded: the words name it; `system`: our answer's status, or 0 */
const ERR_LIMIT = -27;
/** a deadline passed: the words name it */
const ERR_TIMEOUT = -28;
/** the peer ended the TCP connection without a Close frame */
const ERR_EOF = -29;
/** reading or writing failed; `system`: errno (ECONNRESET ...) */
const ERR_IO = -30;
/** abort(), a close before OPEN, respond() (`system`: its status) */
const ERR_ABORTED = -31;
/** a compressed message that cannot be inflated (RFC 7692 7.2.2) */
const ERR_DEFLATE = -32;

/** the handshake is done: sends are accepted from here on */
const EVENT_OPEN = 1;
/** a message, or with the option "parts" a part of one */
const EVENT_MESSAGE = 2;
/** the send queue is down to a quarter after ERR_WOULD_BLOCK; `code`: broadcasts skipped */
const EVENT_DRAIN = 3;
/** the last event of an id */
const EVENT_CLOSE = 4;
/** with the option "requests": answer by accept() or respond() */
const EVENT_REQUEST = 5;
/** with the option "pongs": the answer to a ping() */
const EVENT_PONG = 6;

/** Event::$opcode, as on the wire (RFC 6455 5.2). */
const TEXT = 1;
/** Event::$opcode, as on the wire (RFC 6455 5.2). */
const BINARY = 2;

/**
 * May be or-ed to the opcode of a send: this message is not compressed, whatever was agreed on. For what is
 * compressed already, and for secrets that travel with what an attacker has chosen (RFC 7692 8: the size would
 * tell).
 */
const UNCOMPRESSED = 256;

/** MESSAGE: begins a message */
const FIRST = 1;
/** MESSAGE: ends a message; a whole one is both */
define('Hawser\FINAL', 2); // a keyword: Hawser\FINAL with its namespace can be named, FINAL alone cannot
/** CLOSE: the peer ended it, broke the protocol, was silent, or could not be reached */
const BY_PEER = 4;
/** CLOSE: both Close frames were exchanged (RFC 6455 7.1.4) */
const CLEAN = 8;
/** MESSAGE: came compressed (RFC 7692); data and size are the inflated ones */
const COMPRESSED = 16;
/** REQUEST: a WebSocket handshake, may be accepted; else plain HTTP, only to be responded to */
const UPGRADE = 32;

/** setInt() */
const OPTION_INT = 1;
/** setInt() with 0 or 1 */
const OPTION_FLAG = 2;
/** setText() */
const OPTION_TEXT = 3;

/** The version of the library, "0.1.0". */
function version(): string
{
}

/**
 * The name of a code, "HWS_ERR_UTF8": stable, for bindings and logs. "HWS_OK" for 0 and positive numbers,
 * "HWS_ERR_UNKNOWN" for a number that is no code.
 */
function error_name(int $code): string
{
}

/** One sentence in English about a code. Any number is answered. */
function error_text(int $code): string
{
}

/** Discovery: options have the indexes 0 to option_count() - 1. Out of range: null or 0. */
function option_count(): int
{
}

/** Discovery: options have the indexes 0 to option_count() - 1. Out of range: null or 0. */
function option_name(int $index): ?string
{
}

/** Discovery: options have the indexes 0 to option_count() - 1. Out of range: null or 0. */
function option_kind(int $index): int
{
}

/** a text's default is in its option_text() */
function option_default(int $index): int
{
}

/** Discovery: options have the indexes 0 to option_count() - 1. Out of range: null or 0. */
function option_min(int $index): int
{
}

/** Discovery: options have the indexes 0 to option_count() - 1. Out of range: null or 0. */
function option_max(int $index): int
{
}

/** what it does, in a sentence or two */
function option_text(int $index): ?string
{
}

/**
 * Discovery: counters have the indexes 0 to stat_count() - 1; the text is what it counts, in a sentence. Out of
 * range: null.
 */
function stat_count(): int
{
}

/**
 * Discovery: counters have the indexes 0 to stat_count() - 1; the text is what it counts, in a sentence. Out of
 * range: null.
 */
function stat_name(int $index): ?string
{
}

/**
 * Discovery: counters have the indexes 0 to stat_count() - 1; the text is what it counts, in a sentence. Out of
 * range: null.
 */
function stat_text(int $index): ?string
{
}

/**
 * A set of named values for a manager, a listener, a connection or an answer: see docs/reference/options.md.
 *
 * @no-named-arguments
 */
class Options
{
    public function __construct()
    {
    }

    /** Sets a number or a flag. ERR_OPTION: no such number; ERR_RANGE: out of range, as 0 is where -1 is in it. */
    public function setInt(string $name, int $value): void
    {
    }

    /**
     * Sets a text; value is copied. ERR_OPTION: no such text; ERR_RANGE: malformed (a subprotocol that is no
     * token).
     */
    public function setText(string $name, string $value): void
    {
    }

    /**
     * Adds a header field to the request of a connect, the 101 of a listener or an accept, the answer of a
     * respond. Fields of the same name are all sent; those of the manager's options come on top, but for a
     * respond. ERR_HEADER: the name is no token, the value has a CR, LF, NUL or another control character, or
     * the name belongs to the handshake itself or to HTTP's framing (Host, Upgrade, Connection, Sec-
     * WebSocket-*, Content-Length, Transfer-Encoding, Expect ...).
     */
    public function addHeader(string $name, string $value): void
    {
    }

    /**
     * Adds a certificate to those of a wss:// listener, for clients that ask for `host` (SNI, RFC 6066 3): a
     * name, or "*.example.org" for every name with one more label. "" is for all others, as the options
     * "tls_certificate" and "tls_key" are. chain: the certificate and those that lead to its authority; key:
     * its private key, "" if it is in the same file; each the name of a PEM file or PEM text ("-----BEGIN
     * ..."). They are read when a listener is made, or reloaded, and refused there. ERR_ARGUMENT: null;
     * ERR_NO_MEMORY.
     */
    public function addCertificate(string $host, string $chain, string $key): void
    {
    }
}

/**
 * Connections and listeners, and the events of all of them. It is freed with the last reference to it.
 *
 * @no-named-arguments
 */
class Manager
{
    /** A manager with these defaults for all its connections. */
    public function __construct(?Options $options = null)
    {
    }

    /** Ends every connection and listener, without events and without Close frames. From then on calls fail: ERR_ARGUMENT. */
    public function free(): void
    {
    }

    /**
     * Sends what is queued, and waits up to so many milliseconds (-1: for ever, 0: not at all) for events. The list is yours:
     * empty when the time is up, on a wake and when a signal came. ERR_SYSTEM, ERR_NO_MEMORY.
     *
     * @return Event[]
     */
    public function poll(int $timeoutMs): array
    {
    }

    /**
     * Listens at a ws:// or wss:// URL whose host is an IPv4 or IPv6 address or "localhost" (127.0.0.1); port 0
     * takes a free one, which localAddress() tells. Path and query are not matched: look at path. Returns the
     * listener's id, or ERR_URL, ERR_LISTEN, ERR_LIMIT (1024 listeners), ERR_TLS (a certificate, key or trust
     * store that is missing or no good: the words name it), ERR_STATE (drain), ERR_SYSTEM, ERR_NO_MEMORY.
     */
    public function listen(string $url, ?Options $options = null): int
    {
    }

    /**
     * Starts to connect to a ws:// or wss:// URL and returns at once; OPEN or CLOSE follows. A wss:// server's
     * certificate is verified ("tls_verify"): if it is no good CLOSE has ERR_TLS, and its words name the
     * certificate. Connects with one options handle share a trust store and resume each other's TLS sessions.
     * The Origin header is the option "origin". Redirects are not followed. Returns the connection's id, or
     * ERR_URL, ERR_LIMIT ("max_connections"), ERR_TLS (a trust store, certificate or key that is no good),
     * ERR_STATE (drain), ERR_NO_MEMORY.
     */
    public function connect(string $url, ?Options $options = null): int
    {
    }

    /** Sends now what the next poll would send, as far as the kernel takes it. */
    public function flush(): void
    {
    }

    /** Makes a poll that waits, or else the next one, return. Signal handlers may call it. */
    public function wake(): void
    {
    }

    /**
     * A descriptor for an outer loop, see promise 5, and the option "outer_flush" for loops that flush before
     * they wait. It stays the manager's: do not close it. ERR_UNSUPPORTED where the system or the backend
     * ("poll") has none to offer, ERR_SYSTEM when none could be opened, ERR_NO_MEMORY.
     */
    public function fd(): int
    {
    }

    /**
     * Sends a whole message; opcode is TEXT or BINARY, perhaps | UNCOMPRESSED. It leaves with the next poll or
     * flush, or at once if it is large. ERR_WOULD_BLOCK, ERR_UTF8, ERR_OPCODE, ERR_STATE, ERR_CLOSED,
     * ERR_STALE, ERR_ARGUMENT, ERR_NO_MEMORY; of a client ERR_RANDOM: there is no masking key, and CLOSE
     * follows.
     */
    public function send(int $connection, int $opcode, string $data): void
    {
    }

    /**
     * Sends a part of a message as one frame (RFC 6455 5.4); the last part has final != 0. Every part of a
     * message names the same opcode. A text may be cut inside a character. Errors as send.
     */
    public function sendPart(int $connection, int $opcode, string $data, bool $final): void
    {
    }

    /**
     * Sends a ping with up to 125 bytes. Pings that keep a connection alive are the library's own
     * ("ping_interval"). ERR_WOULD_BLOCK, ERR_TOO_LARGE, ERR_STATE, ERR_CLOSED, ERR_STALE, ERR_ARGUMENT,
     * ERR_NO_MEMORY, ERR_RANDOM (see send).
     */
    public function ping(int $connection, string $data): void
    {
    }

    /**
     * Starts the closing handshake: sends a Close behind what is queued. Messages are still delivered until the
     * peer's Close; CLOSE follows. code 0 sends an empty Close; else 1000-1003, 1007-1014, 3000-4999. reason:
     * up to 123 bytes of UTF-8, or null. Before OPEN it gives up the handshake. A listener: stops listening,
     * its CLOSE follows, its connections stay. ERR_CLOSE_CODE (also: a reason without a code), ERR_TOO_LARGE,
     * ERR_UTF8, ERR_CLOSED, ERR_STALE, ERR_NO_MEMORY.
     */
    public function close(int $id, int $code, ?string $reason = null): void
    {
    }

    /**
     * Ends the TCP connection at once, unsent bytes and all. A listener: as close. CLOSE follows. ERR_CLOSED,
     * ERR_STALE.
     */
    public function abort(int $id): void
    {
    }

    /**
     * Reads no more from a connection, accepts no more at a listener, until resume. Its keep-alive clock stands
     * still, and the peer's Close is not read either: resume what you close, or close_timeout ends it.
     * ERR_CLOSED, ERR_STALE.
     */
    public function pause(int $id): void
    {
    }

    /**
     * Reads no more from a connection, accepts no more at a listener, until resume. Its keep-alive clock stands
     * still, and the peer's Close is not read either: resume what you close, or close_timeout ends it.
     * ERR_CLOSED, ERR_STALE.
     */
    public function resume(int $id): void
    {
    }

    /**
     * Bytes accepted for sending and not yet given to the kernel. In the batch of its CLOSE: bytes that were
     * never sent. ERR_STALE, for a listener too.
     */
    public function queued(int $connection): int
    {
    }

    /**
     * A number of yours that comes with every later event of the id. Accepted connections start with their
     * listener's. ERR_CLOSED, ERR_STALE.
     */
    public function setTag(int $id, int $tag): void
    {
    }

    /**
     * Sends a message to every open connection of a listener but `except` (0: none). Returns how many accepted
     * it. One whose queue is full is closed with 1013, or with "slow_reader" = "skip" skipped: its DRAIN
     * follows, with the count. ERR_UTF8, ERR_OPCODE, ERR_CLOSED, ERR_STALE, ERR_ARGUMENT, ERR_NO_MEMORY.
     */
    public function broadcast(int $listener, int $except, int $opcode, string $data): int
    {
    }

    /**
     * Answers a REQUEST that has UPGRADE with 101; OPEN follows. subprotocol: one that the client offered, or
     * null or "" for none (ERR_ARGUMENT otherwise). headers: an options handle whose headers are added, or
     * null. ERR_STATE if no such REQUEST waits; ERR_CLOSED, ERR_STALE, ERR_NO_MEMORY.
     */
    public function accept(int $connection, ?string $subprotocol = null, ?Options $headers = null): void
    {
    }

    /**
     * Answers a REQUEST with any HTTP status from 200 to 599 (else ERR_ARGUMENT) and a body, then ends the
     * connection: CLOSE follows. Errors as accept.
     */
    public function respond(int $connection, int $status, ?Options $headers, string $body): void
    {
    }

    /**
     * Takes new certificates for a wss:// listener, from the options (null: the manager's): all of tls_* and
     * Options::addCertificate(), whose files are read anew. They are loaded and checked first: if something is
     * wrong with them, ERR_TLS, the words say what, and the old ones stay. Connections that exist go on with
     * those they have; sessions that the old ones began are not resumed. ERR_STATE: the listener is a ws://
     * one; ERR_CLOSED, ERR_STALE, ERR_NO_MEMORY.
     */
    public function reloadTls(int $listener, ?Options $options = null): void
    {
    }

    /**
     * Ends everything in good order. Stops listening; answers handshakes that are in progress, and REQUESTs
     * that wait, with HTTP status 503; gives up connects that are in progress; and closes the open connections
     * with 1001 (RFC 6455 7.4.1), which sends what is queued first. The Closes are spread over three quarters
     * of deadline_ms, so that the clients do not all come back at once somewhere else; whatever is left at the
     * deadline is cut off (ERR_TIMEOUT). deadline_ms -1: all are closed at once and none is cut off, but by its
     * own deadlines. Go on polling: every id gets its CLOSE; the first poll after the last CLOSE returns 0
     * without waiting, and stat(manager, "connections") is 0. Until then listen and connect answer ERR_STATE.
     * The listeners' ids end first, and with them broadcasts. Calling it again sets a new deadline for what is
     * left. ERR_ARGUMENT.
     */
    public function drain(int $deadlineMs): void
    {
    }

    /**
     * The request target, path and query as they came: "/chat?room=1". For an outgoing connection the one it
     * asked for, once it has.
     */
    public function path(int $connection): ?string
    {
    }

    /** The value of the peer's header field `name` (any case), its nth occurrence from 0. */
    public function header(int $connection, string $name, int $nth = 0): ?string
    {
    }

    /** The peer's header field number `index` from 0, as "Name: value". */
    public function headerAt(int $connection, int $index): ?string
    {
    }

    /** What the server answered to an outgoing connection: "403 Forbidden". */
    public function status(int $connection): ?string
    {
    }

    /**
     * The subprotocol agreed on; while a REQUEST waits the first of the option "subprotocols" that the client
     * offers, which is yours to pass to accept. null if none.
     */
    public function subprotocol(int $connection): ?string
    {
    }

    /** The extensions agreed on, as in the answer: "permessage-deflate; client_no_context_takeover". null if none. */
    public function extensions(int $connection): ?string
    {
    }

    /**
     * TLS version and cipher suite, "TLSv1.3 TLS_AES_256_GCM_SHA384", and the subject of the peer's
     * certificate ("CN=..." as RFC 2253 writes it; a client's is there only if "tls_client_auth" asks for it).
     * From REQUEST or OPEN until the connection is closed; null in the batch of its CLOSE, and where there is
     * no TLS or no certificate. Valid until the next call of one of them.
     */
    public function tls(int $connection): ?string
    {
    }

    /**
     * TLS version and cipher suite, "TLSv1.3 TLS_AES_256_GCM_SHA384", and the subject of the peer's
     * certificate ("CN=..." as RFC 2253 writes it; a client's is there only if "tls_client_auth" asks for it).
     * From REQUEST or OPEN until the connection is closed; null in the batch of its CLOSE, and where there is
     * no TLS or no certificate. Valid until the next call of one of them.
     */
    public function tlsSubject(int $connection): ?string
    {
    }

    /** "192.0.2.1:50000" or "[2001:db8::1]:50000". Local: also of a listener. */
    public function peerAddress(int $connection): ?string
    {
    }

    /** "192.0.2.1:50000" or "[2001:db8::1]:50000". Local: also of a listener. */
    public function localAddress(int $id): ?string
    {
    }

    /**
     * A counter of the manager by its name: docs/reference/counters.md lists them. ERR_OPTION: there is none of this
     * name; ERR_ARGUMENT.
     */
    public function stat(string $name): int
    {
    }
}

/** What happened to a connection or a listener. */
final class Event
{
    /** EVENT_OPEN, EVENT_MESSAGE ...; kinds that you do not know are to be ignored */
    public readonly int $kind;
    /** MESSAGE: TEXT or BINARY */
    public readonly int $opcode;
    /** the id; in the CLOSE of a listener: the listener's */
    public readonly int $connection;
    /** the listener that accepted it; 0 for an outgoing one */
    public readonly int $listener;
    /** yours: Manager::setTag() */
    public readonly int $tag;
    /** CLOSE: the peer's close code; 1005 none given, 1006 no Close frame came. DRAIN: broadcasts skipped */
    public readonly int $code;
    /** CLOSE: 0 or the ERR_* that ended it */
    public readonly int $error;
    /** CLOSE: errno or HTTP status, as error says; else 0 */
    public readonly int $system;
    /** FIRST, FINAL, BY_PEER, CLEAN, COMPRESSED, UPGRADE */
    public readonly int $flags;
    /** the payload, or the peer's close reason */
    public readonly string $data;
    /** CLOSE: which layer ended it and why, in English; else null */
    public readonly ?string $text;
}

/** A call failed. getCode(): the number, one of ERR_*, negative. getMessage(): why, in English. */
class HawserException extends \RuntimeException
{
    /** "HWS_ERR_STALE" and so on: stable. */
    final public function getName(): string
    {
    }
}
