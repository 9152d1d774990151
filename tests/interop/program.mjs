// Starts the hawser program for the Node peers, and the few things that every script needs.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

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

function start(args) {
  const child = spawn(process.env.HAWSER, args, { stdio: ['pipe', 'pipe', 'inherit'] });
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

/** `hawser serve` on a free port. stop() asks it to end and expects status 0. */
export class Serve {
  static async start(...args) {
    const serve = new Serve();
    Object.assign(serve, start(['serve', 'ws://127.0.0.1:0/', ...args]));
    const line = await patiently(firstLine(serve.child.stdout), 'hawser serve to listen');
    const match = /^listening on (ws:\/\/127\.0\.0\.1:\d+\/)$/.exec(line);
    check(match, `the first line of hawser serve: ${line}`);
    serve.url = match[1];
    return serve;
  }

  async stop() {
    this.child.kill('SIGTERM');
    checkEqual(await patiently(this.exited, 'hawser serve to end'), 0, 'exit status of hawser serve');
  }
}

/** `hawser connect`. Its standard input stays open until close(). */
export class Connect {
  constructor(url, ...args) {
    Object.assign(this, start(['connect', url, ...args]));
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

/** Runs named tests one after another; the first failure ends the process with 1. */
export async function runTests(tests) {
  for (const [name, test] of Object.entries(tests)) {
    if (!name.includes(process.env.HAWSER_ONLY ?? '') && !name.startsWith('Chromium')) continue;
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
