import { serve } from 'hawser';

const server = serve(process.argv[2] ?? 'ws://127.0.0.1:9001/', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
console.log(`listening on ${server.url}`);
