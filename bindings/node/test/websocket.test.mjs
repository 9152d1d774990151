// The WebSocket: as in browsers, as an EventEmitter, as an iterable.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, test } from 'node:test';
import { HawserError, Options, WebSocket, connect, serve } from 'hawser';
import { echo, run, until } from './support.mjs';

const server = serve('ws://127.0.0.1:0/', { subprotocols: ['b', 'a'], deflate: 'shared' }, echo);
after(() => server.close());

test('connect, send, receive, close', async () => {
  const socket = await connect(server.url, { subprotocols: 'a' });
  assert.equal(socket.readyState, WebSocket.OPEN);
  assert.equal(socket.protocol, 'a');
  assert.equal(socket.extensions, '');
  assert.equal(socket.url, server.url);
  assert.equal(socket.send('grüße'), true);
  assert.equal(socket.send(Buffer.from([0, 255])), true);
  const messages = [];
  socket.on('message', (data, isBinary) => messages.push([data, isBinary]));
  await until(() => messages.length === 2);
  assert.deepEqual(messages, [[Buffer.from('grüße'), false], [Buffer.from([0, 255]), true]]);
  socket.close(3000, 'bye');
  assert.equal(socket.readyState, WebSocket.CLOSING);
  const [code, reason, wasClean] = await once(socket, 'close');
  assert.deepEqual([code, reason, wasClean], [3000, '', true]);
  assert.equal(socket.readyState, WebSocket.CLOSED);
  assert.equal(socket.error, null);
});

test('as in browsers', async () => {
  const socket = new WebSocket(server.url, ['a', 'b']);
  assert.equal(socket.readyState, socket.CONNECTING);
  const events = [];
  socket.onopen = (event) => {
    assert.equal(event.target, socket);
    events.push(event.type);
    socket.send('text');
    socket.send(new Uint8Array([1, 2, 3]));
  };
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({ data }) => {
    events.push(data);
    if (data instanceof ArrayBuffer) socket.close();
  });
  socket.onmessage = () => assert.fail('was replaced');
  socket.onmessage = ({ data }) => events.push(data);
  assert.equal(typeof socket.onmessage, 'function');
  const closed = new Promise((resolve) => { socket.onclose = resolve; });
  const { code, reason, wasClean } = await closed;
  assert.deepEqual([code, reason, wasClean], [1005, '', true]);
  const bytes = Uint8Array.from([1, 2, 3]).buffer;
  assert.deepEqual(events, ['open', 'text', 'text', bytes, bytes]);
  assert.equal(socket.protocol, 'b');
});

test('listeners of browsers are added once, and removed', async () => {
  const socket = await connect(server.url);
  const seen = [];
  const listener = ({ data }) => seen.push(data);
  const handler = { handleEvent({ data }) { seen.push(`handler ${data}`); } };
  const onceOnly = ({ data }) => seen.push(`once ${data}`);
  socket.addEventListener('message', listener);
  socket.addEventListener('message', listener);
  socket.addEventListener('message', handler);
  socket.addEventListener('message', onceOnly, { once: true });
  socket.addEventListener('message', () => assert.fail('was removed'), undefined);
  socket.removeAllListeners('message');
  socket.addEventListener('message', listener);
  socket.addEventListener('message', listener);
  socket.addEventListener('message', handler);
  socket.addEventListener('message', onceOnly, { once: true });
  socket.send('1');
  await until(() => seen.length === 3);
  socket.removeEventListener('message', handler);
  socket.removeEventListener('message', onceOnly);
  socket.send('2');
  await until(() => seen.length === 4);
  assert.deepEqual(seen, ['1', 'handler 1', 'once 1', '2']);
  socket.onmessage = null;
  assert.equal(socket.onmessage, null);
  socket.terminate();
});

