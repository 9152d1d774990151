// Worker threads: a Remote of another thread's manager, and all of the package in a thread of its own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import * as hawser from 'hawser';
import { descriptors, pair, pollUntil, until } from './support.mjs';

const PROLOGUE = `
  import { parentPort, workerData } from 'node:worker_threads';
  import * as hawser from ${JSON.stringify(import.meta.resolve('hawser'))};
  const name = (call) => { try { call(); return 'ok'; } catch (error) { return error.name; } };
`;

// A worker that runs a program, which has parentPort, workerData, hawser and name.
function worker(program, workerData) {
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(PROLOGUE + program)}`), { workerData });
}

async function answerOf(thread) {
  const [answer] = await once(thread, 'message');
  return answer;
}

test('another thread sends, closes and wakes', async () => {
  const both = pair();
  const thread = worker(`
    const remote = new hawser.Remote(workerData.handle);
    const { id } = workerData;
    parentPort.postMessage([
      name(() => remote.wake()),
      name(() => remote.send(id, hawser.TEXT, 'from a worker')),
      name(() => remote.send(id, hawser.BINARY, new Uint8Array([0, 255]))),
      name(() => remote.send(id, hawser.TEXT, new Uint8Array([255]))),
      name(() => remote.send(0, hawser.TEXT, 'x')),
      name(() => remote.close(id, 1005)),
      name(() => remote.close(id, 1000, 'a\\0')),
      name(() => remote.close(id, 1000, 'by a worker')),
    ]);
  `, { handle: both.client.handle, id: both.connected });
  assert.deepEqual(await answerOf(thread), [
    'ok', 'ok', 'ok', 'HWS_ERR_UTF8', 'HWS_ERR_STALE', 'HWS_ERR_CLOSE_CODE', 'HWS_ERR_ARGUMENT', 'ok',
  ]);
  const events = [];
  pollUntil([both.server, both.client], (batch, manager) => {
    if (manager === both.server) events.push(...batch);
    return events.at(-1)?.kind === hawser.EVENT_CLOSE;
  });
  assert.deepEqual(events.map(({ data }) => data), ['from a worker', Buffer.from([0, 255]), 'by a worker']);
  both.server.free();
  both.client.free();
});

test('a poll that waits for ever is woken', async () => {
  const manager = new hawser.Manager();
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const thread = worker(`
    Atomics.wait(workerData.shared, 0, 0);
    new hawser.Remote(workerData.handle).wake();
  `, { handle: manager.handle, shared });
  await once(thread, 'online');
  Atomics.store(shared, 0, 1);
  Atomics.notify(shared, 0);
  assert.deepEqual(manager.poll(-1), []);
  manager.free();
});

test('free while others send makes them STALE, and no crash', async () => {
  for (let round = 0; round < 5; round++) {
    const both = pair({}, { maxSendQueue: -1 });
    const shared = new Int32Array(new SharedArrayBuffer(4));
    const threads = Array.from({ length: 3 }, () => worker(`
      const remote = new hawser.Remote(workerData.handle);
      let answer;
      do {
        answer = name(() => { remote.send(workerData.id, hawser.TEXT, 'x'.repeat(100)); remote.wake(); });
        Atomics.add(workerData.shared, 0, 1);
      } while (answer === 'ok');
      parentPort.postMessage(answer);
    `, { handle: both.client.handle, id: both.connected, shared }));
    const answers = threads.map(answerOf);
    await until(() => {
      both.client.poll(0);
      both.server.poll(0);
      return Atomics.load(shared, 0) > 500;
    });
    both.client.free();
    assert.deepEqual(await Promise.all(answers), ['HWS_ERR_STALE', 'HWS_ERR_STALE', 'HWS_ERR_STALE']);
    both.server.free();
  }
});

test('free does not wait for threads that go on sending', async () => {
  const both = pair({}, { maxSendQueue: -1 });
  const count = 24;
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const threads = Array.from({ length: count }, () => worker(`
    const remote = new hawser.Remote(workerData.handle);
    Atomics.add(workerData.shared, 0, 1);
    while (name(() => remote.send(workerData.id, hawser.TEXT, 'x')) === 'ok');
    parentPort.postMessage('end');
  `, { handle: both.client.handle, id: both.connected, shared }));
  const answers = threads.map(answerOf);
  await until(() => Atomics.load(shared, 0) === count);
  both.client.free(); // it would never return if it waited: they go on until it has
  await Promise.all(answers);
  both.server.free();
});

test('a worker has connections and a server of its own', async () => {
  const thread = worker(`
    const server = hawser.serve('ws://127.0.0.1:0/', (socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    const socket = await hawser.connect(server.url);
    socket.send('inside');
    for await (const message of socket) {
      parentPort.postMessage({ message, url: server.url });
      break;
    }
    parentPort.once('message', async () => {
      socket.close(1000);
      await server.close();
      parentPort.close();
    });
  `);
  const ended = once(thread, 'exit');
  const { message, url } = await answerOf(thread);
  assert.equal(message, 'inside');
  const socket = await hawser.connect(url);
  socket.send('from outside');
  const [data] = await once(socket, 'message');
  assert.equal(data.toString(), 'from outside');
  thread.postMessage('end');
  const [code] = await once(socket, 'close');
  assert.equal(code, 1001);
  assert.deepEqual(await ended, [0]);  // by itself: nothing is open
});

test('a worker that is terminated takes its connections with it', async () => {
  const server = hawser.serve('ws://127.0.0.1:0/', (socket) => socket.send('hello'));
  const before = descriptors();
  for (let round = 0; round < 10; round++) {
    const thread = worker(`
      const socket = await hawser.connect(workerData);
      const raw = new hawser.Manager();
      raw.listen('ws://127.0.0.1:0/');
      raw.watch(() => {});
      globalThis.idle = new hawser.Manager();
      socket.on('message', () => parentPort.postMessage('open'));
    `, server.url);
    assert.equal(await answerOf(thread), 'open');
    await thread.terminate();
  }
  await until(() => server.clients.size === 0);
  assert.ok(descriptors() <= before);
  await server.close();
});

test('the manager of a worker that has ended is STALE', async () => {
  const thread = worker(`
    globalThis.manager = new hawser.Manager();
    parentPort.postMessage(manager.handle);
  `);
  const [handle] = await Promise.all([answerOf(thread), once(thread, 'exit')]);
  assert.throws(() => new hawser.Remote(handle).wake(), { name: 'HWS_ERR_STALE' });
});
