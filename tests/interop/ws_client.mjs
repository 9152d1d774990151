// Node's ws as the client of `hawser serve`.

import { Inbox, bytesOf, checkLayers, echoEverything, echoManyAtOnce, pingPong } from './echo.mjs';
import { kCompression, kTrust } from './layers.mjs';
import { Serve, WebSocket, check, checkEqual, patiently, runTests } from './program.mjs';

const kLayers = { ...kTrust, ...kCompression };

async function open(url, protocols, options) {
  const socket = new WebSocket(url, protocols, { ...kLayers, ...options });
  const inbox = new Inbox(socket);
  await patiently(new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  }), 'the handshake');
  return { socket, inbox };
}

/** The HTTP status that the handshake was refused with. */
function refusal(url, protocols, options) {
  const socket = new WebSocket(url, protocols, { ...kLayers, ...options });
  return patiently(new Promise((resolve, reject) => {
    socket.on('open', () => reject(new Error('it was accepted')));
    socket.on('error', reject);
    socket.on('unexpected-response', (_, response) => {
      response.resume();
      resolve(response.statusCode);
    });
  }), 'a refusal');
}

async function withServe(args, test, deflate) {
  const serve = await Serve.start(args, deflate);
  await test(serve.url);
  await serve.stop();
}

async function expectClose(inbox, code, reason) {
  const close = await inbox.expect('close');
  checkEqual(close.code, code, 'close code');
  if (reason !== undefined) checkEqual(close.reason, reason, 'close reason');
}

await runTests({
  'echo': () => withServe(['--echo'], async (url) => {
    const { socket, inbox } = await open(url);
    await checkLayers(socket, inbox);
    await pingPong(socket, inbox);
    await echoManyAtOnce(socket, inbox);
    await echoEverything(socket, inbox);
    socket.close(1000);
    await expectClose(inbox, 1000);
  }),

  // The program's default.
  'permessage-deflate is offered and declined': () => withServe(['--echo'], async (url) => {
    const { socket, inbox } = await open(url, [], { perMessageDeflate: true });
    checkEqual(socket.extensions, '', 'extensions');
    await echoManyAtOnce(socket, inbox);
    await echoEverything(socket, inbox);
    socket.close(1000);
    await expectClose(inbox, 1000);
  }, null),

  'nothing is compressed that was not offered': () => withServe(['--echo'], async (url) => {
    const { socket, inbox } = await open(url, [], { perMessageDeflate: false });
    checkEqual(socket.extensions, '', 'extensions');
    await echoManyAtOnce(socket, inbox);
    socket.close(1000);
    await expectClose(inbox, 1000);
  }),

  'our close code and reason come back': () => withServe(['--echo'], async (url) => {
    for (const code of [1000, 1001, 1011, 3000, 4999]) {
      const { socket, inbox } = await open(url);
      socket.close(code, 'moor ⚓');
      await expectClose(inbox, code);
    }
    const { socket, inbox } = await open(url);
    socket.close();
    await expectClose(inbox, 1005, '');
  }),

  'the last echo is not lost when we close behind the message': () => withServe(['--echo'], async (url) => {
    const { socket, inbox } = await open(url);
    const data = bytesOf(100_000);
    socket.send(data);
    socket.close(1000);
    check(data.equals((await inbox.expect('message')).data), 'the echo differs');
    await expectClose(inbox, 1000);
  }),

  'hawser closes with 1001 when it ends': async () => {
    const serve = await Serve.start(['--echo']);
    const peers = [await open(serve.url), await open(serve.url)];
    await serve.stop();
    for (const { inbox } of peers) await expectClose(inbox, 1001);
  },

  'a message over the limit is closed with 1009': () => withServe(['--echo', '--max-message-size', '1000'], async (url) => {
    const { socket, inbox } = await open(url);
    socket.send(bytesOf(1000));
    checkEqual((await inbox.expect('message')).data.length, 1000, 'size of the echo');
    socket.send(bytesOf(1001));
    await expectClose(inbox, 1009);
  }),

  'broadcast reaches the others': () => withServe(['--broadcast'], async (url) => {
    const [one, two, three] = [await open(url), await open(url), await open(url)];
    one.socket.send('hello ⚓');
    checkEqual((await two.inbox.expect('message')).data.toString(), 'hello ⚓', 'message at the second');
    checkEqual((await three.inbox.expect('message')).data.toString(), 'hello ⚓', 'message at the third');
    for (const { socket, inbox } of [two, three]) {
      socket.close(1000);
      await expectClose(inbox, 1000);
    }
  }),

  'subprotocols': () => withServe(['--echo', '--subprotocol', 'chat, superchat'], async (url) => {
    for (const [offer, agreed] of [[['superchat'], 'superchat'], [['other', 'chat'], 'chat'], [[], '']]) {
      const { socket, inbox } = await open(url, offer);
      checkEqual(socket.protocol, agreed, `subprotocol for ${offer}`);
      socket.close(1000);
      await expectClose(inbox, 1000);
    }
  }),

  'origins': () => withServe(['--echo', '--origins', 'https://good.example'], async (url) => {
    const { socket, inbox } = await open(url, [], { origin: 'https://good.example' });
    socket.close(1000);
    await expectClose(inbox, 1000);
    checkEqual(await refusal(url, [], { origin: 'https://evil.example' }), 403, 'status for another origin');
    checkEqual(await refusal(url, [], { origin: 'null' }), 403, 'status for the origin null');
  }),

  'only the same origin by default': () => withServe(['--echo'], async (url) => {
    const { socket, inbox } = await open(url, [], { origin: url.replace(/^ws/, 'http').replace(/\/$/, '') });
    socket.close(1000);
    await expectClose(inbox, 1000);
    checkEqual(await refusal(url, [], { origin: 'https://evil.example' }), 403, 'status for another origin');
  }),

  'a handshake of another version is refused': () => withServe(['--echo'], async (url) => {
    checkEqual(await refusal(url, [], { protocolVersion: 8 }), 426, 'status for version 8');
  }),
});
