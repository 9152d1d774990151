// Against libraries that share nothing with ours: ws for Node.js, and websockets for Python.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { connect, serve } from 'hawser';
import { echo } from './support.mjs';

const peers = process.env.HAWSER_PEERS ?? '';
const wsFolder = path.join(peers, 'node/node_modules/ws');
const python = path.join(peers, 'python/bin/python');
const withoutWs = !existsSync(wsFolder) && 'no ws in HAWSER_PEERS';
const withoutPython = !existsSync(python) && 'no Python with websockets in HAWSER_PEERS';

const messages = ['', 'text', 'ä⚓😀\0', 'x'.repeat(70000), Buffer.alloc(0), Buffer.from([0, 128, 255]), Buffer.alloc(1 << 20, 7)];

async function converse(url, options, code = 4000) {
  const socket = await connect(url, options);
  for (const message of messages) socket.send(message);
  const back = [];
  for await (const message of socket) {
    back.push(message);
    if (back.length === messages.length) socket.close(code, 'enough ⚓');
  }
  assert.deepEqual(back, messages);
  assert.equal(socket.error, null);
  return socket;
}

for (const deflate of ['off', 'dedicated']) {
  test(`a client of ws, deflate ${deflate}`, { skip: withoutWs }, async () => {
    const { WebSocketServer } = createRequire(import.meta.url)(wsFolder);
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: deflate !== 'off' });
    await once(server, 'listening');
    const closed = new Promise((resolve) => server.on('connection', (socket) => {
      echo(socket);
      socket.on('close', (code, reason) => resolve([code, reason.toString()]));
    }));
    const socket = await converse(`ws://127.0.0.1:${server.address().port}/`, { deflate });
    assert.equal(socket.extensions !== '', deflate !== 'off');
    assert.deepEqual(await closed, [4000, 'enough ⚓']);
    server.close();
  });

  test(`a server for ws, deflate ${deflate}`, { skip: withoutWs }, async () => {
    const { WebSocket } = createRequire(import.meta.url)(wsFolder);
    let closed;
    const server = serve('ws://127.0.0.1:0/', { deflate }, (socket) => {
      echo(socket);
      closed = once(socket, 'close');
    });
    const socket = new WebSocket(server.url, { perMessageDeflate: deflate !== 'off' });
    await once(socket, 'open');
    assert.equal(socket.extensions !== '', deflate !== 'off');
    for (const message of messages) socket.send(message);
    const back = [];
    socket.on('message', (data, isBinary) => {
      back.push(isBinary ? data : data.toString());
      if (back.length === messages.length) socket.close(4000, 'enough ⚓');
    });
    const [code, reason] = await once(socket, 'close');
    assert.deepEqual([code, reason.toString()], [4000, '']);
    assert.deepEqual(back, messages);
    assert.deepEqual(await closed, [4000, 'enough ⚓', true]);
    await server.close();
  });
}

const pythonServer = `
import asyncio, websockets

async def echo(socket):
    async for message in socket:
        await socket.send(message)
    print(socket.close_code, socket.close_reason, flush=True)

async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()

asyncio.run(main())
`;

const pythonClient = `
import asyncio, sys, websockets

async def main():
    messages = ["", "text", "ä⚓😀\\0", "x" * 70000, b"", bytes([0, 128, 255]), b"\\7" * (1 << 20)]
    async with websockets.connect(sys.argv[1], max_size=None) as socket:
        for message in messages:
            await socket.send(message)
            assert await socket.recv() == message
        await socket.close(4000, "enough ⚓")
        print(socket.close_code)

asyncio.run(main())
`;

test('a client of Python’s websockets', { skip: withoutPython }, async () => {
  const program = spawn(python, ['-X', 'utf8', '-c', pythonServer], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  try {
    await converse(`ws://127.0.0.1:${(await lines.next()).value}/`, {}, 1000);
    assert.equal((await lines.next()).value, '1000 enough ⚓');
  } finally {
    program.kill();
  }
});

test('a server for Python’s websockets', { skip: withoutPython }, async () => {
  const server = serve('ws://127.0.0.1:0/', echo);
  const program = spawn(python, ['-X', 'utf8', '-c', pythonClient, server.url], { stdio: ['ignore', 'pipe', 'inherit'] });
  const output = program.stdout.toArray();
  assert.deepEqual(await once(program, 'exit'), [0, null]);
  assert.equal(Buffer.concat(await output).toString(), '4000\n');
  await server.close();
});