test('an iterator reads texts as strings, and can be left and begun anew', async () => {
  const socket = await connect(server.url);
  for (const text of ['1', '2', '3']) socket.send(text);
  for await (const message of socket) {
    assert.equal(message, '1');
    break;
  }
  socket.send(Buffer.from('4'));
  socket.send('end');
  const rest = [];
  for await (const message of socket) {
    rest.push(message);
    if (message === 'end') socket.close(1000);
  }
  assert.deepEqual(rest, ['2', '3', Buffer.from('4'), 'end']);
  assert.deepEqual(await socket[Symbol.asyncIterator]().next(), { done: true, value: undefined });
});

test('readers that wait get their messages in order', async () => {
  const socket = await connect(server.url);
  const iterator = socket[Symbol.asyncIterator]();
  const all = [iterator.next(), iterator.next(), iterator.next()];
  socket.send('1');
  socket.send('2');
  socket.close(1000);
  assert.deepEqual((await Promise.all(all)).map(({ value }) => value), ['1', '2', undefined]);
});

test('who has left an iterator takes no message of others', async () => {
  const socket = await connect(server.url);
  const iterator = socket[Symbol.asyncIterator]();
  const waiting = iterator.next();
  await iterator.return();
  assert.deepEqual(await waiting, { done: true, value: undefined });
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  socket.send('x');
  assert.deepEqual(await socket[Symbol.asyncIterator]().next(), { done: false, value: 'x' });
  socket.close();
});

test('a message that comes before its listener waits for it', async () => {
  const talker = serve('ws://127.0.0.1:0/', (socket) => {
    for (const text of ['1', '2', '3']) socket.send(text);
    socket.close(1000);
  });
  const socket = await connect(talker.url);
  await once(socket, 'close');
  const seen = [];
  socket.once('message', (data) => seen.push(data.toString()));
  await until(() => seen.length === 1);
  socket.on('message', (data) => seen.push(data.toString()));
  await until(() => seen.length === 3);
  assert.deepEqual(seen, ['1', '2', '3']);
  const other = await connect(talker.url);
  await once(other, 'close');
  seen.length = 0;
  other.prependListener('message', (data) => seen.push(data.toString()));
  await until(() => seen.length === 3);
  await talker.close();
});

test('a peer is read no further than its messages are', async () => {
  let sent = 0, source;
  const talker = serve('ws://127.0.0.1:0/', { highWaterMark: 1 << 20 }, async (socket) => {
    source = socket;
    while (sent < 3000) {
      const more = socket.send(Buffer.alloc(16 << 10, sent++));
      if (!more) await socket.drained();
    }
    socket.close(1000);
  });
  const socket = await connect(talker.url);
  // The sender waits for 'drain', which comes at a quarter of its high-water mark.
  let before;
  await until(() => {
    const waits = sent === before && source?.bufferedAmount > 1 << 18;
    before = sent;
    return waits;
  });
  const iterator = socket[Symbol.asyncIterator]();
  let received = 0;
  for await (const message of iterator) {
    assert.ok(message.length === 16 << 10 && message.equals(Buffer.alloc(16 << 10, received)));
    received++;
    assert.ok(sent - received < 2500);  // 48 MiB are not all on their way
  }
  assert.equal(received, 3000);
  await talker.close();
});

test('send answers false above the high-water mark, drain follows, and a full queue throws', async () => {
  const sink = serve('ws://127.0.0.1:0/', (socket) => socket.pause());
  const socket = await connect(sink.url, { maxSendQueue: 8 << 20, highWaterMark: 1 << 20 });
  const message = Buffer.alloc(64 << 10);
  let answer = true, sent = 0;
  for (; answer; sent++) answer = socket.send(message);
  assert.ok(socket.bufferedAmount >= 1 << 20);
  assert.throws(() => { for (;;) { socket.send(message); sent++; } }, { name: 'HWS_ERR_WOULD_BLOCK' });
  const [peer] = sink.clients;
  let received = 0, drains = 0;
  peer.on('message', () => received++);
  socket.on('drain', () => drains++);
  const drained = socket.drained();
  peer.resume();
  await drained;
  assert.equal(drains, 1);
  assert.ok(socket.bufferedAmount <= 1 << 18);
  assert.equal(socket.send(message), true);
  await until(() => received === sent + 1);
  assert.equal(drains, 1);
  socket.close(1000);
  await sink.close();
});

