// What both roles of the Node peer send through an open WebSocket whose other end echoes, and compare byte for byte.

import { kDeflate, kTls } from './layers.mjs';
import { check, checkEqual, patiently } from './program.mjs';

export const kSizes = [0, 1, 125, 126, 65_535, 65_536, 16 * 1024 * 1024];

/** Bytes that do not repeat within a frame: a linear congruential generator. */
export function bytesOf(size) {
  const data = Buffer.alloc(size);
  let state = 6455;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    data[i] = state >>> 24;
  }
  return data;
}

/** Exactly `size` bytes of UTF-8 with characters of one to four bytes. */
export function textOf(size) {
  const characters = Buffer.from('aé€😀');
  const whole = Math.floor(size / characters.length) * characters.length;
  const data = Buffer.alloc(size, 'x');
  if (whole > 0) data.fill(characters, 0, whole);
  return data;
}

/**
 * How many fragments a message is cut into: 65,537 for the large ones; the small ones have empty fragments. ws takes its
 * time to compress one: where it does, the many are only those of the largest binary message.
 */
export function fragmentCount(size, binary) {
  const most = kDeflate && !(binary && size === kSizes.at(-1)) ? 1025 : 65_537;
  return Math.min(size + 2, most) + (size === 0 ? 1 : 0);
}

export function* fragmentsOf(data, count) {
  for (let i = 0; i < count; i++) {
    const begin = Math.floor((i * data.length) / count);
    yield data.subarray(begin, Math.floor(((i + 1) * data.length) / count));
  }
}

/** Collects what comes from a ws socket, so that nothing is missed between two waits. */
export class Inbox {
  constructor(socket) {
    this.socket = socket;
    this.items = [];
    this.waiter = null;
    socket.on('message', (data, isBinary) => this.put({ kind: 'message', data, isBinary }));
    socket.on('pong', (data) => this.put({ kind: 'pong', data }));
    socket.on('ping', (data) => this.put({ kind: 'ping', data }));
    socket.on('close', (code, reason) => this.put({ kind: 'close', code, reason: reason.toString() }));
    socket.on('error', (error) => this.put({ kind: 'error', error }));
  }

  put(item) {
    this.items.push(item);
    this.waiter?.();
  }

  async next() {
    while (this.items.length === 0) {
      await patiently(new Promise((resolve) => { this.waiter = resolve; }), 'something from hawser');
    }
    return this.items.shift();
  }

  async expect(kind) {
    const item = await this.next();
    check(item.kind === kind, `${item.kind} came instead of ${kind}: ${item.code ?? item.error ?? ''} ${item.reason ?? ''}`);
    return item;
  }
}

export async function expectEcho(inbox, data, isBinary, words) {
  const echo = await inbox.expect('message');
  checkEqual(echo.isBinary, isBinary, `${words}: binary`);
  checkEqual(echo.data.length, data.length, `${words}: size of the echo`);
  check(data.equals(echo.data), `${words}: the echo differs`);
}

async function echoWhole(socket, inbox, data, binary) {
  socket.send(data, { binary });
  await expectEcho(inbox, data, binary, `whole, ${data.length} bytes, ${binary ? 'binary' : 'text'}`);
}

/** With a ping in the middle of the message, whose pong has to come before the echo. */
async function echoInFragments(socket, inbox, data, binary) {
  const count = fragmentCount(data.length, binary);
  const words = `${count} fragments, ${data.length} bytes, ${binary ? 'binary' : 'text'}`;
  let i = 0;
  for (const fragment of fragmentsOf(data, count)) {
    if (i === Math.floor(count / 2)) socket.ping(words);
    socket.send(fragment, { binary, fin: ++i === count });
  }
  checkEqual((await inbox.expect('pong')).data.toString(), words, 'pong');
  await expectEcho(inbox, data, binary, words);
}

export async function echoEverything(socket, inbox) {
  for (const size of kSizes) {
    for (const binary of [false, true]) {
      const data = binary ? bytesOf(size) : textOf(size);
      await echoWhole(socket, inbox, data, binary);
      await echoInFragments(socket, inbox, data, binary);
    }
  }
}

/** Many messages under way at once come back in order. */
export async function echoManyAtOnce(socket, inbox) {
  const messages = Array.from({ length: 1000 }, (_, i) => Buffer.from(`${i} `.repeat(i % 97)));
  for (const message of messages) socket.send(message, { binary: false });
  for (const message of messages) await expectEcho(inbox, message, false, 'many at once');
}

export async function pingPong(socket, inbox) {
  for (const size of [0, 1, 124, 125]) {
    const data = bytesOf(size);
    socket.ping(data);
    check(data.equals((await inbox.expect('pong')).data), `pong of ${size} bytes`);
  }
}

/** Fails unless a ws socket speaks the layers of this run, which the bytes on the wire show as well. */
export async function checkLayers(socket, inbox) {
  const transport = socket._socket;
  checkEqual(transport.encrypted ?? false, kTls, 'encrypted');
  if (kTls) check(['TLSv1.2', 'TLSv1.3'].includes(transport.getProtocol()), `TLS: ${transport.getProtocol()}`);
  checkEqual(socket.extensions, kDeflate ? 'permessage-deflate' : '', 'extensions');
  const { bytesWritten, bytesRead } = transport;
  const text = textOf(1024 * 1024);  // deflate makes 1,000 : 1 of it
  await echoWhole(socket, inbox, text, false);
  const moved = { sent: transport.bytesWritten - bytesWritten, received: transport.bytesRead - bytesRead };
  for (const [words, bytes] of Object.entries(moved)) {
    check(kDeflate ? bytes < text.length / 100 : bytes > text.length, `${words} ${bytes} bytes for ${text.length}`);
  }
}
