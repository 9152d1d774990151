'use strict';

const { EventEmitter } = require('node:events');
const addon = require('./addon.js');
const {
  EVENT_OPEN, EVENT_MESSAGE, EVENT_DRAIN, EVENT_CLOSE, EVENT_PONG, TEXT, BINARY, UNCOMPRESSED, CLEAN,
} = require('./constants.js');
const { HawserError, errors, text } = require('./errors.js');
const { addListener, removeListener, property } = require('./event_target.js');
const { refuseParts, runListener, theLoop } = require('./loop.js');
const { Options } = require('./options.js');

const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;

const HIGH_WATER_MARK = 1 << 20;   // bytes queued for the peer from which on send answers false
const UNREAD_LIMIT = 256 << 10;    // bytes that wait for somebody to read them, above which the peer is read no further
const UNREAD_OVERHEAD = 64;        // of a message that waits, so that empty ones are bounded, too

// In place of a URL: a connection that a server has accepted, by id, who wants to be told (`left`) when it has gone.
const ACCEPTED = Symbol('accepted');

/** The options of a connection: those of the library, if there are any, and `highWaterMark`. */
function splitOptions(options) {
  if (options === undefined || options === null) return [undefined, HIGH_WATER_MARK];
  if (typeof options !== 'object') throw new TypeError('options must be an Options or an object');
  refuseParts(options);
  if (options instanceof Options) return [options, HIGH_WATER_MARK];
  const { highWaterMark = HIGH_WATER_MARK, ...rest } = options;
  if (!(highWaterMark > 0)) throw new TypeError('highWaterMark must be a positive number');
  return [Object.keys(rest).length > 0 ? rest : undefined, highWaterMark];
}

