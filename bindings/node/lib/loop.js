'use strict';
// The one manager that all connections and servers of an environment (the main thread, or a worker) share, and its
// place in the loop of Node.js.

const { AsyncResource } = require('node:async_hooks');
const addon = require('./addon.js');
const { Batch } = require('./batch.js');
const { EVENT_OPEN, EVENT_REQUEST } = require('./constants.js');
const { HawserError, check, errors } = require('./errors.js');
const { Options } = require('./options.js');

// Events are those of many: they are told in the context of the program, not of who came first (AsyncLocalStorage).
const context = new AsyncResource('hawser');

class Loop {
  #batch;
  #owners = new Map();  // WebSockets and WebSocketServers by id: their `take` is told each event
  #full = new Set();    // WebSockets that have told their users to wait for 'drain'
  #deliver = (batch) => this.#take(batch);

  constructor(options) {
    this.native = addon.managerNew(Options.native(options));
    if (typeof this.native === 'number') throw new HawserError(this.native);
    this.#batch = new Batch(this.native);
    this.check(context.runInAsyncScope(() => addon.watch(this.native, () => this.#turn())));
    addon.holdLoop(this.native, false);
  }

  check(result) { return check(this.native, result); }

  /** From now on `owner` takes the events of id, and the process does not end. */
  add(id, owner) {
    this.#owners.set(id, owner);
    if (this.#owners.size === 1) addon.holdLoop(this.native, true);
  }

  remove(id) {
    this.#full.delete(this.#owners.get(id));
    if (this.#owners.delete(id) && this.#owners.size === 0) addon.holdLoop(this.native, false);
  }

  /** Tells `socket` when its queue has gone down. */
  awaitDrain(socket) {
    if (this.#full.has(socket)) return;
    this.#full.add(socket);
    addon.wake(this.native);  // a turn must follow, even if the kernel takes all at once
  }

  awaitsDrain(socket) { return this.#full.has(socket); }

  #turn() {
    this.#batch.poll(0, this.#deliver);
    for (const socket of this.#full) {
      if (!socket.hasDrained()) continue;
      this.#full.delete(socket);
      runListener(() => socket.tellDrain());
    }
  }

  #take(batch) {
    const owner = this.#owners.get(batch.connection);
    if (owner !== undefined) runListener(() => owner.take(batch));
    else this.#admit(batch);
  }

  // A listener that is gone leaves handshakes behind, whose connections nobody waits for.
  #admit(batch) {
    if (batch.kind !== EVENT_OPEN && batch.kind !== EVENT_REQUEST) return;
    const server = this.#owners.get(batch.listener);
    if (server === undefined) addon.abort(this.native, batch.connection);
    else runListener(() => server.admit(batch));
  }
}

/** What a listener throws is an uncaught exception: the other events of the batch are told all the same. */
function runListener(tell) {
  try {
    tell();
  } catch (error) {
    process.nextTick(() => { throw error; });
  }
}

/** Whoever is told a whole message must not be given its parts. */
function refuseParts(options) {
  const parts = options instanceof Options ? Options.hasParts(options) : options.parts;
  if (parts) throw new HawserError(errors.HWS_ERR_OPTION, 'parts are for the raw layer, see Manager');
}

let loop;

/** Made when it is first used. Pongs come for pings of the application alone: no one is told who did not ask. */
function theLoop() {
  return loop ??= new Loop({ pongs: true, outerFlush: true });
}

/** Sets options for all connections and servers of this environment, before the first of them. */
function configure(options) {
  if (loop !== undefined) throw new HawserError(errors.HWS_ERR_STATE, 'there are connections or servers already');
  const all = options instanceof Options ? options : new Options(options);
  refuseParts(all);
  loop = new Loop(all.set('pongs', true).set('outerFlush', true));
}

module.exports = { configure, refuseParts, runListener, theLoop };
