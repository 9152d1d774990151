// A headless Chromium with an empty profile, driven through its DevTools protocol.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { WebSocket, check, killAtExit, patiently } from './program.mjs';

const kFlags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-default-apps', '--disable-extensions',
  '--disable-dev-shm-usage', '--no-proxy-server', '--remote-debugging-port=0', '--window-size=1100,900', 'about:blank',
];

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

export class Browser {
  static async start(...flags) {
    const browser = new Browser();
    browser.profile = mkdtempSync(path.join(os.tmpdir(), 'hawser-chromium-'));
    browser.child = spawn(process.env.CHROMIUM, [`--user-data-dir=${browser.profile}`, ...flags, ...kFlags],
                          { stdio: 'ignore' });
    killAtExit(browser.child);
    browser.calls = new Map();
    browser.lastCall = 0;
    await patiently(browser.attach(), 'Chromium to start');
    return browser;
  }

  async attach() {
    const portFile = path.join(this.profile, 'DevToolsActivePort');
    while (!existsSync(portFile) || !readFileSync(portFile, 'utf8').includes('\n')) {
      check(this.child.exitCode === null, `Chromium left with ${this.child.exitCode}`);
      await sleep(20);
    }
    const [port, target] = readFileSync(portFile, 'utf8').split('\n');
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${target}`, { perMessageDeflate: false });
    this.socket.on('message', (data) => this.receive(JSON.parse(data)));
    await new Promise((resolve, reject) => { this.socket.on('open', resolve).on('error', reject); });
    const page = await this.firstPage();
    this.session = (await this.call('Target.attachToTarget', { targetId: page.targetId, flatten: true })).sessionId;
    await this.call('Page.enable');
  }

  async firstPage() {
    for (;;) {
      const { targetInfos } = await this.call('Target.getTargets');
      const page = targetInfos.find((info) => info.type === 'page');
      if (page) return page;
      await sleep(20);
    }
  }

  receive({ id, result, error }) {
    const call = this.calls.get(id);
    if (!call) return;
    this.calls.delete(id);
    if (error) call.reject(new Error(error.message));
    else call.resolve(result);
  }

  call(method, params = {}) {
    const id = ++this.lastCall;
    const answer = new Promise((resolve, reject) => { this.calls.set(id, { resolve, reject }); });
    this.socket.send(JSON.stringify({ id, method, params, sessionId: this.session }));
    return patiently(answer, `the answer to ${method}`);
  }

  /** Runs JavaScript in the page, waits for its promise and returns its value. */
  async evaluate(expression) {
    const { result, exceptionDetails } =
      await this.call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    check(!exceptionDetails, exceptionDetails?.exception?.description ?? exceptionDetails?.text);
    return result.value;
  }

  /** Waits until an expression is true in the page. */
  async until(expression, words) {
    const done = (async () => {
      while (!(await this.evaluate(expression))) await sleep(20);
    })();
    await patiently(done, words);
  }

  async open(url) {
    const { errorText } = await this.call('Page.navigate', { url });
    check(!errorText, `${url}: ${errorText}`);
  }

  async screenshot(file) {
    const { data } = await this.call('Page.captureScreenshot', { format: 'png' });
    writeFileSync(file, Buffer.from(data, 'base64'));
  }

  async stop() {
    const exited = new Promise((resolve) => { this.child.on('exit', resolve); });
    await this.call('Browser.close').catch(() => {});
    await patiently(exited, 'Chromium to end');
    this.socket.terminate();
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
