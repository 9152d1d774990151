// What the tests of permessage-deflate in both roles have in common: deflate_echo, the parameters of RFC 7692 7.1 and
// the messages.

import { createInterface } from 'node:readline';

import { bytesOf, expectEcho } from './echo.mjs';
import { kScheme } from './layers.mjs';
import { check, checkEqual, patiently, start } from './program.mjs';

/** deflate_echo, which is told what to do. */
export class EchoProgram {
  constructor(...options) {
    Object.assign(this, start(process.env.DEFLATE_ECHO, options));
    this.answers = [];             // what is to be done with the next ones
    this.connections = new Map();  // of those that it makes
    createInterface({ input: this.child.stdout }).on('line', (line) => this.receive(line.split('\t')));
  }

  receive([kind, ...words]) {
    if (kind === 'open' || kind === 'close') this.connections.get(words.shift())[kind](words);
    else this.answers.shift()(words);
  }

  /** The words of the answer; `then` gets them before anything behind it is read. */
  ask(command, subject, options = {}, then = () => {}) {
    const words = Object.entries(options).map(([name, value]) => `${name}=${value}`);
    const answer = new Promise((resolve) => {
      this.answers.push((answered) => { then(answered); resolve(answered); });
    });
    this.child.stdin.write(`${[command, subject, ...words].join('\t')}\n`);
    return patiently(answer, `the answer to ${command}`);
  }

  async listen(options) {
    const [address] = await this.ask('listen', `${kScheme}://127.0.0.1:0/`, options);
    return `${kScheme}://${address}/`;
  }

  /** Its `opened` and `closed` are promises of the words that are told then. */
  async connect(url, options) {
    const connection = {};
    connection.opened = new Promise((resolve) => { connection.open = resolve; });
    connection.closed = new Promise((resolve) => { connection.close = resolve; });
    await this.ask('connect', url, options, ([id]) => this.connections.set(id, connection));
    return connection;
  }

  async stat(name) {
    return Number((await this.ask('stat', name))[0]);
  }

  async stop() {
    this.child.stdin.end();
    checkEqual(await patiently(this.exited, 'deflate_echo to end'), 0, 'exit status of deflate_echo');
  }
}

/** Runs all cases, some at a time. A case is told when it fails. */
export async function runCases(cases, run) {
  const iterator = cases[Symbol.iterator]();
  async function work() {
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      await run(next.value).catch((error) => {
        error.message = `${JSON.stringify(next.value)}: ${error.message}`;
        throw error;
      });
    }
  }
  await Promise.all(Array.from({ length: 4 }, work));
}

/** What a Sec-WebSocket-Extensions says of permessage-deflate: the parameters of each offer; true has no value. */
export function parametersOf(header) {
  if (!header) return [];
  return header.split(',').map((extension) => {
    const [name, ...words] = extension.split(';').map((word) => word.trim());
    checkEqual(name, 'permessage-deflate', 'the extension');
    const parameters = Object.fromEntries(words.map((word) => {
      const [key, value] = word.split('=');
      return [key, value === undefined ? true : Number(value)];
    }));
    checkEqual(Object.keys(parameters).length, words.length, `parameters that are there once in ${header}`);
    return parameters;
  });
}

const bitsOf = (value) => (typeof value === 'number' ? value : 15);

/** What the answer breaks of RFC 7692 7.1, or "". */
export function breaches(offer, answer) {
  const server = answer.server_max_window_bits ?? 15;
  const client = answer.client_max_window_bits;
  if (offer.server_no_context_takeover && !answer.server_no_context_takeover) return '7.1.1.1: it was asked for';
  if (server > bitsOf(offer.server_max_window_bits)) return '7.1.2.1: a larger window than was asked for';
  if (client === undefined) return '';
  if (offer.client_max_window_bits === undefined) return '7.1.2.2: client_max_window_bits was not offered';
  return client <= bitsOf(offer.client_max_window_bits) ? '' : '7.1.2.2: a larger window than the client has';
}

/** What a side is bound to after all, as the answer says, or the client's own word. */
export function agreed(offer, answer) {
  return {
    serverBits: answer.server_max_window_bits ?? 15,
    clientBits: answer.client_max_window_bits ?? bitsOf(offer.client_max_window_bits),
    serverTakeover: !answer.server_no_context_takeover,
    clientTakeover: !answer.client_no_context_takeover,
  };
}

/** hawser's options, from the values that make up a case. */
export function hawserOptions(mode, { serverBits, clientBits, serverAlone, clientAlone }) {
  const options = { deflate: mode };
  if (serverBits !== undefined) options.deflate_server_max_window_bits = serverBits;
  if (clientBits !== undefined) options.deflate_client_max_window_bits = clientBits;
  if (serverAlone) options.deflate_server_no_context_takeover = 1;
  if (clientAlone) options.deflate_client_no_context_takeover = 1;
  return options;
}

