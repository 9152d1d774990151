// Node's ws as the server of a client with compression: every parameter of permessage-deflate (RFC 7692 7.1). What ws
// does in its own way: it takes no offer whose server_max_window_bits is less than its own, answers 400 if it can take
// none, and it answers its client_max_window_bits even if the client's window is smaller, which 7.1.2.2 forbids.

import {
  EchoProgram, agreed, breaches, converse, hawserOptions, kWsBits, pairsOfWishes, parametersOf, runCases, wishes,
  wsOptions,
} from './deflate.mjs';
import { Inbox } from './echo.mjs';
import { httpServer, kScheme } from './layers.mjs';
import { WebSocketServer, checkEqual, patiently, runTests } from './program.mjs';

let program;

/** One port for all cases, each of which has a path. */
class Server {
  static async start() {
    const server = new Server();
    server.cases = [];
    server.http = httpServer();
    server.http.on('upgrade', (request, ...rest) => server.cases[Number(request.url.slice(1))](request, ...rest));
    await new Promise((resolve) => { server.http.listen(0, '127.0.0.1', resolve); });
    server.url = `${kScheme}://127.0.0.1:${server.http.address().port}/`;
    return server;
  }

  /** The URL of a case, and what becomes of it: the offers, the answer, and the connection if there is one. */
  addCase(perMessageDeflate) {
    const seen = {};
    const ws = new WebSocketServer({ noServer: true, perMessageDeflate });
    ws.on('headers', (lines) => {
      seen.header = lines.find((line) => line.startsWith('Sec-WebSocket-Extensions: '))?.replace(/^[^:]*: /, '');
    });
    this.cases.push((request, transport, head) => {
      seen.offers = parametersOf(request.headers['sec-websocket-extensions']);
      ws.handleUpgrade(request, transport, head, (socket) => Object.assign(seen, { socket, inbox: new Inbox(socket) }));
    });
    return { url: `${this.url}${this.cases.length - 1}`, seen };
  }
}

let server;

/** The first offer says what the client's options ask for. */
function checkOffer(mode, client, [offer]) {
  const alone = (flag) => (flag || mode === 'shared' ? true : undefined);
  const asked = (bits) => (bits < 15 ? bits : undefined);
  checkEqual(offer.server_no_context_takeover, alone(client.serverAlone), 'server_no_context_takeover');
  checkEqual(offer.client_no_context_takeover, alone(client.clientAlone), 'client_no_context_takeover');
  checkEqual(offer.server_max_window_bits, asked(client.serverBits), 'server_max_window_bits');
  // 7.1.2.2: without a value it lets the server choose.
  checkEqual(offer.client_max_window_bits, asked(client.clientBits) ?? true, 'client_max_window_bits');
}

const wsTakes = (wish) => (offer) =>
  !(offer.server_max_window_bits < wish.serverBits) &&
  !(offer.server_no_context_takeover && wish.serverAlone === false);

async function run(mode, client, wish) {
  const { url, seen } = server.addCase(wsOptions(wish, Math.min(client.clientBits ?? 15, wish.clientBits || 15)));
  const connection = await program.connect(url, hawserOptions(mode, client));
  const end = await patiently(Promise.race([connection.opened, connection.closed]), 'the handshake');
  checkOffer(mode, client, seen.offers);
  const offer = seen.offers.find(wsTakes(wish));
  if (!offer) {
    checkEqual(mode, 'shared', 'only this mode has no other offer to make: the mode');
    checkEqual(end[0], 'HWS_ERR_HTTP', 'why it was closed');
    return;
  }
  const [answer] = parametersOf(seen.header);
  const isWrong = breaches(offer, answer) !== '';
  checkEqual(isWrong, client.clientBits < wish.clientBits, 'ws allows the client more than it has');
  if (isWrong) {
    checkEqual(end[0], 'HWS_ERR_HANDSHAKE', `why it was closed (${end[1]})`);
    return;
  }
  checkEqual(end[0], seen.header, 'extensions');
  await converse(seen.socket, seen.inbox, true, agreed(offer, answer));
  checkEqual((await patiently(connection.closed, 'the end'))[0], 'HWS_OK', 'why it was closed');
}

const tests = {
  'the program starts': async () => {
    program = new EchoProgram();
    server = await Server.start();
  },
};

for (const mode of ['shared', 'dedicated']) {
  tests[`what the client asks for, ${mode}`] = () => runCases(wishes(), (client) => run(mode, client, {}));

  tests[`what the server asks for, ${mode}`] = () =>
    runCases(wishes(kWsBits, [...kWsBits, false]), (wish) => run(mode, {}, wish));

  tests[`what both ask for, ${mode}`] = () => runCases(pairsOfWishes(), ([wish, client]) => run(mode, client, wish));

  tests[`a server that takes its context over whatever is asked for, ${mode}`] = () =>
    runCases([{ serverAlone: true }, { serverAlone: true, serverBits: 9, clientBits: 9 }, { clientAlone: true }],
             (client) => run(mode, client, { serverAlone: false }));
}

tests['the program ends'] = () => program.stop();

await runTests(tests);
