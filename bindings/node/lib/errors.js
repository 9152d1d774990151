'use strict';

const addon = require('./addon.js');

/** The error codes by name, HWS_ERR_NO_MEMORY: -1 and so on. */
const errors = {};
for (let code = -1; addon.errorName(code) !== 'HWS_ERR_UNKNOWN'; code--) errors[addon.errorName(code)] = code;
Object.freeze(errors);

/** What a call of the library, or a connection, failed with: see HWS_ERR_* in hawser.h. */
class HawserError extends Error {
  /**
   * @param {number} code one of `errors`
   * @param {string} [words] the library's, about this failure; else a sentence about the code
   */
  constructor(code, words) {
    super(words || addon.errorText(code));
    Object.defineProperty(this, 'name', { value: addon.errorName(code), configurable: true, writable: true });
    this.code = code;
    Error.captureStackTrace(this, HawserError);  // again: it begins with the name
  }
}

/** Answers with a result that is no error code, and throws one that is. */
function check(native, result) {
  if (result < 0) throw new HawserError(result, addon.lastError(native));
  return result;
}

/** A string for C, which would end at a NUL. */
function text(value, what) {
  if (typeof value !== 'string') throw new TypeError(`${what} must be a string`);
  if (value.includes('\0')) throw new HawserError(errors.HWS_ERR_ARGUMENT, `${what} has a NUL in it`);
  return value;
}

module.exports = { HawserError, check, errors, text };