test('drained waits for a queue that is full below the high-water mark', async () => {
  const socket = await connect(server.url, { maxSendQueue: 1 << 16 });
  socket.on('message', () => {});
  for (let sent = 0, refused = 0; sent < 200 || refused === 0; sent++) {
    try {
      socket.send(Buffer.alloc(1 << 13));
    } catch ({ name }) {
      assert.equal(name, 'HWS_ERR_WOULD_BLOCK');
      assert.ok(refused++ < 100);  // not again and again, in a loop that lets nobody else in
      await socket.drained();
    }
  }
  socket.close(1000);
});

test('many may wait for drain at once', () => {
  assert.equal(run(`
    import { connect, serve } from 'hawser';
    process.on('warning', ({ name }) => console.log(name));
    const server = serve('ws://127.0.0.1:0/', (socket) => socket.on('message', () => {}));
    const socket = await connect(server.url, { highWaterMark: 1 });
    socket.send('x');
    await Promise.all(Array.from({ length: 20 }, () => socket.drained()));
    socket.close();
    server.close();
  `), '');
});

test('drain comes even if the kernel takes all at once', async () => {
  const socket = await connect(server.url, { highWaterMark: 10 });
  assert.equal(socket.send('more than ten'), false);
  await once(socket, 'drain');
  await Promise.resolve();
  assert.equal(socket.send('again, from a promise'), false);
  await once(socket, 'drain');
  socket.close(1000);
  await assert.rejects(socket.drained(), { name: 'HWS_ERR_CLOSED' });
});

test('what a timer or a promise sends leaves by itself', async () => {
  const socket = await connect(server.url);
  const seen = [];
  socket.on('message', (data) => seen.push(data.toString()));
  setTimeout(() => socket.send('timer'), 1);
  await until(() => seen.includes('timer'));
  setImmediate(() => Promise.resolve().then(() => socket.send('promise')));
  await until(() => seen.includes('promise'));
  process.nextTick(() => socket.send('tick'));
  await until(() => seen.includes('tick'));
  socket.close();
});

test('sending too early throws, too late is told by false', async () => {
  const socket = new WebSocket(server.url);
  assert.throws(() => socket.send('x'), { name: 'HWS_ERR_STATE' });
  await once(socket, 'open');
  socket.close(1000);
  assert.equal(socket.send('x'), false);
  await once(socket, 'close');
  assert.equal(socket.send('x'), false);
  socket.close();
  socket.terminate();
  socket.pause();
  socket.resume();
  assert.equal(socket.bufferedAmount, 0);
});

test('what the protocol forbids throws', async () => {
  const socket = await connect(server.url);
  assert.throws(() => socket.send(Buffer.from([255]), { binary: false }), { name: 'HWS_ERR_UTF8' });
  assert.throws(() => socket.close(1006), { name: 'HWS_ERR_CLOSE_CODE' });
  assert.throws(() => socket.close(1000, 'x'.repeat(124)), { name: 'HWS_ERR_TOO_LARGE' });
  assert.throws(() => socket.ping(Buffer.alloc(126)), { name: 'HWS_ERR_TOO_LARGE' });
  assert.throws(() => socket.send(5), TypeError);
  assert.throws(() => socket.send(), TypeError);
  assert.equal(socket.readyState, WebSocket.OPEN);
  socket.close(1000);
  await once(socket, 'close');
});

test('ping and pong', async () => {
  const socket = await connect(server.url);
  socket.ping(Buffer.from([1, 2, 3]));
  const [data] = await once(socket, 'pong');
  assert.deepEqual(data, Buffer.from([1, 2, 3]));
  socket.close();
});

