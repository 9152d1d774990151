'use strict';

const { EventEmitter } = require('node:events');
const addon = require('./addon.js');
const { EVENT_OPEN, EVENT_REQUEST, EVENT_CLOSE, TEXT, BINARY, UNCOMPRESSED, UPGRADE } = require('./constants.js');
const { errors, text } = require('./errors.js');
const { theLoop } = require('./loop.js');
const { Options } = require('./options.js');
const { ACCEPTED, WebSocket, splitOptions } = require('./websocket.js');

const GOING_AWAY = 1001, INTERNAL_ERROR = 1011;  // RFC 6455 7.4.1
const UNAVAILABLE = 503;
const LONGEST_TIMER = 2 ** 31 - 1;

const isGone = (result) => result === errors.HWS_ERR_CLOSED || result === errors.HWS_ERR_STALE;

/** By lower-case name; what comes twice is joined, as in node:http. */
function headersOf(lines) {
  const headers = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase(), value = line.slice(colon + 1).trim();
    if (name in headers) headers[name] += (name === 'cookie' ? '; ' : ', ') + value;
    else headers[name] = value;
  }
  return headers;
}

/** The request of a client: `url` (path and query), `headers`, `remoteAddress`. */
class Request {
  #id;
  #declined = false;  // by the server

  constructor(id, isUpgrade) {
    const { native } = theLoop();
    this.#id = id;
    this.url = addon.path(native, id);
    this.headers = headersOf(addon.headers(native, id));
    this.remoteAddress = addon.peerAddress(native, id);
    this.isUpgrade = isUpgrade;
  }

  /**
   * In a 'request' event: answers 101, with a subprotocol that the client offers, and headers. 'connection' follows.
   * As `respond` it answers false if the client has gone meanwhile.
   */
  accept(subprotocol = '', headers = undefined) {
    const options = headers && Options.native({ headers });
    return this.#answered(addon.accept(theLoop().native, this.#id, text(subprotocol, 'the subprotocol'), options));
  }

  /** In a 'request' event: answers with another status, and ends the connection. */
  respond(status, body = '', headers = undefined) {
    const options = headers && Options.native({ headers });
    return this.#answered(addon.respond(theLoop().native, this.#id, status, options, body));
  }

  // A client may go at any time, and so may the server: nobody is told.
  #answered(result) {
    if (isGone(result) || this.#declined) return false;
    theLoop().check(result);
    return true;
  }

  /** The server's answer, if there is none yet. */
  static decline(request) {
    const result = addon.respond(theLoop().native, request.#id, UNAVAILABLE, undefined, '');
    request.#declined ||= result === 0;
  }
}

/**
 * Listens as soon as it is made. Emits 'connection' (socket, request) and 'close'; with the option `requests` 'request'
 * (request) comes before, to be answered by `request.accept` or `request.respond`.
 */
class WebSocketServer extends EventEmitter {
  #loop = theLoop();
  #id;
  #highWaterMark;
  #listening = true;
  #ended = null;      // the promise of close
  #finished = false;  // 'close' was emitted
  #requests = new Map();  // those that wait for an answer or for their OPEN, by id
  #left = (socket) => {
    this.clients.delete(socket);
    this.#finish();
  };

  /** The WebSockets that are open. */
  clients = new Set();