/**
 * Those of ws. hawserBits: the window that hawser has. zlib looks no farther back than the window at what it returned
 * before, but anywhere in what it is just writing: so that may not be much.
 */
export function wsOptions({ serverBits, clientBits, serverAlone, clientAlone }, hawserBits) {
  return {
    serverMaxWindowBits: serverBits,
    clientMaxWindowBits: clientBits,
    serverNoContextTakeover: serverAlone,
    clientNoContextTakeover: clientAlone,
    threshold: 0,
    zlibInflateOptions: { chunkSize: Math.max(64, 2 ** (hawserBits - 2)) },
  };
}

const kAllBits = [8, 9, 10, 11, 12, 13, 14, 15];
export const kWsBits = [undefined, ...kAllBits];
const kBoth = [undefined, true];

/** All that one side may ask for: of the windows these sizes, or all. */
export function* wishes(serverBits, clientBits) {
  for (const server of serverBits ?? kAllBits) {
    for (const client of clientBits ?? kAllBits) {
      for (const serverAlone of kBoth) {
        for (const clientAlone of kBoth) yield { serverBits: server, clientBits: client, serverAlone, clientAlone };
      }
    }
  }
}

/** Both sides ask: all pairs of window sizes, for the server's and the client's at once, as they are independent. */
export function* pairsOfWishes() {
  for (let i = 0; i < 64; i++) {
    const [one, two] = [kAllBits[i % 8], kAllBits[Math.floor(i / 8)]];
    const flag = (bit) => ((i ^ (i >> 3)) & bit ? true : undefined);
    yield [
      { serverBits: one, clientBits: two, serverAlone: flag(1), clientAlone: flag(2) },
      { serverBits: two, clientBits: one, serverAlone: flag(2), clientAlone: flag(4) },
    ];
  }
}

/** 40,000 characters in which a passage comes again for each window size, too far back for the next smaller one. */
const kFarText = (() => {
  const text = Buffer.from(bytesOf(30_000).toString('base64'));
  for (const bits of kAllBits) text.copyWithin(200 * bits + 0.75 * 2 ** bits, 200 * bits, 200 * bits + 100);
  return text;
})();
const kNoise = bytesOf(2000);
const kSmallNoise = bytesOf(150);

/** Has bytes echoed, and returns how many that took ws and hawser. */
async function costOf(socket, inbox, data) {
  const transport = socket._socket;
  const before = { sent: transport.bytesWritten, received: transport.bytesRead };
  socket.send(data);
  await expectEcho(inbox, data, true, 'binary');
  return { ws: transport.bytesWritten - before.sent, hawser: transport.bytesRead - before.received };
}

/** What was said before costs little if a side remembers it. */
async function checkMemory(socket, inbox, data, remembers) {
  const cost = await costOf(socket, inbox, data);
  for (const side of ['ws', 'hawser']) {
    const words = `${side} took ${cost[side]} bytes for ${data.length} that it had said before`;
    check(remembers[side] ? cost[side] < data.length / 3 : cost[side] > data.length / 2, words);
  }
}

async function echoInFragments(socket, inbox) {
  for (const [begin, end] of [[0, 100], [100, 100], [100, 1900]]) {
    socket.send(kNoise.subarray(begin, end), { fin: false });
    socket.ping('within');
    checkEqual((await inbox.expect('pong')).data.toString(), 'within', 'pong');
  }
  socket.send(kNoise.subarray(1900), { fin: true });
  await expectEcho(inbox, kNoise, true, 'noise in fragments');
}

async function echoText(socket, inbox, text) {
  socket.send(text, { binary: false });
  checkEqual((await inbox.expect('ping')).data.toString(), 'between', 'ping');
  await expectEcho(inbox, text, false, 'text in fragments');
}

/** Talks to the echo. `terms`: what was agreed on; isServer: ws is the server. */
export async function converse(socket, inbox, isServer, terms) {
  const server = { bits: terms.serverBits, takeover: terms.serverTakeover };
  const client = { bits: terms.clientBits, takeover: terms.clientTakeover };
  const [ws, hawser] = isServer ? [server, client] : [client, server];
  await costOf(socket, inbox, kSmallNoise);
  await checkMemory(socket, inbox, kSmallNoise, { ws: ws.takeover, hawser: hawser.takeover });
  await echoText(socket, inbox, Buffer.alloc(0));
  await costOf(socket, inbox, Buffer.alloc(0));
  await echoInFragments(socket, inbox);
  await echoText(socket, inbox, kFarText);
  // 24,000 bytes back: only the largest window reaches so far.
  const reaches = (side) => side.takeover && side.bits === 15;
  await checkMemory(socket, inbox, kFarText.subarray(16_000, 18_000), { ws: reaches(ws), hawser: reaches(hawser) });
  socket.close(1000);
  checkEqual((await inbox.expect('close')).code, 1000, 'close code');
}
