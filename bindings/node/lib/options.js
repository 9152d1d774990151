'use strict';

const addon = require('./addon.js');
const { HawserError, text } = require('./errors.js');

function check(result, what) {
  if (result < 0) throw new HawserError(result, `${what}: ${addon.errorText(result)}`);
}

const snakeCase = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * Named values for a manager, a listener or a connection: docs/reference/options.md has them all. A use takes a snapshot, so that
 * an Options may be changed and used again. Connections with the same one resume each other's TLS sessions.
 */
class Options {
  #native = addon.optionsNew();
  #parts = false;

  /** @param {object} [values] `{name: value, headers: {name: value}, certificates: [{host, chain, key}]}` */
  constructor(values = {}) {
    if (typeof this.#native === 'number') throw new HawserError(this.#native);
    if (typeof values !== 'object' || values === null) throw new TypeError('options must be an object');
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) continue;
      if (name === 'headers') this.#addHeaders(value);
      else if (name === 'certificates') for (const { host, chain, key } of value) this.addCertificate(host, chain, key);
      else this.set(name, value);
    }
  }

  /**
   * Sets a number (Number or BigInt), a flag (boolean) or a text (string, or a list of them). The name is
   * `max_message_size` or `maxMessageSize`. Throws HWS_ERR_OPTION, HWS_ERR_RANGE.
   */
  set(name, value) {
    const known = snakeCase(text(name, 'the name of an option'));
    let plain = Array.isArray(value) ? value.join(', ') : value;
    if (typeof plain === 'string') text(plain, `the option ${name}`);
    else if (typeof plain === 'boolean') plain = Number(plain);
    else if (typeof plain !== 'number' && typeof plain !== 'bigint') {
      throw new TypeError(`the option ${name} must be a number, a boolean or a string`);
    }
    check(addon.optionsSet(this.#native, known, plain), `the option ${name}`);
    if (known === 'parts') this.#parts = Boolean(plain);
    return this;
  }

  /** Adds a header to the handshake. Throws HWS_ERR_HEADER. */
  addHeader(name, value) {
    const words = `the header ${name}`;
    check(addon.optionsAddHeader(this.#native, text(name, 'the name of a header'), text(value, words)), words);
    return this;
  }

  #addHeaders(headers) {
    if (typeof headers !== 'object' || headers === null) throw new TypeError('headers must be an object, or pairs');
    for (const [name, value] of headers[Symbol.iterator] ? headers : Object.entries(headers)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        this.addHeader(name, typeof one === 'number' ? String(one) : one);  // 'undefined' is not what is meant
      }
    }
  }

  /**
   * Adds a certificate for clients that ask for `host` ('': all others); chain and key are PEM texts or names of files.
   * What is wrong with them is said by the listen that uses them.
   */
  addCertificate(host, chain, key = '') {
    const words = 'a certificate';
    check(addon.optionsAddCertificate(this.#native, text(host, words), text(chain, words), text(key, words)), words);
    return this;
  }

  /** For the layer that takes no parts. */
  static hasParts(options) { return options.#parts; }

  /** What the addon takes for options: those of an Options or of a plain object; undefined: none. */
  static native(options) {
    if (options === undefined || options === null) return undefined;
    if (typeof options !== 'object') throw new TypeError('options must be an Options or an object');
    return (options instanceof Options ? options : new Options(options)).#native;
  }
}

module.exports = { Options };
