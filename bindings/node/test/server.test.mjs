// The server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Options, WebSocket, WebSocketServer, connect, serve } from 'hawser';
import { echo, run, until } from './support.mjs';

const certificates = process.env.HAWSER_CERTIFICATES;

test('a handler is told the request', async () => {
  let told;
  const server = serve('ws://127.0.0.1:0/', (socket, request) => { told = request; });
  const socket = await connect(`${server.url}path?a=b`, { headers: { 'X-List': ['1', '2'], Cookie: ['a=1', 'b=2'] } });
  assert.equal(told.url, '/path?a=b');
  assert.equal(told.headers['x-list'], '1, 2');
  assert.equal(told.headers.cookie, 'a=1; b=2');
  assert.equal(told.headers.host, server.address);
  assert.match(told.remoteAddress, /^127\.0\.0\.1:\d+$/);
  assert.ok(told.isUpgrade);
  assert.equal(server.clients.size, 1);
  socket.close();
  await until(() => server.clients.size === 0);
  await server.close();
});

test('broadcast', async () => {
  const server = new WebSocketServer('ws://127.0.0.1:0/');
  const sockets = await Promise.all([1, 2, 3].map(() => connect(server.url)));
  const [first] = server.clients;
  assert.equal(server.broadcast('to all'), 3);
  assert.equal(server.broadcast(Buffer.from('to two'), { except: first, compress: false }), 2);
  server.broadcast('end');
  const seen = await Promise.all(sockets.map(async (socket) => {
    const messages = [];
    for await (const message of socket) {
      if (message === 'end') break;
      messages.push(String(message));
    }
    return messages.join();
  }));
  assert.deepEqual(seen.sort(), ['to all', 'to all,to two', 'to all,to two']);
  await server.close();
});

test('close says 1001, waits for all, and stops listening', async () => {
  const server = serve('ws://127.0.0.1:0/', echo);
  const sockets = await Promise.all([1, 2, 3].map(() => connect(server.url)));
  const codes = Promise.all(sockets.map(async (socket) => (await once(socket, 'close'))[0]));
  for (const client of server.clients) client.removeAllListeners();
  const ended = once(server, 'close');
  const first = server.close();
  assert.equal(server.close(), first);
  await first;
  await ended;
  assert.deepEqual(await codes, [1001, 1001, 1001]);
  assert.equal(server.clients.size, 0);
  await assert.rejects(connect(server.url), { name: 'HWS_ERR_CONNECT' });
  assert.equal(server.broadcast('x'), 0);
});

test('close cuts off who does not answer', async () => {
  const server = serve('ws://127.0.0.1:0/', () => {});
  const socket = await connect(server.url);
  socket.pause();
  await server.close(1);
  assert.equal(server.clients.size, 0);
  socket.resume();
  await new Promise((resolve) => socket.on('close', resolve));
});

test('requests are vetted, and plain HTTP is answered', async () => {
  const server = new WebSocketServer('ws://127.0.0.1:0/', { requests: true, subprotocols: ['a', 'b'] });
  server.on('request', (request) => {
    if (!request.isUpgrade) request.respond(200, `you want ${request.url}`, { 'Content-Type': 'text/plain' });
    else if (request.headers.authorization === 'yes') request.accept('b', { 'X-Accepted': '1' });
    else request.respond(401, 'no');
  });
  server.on('connection', echo);
  await assert.rejects(connect(server.url), { name: 'HWS_ERR_HTTP', system: 401 });
  const socket = await connect(server.url, { headers: { Authorization: 'yes' }, subprotocols: ['a', 'b'] });
  assert.equal(socket.protocol, 'b');
  socket.send('x');
  assert.equal((await once(socket, 'message')).toString(), 'x,false');
  const body = await new Promise((resolve, reject) => {
    http.get(server.url.replace('ws:', 'http:') + 'page', { agent: false }, async (response) => {
      assert.equal(response.statusCode, 200);
      assert.equal(response.headers['content-type'], 'text/plain');
      resolve(Buffer.concat(await response.toArray()).toString());
    }).on('error', reject);
  });
  assert.equal(body, 'you want /page');
  await server.close();
});

test('a request is one from its event to its connection', async () => {
  const server = new WebSocketServer('ws://127.0.0.1:0/', { requests: true });
  let told;
  server.on('request', (request) => setImmediate(() => {
    request.user = 'somebody';
    assert.equal(request.accept(), true);
  }));
  server.on('connection', (socket, request) => { told = request; });
  await connect(server.url);
  await until(() => told !== undefined);
  assert.equal(told.user, 'somebody');
  await server.close();
});

test('close answers requests that wait with 503, and who answers them too late is told', async () => {
  const server = new WebSocketServer('ws://127.0.0.1:0/', { requests: true });
  await assert.rejects(connect(server.url), { name: 'HWS_ERR_HTTP', system: 503 });  // nobody listens
  const requests = [];
  server.on('request', (request) => requests.push(request));
  const attempts = [1, 2].map(() => assert.rejects(connect(server.url), { name: 'HWS_ERR_HTTP', system: 503 }));
  await until(() => requests.length === 2);
  const closing = server.close();
  assert.equal(requests[0].accept(), false);
  await closing;
  await Promise.all(attempts);
  assert.equal(requests[0].accept(), false);
  assert.equal(requests[1].respond(404), false);
});

