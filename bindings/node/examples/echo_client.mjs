import { connect } from 'hawser';

const socket = await connect(process.argv[2]);
const texts = ['one', 'two', 'three'];
for (const text of texts) socket.send(text);
for await (const message of socket) {
  console.log(message);
  if (message === texts.at(-1)) socket.close(1000);
}
