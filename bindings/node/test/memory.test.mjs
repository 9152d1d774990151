// What the collector sees, and what it does not. Run with --expose-gc.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as hawser from 'hawser';
import { descriptors, pair, pollUntil, until } from './support.mjs';

const { BINARY, EVENT_MESSAGE } = hawser;

function receive(both, count) {
  const messages = [];
  pollUntil([both.server, both.client], (events, manager) => {
    if (manager === both.server) messages.push(...events.filter(({ kind }) => kind === EVENT_MESSAGE));
    return messages.length === count;
  });
  return messages.map(({ data }) => data);
}

test('what is kept does not change when other messages come', () => {
  const both = pair();
  const kept = [];
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 100; i++) both.client.send(both.connected, BINARY, Buffer.alloc(i * 7, round + i));
    kept.push(receive(both, 100));
    if (round % 10 === 0) globalThis.gc();
  }
  kept.forEach((messages, round) => messages.forEach((data, i) => {
    assert.ok(data.equals(Buffer.alloc(i * 7, round + i)), `round ${round}, message ${i}`);
  }));
  both.server.free();
  both.client.free();
});

test('a message that is transferred takes no other along', async () => {
  const server = hawser.serve('ws://127.0.0.1:0/', (socket) => {
    for (let i = 0; i < 5; i++) socket.send(Buffer.alloc(10, i));
    socket.send(Buffer.alloc(1 << 20, 5));
  });
  const socket = await hawser.connect(server.url);
  const seen = [];
  let moved;
  socket.on('message', (data) => {
    seen.push(data);
    if (data[0] !== 1 && data[0] !== 5) return;
    try {
      moved = structuredClone(data.buffer, { transfer: [data.buffer] });
    } catch ({ name }) {
      assert.equal(name, 'DataCloneError');
    }
  });
  await until(() => seen.length === 6);
  assert.ok(moved.byteLength >= 1 << 20);  // that one has memory of its own
  for (let i = 0; i < 5; i++) assert.ok(seen[i].equals(Buffer.alloc(10, i)), `message ${i}`);
  socket.close();
  await server.close();
});

test('a small message does not hold the memory of a large one that came with it', () => {
  const both = pair({ maxEvents: 1000 }, { maxSendQueue: -1 });
  both.client.send(both.connected, BINARY, Buffer.alloc(8));
  both.client.send(both.connected, BINARY, Buffer.alloc(8 << 20));
  both.client.send(both.connected, BINARY, Buffer.alloc(8));
  const [before, large, after] = receive(both, 3);
  assert.ok(before.buffer.byteLength <= 64 << 10);
  assert.ok(after.buffer.byteLength <= 64 << 10);
  assert.ok(large.buffer.byteLength < (8 << 20) + 4096);
  both.server.free();
  both.client.free();
});

test('memory does not grow with the messages that were received', () => {
  const both = pair();
  const payload = Buffer.alloc(16 << 10);
  const measure = () => {
    for (let i = 0; i < 3; i++) globalThis.gc();
    return process.memoryUsage().arrayBuffers;
  };
  let before;
  for (let i = 0; i < 2000; i++) {
    both.client.send(both.connected, BINARY, payload);
    receive(both, 1);
    if (i === 200) before = measure();
  }
  assert.ok(measure() - before < 4 << 20);  // of 28 MiB that came since
  both.server.free();
  both.client.free();
});

test('a manager that nobody holds is freed, and its descriptors', async () => {
  const before = descriptors();
  for (let i = 0; i < 50; i++) {
    const manager = new hawser.Manager();
    manager.listen('ws://127.0.0.1:0/');
    new hawser.Options({ subprotocols: ['a', 'b'] });
  }
  assert.ok(descriptors() > before + 100);
  await until(() => {
    globalThis.gc();
    return descriptors() < before + 10;  // the last one may still be seen from the stack
  });
});

test('one that is watched stays until it is not', async () => {
  const before = descriptors();
  let held = new WeakRef(watched());
  function watched() {
    const manager = new hawser.Manager();
    manager.listen('ws://127.0.0.1:0/');
    manager.watch(() => {});
    manager.unref();
    return manager;
  }
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc();
  }
  assert.ok(held.deref() !== undefined);
  held.deref().unwatch();
  await until(() => {
    globalThis.gc();
    return held.deref() === undefined && descriptors() <= before;
  });
});

test('connections leave no descriptors behind', async () => {
  const server = hawser.serve('ws://127.0.0.1:0/', (socket) => socket.on('message', () => socket.close(1000)));
  const round = () => Promise.all(Array.from({ length: 50 }, async () => {
    const socket = await hawser.connect(server.url);
    socket.send('x');
    for await (const _ of socket);
  }));
  await round();
  await until(() => server.clients.size === 0);
  const before = descriptors();
  for (let i = 0; i < 5; i++) await round();
  await until(() => server.clients.size === 0);
  assert.ok(descriptors() <= before);
  await server.close();
});
