// What the tests share.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import * as hawser from 'hawser';

/** Polls managers in turn until `done` answers something, which is given the events of each. */
export function pollUntil(managers, done) {
  for (;;) {
    for (const manager of managers) manager.flush();
    for (const manager of managers) {
      const answer = done(manager.poll(1), manager);
      if (answer) return answer;
    }
  }
}

/** A raw server and a client that are connected: `{server, client, listener, accepted, connected}`. */
export function pair(serverOptions, clientOptions) {
  const server = new hawser.Manager(serverOptions), client = new hawser.Manager(clientOptions);
  const listener = server.listen('ws://127.0.0.1:0/');
  client.connect(`ws://${server.localAddress(listener)}/`);
  const open = {};
  pollUntil([server, client], (events, manager) => {
    for (const event of events) {
      if (event.kind === hawser.EVENT_OPEN) open[manager === server ? 'accepted' : 'connected'] = event.connection;
    }
    return open.accepted && open.connected;
  });
  return { server, client, listener, ...open };
}

/** The next events of a kind from one of two managers that talk to each other. */
export function nextOf({ server, client }, from, kind) {
  return pollUntil([server, client], (events, manager) =>
    manager === from && events.find((event) => event.kind === kind));
}

/** How many descriptors this process has open. */
export function descriptors() {
  return readdirSync('/proc/self/fd').length;
}

/** Until `condition` holds: for what has no event. */
export async function until(condition) {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Runs a program in another process of this Node.js, and returns what it prints. */
export function run(program, ...arguments_) {
  return execFileSync(process.execPath, ['--input-type=module', '-e', program, ...arguments_],
    { cwd: new URL('..', import.meta.url), encoding: 'utf8', timeout: 60000 });
}

export function echo(socket) {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}