const isOptions = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

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
  #readers = [];       // of the iterators, that wait for a message
  #drainers = [];      // promises that more may be sent
  #paused = false;     // by the user
  #overfull = false;   // by us, because too much is unread
  #dropping = false;   // because too much is unread, and we are closing
  #refused = false;    // the last send: 'drain' or 'close' is due
  #late = null;        // the error of those who come when it has ended well

  /**
   * @param {string} url ws:// or wss://
   * @param {string | string[]} [protocols] subprotocols that are offered; may be left out before options
   * @param {object} [options] of docs/reference/options.md, `headers`, and `highWaterMark`
   */
  constructor(url, protocols = [], options = undefined) {
    super();
    if (url === ACCEPTED) {
      this.#id = protocols;
      ({ highWaterMark: this.#highWaterMark, left: this.#left } = options);
      this.#opened();
    } else if (isOptions(protocols)) {
      this.#connect(String(url), [], protocols);
    } else {
      this.#connect(String(url), [protocols ?? []].flat(), options);
    }
    this.#loop.add(this.#id, this);
  }

  #connect(url, protocols, options) {
    const [given, highWaterMark] = splitOptions(options);
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
  static idOf(socket) {
    if (!(socket instanceof WebSocket)) throw new TypeError('a WebSocket is wanted');
    return socket.#id;
  }

  /** Whether it is what the end of the connection made a loop or `drained` fail with. For the server alone. */
  static isEnd(socket, error) { return error !== null && (error === socket.#error || error === socket.#late); }

  /** The events of the manager for this connection. For the loop alone. */
  take(batch) {
    switch (batch.kind) {
      case EVENT_MESSAGE: return this.#message(batch.bytes(), batch.opcode === BINARY);
      case EVENT_OPEN: return this.#open();
      case EVENT_DRAIN: return this.#mayDrain();
      case EVENT_PONG: this.emit('pong', batch.bytes()); return;
      case EVENT_CLOSE: this.#closed(batch);
    }
  }

  // We may be closing already: a listener that was told another event of this batch can have said so.
  #open() {
    if (this.#state !== CONNECTING) return;
    this.#opened();
    if (this.#paused) this.#hold(true);
    this.#settleDrainers();
    this.emit('open');
  }

  #opened() {
    this.#state = OPEN;
    this.#protocol = addon.subprotocol(this.#loop.native, this.#id) ?? '';
    this.#extensions = addon.extensions(this.#loop.native, this.#id) ?? '';
  }

  // ---- messages

  #message(bytes, isBinary) {
    if (this.#dropping) return;
    const data = isBinary && this.#binaryType === 'arraybuffer' ? new Uint8Array(bytes).buffer : bytes;
    if (this.#unread.length > 0 || !this.emit('message', data, isBinary)) this.#keep(data, isBinary);
  }

  #keep(data, isBinary) {
    const reader = this.#readers.shift();
    if (reader !== undefined) return reader.resolve({ done: false, value: isBinary ? data : data.toString() });
    if (this.#overfull && this.#state !== OPEN) return void (this.#dropping = true);  // the peer's Close must be read
    this.#unread.push([data, isBinary]);
    this.#unreadSize += data.byteLength + UNREAD_OVERHEAD;
    if (this.#unreadSize <= UNREAD_LIMIT) return;
    this.#overfull = true;
    this.#hold(true);
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

  // Stops or goes on reading from the peer. It is read to open and to close; an id that is closed needs neither.
  #hold(hold) {
    const native = this.#loop.native;
    if (!hold) addon.resume(native, this.#id);
    else if (this.#state === OPEN) addon.pause(native, this.#id);
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
    let left = false;
    const iterator = {
      next: () => (left ? Promise.resolve({ done: true, value: undefined }) : this.#next(iterator)),
      return: async (value) => {
        left = true;
        this.#leave(iterator);
        return { done: true, value };
      },
      [Symbol.asyncIterator]() { return this; },
    };
    return iterator;
  }

  // Who has left gets no message that others wait for.
  #leave(iterator) {
    for (const { by, resolve } of this.#readers) if (by === iterator) resolve({ done: true, value: undefined });
    this.#readers = this.#readers.filter(({ by }) => by !== iterator);
  }

  async #next(by) {
    if (this.#unread.length > 0) {
      const [data, isBinary] = this.#takeUnread();
      return { done: false, value: isBinary ? data : data.toString() };
    }
    if (this.#state !== CLOSED) return new Promise((resolve, reject) => this.#readers.push({ by, resolve, reject }));
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
    if (typeof options === 'function') throw new TypeError('send has no callback: it answers whether more may be sent');
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
    if (code === errors.HWS_ERR_CLOSED || code === errors.HWS_ERR_STALE || code === errors.HWS_ERR_WOULD_BLOCK) {
      this.#refused = true;
      if (code !== errors.HWS_ERR_WOULD_BLOCK) return false;
    }
    return this.#loop.check(code);
  }

  /** Fulfilled when more may be sent; rejected when the connection is closed. */
  drained() {
    if (this.#state >= CLOSING) return Promise.reject(this.#end());
    if (this.#state === OPEN) {
      if (!this.#refused && this.bufferedAmount < this.#highWaterMark) return Promise.resolve();
      this.#loop.awaitDrain(this);  // what fills the queue may have been a broadcast
    }
    return new Promise((resolve, reject) => this.#drainers.push({ resolve, reject }));
  }

  #settleDrainers() {
    for (const { resolve, reject } of this.#drainers.splice(0)) {
      if (this.#state === OPEN) resolve();
      else reject(this.#end());
    }
  }

  #end() { return this.#error ?? (this.#late ??= new HawserError(errors.HWS_ERR_CLOSED)); }

  // The queue was full, and is down to a quarter: where a lower mark is awaited, the loop tells.
  #mayDrain() {
    this.#refused = false;
    if (!this.#loop.awaitsDrain(this)) this.tellDrain();
  }

  /** For the loop alone. */
  tellDrain() {
    this.#settleDrainers();
    this.emit('drain');
  }

  /** Whether 'drain' is due. For the loop alone. */
  hasDrained() { return !this.#refused && addon.queued(this.#loop.native, this.#id) <= this.#highWaterMark / 4; }

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
    this.#settleDrainers();
    try {
      if (error !== 0 && this.listenerCount('error') > 0) runListener(() => this.emit('error', this.#error));
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
 * @param {object} [options] of docs/reference/options.md, `headers`, `highWaterMark`, and `signal`: an AbortSignal that gives up
 * @returns {Promise<WebSocket>}
 */
async function connect(url, options) {
  const plain = isOptions(options) && !(options instanceof Options);
  const { signal, ...rest } = plain ? options : {};
  signal?.throwIfAborted();
  const socket = new WebSocket(url, [], plain ? rest : options);
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
