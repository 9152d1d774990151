// The driver of bindings/conformance/README.md, on the raw layer.
import { readFileSync, writeSync } from 'node:fs';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { crc32 } from './test/crc32.mjs';
import * as hawser from 'hawser';

const SHOWN = 64;
const KINDS = { text: hawser.TEXT, binary: hawser.BINARY };
const EVENTS = ['', 'OPEN', 'MESSAGE', 'DRAIN', 'CLOSE', 'REQUEST', 'PONG'];

let url, manager, options, listener = 0;
let batch = [];
const names = new Map();  // of connections, by id
const ids = [];           // of connections, in the order of their names

// ---- words

function idOf(word) {
  if (word === 'l') return listener;
  if (!word.startsWith('c')) return Number(word);
  const id = ids[Number(word.slice(1)) - 1];
  if (id === undefined) throw new Error(`no such connection: ${word}`);
  return id;
}

function nameOf(id) {
  if (id === listener) return 'l';
  if (!names.has(id)) names.set(id, `c${ids.push(id)}`);
  return names.get(id);
}

const kindOf = (word) => KINDS[word] ?? Number(word);

function payloadOf(word) {
  const [, count, one] = /^(\d+)\*(.*)$/s.exec(word) ?? [];
  if (count !== undefined) return Buffer.concat(Array(Number(count)).fill(payloadOf(one)));
  if (word === '-') return Buffer.alloc(0);
  return word.startsWith('hex:') ? Buffer.from(word.slice(4), 'hex') : Buffer.from(word);
}

// Text goes as a string where it is one.
function messageOf(kind, word) {
  const payload = payloadOf(word);
  return kind === 'text' && !word.includes('hex:') ? payload.toString() : payload;
}

// ---- what is printed

const print = (line) => writeSync(1, `${line}\n`);

function printCall(command, call) {
  try {
    print(`${command}: ${call() ?? 'ok'}`);
  } catch (error) {
    if (!(error instanceof hawser.HawserError)) throw error;
    print(`${command}: ${error.name} ${error.code}`);
  }
}

function shown(data) {
  const bytes = Buffer.from(data);
  if (bytes.length === 0) return '-';
  if (bytes.length > SHOWN) return `crc32:${crc32(bytes).toString(16).padStart(8, '0')}`;
  return typeof data === 'string' && bytes.every((byte) => byte >= 32) ? data : `hex:${bytes.toString('hex')}`;
}

function line(event) {
  const flag = (bit, word) => (event.flags & bit ? [word] : []);
  const words = [nameOf(event.connection), EVENTS[event.kind]];
  if (event.kind === hawser.EVENT_OPEN && event.listener !== 0) words.push('l');
  if (event.kind === hawser.EVENT_REQUEST) words.push('l', event.flags & hawser.UPGRADE ? 'upgrade' : 'http');
  if (event.kind === hawser.EVENT_MESSAGE) {
    words.push(event.opcode === hawser.TEXT ? 'text' : 'binary');
    words.push(...flag(hawser.FIRST, 'first'), ...flag(hawser.FINAL, 'final'));
  }
  if (event.kind === hawser.EVENT_MESSAGE || event.kind === hawser.EVENT_PONG) {
    words.push(Buffer.byteLength(event.data), shown(event.data));
  }
  if (event.kind === hawser.EVENT_CLOSE) {
    words.push(event.code, hawser.errorName(event.error), event.system);
    words.push(...flag(hawser.BY_PEER, 'by-peer'), ...flag(hawser.CLEAN, 'clean'), shown(event.data));
  }
  if (event.tag !== 0) words.push('tag', event.tag);
  return words.join(' ');
}

// ---- events

function take() {
  while (batch.length === 0) batch = manager.poll(-1);
  const event = batch.shift();
  nameOf(event.connection);
  return event;
}

function takeAndPrint() {
  const event = take();
  print(line(event));
  return event;
}

function takeMany(name, count) {
  for (let seen = 0; seen < count;) seen += Number(EVENTS[take().kind] === name);
  print(`${name} ${count}`);
}

function echo(count) {
  while (count > 0) {
    const event = takeAndPrint();
    if (event.kind !== hawser.EVENT_MESSAGE) continue;
    printCall('send', () => manager.send(event.connection, event.opcode, event.data));
    count--;
  }
}

function skip(word) {
  const payload = payloadOf(word);
  for (;;) {
    const event = take();
    if (event.kind !== hawser.EVENT_MESSAGE || !payload.equals(Buffer.from(event.data))) continue;
    print(line(event));
    return;
  }
}

// ---- commands

function fill(id, kind, word) {
  const message = messageOf(kind, word);
  for (;;) manager.send(idOf(id), kindOf(kind), message);
}

function listen() {
  try {
    listener = manager.listen(`${url}/`, options);
    print(`listening ${manager.localAddress(listener)}`);
  } catch (error) {
    printCall('listen', () => { throw error; });
  }
}

function connect(path, count = 1) {
  const target = path.includes('://') ? path : url + path;
  let name;
  for (let i = 0; i < count; i++) name = nameOf(manager.connect(target, options));
  return name;
}

