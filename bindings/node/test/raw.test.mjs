// The raw layer: what the scenarios of bindings/conformance do not see.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as hawser from 'hawser';
import { nextOf, pair, pollUntil } from './support.mjs';

const { EVENT_MESSAGE, EVENT_CLOSE, TEXT, BINARY, HawserError } = hawser;

const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);

function throws(name, call) {
  assert.throws(call, (error) => {
    assert.ok(error instanceof HawserError);
    assert.equal(error.name, name);
    assert.equal(error.code, hawser.errors[name]);
    assert.ok(error.message.length > 0);
    return true;
  });
}

function free({ server, client }) {
  server.free();
  client.free();
}

test('bytes arrive as they are, whatever holds them', () => {
  const both = pair();
  const padded = Uint8Array.from([9, ...everyByte, 9]);
  const wide = new Uint16Array(everyByte.buffer.slice(0));
  const all = [
    everyByte, Buffer.from(everyByte), everyByte.buffer.slice(0), padded.subarray(1, 257), wide,
    new DataView(padded.buffer, 1, 256), new Float64Array(everyByte.buffer.slice(0)),
  ];
  for (const data of all) {
    both.client.send(both.connected, BINARY, data);
    const { data: got, opcode } = nextOf(both, both.server, EVENT_MESSAGE);
    assert.equal(opcode, BINARY);
    assert.ok(Buffer.isBuffer(got));
    assert.deepEqual(new Uint8Array(got), everyByte);
  }
  free(both);
});

test('16 MiB, and nothing', () => {
  const both = pair({ maxSendQueue: -1 }, { maxSendQueue: -1 });
  const large = Buffer.alloc(16 << 20, everyByte);
  const text = 'ä⚓😀\0'.repeat((16 << 20) / 10);
  for (const [opcode, data] of [[BINARY, large], [TEXT, text], [BINARY, Buffer.alloc(0)], [TEXT, '']]) {
    both.server.send(both.accepted, opcode, data);
    const { data: got } = nextOf(both, both.client, EVENT_MESSAGE);
    if (opcode === TEXT) assert.ok(got === data);
    else assert.ok(got.equals(data));
  }
  free(both);
});

test('text arrives as it is, of any length that a cut might harm', () => {
  const both = pair();
  for (let length = 1010; length < 1030; length++) {
    for (const end of ['x', 'é', '⚓', '😀', '\0']) {
      const text = 'a'.repeat(length) + end;
      both.client.send(both.connected, TEXT, text);
      assert.equal(nextOf(both, both.server, EVENT_MESSAGE).data, text);
    }
  }
  both.client.send(both.connected, TEXT, 'lone \ud800');
  assert.equal(nextOf(both, both.server, EVENT_MESSAGE).data, 'lone \ufffd');
  free(both);
});

test('tags are exact, and a bigint only where they must be', () => {
  const both = pair();
  for (const tag of [0, 1, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n]) {
    both.server.setTag(both.accepted, tag);
    both.client.send(both.connected, TEXT, 'x');
    assert.equal(nextOf(both, both.server, EVENT_MESSAGE).tag, tag);
  }
  assert.throws(() => both.server.setTag(both.accepted, 2n ** 63n), TypeError);
  assert.throws(() => both.server.setTag(both.accepted, 2 ** 53), TypeError);
  assert.throws(() => both.server.setTag(both.accepted, 0.5), TypeError);
  free(both);
});

test('a NUL in a string that C would cut is refused', () => {
  const both = pair();
  const nul = 'HWS_ERR_ARGUMENT';
  throws(nul, () => both.client.connect('ws://127.0.0.1\0.example/'));
  throws(nul, () => both.client.listen('ws://127.0.0.1:0\0/'));
  throws(nul, () => both.client.close(both.connected, 1000, 'a\0b'));
  throws(nul, () => new hawser.Options({ origin: 'http://a\0' }));
  throws(nul, () => new hawser.Options().set('origin\0', 'a'));
  throws(nul, () => new hawser.Options({ headers: { A: 'b\0c' } }));
  throws(nul, () => new hawser.Options({ certificates: [{ host: '', chain: 'a\0', key: '' }] }));
  throws(nul, () => both.client.stat('connections\0'));
  throws(nul, () => both.client.header(both.connected, 'a\0'));
  free(both);
});

