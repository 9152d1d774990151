// Hands the bytes of TCP connections on to a server, and counts them.

import net from 'node:net';

export class Relay {
  static async start(url) {
    const relay = new Relay();
    Object.assign(relay, { sent: 0, received: 0, begin: null });
    relay.server = net.createServer((client) => relay.join(client, net.connect(new URL(url).port, '127.0.0.1')));
    await new Promise((resolve) => { relay.server.listen(0, '127.0.0.1', resolve); });
    relay.url = url.replace(/:\d+/, `:${relay.server.address().port}`);
    return relay;
  }

  join(client, server) {
    client.on('data', (data) => {
      this.begin ??= data;
      this.sent += data.length;
    });
    server.on('data', (data) => { this.received += data.length; });
    client.on('error', () => server.destroy());
    server.on('error', () => client.destroy());
    client.pipe(server).pipe(client);
  }

  stop() {
    this.server.close();
  }
}
