'use strict';
// The batch of events as hws_manager_pack_events writes it.
//
// Records are written into a slab, one after another, and the payloads that are given away are views of it: a payload
// is copied once, and none is allocated by itself. A full slab is left to those who hold views of it; so a small message
// that is kept keeps as much memory as one of Node.js' own reads does (64 KiB), and a large one has a slab of its own.

const { markAsUntransferable } = require('node:worker_threads');
const addon = require('./addon.js');
const { check, errors } = require('./errors.js');

const SLAB_SIZE = 64 << 10;

// Where a 64-bit number has its halves, in 32-bit words.
const LOW = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

class Batch {
  #native;
  #slab;
  #words;
  #halves;
  #used = 0;     // bytes of the slab that are given away
  #at = 0;       // the record that is looked at, in 32-bit words
  #kept = false; // whether a payload of this batch was given away as a view

  constructor(native) {
    this.#native = native;
    this.#take(SLAB_SIZE);
  }

  #take(size) {
    this.#slab = Buffer.allocUnsafeSlow(size);
    if (size === SLAB_SIZE) markAsUntransferable(this.#slab.buffer);  // it would take other messages along
    this.#words = new Int32Array(this.#slab.buffer);
    this.#halves = new Uint16Array(this.#slab.buffer);
    this.#used = 0;
  }

  /** Polls, and calls `each` for every event, while this batch tells about it. `each` must neither poll nor throw. */
  poll(timeout, each) {
    let size = addon.poll(this.#native, timeout, this.#slab, this.#used);
    while (size !== 0) {
      if (size > 0) this.#walk(size, each);
      else if (size === errors.HWS_ERR_TOO_SMALL) this.#take(Math.max(SLAB_SIZE, addon.packSize(this.#native)));
      else if (size === errors.HWS_ERR_UNSUPPORTED) process.emitWarning('hawser: a message of 4 GiB or more is left out');
      else check(this.#native, size);
      size = addon.pack(this.#native, this.#slab, this.#used);
    }
    if (this.#slab.length > SLAB_SIZE) this.#take(SLAB_SIZE);
  }

  #walk(size, each) {
    const end = this.#used + size;
    this.#kept = false;
    for (let at = this.#used, next; at < end; at = next) {
      next = at + (this.#words[at / 4] >>> 0);
      if (next === at) throw new Error('hawser: a listener has transferred the memory that messages share');
      this.#at = at / 4;
      each(this);
    }
    if (this.#kept) this.#used = end;
  }

  #number(word) {
    return this.#words[this.#at + word + HIGH] * 0x100000000 + (this.#words[this.#at + word + LOW] >>> 0);
  }

  get kind() { return this.#halves[this.#at * 2 + 3]; }
  get opcode() { return this.#words[this.#at + 2]; }
  get flags() { return this.#words[this.#at + 3]; }
  get connection() { return this.#number(4); }
  get listener() { return this.#number(6); }
  get size() { return this.#number(10); }
  get code() { return this.#words[this.#at + 12]; }
  get error() { return this.#words[this.#at + 13]; }
  get system() { return this.#words[this.#at + 14]; }

  get tag() {
    const number = this.#number(8);
    if (Number.isSafeInteger(number)) return number;
    return (BigInt(this.#words[this.#at + 8 + HIGH]) << 32n) | BigInt(this.#words[this.#at + 8 + LOW] >>> 0);
  }

  get #payload() { return this.#at * 4 + this.#halves[this.#at * 2 + 2]; }

  /** The payload, as a Buffer that is the caller's for ever. */
  bytes() {
    const size = this.size, start = this.#payload;
    if (size !== 0) this.#kept = true;
    return this.#slab.subarray(start, start + size);
  }

  /** The payload as text. */
  string() {
    const start = this.#payload;
    return this.#slab.toString('utf8', start, start + this.size);
  }

  /** The library's words about a CLOSE. */
  words() {
    const start = this.#payload + this.size;
    return this.#slab.toString('utf8', start, start + this.#words[this.#at + 15]);
  }
}

module.exports = { Batch };
