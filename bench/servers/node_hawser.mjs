// An echo server and client on hawser's package for Node.js: see the contract in bench/README.md.
import { Options, WebSocket, serve, version } from 'hawser';

const deflate = { deflate: 'shared', deflateMinSize: 0 };
const settings = { handshakeTimeout: -1, pingInterval: -1 };  // no traffic but the load's

function echo(socket) {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

function listen(task, port, certificate, key) {
  const tls = task === 'wss' && { tlsCertificate: certificate, tlsKey: key };
  const options = { ...settings, ...tls, ...(task === 'deflate' && deflate) };
  serve(`${task === 'wss' ? 'wss' : 'ws'}://127.0.0.1:${port}/`, options, echo);
  console.log('listening');
}

function connect(port, count, layer) {
  const url = `${layer === 'wss' ? 'wss' : 'ws'}://127.0.0.1:${port}/`;
  const options = new Options({ ...settings, tlsVerify: false, ...(layer === 'deflate' && deflate) });
  for (let i = 0; i < count; i++) echo(new WebSocket(url, [], options));
}

const [task, port, ...rest] = process.argv.slice(2);
const layer = task === 'client' ? rest[1] ?? 'ws' : task;
if (task === 'version') console.log(`hawser ${version()} (Node.js)`);
else if (!['ws', 'wss', 'deflate'].includes(layer)) process.exit(3);
else if (task === 'client') connect(Number(port), Number(rest[0]), layer);
else listen(task, Number(port), ...rest);
