'use strict';
// The listeners of browsers, on an EventEmitter: they are told one object, an event.

const ORIGINAL = Symbol('original');

const events = {
  open: () => ({}),
  message: (data, isBinary) => ({ data: isBinary ? data : data.toString() }),
  error: (error) => ({ error, message: error.message }),
  close: (code, reason, wasClean) => ({ code, reason, wasClean }),
};

const isKnown = (name) => Object.hasOwn(events, name);

function wrap(target, name, listener) {
  const wrapper = (...values) => {
    const event = { type: name, target, currentTarget: target, ...events[name](...values) };
    if (typeof listener === 'function') listener.call(target, event);
    else listener.handleEvent(event);
  };
  wrapper[ORIGINAL] = listener;
  return wrapper;
}

const find = (target, name, listener) => target.rawListeners(name)
  .find((wrapper) => wrapper[ORIGINAL] === listener || wrapper.listener?.[ORIGINAL] === listener);

function addListener(target, name, listener, options) {
  if (!isKnown(name) || !listener || find(target, name, listener) !== undefined) return;
  if (options?.once) target.once(name, wrap(target, name, listener));
  else target.on(name, wrap(target, name, listener));
}

function removeListener(target, name, listener) {
  const wrapper = listener && find(target, name, listener);
  if (wrapper) target.off(name, wrapper.listener ?? wrapper);
}

/** What `onmessage` and its like are: one listener, that an assignment replaces. */
function property(name) {
  const wrappers = new WeakMap();
  return {
    enumerable: true,
    configurable: true,
    get() { return wrappers.get(this)?.[ORIGINAL] ?? null; },
    set(listener) {
      if (wrappers.has(this)) this.off(name, wrappers.get(this));
      wrappers.delete(this);
      if (typeof listener !== 'function') return;
      wrappers.set(this, wrap(this, name, listener));
      this.on(name, wrappers.get(this));
    },
  };
}

module.exports = { addListener, removeListener, property };
