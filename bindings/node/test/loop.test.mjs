// The place in the loop of Node.js: when a process ends, who gets a turn, what a raw manager is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as hawser from 'hawser';
import { run, until } from './support.mjs';

test('a process ends when nothing is open', () => {
  assert.equal(run(`
    import { connect, serve } from 'hawser';
    const server = serve('ws://127.0.0.1:0/', (socket) => socket.send('hello'));
    const socket = await connect(server.url);
    for await (const message of socket) {
      console.log(message);
      socket.close();
      server.close();
    }
    process.on('exit', () => console.log('end'));
  `), 'hello\nend\n');
});

test('it does not end while something is, though nothing else is left to do', () => {
  assert.equal(run(`
    import { connect, serve } from 'hawser';
    const server = serve('ws://127.0.0.1:0/', { idleTimeout: 200 }, (socket) => {
      socket.on('close', (code) => { console.log(code); server.close(); });
    });
    await connect(server.url);
  `), '1001\n');
});

test('it may end at once, whatever is open', () => {
  assert.equal(run(`
    import { connect, serve, Manager } from 'hawser';
    const server = serve('ws://127.0.0.1:0/', () => {});
    await connect(server.url);
    new Manager().watch(() => {});
    console.log('here');
    process.exit(0);
  `), 'here\n');
});

test('a manager that is watched, and not ref-ed, lets the process end', () => {
  assert.equal(run(`
    import { Manager } from 'hawser';
    const manager = new Manager();
    manager.listen('ws://127.0.0.1:0/');
    manager.watch(() => {});
    manager.unref();
    console.log('end');
  `), 'end\n');
});

test('options of all connections are set before the first', () => {
  assert.equal(run(`
    import { configure, connect, serve } from 'hawser';
    configure({ maxMessageSize: 3 });
    const server = serve('ws://127.0.0.1:0/', (socket) => socket.on('message', (data) => console.log(String(data))));
    const socket = await connect(server.url);
    socket.send('abc');
    socket.send('abcd');
    socket.on('close', (code) => { console.log(code); server.close(); });
    try { configure({}); } catch (error) { console.log(error.name); }
  `), 'HWS_ERR_STATE\nabc\n1009\n');
});

test('events are told in the context of none of those who connect', async () => {
  assert.equal(run(`
    import { AsyncLocalStorage } from 'node:async_hooks';
    import { connect, serve } from 'hawser';
    const storage = new AsyncLocalStorage();
    const server = storage.run('first', () => serve('ws://127.0.0.1:0/', (socket) => {
      console.log(storage.getStore());
      socket.close();
    }));
    const socket = await connect(server.url);
    socket.on('close', () => server.close());
  `), 'undefined\n');
  assert.throws(() => run(`import { configure } from 'hawser'; configure({ parts: true });`), /HWS_ERR_OPTION/);
});

test('a raw manager is told its events in batches', async () => {
  const server = new hawser.Manager(), client = new hawser.Manager();
  const seen = [];
  server.watch((events) => {
    for (const { kind, connection, opcode, data } of events) {
      seen.push(kind);
      if (kind === hawser.EVENT_MESSAGE) server.send(connection, opcode, data);
    }
  });
  let answer, id;
  client.watch((events) => {
    for (const { kind, data } of events) {
      if (kind === hawser.EVENT_OPEN) client.send(id, hawser.TEXT, 'x');
      if (kind === hawser.EVENT_MESSAGE) answer = data;
    }
  });
  id = client.connect(`ws://${server.localAddress(server.listen('ws://127.0.0.1:0/'))}/`);
  await until(() => answer === 'x');
  assert.deepEqual(seen, [hawser.EVENT_OPEN, hawser.EVENT_MESSAGE]);
  client.free();
  await until(() => seen.includes(hawser.EVENT_CLOSE));
  server.free();
});

test('a listener may free its manager, or stop watching it', async () => {
  for (const end of ['free', 'unwatch']) {
    const manager = new hawser.Manager();
    let calls = 0;
    manager.watch(() => { calls++; manager[end](); });
    const listener = manager.listen('ws://127.0.0.1:0/');
    manager.abort(listener);
    await until(() => calls === 1);
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(calls, 1);
    manager.free();
  }
});

test('one that is watched anew has the new listener alone', async () => {
  const manager = new hawser.Manager();
  let seen;
  manager.watch(() => assert.fail('the old one'));
  manager.watch((events) => { seen = events; });
  manager.abort(manager.listen('ws://127.0.0.1:0/'));
  await until(() => seen !== undefined);
  assert.equal(seen[0].kind, hawser.EVENT_CLOSE);
  manager.free();
});

test('what a watcher throws is an uncaught exception, and it goes on', () => {
  assert.equal(run(`
    import { Manager } from 'hawser';
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    const manager = new Manager();
    let calls = 0;
    manager.watch(() => {
      if (++calls === 2) return manager.free();
      setImmediate(() => manager.abort(manager.listen('ws://127.0.0.1:0/')));
      throw new Error('mine');
    });
    manager.abort(manager.listen('ws://127.0.0.1:0/'));
    process.on('exit', () => console.log(calls));
  `), 'uncaught mine\n2\n');
});

test('messages without end leave others their turn', async () => {
  let stop = false;
  const server = hawser.serve('ws://127.0.0.1:0/', (socket) => {
    socket.on('message', (data) => { if (!stop) socket.send(data), socket.send(data); });
    socket.on('error', () => {});
  });
  const socket = await hawser.connect(server.url);
  let count = 0;
  socket.on('message', (data) => { count++; if (!stop) socket.send(data); });
  for (let i = 0; i < 100; i++) socket.send('x');
  await until(() => count > 1000);
  await new Promise((resolve) => setTimeout(resolve, 5));  // a timer gets its turn
  stop = true;
  socket.terminate();
  await server.close();
});
