// Messages of Node's ws that take few bytes on the wire and inflate to far more than max_message_size, in both roles.

import { readFileSync } from 'node:fs';

import { EchoProgram } from './deflate.mjs';
import { Inbox, bytesOf, expectEcho } from './echo.mjs';
import { httpServer, kConnectOptions, kListenOptions, kScheme, kTrust } from './layers.mjs';
import { WebSocket, WebSocketServer, check, checkEqual, patiently, runTests } from './program.mjs';

const kMebibyte = 1024 * 1024;
const kLimit = kMebibyte;
const kBombSize = 128 * kMebibyte;
// Of what the library counts: a message of that size while its buffer grows, compressed again, and queued.
const kBudget = 8 * kMebibyte;
const kCompression = { perMessageDeflate: { threshold: 0 }, maxPayload: 0 };

const kBehind = 'behind a message that was fine';

const kBombs = {
  'at once': (socket) => socket.send(Buffer.alloc(kBombSize)),
  'in fragments that are small': (socket) => {
    for (let left = kBombSize; left > 0; left -= kLimit / 4) socket.send(Buffer.alloc(kLimit / 4), { fin: false });
  },
  [kBehind]: (socket) => {
    socket.send(Buffer.alloc(kLimit));
    socket.send(Buffer.alloc(kBombSize));
  },
  'a byte too long': (socket) => socket.send(Buffer.alloc(kLimit + 1)),
};

let program;

/** The most memory that the program ever had. */
function peak() {
  return 1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${program.child.pid}/status`, 'utf8'))[1]);
}

/** A connection to hawser, a server. */
async function openClient(mode) {
  const url = await program.listen({ deflate: mode, ...kListenOptions });
  const socket = new WebSocket(url, { ...kTrust, ...kCompression });
  const inbox = new Inbox(socket);
  await patiently(new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  }), 'the handshake');
  return { socket, inbox };
}

/** A connection of hawser, a client. */
async function openServer(mode) {
  const server = httpServer();
  const ws = new WebSocketServer({ server, ...kCompression });
  const accepted = new Promise((resolve) => {
    ws.on('connection', (socket) => resolve({ socket, inbox: new Inbox(socket) }));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const connection = await program.connect(`${kScheme}://127.0.0.1:${server.address().port}/`,
                                           { deflate: mode, ...kConnectOptions });
  const peer = await patiently(accepted, 'hawser to connect');
  server.close();
  return { ...peer, connection };
}

async function checkEcho({ socket, inbox }) {
  const data = bytesOf(kLimit);
  socket.send(data);
  await expectEcho(inbox, data, true, 'a message of the largest size');
}

/** The other connection is there before and after. */
async function explode(open, mode, drop, echoes) {
  const other = await open(mode);
  await checkEcho(other);
  const victim = await open(mode);
  checkEqual(victim.socket.extensions, 'permessage-deflate', 'extensions');
  const before = peak();
  drop(victim.socket);
  if (echoes) await expectEcho(victim.inbox, Buffer.alloc(kLimit), true, 'the message before');
  checkEqual((await victim.inbox.expect('close')).code, 1009, 'close code');
  const more = peak() - before;
  check(more < kBombSize / 4, `the bomb took ${more} bytes of memory`);
  if (victim.connection) {
    checkEqual((await patiently(victim.connection.closed, 'the end'))[0], 'HWS_ERR_LIMIT', 'why it was closed');
  }
  await checkEcho(other);
  other.socket.close(1000);
  checkEqual((await other.inbox.expect('close')).code, 1000, 'close code of the other one');
}

const tests = {
  'the program starts': async () => {
    program = new EchoProgram(`max_message_size=${kLimit}`, `memory_budget=${kBudget}`);
  },
};

for (const [words, drop] of Object.entries(kBombs)) {
  for (const mode of ['shared', 'dedicated']) {
    tests[`a server, ${words}, ${mode}`] = () => explode(openClient, mode, drop, words === kBehind);
    tests[`a client, ${words}, ${mode}`] = () => explode(openServer, mode, drop, words === kBehind);
  }
}

tests['what is held goes back'] = async () => {
  while ((await program.stat('connections')) > 0) continue;
  const held = await program.stat('memory');
  check(held < kLimit, `${held} bytes are held`);
};

tests['the program ends'] = () => program.stop();

await runTests(tests);
