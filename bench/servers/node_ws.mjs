// An echo server and client on the npm package ws: see the contract in bench/README.md.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { WebSocket, WebSocketServer } from 'ws';

const maxPayload = 16 << 20;
const backlog = 4096;
const deflate = { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 };

function echo(socket) {
  socket.on('error', () => {});  // of one connection: the others go on
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

function serve(task, port, certificate, key) {
  const server = task === 'wss'
    ? https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) })
    : http.createServer();
  new WebSocketServer({ server, maxPayload, perMessageDeflate: task === 'deflate' && deflate })
    .on('connection', echo);
  server.listen({ host: '127.0.0.1', port, backlog }, () => console.log('listening'));
}

function connect(port, count, layer) {
  const url = `${layer === 'wss' ? 'wss' : 'ws'}://127.0.0.1:${port}/`;
  const options = { maxPayload, perMessageDeflate: layer === 'deflate' && deflate, rejectUnauthorized: false };
  for (let i = 0; i < count; i++) echo(new WebSocket(url, options));
}

const [task, port, ...rest] = process.argv.slice(2);
const layer = task === 'client' ? rest[1] ?? 'ws' : task;
if (task === 'version') console.log(`ws ${createRequire(import.meta.url)('ws/package.json').version}`);
else if (!['ws', 'wss', 'deflate'].includes(layer)) process.exit(3);
else if (task === 'client') connect(Number(port), Number(rest[0]), layer);
else serve(task, Number(port), ...rest);
