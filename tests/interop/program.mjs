// Starts the hawser program for the Node peers, and the few things that every script needs.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

import { kConnectTls, kDeflateMode, kScheme, kServeTls } from './layers.mjs';

const require = createRequire(path.join(process.env.HAWSER_PEERS, 'node', 'index.js'));
export const { WebSocket, WebSocketServer } = require('ws');

const kPatience = 120_000;  // until a test that waits for something gives up, in ms

export function check(condition, words) {
  if (!condition) throw new Error(words);
}

export function checkEqual(actual, expected, words) {
  check(Object.is(actual, expected), `${words}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
}

/** The promise, or a failure that says what was waited for. */
export function patiently(promise, words) {
  let timer;
  const impatience = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${words}`)), kPatience);
  });
  return Promise.race([promise, impatience]).finally(() => clearTimeout(timer));
}

const children = new Set();
process.on('exit', () => { for (const child of children) child.kill('SIGKILL'); });

/** Ends with us at the latest. */
export function killAtExit(child) {
  children.add(child);
  child.on('exit', () => children.delete(child));
}

export function start(program, args) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => {});  // it may end while we still write
  const exited = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve(signal ?? status));
  });
  killAtExit(child);
  return { child, exited };
}

function firstLine(stream) {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.on('data', (data) => {
      text += data;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    stream.on('end', () => reject(new Error(`hawser said only: ${text}`)));
  });
}

/** A mode; null leaves it to the program. */
const deflateArguments = (mode) => (mode === null ? [] : [`--deflate=${mode}`]);

/** `hawser serve` on a free port, with the layers of this run. stop() asks it to end and expects status 0. */
export class Serve {
  static async start(args, deflate = kDeflateMode) {
    const serve = new Serve();
    const layers = [...kServeTls, ...deflateArguments(deflate)];
    Object.assign(serve, start(process.env.HAWSER, ['serve', `${kScheme}://127.0.0.1:0/`, ...layers, ...args]));
    const line = await patiently(firstLine(serve.child.stdout), 'hawser serve to listen');
    const match = new RegExp(`^listening on (${kScheme}://127\\.0\\.0\\.1:\\d+/)$`).exec(line);
    check(match, `the first line of hawser serve: ${line}`);
    serve.url = match[1];
    return serve;
  }

  async stop() {
    this.child.kill('SIGTERM');
    checkEqual(await patiently(this.exited, 'hawser serve to end'), 0, 'exit status of hawser serve');
  }
}

/** `hawser connect`, with the layers of this run. Its standard input stays open until closeInput(). */
export class Connect {
  constructor(url, args, deflate = kDeflateMode) {
    const layers = [...kConnectTls, ...deflateArguments(deflate)];
    Object.assign(this, start(process.env.HAWSER, ['connect', url, ...layers, ...args]));
    this.output = '';
    this.child.stdout.on('data', (data) => { this.output += data; });
  }

  closeInput() {
    this.child.stdin.end();
  }

  async expectStatus(expected, words) {
    checkEqual(await patiently(this.exited, `hawser connect to end (${words})`), expected,
               `exit status of hawser connect (${words})`);
  }
}

// Without these the others cannot run.
const kAlways = /^(Chromium|the program) (starts|ends)$/;

/** Runs named tests one after another; the first failure ends the process with 1. */
export async function runTests(tests) {
  for (const [name, test] of Object.entries(tests)) {
    if (!name.includes(process.env.HAWSER_ONLY ?? '') && !kAlways.test(name)) continue;
    const begin = Date.now();
    try {
      await test();
    } catch (error) {
      console.log(`FAILED ${name}\n${error.stack}`);
      process.exit(1);
    }
    console.log(`ok ${name} (${Date.now() - begin} ms)`);
  }
  process.exit(0);
}