test('compression, and a message without it', async () => {
  const socket = await connect(server.url, { deflate: 'shared' });
  assert.match(socket.extensions, /^permessage-deflate/);
  socket.send('x'.repeat(1000));
  socket.send('y'.repeat(1000), { compress: false });
  const lengths = [];
  for await (const message of socket) {
    lengths.push(message.length);
    if (lengths.length === 2) socket.close(1000);
  }
  assert.deepEqual(lengths, [1000, 1000]);
});

test('a connection that cannot be made says why', async () => {
  const nobody = net.createServer().listen(0, '127.0.0.1');
  await once(nobody, 'listening');
  const { port } = nobody.address();
  nobody.close();
  await assert.rejects(connect(`ws://127.0.0.1:${port}/`), (error) => {
    assert.ok(error instanceof HawserError);
    assert.equal(error.name, 'HWS_ERR_CONNECT');
    assert.match(error.message, /refused/i);
    assert.ok(error.system > 0);
    return true;
  });
  await assert.rejects(connect('http://127.0.0.1/'), { name: 'HWS_ERR_URL' });
  await assert.rejects(connect(server.url, { parts: true }), { name: 'HWS_ERR_OPTION' });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);  // and nobody listens to 'error'
  const code = await new Promise((resolve) => socket.on('close', resolve));
  assert.equal(code, 1006);
  assert.equal(socket.error.name, 'HWS_ERR_CONNECT');
});

test('the status of a refusal', async () => {
  await assert.rejects(connect(server.url, { origin: 'http://elsewhere.example' }), { name: 'HWS_ERR_HTTP', system: 403 });
});

test('a loop throws what the connection failed with, and error comes before close', async () => {
  const rude = serve('ws://127.0.0.1:0/', (socket) => { socket.send('last'); setImmediate(() => socket.terminate()); });
  const socket = await connect(rude.url);
  const order = [];
  socket.on('error', ({ name }) => order.push(name));
  socket.on('close', (code) => order.push(code));
  const seen = [];
  await assert.rejects(async () => { for await (const message of socket) seen.push(message); }, { name: 'HWS_ERR_EOF' });
  assert.deepEqual(seen, ['last']);
  assert.deepEqual(order, ['HWS_ERR_EOF', 1006]);
  await assert.rejects(socket.drained(), { name: 'HWS_ERR_EOF' });
  await rude.close();
});

test('what a listener to error throws does not keep close away', () => {
  assert.equal(run(`
    import { connect, serve } from 'hawser';
    process.on('uncaughtException', ({ message }) => console.log(message));
    const server = serve('ws://127.0.0.1:0/', (socket) => setImmediate(() => socket.terminate()));
    const socket = await connect(server.url);
    socket.on('error', () => { throw new Error('mine'); });
    socket.on('close', () => { console.log('close'); server.close(); });
  `).split('\n').sort().join(' '), ' close mine');
});

test('who has closed does not open', async () => {
  const [first, ...others] = Array.from({ length: 20 }, () => new WebSocket(server.url));
  let reopened = 0;
  const closed = others.map((socket) => new Promise((resolve) => socket.on('close', resolve)));
  first.on('open', () => {
    for (const socket of others) {
      if (socket.readyState !== WebSocket.CONNECTING) continue;
      socket.on('open', () => reopened++);
      socket.close();  // it may be open already, and was not told
    }
  });
  setTimeout(() => { for (const end = Date.now() + 50; Date.now() < end;); }, 5);  // so that many are in one batch
  await once(first, 'open');
  for (const socket of [first, ...others]) socket.close();
  await Promise.all(closed);
  assert.equal(reopened, 0);
});

test('a signal gives up', async () => {
  const silent = net.createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const controller = new AbortController();
  const attempt = connect(`ws://127.0.0.1:${silent.address().port}/`, { signal: controller.signal });
  const [peer] = await once(silent, 'connection');
  controller.abort(new Error('enough'));
  await assert.rejects(attempt, { message: 'enough' });
  await assert.rejects(connect(server.url, { signal: controller.signal }), { message: 'enough' });
  peer.destroy();
  silent.close();
});