test('errors have the words of the library', () => {
  const manager = new hawser.Manager();
  assert.throws(() => manager.connect('http://a.example/'), /^HWS_ERR_URL: .*ws:\/\//);
  assert.match(manager.lastError, /ws:\/\//);
  assert.throws(() => new hawser.Options({ maxMessageSize: 0 }), /HWS_ERR_RANGE: the option maxMessageSize: /);
  assert.throws(() => new hawser.Options({ nonsense: 1 }), /HWS_ERR_OPTION: the option nonsense: /);
  assert.match(new HawserError(hawser.errors.HWS_ERR_STALE).stack, /^HWS_ERR_STALE: /);
  manager.free();
});

test('wrong types are TypeErrors, and nothing worse', () => {
  const both = pair();
  const { client: m, connected: id } = both;
  const values = [undefined, null, {}, [], Symbol('x'), () => 0, NaN, Infinity, 1.5, '1', true, 2n ** 70n];
  for (const value of values) {
    assert.throws(() => m.send(value, TEXT, 'x'), TypeError);
    assert.throws(() => m.send(id, value, 'x'), TypeError);
    assert.throws(() => m.close(value), TypeError);
    assert.throws(() => m.setTag(id, value), TypeError);
    assert.throws(() => m.poll(value ?? null), TypeError);
    if (typeof value !== 'function') assert.throws(() => m.watch(value), TypeError);
    assert.throws(() => m.path(value), TypeError);
    assert.throws(() => new hawser.Remote(value).wake(), TypeError);
    if (typeof value !== 'string') {
      assert.throws(() => m.send(id, TEXT, value), TypeError);
      assert.throws(() => m.connect(value), TypeError);
      assert.throws(() => m.stat(value), TypeError);
    }
  }
  assert.throws(() => m.send(id, 2 ** 32 + 1, 'x'), TypeError);  // not cut to 1
  assert.throws(() => m.connect('ws://127.0.0.1/', 5), TypeError);
  for (const value of [{}, m, new hawser.Options(), null]) {
    assert.throws(() => hawser.Manager.prototype.send.call(value === m ? new hawser.Remote(1) : value, id, TEXT, 'x'), TypeError);
    assert.throws(() => hawser.Options.prototype.addHeader.call(value === null ? m : {}, 'a', 'b'), TypeError);
  }
  assert.throws(() => hawser.Manager());
  m.send(id, TEXT, 'still there');
  assert.equal(nextOf(both, both.server, EVENT_MESSAGE).data, 'still there');
  free(both);
});

test('a manager that is freed answers everything with an error', () => {
  const { server, client, connected } = pair();
  const handle = client.handle;
  client.free();
  client.free();
  const closed = 'HWS_ERR_ARGUMENT';
  for (const call of [
    () => client.poll(), () => client.flush(), () => client.wake(), () => client.fd,
    () => client.watch(() => {}),
    () => client.send(connected, TEXT, 'x'), () => client.sendPart(connected, TEXT, 'x', true), () => client.ping(connected),
    () => client.close(connected), () => client.abort(connected), () => client.pause(connected),
    () => client.resume(connected), () => client.queued(connected), () => client.setTag(connected, 1),
    () => client.broadcast(connected, 0, TEXT, 'x'), () => client.accept(connected), () => client.respond(connected, 404),
    () => client.drain(0), () => client.reloadTls(connected), () => client.stat('connections'),
    () => client.connect('ws://127.0.0.1/'), () => client.listen('ws://127.0.0.1:0/'),
  ]) throws(closed, call);
  assert.equal(client.path(connected), null);
  assert.deepEqual(client.headers(connected), []);
  client.unwatch();
  client.ref();
  client.unref();
  throws('HWS_ERR_STALE', () => new hawser.Remote(handle).wake());
  server.free();
});

test('parts are bytes, though they are text', () => {
  const both = pair({ parts: true });
  both.client.sendPart(both.connected, TEXT, 'a', false);
  both.client.sendPart(both.connected, TEXT, Buffer.from([0xe2, 0x9a]), false);
  both.client.sendPart(both.connected, TEXT, Buffer.from([0x93]), true);
  const parts = [];
  pollUntil([both.server, both.client], (events, manager) => {
    if (manager === both.server) parts.push(...events);
    return parts.at(-1)?.flags & hawser.FINAL;
  });
  assert.ok(parts.every(({ data }) => Buffer.isBuffer(data)));
  assert.equal(Buffer.concat(parts.map(({ data }) => data)).toString(), 'a⚓');
  free(both);
});

test('headers, requests and answers', () => {
  const server = new hawser.Manager({ requests: true }), client = new hawser.Manager({ keepHandshake: true });
  const listener = server.listen('ws://127.0.0.1:0/');
  const options = new hawser.Options({ headers: [['X-One', '1'], ['X-One', '2']] });
  const id = client.connect(`ws://${server.localAddress(listener)}/path?query`, options);
  const request = pollUntil([server, client], (events) => events.find(({ kind }) => kind === hawser.EVENT_REQUEST));
  assert.equal(server.path(request.connection), '/path?query');
  assert.equal(server.header(request.connection, 'x-one', 1), '2');
  assert.ok(server.headers(request.connection).includes('X-One: 1'));
  assert.equal(server.headerAt(request.connection, 1000), null);
  server.respond(request.connection, 429, { headers: { 'Retry-After': '5' } }, Buffer.from([0, 255]));
  const close = pollUntil([server, client], (events, m) => m === client && events.find(({ kind }) => kind === EVENT_CLOSE));
  assert.equal(close.connection, id);
  assert.equal(hawser.errorName(close.error), 'HWS_ERR_HTTP');
  assert.equal(close.system, 429);
  assert.equal(client.header(id, 'retry-after'), '5');
  assert.match(close.text, /429/);
  free({ server, client });
});

test('a handle of options may be used again', () => {
  const options = new hawser.Options().set('max_message_size', 10).set('maxMessageSize', 20n).set('pongs', true);
  const first = pair(options), second = pair(options);
  second.client.send(second.connected, TEXT, 'x'.repeat(20));
  assert.equal(nextOf(second, second.server, EVENT_MESSAGE).data.length, 20);
  second.client.send(second.connected, TEXT, 'x'.repeat(21));
  assert.equal(hawser.errorName(nextOf(second, second.server, EVENT_CLOSE).error), 'HWS_ERR_LIMIT');
  free(first);
  free(second);
});

test('more events than a slab has room for come in one array, in order', () => {
  const both = pair({ maxEvents: 100000 }, { maxSendQueue: -1 });
  const sizes = Array.from({ length: 3000 }, (_, i) => (i % 100 === 0 ? 70000 : i % 97));
  for (const [i, size] of sizes.entries()) both.client.send(both.connected, BINARY, Buffer.alloc(size, i));
  const got = [];
  pollUntil([both.server, both.client], (events, manager) => {
    if (manager === both.server) got.push(...events);
    return got.length === sizes.length;
  });
  for (const [i, size] of sizes.entries()) assert.ok(got[i].data.equals(Buffer.alloc(size, i)), `message ${i}`);
  free(both);
});

test('options and counters tell about themselves', () => {
  const options = hawser.describeOptions();
  assert.equal(options.find(({ name }) => name === 'max_message_size').default, 16 << 20);
  assert.equal(typeof options.find(({ name }) => name === 'max_message_size').max, 'bigint');
  assert.ok(options.every(({ text }) => text.length > 0));
  const manager = new hawser.Manager();
  for (const { name } of hawser.describeStats()) assert.ok(manager.stat(name) >= 0, name);
  throws('HWS_ERR_OPTION', () => manager.stat('nonsense'));
  manager.free();
});

test('the constants and errors are those of hawser.h', { skip: !process.env.HAWSER_HEADER && 'no HAWSER_HEADER' }, () => {
  const header = readFileSync(process.env.HAWSER_HEADER, 'utf8');
  const all = [...header.matchAll(/\bHWS_([A-Z0-9_]+) = (-?\d+)/g)].map(([, name, number]) => [name, Number(number)]);
  assert.ok(all.length > 50);
  for (const [name, number] of all) {
    if (name.startsWith('ERR_')) assert.equal(hawser.errors[`HWS_${name}`], number, name);
    else if (!['OK', 'CLIENT', 'SERVER'].includes(name)) assert.equal(hawser[name], number, name);  // those are the session's
  }
});
