'use strict';
// The raw layer: hawser.h's manager, call for call.

const addon = require('./addon.js');
const { Batch } = require('./batch.js');
const { EVENT_MESSAGE, EVENT_PONG, EVENT_CLOSE, TEXT, FIRST, FINAL } = require('./constants.js');
const { HawserError, check, text } = require('./errors.js');
const { Options } = require('./options.js');

const WHOLE = FIRST | FINAL;

function payload(batch, kind) {
  if (kind === EVENT_MESSAGE) {
    return batch.opcode === TEXT && (batch.flags & WHOLE) === WHOLE ? batch.string() : batch.bytes();
  }
  if (kind === EVENT_CLOSE) return batch.string();
  return kind === EVENT_PONG ? batch.bytes() : undefined;
}

function event(batch) {
  const kind = batch.kind;
  return {
    kind,
    opcode: batch.opcode,
    connection: batch.connection,
    listener: batch.listener,
    tag: batch.tag,
    data: payload(batch, kind),
    code: batch.code,
    error: batch.error,
    system: batch.system,
    flags: batch.flags,
    text: kind === EVENT_CLOSE ? batch.words() : '',
  };
}

/**
 * Connections and listeners, named by numbers, and the events of all of them. It belongs to the thread that made it;
 * others use a Remote. Whatever fails throws a HawserError.
 */
class Manager {
  #native;
  #batch;

  /** @param options the defaults for all connections: an Options or a plain object */
  constructor(options) {
    const native = addon.managerNew(Options.native(options));
    if (typeof native === 'number') throw new HawserError(native);
    this.#native = native;
    this.#batch = new Batch(native);
  }

  #check(result) { return check(this.#native, result); }

  /** Ends every connection, without events. Whatever is called later throws HWS_ERR_ARGUMENT. */
  free() { addon.free(this.#native); }

  /** A number to be posted to another thread, for its `new Remote(handle)`. */
  get handle() { return addon.handle(this.#native); }

  listen(url, options) {
    return this.#check(addon.listen(this.#native, text(url, 'the URL'), Options.native(options)));
  }

  connect(url, options) {
    return this.#check(addon.connect(this.#native, text(url, 'the URL'), Options.native(options)));
  }

  /** Waits up to so many milliseconds (-1: for ever) and returns the events. All of this thread waits. */
  poll(timeout = 0) {
    const events = [];
    this.#batch.poll(timeout, (batch) => events.push(event(batch)));
    return events;
  }

  flush() { this.#check(addon.flush(this.#native)); }
  wake() { this.#check(addon.wake(this.#native)); }

  /** The descriptor for an outer loop; `watch` is that for the loop of Node.js. */
  get fd() { return this.#check(addon.fd(this.#native)); }

  /**
   * Calls `listener` with an array of events whenever there are some, from the loop of this thread, which goes on as
   * long as the manager is watched. What is sent from there leaves when the listener has returned.
   */
  watch(listener) {
    if (typeof listener !== 'function') throw new TypeError('the listener must be a function');
    const turn = () => {
      const events = this.poll(0);
      if (events.length > 0) listener(events);
    };
    this.#check(addon.watch(this.#native, turn));
  }

  unwatch() { addon.unwatch(this.#native); }

  /** Whether the loop goes on for a manager that is watched: at first it does. */
  ref() { addon.holdLoop(this.#native, true); }
  unref() { addon.holdLoop(this.#native, false); }

  send(id, opcode, data) { this.#check(addon.send(this.#native, id, opcode, data)); }
  sendPart(id, opcode, data, final) { this.#check(addon.sendPart(this.#native, id, opcode, data, Number(final))); }
  ping(id, data = '') { this.#check(addon.ping(this.#native, id, data)); }

  close(id, code = 0, reason = undefined) {
    const words = reason === undefined ? reason : text(reason, 'the reason');
    this.#check(addon.close(this.#native, id, code, words));
  }

  abort(id) { this.#check(addon.abort(this.#native, id)); }
  pause(id) { this.#check(addon.pause(this.#native, id)); }
  resume(id) { this.#check(addon.resume(this.#native, id)); }
  queued(id) { return this.#check(addon.queued(this.#native, id)); }
  setTag(id, tag) { this.#check(addon.setTag(this.#native, id, tag)); }

  broadcast(listener, except, opcode, data) {
    return this.#check(addon.broadcast(this.#native, listener, except, opcode, data));
  }

  /** Answers a REQUEST with 101; of the options only headers are used. */
  accept(id, subprotocol = '', options = undefined) {
    this.#check(addon.accept(this.#native, id, text(subprotocol, 'the subprotocol'), Options.native(options)));
  }

  respond(id, status, options = undefined, body = '') {
    this.#check(addon.respond(this.#native, id, status, Options.native(options), body));
  }

  drain(deadline) { this.#check(addon.drain(this.#native, deadline)); }
  reloadTls(listener, options) { this.#check(addon.reloadTls(this.#native, listener, Options.native(options))); }

  /** The library's words about the last call that failed. */
  get lastError() { return addon.lastError(this.#native); }
  stat(name) { return this.#check(addon.stat(this.#native, text(name, 'the name of a counter'))); }

  // Readers: null where there is nothing to tell.
  path(id) { return addon.path(this.#native, id); }
  header(id, name, nth = 0) { return addon.header(this.#native, id, text(name, 'the name of a header'), nth); }
  headerAt(id, index) { return addon.headerAt(this.#native, id, index); }
  headers(id) { return addon.headers(this.#native, id); }
  status(id) { return addon.status(this.#native, id); }
  subprotocol(id) { return addon.subprotocol(this.#native, id); }
  extensions(id) { return addon.extensions(this.#native, id); }
  tls(id) { return addon.tls(this.#native, id); }
  tlsSubject(id) { return addon.tlsSubject(this.#native, id); }
  peerAddress(id) { return addon.peerAddress(this.#native, id); }
  localAddress(id) { return addon.localAddress(this.#native, id); }
}

/** A manager of another thread. After its free whatever is called throws HWS_ERR_STALE. */
class Remote {
  #handle;

  /** @param {number} handle the manager's `handle` */
  constructor(handle) { this.#handle = handle; }

  #check(result) { if (result < 0) throw new HawserError(result); }

  send(id, opcode, data) { this.#check(addon.remoteSend(this.#handle, id, opcode, data)); }

  close(id, code = 0, reason = undefined) {
    const words = reason === undefined ? reason : text(reason, 'the reason');
    this.#check(addon.remoteClose(this.#handle, id, code, words));
  }

  wake() { this.#check(addon.remoteWake(this.#handle)); }
}

module.exports = { Manager, Remote };