const settings = {
  option: (name, value) => { options.set(name, /^-?\d+$/.test(value) ? BigInt(value) : value); },
  add_header: (name, value) => { options.addHeader(name, value); },
};

const eventCommands = {
  event: takeAndPrint,
  events: (name, count) => takeMany(name, Number(count)),
  echo: (count) => echo(Number(count)),
  skip,
  listen,
};

const calls = {
  connect,
  poll: (timeout) => (batch = manager.poll(Number(timeout))).length,
  send: (id, kind, word) => manager.send(idOf(id), kindOf(kind), messageOf(kind, word)),
  part: (id, kind, word, more) => manager.sendPart(idOf(id), kindOf(kind), payloadOf(word), more === 'final'),
  fill,
  ping: (id, word) => manager.ping(idOf(id), payloadOf(word)),
  close: (id, code, word) => manager.close(idOf(id), Number(code), word && payloadOf(word).toString()),
  abort: (id) => manager.abort(idOf(id)),
  pause: (id) => manager.pause(idOf(id)),
  resume: (id) => manager.resume(idOf(id)),
  flush: () => manager.flush(),
  wake: () => manager.wake(),
  tag: (id, number) => manager.setTag(idOf(id), BigInt(number)),
  queued: (id) => manager.queued(idOf(id)),
  stat: (name) => manager.stat(name),
  broadcast: (except, kind, word) => manager.broadcast(listener, idOf(except), kindOf(kind), messageOf(kind, word)),
  accept: (id, subprotocol) => manager.accept(idOf(id), subprotocol, options),
  respond: (id, status, word) => manager.respond(idOf(id), Number(status), options, payloadOf(word)),
  path: (id) => manager.path(idOf(id)) ?? 'none',
  status: (id) => manager.status(idOf(id)) ?? 'none',
  subprotocol: (id) => manager.subprotocol(idOf(id)) ?? 'none',
  extensions: (id) => manager.extensions(idOf(id)) ?? 'none',
  header: (id, name) => manager.header(idOf(id), name) ?? 'none',
  drain: (deadline) => manager.drain(Number(deadline)),
};

const takesOptions = ['listen', 'connect', 'accept', 'respond'];

function needManager() {
  if (manager !== undefined) return;
  manager = new hawser.Manager(options);
  options = new hawser.Options();
}

function run(line) {
  const [command, ...words] = line.split(' ');
  if (Object.hasOwn(settings, command)) {
    const [name, ...rest] = words;
    printCall(command, () => settings[command](name, rest.join(' ')));
    return;
  }
  needManager();
  if (Object.hasOwn(eventCommands, command)) eventCommands[command](...words);
  else if (Object.hasOwn(calls, command)) printCall(command, () => calls[command](...words));
  else throw new Error(`unknown command: ${line}`);
  if (takesOptions.includes(command)) options = new hawser.Options();
}

// ---- `later`: another thread, with a Remote. The first word of `done` says that it is, the second one with which code.

function callLater({ handle, command, words, done }) {
  Atomics.wait(done, 0, 0, 50);
  const remote = new hawser.Remote(handle);
  const later = {
    wake: () => remote.wake(),
    send: (id, kind, word) => remote.send(id, kindOf(kind), messageOf(kind, word)),
    close: (id, code, word) => remote.close(id, Number(code), word && payloadOf(word).toString()),
  };
  try {
    later[command](...words);
  } catch (error) {
    done[1] = error.code ?? hawser.errors.HWS_ERR_SYSTEM;
  }
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
}

function begin(line) {
  const [command, id, ...rest] = line.split(' ');
  const words = id === undefined ? [] : [idOf(id), ...rest];
  const done = new Int32Array(new SharedArrayBuffer(8));
  needManager();
  new Worker(new URL(import.meta.url), { workerData: { handle: manager.handle, command, words, done } }).unref();
  return { command, done };
}

function end({ command, done }) {
  Atomics.wait(done, 0, 0);
  printCall(command, () => { if (done[1] !== 0) throw new hawser.HawserError(done[1]); });
}

// ---- the script

function script(file, role) {
  let section;
  return readFileSync(file, 'utf8').split('\n').filter((line) => {
    if (line === '' || line.startsWith('#') || line.startsWith('>')) return false;
    if (line !== 'client' && line !== 'server') return section === role;
    section = line;
    return false;
  });
}

function main([file, role, address, ...given]) {
  url = address;
  options = new hawser.Options();
  for (const option of given) {
    const [, name, value] = /^(.*?)=(.*)$/s.exec(option);
    settings.option(name, value);
  }
  let later;
  for (const line of script(file, role)) {
    if (line.startsWith('later ')) {
      later = begin(line.slice(6));
      continue;
    }
    run(line);
    if (later !== undefined) end(later);
    later = undefined;
  }
  manager.free();
}

if (!isMainThread) {
  callLater(workerData);
} else {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    console.error(error);
    process.exitCode = 2;
  }
}
