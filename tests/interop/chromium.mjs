// Chromium as the client of `hawser serve`: the page that it serves, used as a person would, and the browser's own
// WebSocket from a script in that page.

import { X509Certificate, createHash } from 'node:crypto';
import path from 'node:path';

import { Browser } from './browser.mjs';
import { kSizes } from './echo.mjs';
import { kDeflate, kDeflateMode, kIdentity, kTls } from './layers.mjs';
import { Relay } from './relay.mjs';
import { Serve, check, checkEqual, runTests } from './program.mjs';

let browser;

/** The flags with which Chromium trusts the public key of our server, whoever has signed it. */
function trust() {
  if (!kTls) return [];
  const key = new X509Certificate(kIdentity.cert).publicKey.export({ type: 'spki', format: 'der' });
  return [`--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`];
}

// Chromium keeps a TCP connection ready that says nothing: the server would wait for it as long as it may.
const kShortDrain = ['--drain', '0.5'];

async function withPage(args, test, deflate) {
  const serve = await Serve.start([...args, ...kShortDrain], deflate);
  await browser.open(serve.url.replace(/^ws/, 'http'));
  await browser.until('document.readyState === "complete" && document.getElementById("state") !== null', 'the page');
  checkEqual(await browser.evaluate('location.protocol'), kTls ? 'https:' : 'http:', 'the scheme of the page');
  await test(serve);
  await serve.stop();
}

const stateIs = (word) => `document.getElementById("state").textContent.startsWith("${word}")`;

async function sendByHand(text) {
  await browser.evaluate(`document.getElementById("message").value = ${JSON.stringify(text)};
                          document.getElementById("send").click();`);
}

const occurrences = (text) => `document.getElementById("log").textContent.split(${JSON.stringify(text)}).length - 1`;

// What the tests below run in the page.
const kInPage = `
  function opened(url, protocols) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, protocols);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => resolve(socket);
      socket.onclose = (event) => reject(new Error("closed with " + event.code));
    });
  }
  function closed(socket) {
    return new Promise((resolve) => {
      socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
    });
  }
  function answer(socket) {
    return new Promise((resolve, reject) => {
      socket.onmessage = (event) => resolve(event.data);
      socket.onclose = (event) => reject(new Error("closed with " + event.code));
    });
  }
  function bytesOf(size) {
    const data = new Uint8Array(size);
    for (let i = 0, state = 6455; i < size; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      data[i] = state >>> 24;
    }
    return data;
  }
  function textOf(size) {
    const whole = Math.floor(size / 10);
    return "aé€😀".repeat(whole) + "x".repeat(size - 10 * whole);
  }
  async function echoText(socket, text) {
    socket.send(text);
    const echo = await answer(socket);
    if (echo !== text) throw new Error("the echo of a text of " + text.length + " differs");
  }
  async function echoBytes(socket, bytes) {
    socket.send(bytes);
    const echo = new Uint8Array(await answer(socket));
    if (echo.length !== bytes.length || echo.some((byte, i) => byte !== bytes[i])) {
      throw new Error("the echo of " + bytes.length + " bytes differs");
    }
  }
`;

/** Runs the body of an async function in the page, with `url` and the functions above. */
function inPage(serve, body) {
  return browser.evaluate(`(async () => { ${kInPage}; const url = ${JSON.stringify(serve.url)}; ${body} })()`);
}