test('a request that is accepted opens, though the server closes', async () => {
  const server = new WebSocketServer('ws://127.0.0.1:0/', { requests: true });
  server.on('request', (request) => { request.accept(); server.close(); });
  server.on('connection', () => assert.fail('it is closing'));
  const socket = await connect(server.url);
  assert.equal((await once(socket, 'close'))[0], 1001);
  await server.close();
});

test('a handler may let drained fail, as the client closes', () => {
  assert.equal(run(`
    import { connect, serve } from 'hawser';
    const server = serve('ws://127.0.0.1:0/', async (socket) => {
      socket.on('message', () => {});
      for (;;) if (!socket.send(Buffer.alloc(1 << 20))) await socket.drained();
    });
    const socket = await connect(server.url);
    socket.on('message', () => {});
    setTimeout(() => socket.close(1000), 50);
    socket.on('close', async (code) => { await server.close(); console.log(code); });
  `), '1000\n');
});

test('broadcasts are awaited by drained, too', async () => {
  let peer;
  const server = serve('ws://127.0.0.1:0/', (socket) => { peer = socket; });
  const socket = await connect(server.url);
  socket.pause();
  await until(() => peer !== undefined);
  while (peer.bufferedAmount < 2 << 20) server.broadcast(Buffer.alloc(1 << 20));
  const drained = peer.drained();
  socket.on('message', () => {}).resume();
  await drained;
  await server.close();
});

test('a deadline that is none, and a handler that is none, are refused', async () => {
  const server = serve('ws://127.0.0.1:0/', () => {});
  for (const wrong of [() => {}, NaN, -1, Infinity]) assert.throws(() => server.close(wrong), TypeError);
  assert.throws(() => server.broadcast('x', { except: {} }), /a WebSocket is wanted/);
  assert.throws(() => serve(server.url, {}, 5), TypeError);
  await server.close();
});

test('what a listener throws is an uncaught exception, and the other events are told all the same', () => {
  const printed = run(`
    import { connect, serve } from 'hawser';
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    const server = serve('ws://127.0.0.1:0/', (socket) => {
      socket.on('message', (data) => {
        if (String(data) === 'bad') throw new Error('mine');
        console.log(String(data));
      });
      socket.on('close', () => server.close());
    });
    const socket = await connect(server.url);
    for (const text of ['1', 'bad', '2']) socket.send(text);
    socket.close();
  `);
  assert.deepEqual(printed.trim().split('\n').sort(), ['1', '2', 'uncaught mine']);
});

test('a handler that fails closes its connection with 1011', () => {
  const printed = run(`
    import { connect, serve } from 'hawser';
    process.on('unhandledRejection', (error) => console.log('rejected', error.message));
    const server = serve('ws://127.0.0.1:0/', async (socket) => {
      await null;
      throw new Error('mine');
    });
    const socket = await connect(server.url);
    socket.on('close', (code) => { console.log(code); server.close(); });
  `);
  assert.deepEqual(printed.trim().split('\n'), ['rejected mine', '1011']);
});

test('a handler may let the error of its loop go', () => {
  const printed = run(`
    import { connect, serve } from 'hawser';
    let seen = 0;
    const server = serve('ws://127.0.0.1:0/', async (socket) => {
      for await (const message of socket) seen++;
    });
    const socket = await connect(server.url);
    socket.send('x');
    setImmediate(() => socket.terminate());
    socket.on('close', async () => { await server.close(); console.log(seen); });
  `);
  assert.equal(printed, '1\n');
});

test('where it cannot listen it says why', async () => {
  const server = serve('ws://127.0.0.1:0/', {}, () => {});
  assert.throws(() => serve(server.url, () => {}), { name: 'HWS_ERR_LISTEN', message: /in use/ });
  assert.throws(() => serve('ws://example.org/', () => {}), { name: 'HWS_ERR_URL' });
  assert.throws(() => serve('wss://127.0.0.1:0/', { tlsCertificate: '/nothing.pem', tlsKey: '/nothing.key' }, () => {}),
    { name: 'HWS_ERR_TLS', message: /nothing/ });
  await server.close();
});

test('wss', { skip: !certificates && 'no HAWSER_CERTIFICATES' }, async () => {
  const file = (name) => `${certificates}/${name}`;
  const options = new Options({ certificates: [{ host: '', chain: file('server.pem'), key: file('server.key') }] });
  const server = serve('wss://127.0.0.1:0/', options, echo);
  assert.match(server.url, /^wss:/);
  const trusting = new Options({ tlsCa: readFileSync(file('root.pem'), 'utf8') });
  const sockets = await Promise.all([1, 2, 3].map(() => connect(server.url, trusting)));
  for (const socket of sockets) {
    socket.send('secret');
    assert.equal((await once(socket, 'message'))[0].toString(), 'secret');
  }
  server.reloadTls(options);
  assert.throws(() => server.reloadTls({ tlsCertificate: '/nothing.pem' }), { name: 'HWS_ERR_TLS' });
  await assert.rejects(connect(server.url), { name: 'HWS_ERR_TLS', message: /certificate/ });  // not of the system's store
  (await connect(server.url, { tlsVerify: false })).close();
  await server.close();
});

test('a client that a closed server lets go of ends, too', async () => {
  const server = serve('ws://127.0.0.1:0/', echo);
  const early = new WebSocket(server.url);
  const closed = new Promise((resolve) => early.on('close', resolve));
  await server.close();
  await closed;
});
