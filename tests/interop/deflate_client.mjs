// Node's ws as the client of a server with compression: every parameter of permessage-deflate (RFC 7692 7.1). ws lets
// zlib raise a window of 8 bits to 9 when it compresses, and as hawser does it relies on zlib's matches being shorter.

import {
  EchoProgram, agreed, breaches, converse, hawserOptions, kWsBits, pairsOfWishes, parametersOf, runCases, wishes,
  wsOptions,
} from './deflate.mjs';
import { Inbox } from './echo.mjs';
import { WebSocket, check, checkEqual, patiently, runTests } from './program.mjs';

let program;

/** The connection, the parameters that it was opened with, and those of the answer: undefined if it was declined. */
async function open(url, perMessageDeflate) {
  const socket = new WebSocket(url, [], { perMessageDeflate });
  const inbox = new Inbox(socket);
  const [offer] = parametersOf(socket._req.getHeader('Sec-WebSocket-Extensions'));
  let header;
  socket.on('upgrade', (response) => { header = response.headers['sec-websocket-extensions']; });
  await patiently(new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  }), 'the handshake');
  return { socket, inbox, offer, answer: parametersOf(header)[0] };
}

const least = (own, other) => Math.min(own ?? 15, typeof other === 'number' ? other : 15);

/** The answer keeps to the offer, and says what the server's options ask for. */
function checkAnswer(mode, server, offer, answer) {
  checkEqual(breaches(offer, answer), '', 'RFC 7692');
  const terms = agreed(offer, answer);
  checkEqual(terms.serverBits, least(server.serverBits, offer.server_max_window_bits), 'the server\'s window');
  checkEqual(terms.clientBits, least(server.clientBits, offer.client_max_window_bits), 'the client\'s window');
  if (server.serverAlone || mode === 'shared') check(!terms.serverTakeover, 'the server takes its context over');
  if (server.clientAlone || mode === 'shared') check(!terms.clientTakeover, 'the client takes its context over');
  return terms;
}

async function run(url, mode, server, client) {
  const hawserBits = least(server.serverBits, client.serverBits);
  const { socket, inbox, offer, answer } = await open(url, wsOptions(client, hawserBits));
  check(answer, 'it was declined');
  await converse(socket, inbox, false, checkAnswer(mode, server, offer, answer));
}

const tests = { 'the program starts': async () => { program = new EchoProgram(); } };

for (const mode of ['shared', 'dedicated']) {
  tests[`what the client asks for, ${mode}`] = async () => {
    const url = await program.listen(hawserOptions(mode, {}));
    await runCases(wishes(kWsBits, [...kWsBits, false]), (client) => run(url, mode, {}, client));
  };

  tests[`what the server asks for, ${mode}`] = async () => {
    await runCases(wishes(), async (server) => {
      await run(await program.listen(hawserOptions(mode, server)), mode, server, {});
    });
  };

  tests[`what both ask for, ${mode}`] = async () => {
    await runCases(pairsOfWishes(), async ([server, client]) => {
      await run(await program.listen(hawserOptions(mode, server)), mode, server, client);
    });
  };

  // RFC 7692 7.1.2.2: it does not say that the server may, so the server must not.
  tests[`a client whose window cannot be limited, ${mode}`] = async () => {
    for (const clientBits of [8, 14]) {
      const url = await program.listen(hawserOptions(mode, { clientBits }));
      const { socket, inbox, answer } = await open(url, wsOptions({ clientBits: false }, 15));
      checkEqual(answer, undefined, 'the answer');
      socket.send('as it is');
      await inbox.expect('ping');
      checkEqual((await inbox.expect('message')).data.toString(), 'as it is', 'the echo');
      socket.close(1000);
      await inbox.expect('close');
    }
  };
}

tests['the program ends'] = () => program.stop();

await runTests(tests);