await runTests({
  'Chromium starts': async () => { browser = await Browser.start(...trust()); },

  'the page connects, sends and shows the echo': () => withPage(['--echo'], async (serve) => {
    await browser.until(stateIs('open'), 'the page to connect');
    checkEqual(await browser.evaluate('document.getElementById("url").value'), serve.url, 'the URL in the page');
    for (const text of ['ahoy, hawser', 'moor ⚓ é€😀']) {
      await sendByHand(text);
      await browser.until(`${occurrences(text)} >= 2`, `${text} in the log, sent and received`);
    }
    await browser.until('/\\d/.test(document.getElementById("rtt").textContent)', 'a round-trip time');
    await browser.screenshot(path.join(process.env.HAWSER_OUTPUT, 'page.png'));
  }),

  'the page disconnects and connects again': () => withPage(['--echo'], async () => {
    await browser.until(stateIs('open'), 'the page to connect');
    await browser.evaluate('document.getElementById("connect").click()');
    await browser.until(stateIs('closed'), 'the page to disconnect');
    check(await browser.evaluate('document.getElementById("send").disabled'), 'Send is enabled while closed');
    await browser.evaluate('document.getElementById("connect").click()');
    await browser.until(stateIs('open'), 'the page to connect again');
  }),

  'the page tells that the server ended': async () => {
    await withPage(['--echo'], () => browser.until(stateIs('open'), 'the page to connect'));
    await browser.until(stateIs('closed 1001'), 'close code 1001 in the page');
  },

  'every size, text and binary': () => withPage(['--echo'], async (serve) => {
    for (const size of kSizes) {
      await inPage(serve, `
        const socket = await opened(url);
        await echoText(socket, textOf(${size}));
        await echoBytes(socket, bytesOf(${size}));
        await echoBytes(socket, bytesOf(${size}));
        socket.close(1000);`);
    }
  }),

  'many messages at once come back in order': () => withPage(['--echo'], async (serve) => {
    const count = await inPage(serve, `
      const socket = await opened(url);
      const texts = Array.from({ length: 1000 }, (_, i) => (i + " ⚓ ").repeat(i % 53));
      const got = [];
      const all = new Promise((resolve, reject) => {
        socket.onmessage = (event) => { if (got.push(event.data) === texts.length) resolve(); };
        socket.onclose = (event) => reject(new Error("closed with " + event.code));
      });
      for (const text of texts) socket.send(text);
      await all;
      return got.filter((text, i) => text === texts[i]).length;`);
    checkEqual(count, 1000, 'messages that came back in order');
  }),

  // Chromium always offers compression.
  'extensions and subprotocols are agreed on': () => withPage(['--echo', '--subprotocol', 'chat,superchat'], async (serve) => {
    const [protocol, extensions] = await inPage(serve, `
      const socket = await opened(url, ["superchat"]);
      return [socket.protocol, socket.extensions];`);
    checkEqual(protocol, 'superchat', 'subprotocol');
    checkEqual(extensions.split(';')[0], kDeflate ? 'permessage-deflate' : '', 'extension');
    for (const parameter of ['server_no_context_takeover', 'client_no_context_takeover']) {
      checkEqual(extensions.includes(parameter), kDeflateMode === 'shared', parameter);
    }
  }),

  // The program's default.
  'compression is declined': () => withPage(['--echo'], async (serve) => {
    checkEqual(await inPage(serve, 'return (await opened(url)).extensions;'), '', 'extensions');
  }, null),

  'the bytes on the wire show the layers': () => withPage(['--echo', '--origins', '*'], async (serve) => {
    const relay = await Relay.start(serve.url);
    const size = await inPage(relay, `
      const socket = await opened(url);
      await echoText(socket, textOf(1 << 20));
      return new TextEncoder().encode(textOf(1 << 20)).length;`);
    checkEqual(relay.begin.toString('latin1', 0, 3), kTls ? '\x16\x03\x01' : 'GET', 'what Chromium says first');
    for (const [words, bytes] of [['sent', relay.sent], ['received', relay.received]]) {
      check(kDeflate ? bytes < size / 50 : bytes > size, `Chromium ${words} ${bytes} bytes for ${size}`);
    }
    relay.stop();
  }),

  'close codes': () => withPage(['--echo'], async (serve) => {
    for (const [args, code] of [['1000', 1000], ['4001, "moor ⚓"', 4001], ['', 1005]]) {
      const close = await inPage(serve, `
        const socket = await opened(url);
        socket.close(${args});
        return closed(socket);`);
      checkEqual(close.code, code, `close code after close(${args})`);
      checkEqual(close.wasClean, true, `clean after close(${args})`);
    }
  }),

  'a message over the limit is closed with 1009': () => withPage(['--echo', '--max-message-size', '1000'], async (serve) => {
    const close = await inPage(serve, `
      const socket = await opened(url);
      await echoBytes(socket, bytesOf(1000));
      socket.send(bytesOf(1001));
      return closed(socket);`);
    checkEqual(close.code, 1009, 'close code');
  }),

  'a page of another origin is refused': () => withPage(['--echo'], async () => {
    const other = await Serve.start(['--echo', '--origins', 'https://good.example', ...kShortDrain]);
    const words = await inPage(other, 'return opened(url).then(() => "accepted", (error) => error.message);');
    checkEqual(words, 'closed with 1006', 'what the page sees');
    await other.stop();
  }),

  'a page of this server may use another one that allows it': () => withPage(['--echo'], async (serve) => {
    const origin = serve.url.replace(/^ws/, 'http').replace(/\/$/, '');
    const other = await Serve.start(['--echo', '--origins', origin, ...kShortDrain]);
    await inPage(other, 'const socket = await opened(url); await echoText(socket, "ahoy"); socket.close();');
    await other.stop();
  }),

  'Chromium ends': () => browser.stop(),
});