test('pause and resume', async () => {
  const socket = await connect(server.url);
  let seen = 0;
  socket.on('message', () => seen++);
  socket.pause();
  assert.ok(socket.isPaused);
  const [peer] = [...server.clients].slice(-1);
  const before = peer.listenerCount('message');
  assert.equal(before, 1);
  socket.send('x');
  await once(peer, 'message');
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(seen, 0);
  socket.resume();
  await until(() => seen === 1);
  socket.pause();
  socket.close(1000);  // reads on, or it would wait for ever
  assert.equal((await once(socket, 'close'))[0], 1000);
});

test('one that is paused before it is open opens', async () => {
  const talker = serve('ws://127.0.0.1:0/', (socket) => socket.send('x'));
  const socket = new WebSocket(talker.url);
  let seen = 0;
  socket.on('message', () => seen++);
  socket.pause();
  await once(socket, 'open');
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(socket.isPaused);
  socket.resume();
  await until(() => seen === 1);
  await talker.close();
});

test('what is unread when it closes has no gap', async () => {
  const talker = serve('ws://127.0.0.1:0/', async (socket) => {
    socket.on('message', () => {});
    for (let i = 0; i < 200; i++) if (!socket.send(Buffer.alloc(16 << 10, i))) await socket.drained();
  });
  const socket = await connect(talker.url);
  await until(() => socket.readyState === WebSocket.OPEN && talker.clients.size === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  socket.close(1000);
  let next = 0;
  for await (const [first] of socket) {
    assert.equal(first, next++);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await talker.close();
});

test('a close gets through, though much is unread', async () => {
  const talker = serve('ws://127.0.0.1:0/', (socket) => {
    for (let i = 0; i < 64; i++) socket.send(Buffer.alloc(64 << 10));
  });
  const socket = await connect(talker.url);
  const [peer] = talker.clients;
  await until(() => peer.bufferedAmount > 0 || peer.readyState !== WebSocket.OPEN || socket.bufferedAmount === 0);
  socket.close(1000);
  assert.deepEqual(await once(socket, 'close'), [1000, '', true]);
  await talker.close();
});

test('wrong arguments are refused, not taken for something else', async () => {
  const socket = await connect(server.url, null);
  assert.throws(() => socket.send('x', () => {}), TypeError);
  for (const options of [5, 'x', { highWaterMark: 0 }, { highWaterMark: 'x' }, { headers: { A: undefined } }, { headers: 'x' },
    { signal: new AbortController().signal }, { maxMessageSize: null }]) {
    assert.throws(() => new WebSocket(server.url, [], options), TypeError);
  }
  assert.throws(() => new WebSocket(server.url, [], new Options({ parts: true })), { name: 'HWS_ERR_OPTION' });
  assert.throws(() => new Options(5), TypeError);
  socket.addEventListener('message', ({ data }) => socket.close(1000, data), null);
  socket.send('x');
  await once(socket, 'close');
});

test('as in ws, the protocols may be left out', async () => {
  const socket = new WebSocket(server.url, { subprotocols: 'a' });
  await once(socket, 'open');
  assert.equal(socket.protocol, 'a');
  socket.close();
  const other = new WebSocket(server.url, null, { maxMessageSize: 100 });
  await once(other, 'open');
  other.close();
});

test('many options handles share nothing that is seen', async () => {
  const options = new Options({ headers: { 'X-A': 'b' } });
  assert.throws(() => new WebSocket(server.url, 'a', options), { name: 'HWS_ERR_OPTION' });
  const sockets = await Promise.all(Array.from({ length: 20 }, () => connect(server.url, options)));
  await Promise.all(sockets.map(async (socket, i) => {
    socket.send(String(i));
    const [data] = await once(socket, 'message');
    assert.equal(data.toString(), String(i));
    socket.close();
    await once(socket, 'close');
  }));
});