  /**
   * @param {string} url where to listen: ws:// or wss://, an IP address or localhost; port 0 takes a free one
   * @param {object} [options] of docs/reference/options.md, `headers`, `certificates`, and `highWaterMark` of its WebSockets
   */
  constructor(url, options = undefined) {
    super();
    const [given, highWaterMark] = splitOptions(options);
    const { native } = this.#loop;
    this.#highWaterMark = highWaterMark;
    this.#id = this.#loop.check(addon.listen(native, text(String(url), 'the URL'), Options.native(given)));
    this.#loop.add(this.#id, this);
    /** "127.0.0.1:9001" */
    this.address = addon.localAddress(native, this.#id);
    /** With the port that was taken. */
    this.url = `${/^wss:/i.test(url) ? 'wss' : 'ws'}://${this.address}/`;
  }

  /** Of the connections that it accepted. For the loop alone. */
  admit(batch) {
    const id = batch.connection;
    if (batch.kind === EVENT_REQUEST) this.#ask(id, new Request(id, (batch.flags & UPGRADE) !== 0));
    else this.#opened(id, new Request(id, true));
  }

  // Until it is answered and open, or has gone, the server is the owner of its events.
  #ask(id, request) {
    this.#requests.set(id, request);
    this.#loop.add(id, this);
    if (this.#ended !== null || !this.emit('request', request)) Request.decline(request);
  }

  #opened(id, request) {
    const socket = new WebSocket(ACCEPTED, id, { highWaterMark: this.#highWaterMark, left: this.#left });
    this.clients.add(socket);
    if (this.#ended === null) this.emit('connection', socket, request);
    else socket.close(GOING_AWAY);
  }

  /** The events of its own, and of its requests. For the loop alone. */
  take(batch) {
    const id = batch.connection, request = this.#requests.get(id);
    this.#requests.delete(id);
    if (batch.kind === EVENT_OPEN) return this.#opened(id, request);
    if (batch.kind !== EVENT_CLOSE) return;
    this.#loop.remove(id);
    if (id === this.#id) this.#listening = false;
    this.#finish();
  }

  #finish() {
    if (this.#listening || this.clients.size > 0 || this.#requests.size > 0 || this.#finished) return;
    this.#finished = true;
    this.emit('close');
  }

  /**
   * Sends to all clients but `except`, and answers how many took it; one that is too slow is closed, or skipped. Once
   * the server is closing none takes it.
   */
  broadcast(data, { binary = typeof data !== 'string', compress = true, except = undefined } = {}) {
    const opcode = (binary ? BINARY : TEXT) | (compress ? 0 : UNCOMPRESSED);
    const left = except === undefined || except === null ? 0 : WebSocket.idOf(except);
    const result = addon.broadcast(this.#loop.native, this.#id, left, opcode, data);
    return isGone(result) ? 0 : this.#loop.check(result);
  }

  /** Takes new certificates for wss://. What is wrong with them is thrown, and the old ones stay. */
  reloadTls(options) {
    this.#loop.check(addon.reloadTls(this.#loop.native, this.#id, Options.native(options)));
  }

  /**
   * Stops listening, closes all connections with 1001, and cuts off those that are left after `deadline` milliseconds.
   * Fulfilled when the last one is gone.
   */
  close(deadline = 5000) {
    if (!(deadline >= 0 && deadline <= LONGEST_TIMER)) throw new TypeError('the deadline must be milliseconds');
    return this.#ended ??= new Promise((resolve) => {
      const timer = setTimeout(() => this.#cutOff(), deadline);
      this.once('close', () => resolve(clearTimeout(timer)));
      for (const request of this.#requests.values()) Request.decline(request);
      for (const socket of this.clients) socket.close(GOING_AWAY);
      this.#loop.check(addon.close(this.#loop.native, this.#id, 0, undefined));
    });
  }

  #cutOff() {
    for (const socket of this.clients) socket.terminate();
    for (const id of this.#requests.keys()) addon.abort(this.#loop.native, id);
  }
}

// The end of a connection makes a loop over it, or `drained`, fail: a handler may let it. All else is a fault of the
// program.
async function handle(handler, socket, request) {
  try {
    await handler(socket, request);
  } catch (error) {
    if (WebSocket.isEnd(socket, error)) return;
    socket.close(INTERNAL_ERROR);
    throw error;
  }
}

/**
 * Listens, and calls `handler` (socket, request) for each connection. Its failure closes that connection with 1011.
 *
 *     serve(url, handler), serve(url, options, handler)
 */
function serve(url, options, handler) {
  if (typeof options === 'function') return serve(url, undefined, options);
  if (handler !== undefined && typeof handler !== 'function') throw new TypeError('the handler must be a function');
  const server = new WebSocketServer(url, options);
  return handler ? server.on('connection', (socket, request) => handle(handler, socket, request)) : server;
}

module.exports = { WebSocketServer, serve };
