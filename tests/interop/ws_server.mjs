// Node's ws as the server of `hawser connect`.

import { Inbox, bytesOf, checkLayers, echoEverything, echoManyAtOnce, pingPong } from './echo.mjs';
import { httpServer, kCompression, kScheme } from './layers.mjs';
import { Connect, WebSocketServer, check, checkEqual, patiently, runTests } from './program.mjs';

/** A server on a free port, and what came to it. */
class Server {
  static async start(options) {
    const server = new Server();
    server.http = httpServer();
    server.ws = new WebSocketServer({ server: server.http, ...kCompression, ...options });
    await new Promise((resolve) => { server.http.listen(0, '127.0.0.1', resolve); });
    server.url = `${kScheme}://127.0.0.1:${server.http.address().port}/`;
    server.peer = new Promise((resolve) => {
      server.ws.on('connection', (socket, request) => resolve({ socket, request, inbox: new Inbox(socket) }));
    });
    return server;
  }

  accepted() {
    return patiently(this.peer, 'hawser connect to come');
  }

  async stop() {
    await new Promise((resolve) => { this.ws.close(resolve); });
    await new Promise((resolve) => { this.http.close(resolve); });
  }
}

async function withConnect(serverOptions, args, test, deflate) {
  const server = await Server.start(serverOptions);
  const connect = new Connect(server.url, args, deflate);
  const peer = await server.accepted();
  await test(peer, connect);
  await server.stop();
}

async function closeAsServer({ socket, inbox }, connect) {
  socket.close(1000, 'done');
  checkEqual((await inbox.expect('close')).code, 1000, 'close code');
  await connect.expectStatus(0, 'closed by us');
}

/** The exit status of hawser connect when the server treats the handshake as `serverOptions` say. */
async function statusFor(serverOptions, args, expected, words) {
  const server = await Server.start(serverOptions);
  await new Connect(server.url, args).expectStatus(expected, words);
  await server.stop();
}

const refuseWith = (status) => ({ verifyClient: (info, answer) => answer(false, status) });

