'use strict';

const { EventEmitter } = require('node:events');
const addon = require('./addon.js');
const {
  EVENT_OPEN, EVENT_MESSAGE, EVENT_DRAIN, EVENT_CLOSE, EVENT_PONG, TEXT, BINARY, UNCOMPRESSED, CLEAN,
} = require('./constants.js');
const { HawserError, errors, text } = require('./errors.js');
const { addListener, removeListener, property } = require('./event_target.js');
const { runListener, theLoop } = require('./loop.js');
const { Options } = require('./options.js');

const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;

const HIGH_WATER_MARK = 1 << 20;   // bytes queued for the peer from which on send answers false
const UNREAD_LIMIT = 256 << 10;    // bytes that wait for somebody to read them, above which the peer is read no further
const UNREAD_OVERHEAD = 64;        // of a message that waits, so that empty ones are bounded, too

// In place of a URL: a connection that a server has accepted, by id, who wants to be told (`left`) when it has gone.
const ACCEPTED = Symbol('accepted');

/** The options of a connection: those of the library, and those of this layer. */
function splitOptions(options = {}) {
  if (options instanceof Options) return [options, {}];
  const { highWaterMark, signal, ...rest } = options;
  if (rest.parts) throw new HawserError(errors.HWS_ERR_OPTION, 'parts are for the raw layer, see Manager');
  return [Object.keys(rest).length > 0 ? rest : undefined, { highWaterMark, signal }];
}

/**
 * A connection. It is a WebSocket as in browsers (onmessage, addEventListener, readyState ...), an EventEmitter as
 * that of `ws` ('open', 'message' (data, isBinary), 'close' (code, reason), 'error', 'drain', 'pong'), and async iterable.
 *
 * A message that comes while nobody listens waits to be read: by the first listener, or by a loop over the connection.
 * When a quarter of a mebibyte waits the peer is read no further.
 */
class WebSocket extends EventEmitter {
  #id;
  #loop = theLoop();
  #state = CONNECTING;
  #url = '';
  #protocol = '';
  #extensions = '';
  #binaryType = 'nodebuffer';
  #highWaterMark;
  #error = null;
  #left;
  #unread = [];        // [data, isBinary], oldest first
  #unreadSize = 0;
  #readers = [];       // of the iterator, that wait for a message
  #paused = false;     // by the user
  #overfull = false;   // by us, because too much is unread

