import { Manager, EVENT_MESSAGE } from 'hawser';

const manager = new Manager({ maxMessageSize: 1 << 20 });
const listener = manager.listen(process.argv[2] ?? 'ws://127.0.0.1:9001/');
console.log(`listening on ws://${manager.localAddress(listener)}/`);
manager.watch((events) => {
  for (const { kind, connection, opcode, data } of events) {
    if (kind === EVENT_MESSAGE) manager.send(connection, opcode, data);
  }
});
