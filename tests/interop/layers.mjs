// What lies under the messages in this run, by HAWSER_LAYERS: "ws", "wss", "ws+deflate" or "wss+deflate".

import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';

const [scheme, extension] = (process.env.HAWSER_LAYERS ?? 'ws').split('+');

export const kScheme = scheme;
export const kTls = scheme === 'wss';
export const kDeflate = extension === 'deflate';
// Each mode has its turn, in either role.
export const kDeflateMode = kDeflate ? (kTls ? 'dedicated' : 'shared') : 'off';

const certificateFile = (name) => path.join(process.env.HAWSER_CERTIFICATES, name);

// What ws is given. By itself it compresses no message whose first frame is small, if there is no context takeover.
export const kCompression = { perMessageDeflate: kDeflate && { threshold: 0 } };

// What Node's TLS is given as a client, and as a server.
export const kTrust = kTls ? { ca: readFileSync(certificateFile('root.pem')) } : {};
export const kIdentity =
  kTls ? { cert: readFileSync(certificateFile('server.pem')), key: readFileSync(certificateFile('server.key')) } : {};

/** What a ws server sits on. */
export const httpServer = () => (kTls ? https.createServer(kIdentity) : http.createServer());

// What `hawser serve` and `hawser connect` are given.
export const kServeTls =
  kTls ? ['--tls-cert', certificateFile('server.pem'), '--tls-key', certificateFile('server.key')] : [];
export const kConnectTls = kTls ? ['--tls-ca', certificateFile('root.pem')] : [];

// The same for the C API.
export const kListenOptions =
  kTls ? { tls_certificate: certificateFile('server.pem'), tls_key: certificateFile('server.key') } : {};
export const kConnectOptions = kTls ? { tls_ca_file: certificateFile('root.pem') } : {};