await runTests({
  'echo': () => withConnect({}, ['--echo'], async (peer, connect) => {
    await checkLayers(peer.socket, peer.inbox);
    await pingPong(peer.socket, peer.inbox);
    await echoManyAtOnce(peer.socket, peer.inbox);
    await echoEverything(peer.socket, peer.inbox);
    await closeAsServer(peer, connect);
  }),

  'a server that would compress, and is not asked to': () => withConnect({ perMessageDeflate: true }, ['--echo'], async (peer, connect) => {
    checkEqual(peer.request.headers['sec-websocket-extensions'], undefined, 'offer');
    checkEqual(peer.socket.extensions, '', 'extensions');
    await echoManyAtOnce(peer.socket, peer.inbox);
    await echoEverything(peer.socket, peer.inbox);
    await closeAsServer(peer, connect);
  }, 'off'),

  // The program's default.
  'permessage-deflate is offered and taken': () => withConnect({ perMessageDeflate: true }, ['--echo'], async (peer, connect) => {
    checkEqual(peer.socket.extensions, 'permessage-deflate', 'extensions');
    await echoManyAtOnce(peer.socket, peer.inbox);
    await closeAsServer(peer, connect);
  }, null),

  'permessage-deflate is offered and declined': () => withConnect({ perMessageDeflate: false }, ['--echo'], async (peer, connect) => {
    checkEqual(peer.request.headers['sec-websocket-extensions'].split(/[;,]/)[0], 'permessage-deflate', 'offer');
    checkEqual(peer.socket.extensions, '', 'extensions');
    await echoManyAtOnce(peer.socket, peer.inbox);
    await closeAsServer(peer, connect);
  }, null),

  'the Close that answers ours has our code': async () => {
    for (const code of [1000, 3000, 4999]) {
      await withConnect({}, ['--echo'], async ({ socket, inbox }, connect) => {
        socket.close(code, 'moor ⚓');
        checkEqual((await inbox.expect('close')).code, code, 'close code');
        await connect.expectStatus(0, `closed with ${code}`);
      });
    }
  },

  'the last echo is not lost when we close behind the message': () => withConnect({}, ['--echo'], async (peer, connect) => {
    const data = bytesOf(100_000);
    peer.socket.send(data);
    peer.socket.close(1000);
    check(data.equals((await peer.inbox.expect('message')).data), 'the echo differs');
    checkEqual((await peer.inbox.expect('close')).code, 1000, 'close code');
    await connect.expectStatus(0, 'closed by us');
  }),

  'hawser closes with the code that it was told': () => withConnect({}, ['--close-code', '4001'], async (peer, connect) => {
    connect.child.stdin.write('hello ⚓\n');
    const message = await peer.inbox.expect('message');
    checkEqual(message.isBinary, false, 'binary');
    checkEqual(message.data.toString(), 'hello ⚓', 'the line');
    connect.closeInput();
    checkEqual((await peer.inbox.expect('close')).code, 4001, 'close code');
    await connect.expectStatus(0, 'the end of its input');
  }),

  'hawser closes with 1000 by default': () => withConnect({}, ['--binary'], async (peer, connect) => {
    connect.child.stdin.write(Buffer.from([0, 255, 10, 128]));
    connect.closeInput();
    const message = await peer.inbox.expect('message');
    checkEqual(message.isBinary, true, 'binary');
    checkEqual(message.data.toString('hex'), '00ff0a80', 'the bytes');
    checkEqual((await peer.inbox.expect('close')).code, 1000, 'close code');
    await connect.expectStatus(0, 'the end of its input');
  }),

  'it pings': () => withConnect({}, ['--echo', '--ping-interval', '1'], async (peer, connect) => {
    await peer.inbox.expect('ping');
    peer.socket.send('still here');
    while ((await peer.inbox.next()).kind !== 'message') continue;
    peer.socket.close(1000, 'done');
    let last;
    do last = await peer.inbox.next(); while (last.kind === 'ping');
    checkEqual([last.kind, last.code].join(), 'close,1000', 'what comes last');
    await connect.expectStatus(0, 'closed by us');
  }),

  'headers, origin and path arrive': async () => {
    const server = await Server.start({});
    const connect = new Connect(`${server.url}deck?rope=3`,
                                ['--echo', '--header', 'X-Mast: tall', '--origin', 'https://good.example']);
    const peer = await server.accepted();
    checkEqual(peer.request.url, '/deck?rope=3', 'request target');
    checkEqual(peer.request.headers['x-mast'], 'tall', 'X-Mast');
    checkEqual(peer.request.headers.origin, 'https://good.example', 'Origin');
    await closeAsServer(peer, connect);
    await server.stop();
  },

  'subprotocols': async () => {
    for (const [offer, chosen] of [['chat, superchat', 'superchat'], ['chat', 'chat']]) {
      const serverOptions = { handleProtocols: (offered) => offered.has(chosen) && chosen };
      await withConnect(serverOptions, ['--echo', '--subprotocol', offer], async (peer, connect) => {
        checkEqual(peer.request.headers['sec-websocket-protocol'].replace(/ /g, ''), offer.replace(/ /g, ''), 'offer');
        checkEqual(peer.socket.protocol, chosen, 'subprotocol');
        await closeAsServer(peer, connect);
      });
    }
  },

  'a refused handshake': async () => {
    for (const status of [401, 403, 404, 500, 503]) await statusFor(refuseWith(status), [], 2, `refused with ${status}`);
  },

  'a server that is gone': async () => {
    const server = await Server.start({});
    await server.stop();
    await new Connect(server.url, []).expectStatus(3, 'nobody listens');
  },

  'a server that hangs up without a Close': () => withConnect({}, ['--echo'], async (peer, connect) => {
    peer.socket.terminate();
    await connect.expectStatus(3, 'connection lost');
  }),
});