  /**
   * @param {string} url ws:// or wss://
   * @param {string | string[]} [protocols] subprotocols that are offered
   * @param {object} [options] of docs/options.md, `headers`, and `highWaterMark`
   */
  constructor(url, protocols = [], options = undefined) {
    super();
    if (url === ACCEPTED) {
      this.#id = protocols;
      ({ highWaterMark: this.#highWaterMark = HIGH_WATER_MARK, left: this.#left } = options);
      this.#opened();
    } else {
      this.#connect(String(url), [protocols].flat(), options);
    }
    this.#loop.add(this.#id, this);
  }

  #connect(url, protocols, options) {
    const [given, { highWaterMark = HIGH_WATER_MARK }] = splitOptions(options);
    if (protocols.length > 0 && given instanceof Options) {
      throw new HawserError(errors.HWS_ERR_OPTION, 'with an Options, the subprotocols are to be among them');
    }
    const all = protocols.length > 0 ? { ...given, subprotocols: protocols } : given;
    this.#highWaterMark = highWaterMark;
    this.#url = text(url, 'the URL');
    this.#id = this.#loop.check(addon.connect(this.#loop.native, url, Options.native(all)));
  }

  get url() { return this.#url; }
  get readyState() { return this.#state; }
  get protocol() { return this.#protocol; }
  get extensions() { return this.#extensions; }
  get bufferedAmount() { return Math.max(0, addon.queued(this.#loop.native, this.#id)); }
  get isPaused() { return this.#paused; }

  /** Why the connection failed: a HawserError; null while it is open, and if it ended with a Close of both sides. */
  get error() { return this.#error; }

  /** What binary messages come as: 'nodebuffer' or 'arraybuffer'. */
  get binaryType() { return this.#binaryType; }
  set binaryType(kind) { if (kind === 'nodebuffer' || kind === 'arraybuffer') this.#binaryType = kind; }

  /** Its number in the manager. For the server alone. */
  static idOf(socket) { return socket.#id; }

  /** The events of the manager for this connection. For the loop alone. */
  take(batch) {
    switch (batch.kind) {
      case EVENT_MESSAGE: return this.#message(batch.bytes(), batch.opcode === BINARY);
      case EVENT_OPEN: this.#opened(); this.emit('open'); return;
      case EVENT_DRAIN: if (!this.#loop.awaitsDrain(this)) this.emit('drain'); return;
      case EVENT_PONG: this.emit('pong', batch.bytes()); return;
      case EVENT_CLOSE: this.#closed(batch);
    }
  }

  #opened() {
    this.#state = OPEN;
    this.#protocol = addon.subprotocol(this.#loop.native, this.#id) ?? '';
    this.#extensions = addon.extensions(this.#loop.native, this.#id) ?? '';
  }

  // ---- messages

  #message(bytes, isBinary) {
    const data = isBinary && this.#binaryType === 'arraybuffer' ? new Uint8Array(bytes).buffer : bytes;
    if (this.#unread.length > 0 || !this.emit('message', data, isBinary)) this.#keep(data, isBinary);
  }

  #keep(data, isBinary) {
    const reader = this.#readers.shift();
    if (reader !== undefined) return reader.resolve({ done: false, value: isBinary ? data : data.toString() });
    if (this.#overfull && this.#state !== OPEN) return;  // we are closing: the peer's Close must be read, and these go
    this.#unread.push([data, isBinary]);
    this.#unreadSize += data.byteLength + UNREAD_OVERHEAD;
    if (this.#unreadSize <= UNREAD_LIMIT) return;
    this.#overfull = true;
    if (this.#state === OPEN) this.#hold(true);
  }

  #takeUnread() {
    const message = this.#unread.shift();
    this.#unreadSize -= message[0].byteLength + UNREAD_OVERHEAD;
    if (this.#overfull && this.#unreadSize <= UNREAD_LIMIT / 2) {
      this.#overfull = false;
      this.#hold(this.#paused);
    }
    return message;
  }

  // Stops or goes on reading from the peer. An id that is closed already needs neither.
  #hold(hold) {
    const native = this.#loop.native;
    if (hold) addon.pause(native, this.#id);
    else addon.resume(native, this.#id);
  }

  // Tells what waits, as long as somebody listens.
  #tellUnread() {
    while (this.#unread.length > 0 && this.listenerCount('message') > 0) {
      runListener(() => this.emit('message', ...this.#takeUnread()));
    }
  }

  #listened(name) {
    if (name === 'message' && this.#unread.length > 0) process.nextTick(() => this.#tellUnread());
    return this;
  }

  on(name, listener) { return super.on(name, listener).#listened(name); }
  addListener(name, listener) { return this.on(name, listener); }
  prependListener(name, listener) { return super.prependListener(name, listener).#listened(name); }

  /**
   * Reads message after message, texts as strings, and reads no more from the peer while they wait. The loop ends when
   * the connection does; if it failed, it throws the HawserError. Leaving the loop leaves the connection open, for
   * another one.
   */
  [Symbol.asyncIterator]() {
    return {
      next: () => this.#next(),
      return: async (value) => ({ done: true, value }),
      [Symbol.asyncIterator]() { return this; },
    };
  }

  async #next() {
    if (this.#unread.length > 0) {
      const [data, isBinary] = this.#takeUnread();
      return { done: false, value: isBinary ? data : data.toString() };
    }
    if (this.#state !== CLOSED) return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    if (this.#error !== null) throw this.#error;
    return { done: true, value: undefined };
  }

  /** Reads no more from the peer, until resume. */
  pause() {
    this.#paused = true;
    this.#hold(true);
  }

  resume() {
    this.#paused = false;
    if (!this.#overfull) this.#hold(false);
  }

  // ---- sending

  /**
   * Sends a message: a string as text, else binary, or as `binary` says. It leaves in this turn of the loop.
   *
   * Answers whether more may be sent at once, as a stream's write does: false asks to wait for 'drain', when
   * `highWaterMark` (1 MiB) is queued; the message itself is on its way. Who does not wait is refused at `max_send_queue`
   * (16 MiB): HWS_ERR_WOULD_BLOCK is thrown. Once the connection is closing nothing is sent, and false is answered.
   */
  send(data, options) {
    if (this.#state !== OPEN) return this.#sendLate();
    let opcode = (options?.binary ?? typeof data !== 'string') ? BINARY : TEXT;
    if (options?.compress === false) opcode |= UNCOMPRESSED;
    const queued = addon.send(this.#loop.native, this.#id, opcode, data);
    if (queued < 0) return this.#sendFailed(queued);
    if (queued < this.#highWaterMark) return true;
    this.#loop.awaitDrain(this);
    return false;
  }

  #sendLate() {
    if (this.#state === CONNECTING) throw new HawserError(errors.HWS_ERR_STATE, 'the connection is not open yet');
    return false;
  }

  // The peer may have closed already, though its CLOSE is yet to be told.
  #sendFailed(code) {
    if (code === errors.HWS_ERR_CLOSED || code === errors.HWS_ERR_STALE) return false;
    return this.#loop.check(code);
  }

  /** Fulfilled when more may be sent; rejected when the connection is closed. */
  drained() {
    if (this.#state === OPEN && this.bufferedAmount < this.#highWaterMark) return Promise.resolve();
    if (this.#state >= CLOSING) return Promise.reject(this.#error ?? new HawserError(errors.HWS_ERR_CLOSED));
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.off('drain', settle).off('open', settle).off('close', settle);
        if (this.#state === OPEN) resolve();
        else reject(this.#error ?? new HawserError(errors.HWS_ERR_CLOSED));
      };
      this.on('drain', settle).on('open', settle).on('close', settle);
    });
  }

  /** Whether 'drain' is due. For the loop alone. */
  hasDrained() { return addon.queued(this.#loop.native, this.#id) <= this.#highWaterMark / 4; }

  /** Sends a ping of up to 125 bytes; 'pong' follows. The library pings by itself to keep the connection alive. */
  ping(data = '') {
    if (this.#state !== OPEN) return void this.#sendLate();
    const result = addon.ping(this.#loop.native, this.#id, data);
    if (result < 0) this.#sendFailed(result);
  }

  // ---- the end

  /** Starts the closing handshake. Without a code the Close is empty; `reason`: up to 123 bytes. */
  close(code = 0, reason = undefined) {
    if (this.#state >= CLOSING) return;
    const words = reason === undefined ? reason : text(String(reason), 'the reason');
    const result = addon.close(this.#loop.native, this.#id, code, words);
    if (result < 0) this.#sendFailed(result);
    this.#state = CLOSING;
    this.#hold(false);  // or the peer's Close would not be read
  }

  /** Ends the connection at once. */
  terminate() {
    if (this.#state === CLOSED) return;
    this.#state = CLOSING;
    addon.abort(this.#loop.native, this.#id);
  }

  #closed(batch) {
    const { code, flags, error, system } = batch;
    const reason = batch.string();
    if (error !== 0) {
      this.#error = new HawserError(error, batch.words());
      this.#error.system = system;
    }
    this.#state = CLOSED;
    this.#loop.remove(this.#id);
    this.#tellUnread();
    this.#endReaders();
    try {
      if (error !== 0 && this.listenerCount('error') > 0) this.emit('error', this.#error);
      this.emit('close', code, reason, (flags & CLEAN) !== 0);
    } finally {
      this.#left?.(this);
    }
  }

  #endReaders() {
    for (const { resolve, reject } of this.#readers.splice(0)) {
      if (this.#error !== null) reject(this.#error);
      else resolve({ done: true, value: undefined });
    }
  }

  // ---- as in browsers

  addEventListener(name, listener, options) { addListener(this, name, listener, options); }
  removeEventListener(name, listener) { removeListener(this, name, listener); }
}

for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSING, CLOSED })) {
  for (const place of [WebSocket, WebSocket.prototype]) Object.defineProperty(place, name, { value, enumerable: true });
}
for (const name of ['open', 'message', 'error', 'close']) {
  Object.defineProperty(WebSocket.prototype, `on${name}`, property(name));
}

/**
 * Connects, and answers with the open WebSocket, or with the HawserError that says why there is none.
 *
 * @param {string} url ws:// or wss://
 * @param {object} [options] of docs/options.md, `headers`, `highWaterMark`, and `signal`: an AbortSignal that gives up
 * @returns {Promise<WebSocket>}
 */
async function connect(url, options) {
  const [, { signal }] = splitOptions(options);
  signal?.throwIfAborted();
  const socket = new WebSocket(url, [], options);
  return new Promise((resolve, reject) => {
    const abort = () => socket.terminate();
    const settle = () => {
      socket.off('open', settle).off('close', settle);
      signal?.removeEventListener('abort', abort);
      if (socket.readyState === OPEN) resolve(socket);
      else reject(signal?.aborted ? signal.reason : socket.error);
    };
    signal?.addEventListener('abort', abort);
    socket.on('open', settle).on('close', settle);
  });
}

module.exports = { ACCEPTED, WebSocket, connect, splitOptions };
