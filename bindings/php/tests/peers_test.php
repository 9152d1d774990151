<?php
// Against libraries that share no code with this one: the package ws of Node.js, and websockets of Python.

require __DIR__ . '/support.php';

use Hawser\{Client, Server};

// As a server they echo at the port that they print; as a client they send two messages to the URL of their argument, and print
// them as they come back.
const WS_SERVER = <<<'JS'
    const { WebSocketServer } = require('ws');
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, () => console.log(server.address().port));
    server.on('connection', s => s.on('message', (data, binary) => s.send(data, { binary })));
    JS;
const WS_CLIENT = <<<'JS'
    const { WebSocket } = require('ws');
    const socket = new WebSocket(process.argv[1]);
    socket.on('open', () => { socket.send('Grüße'); socket.send(Buffer.from([0, 255])); });
    socket.on('message', (data, binary) => {
      console.log(binary ? data.toString('hex') : data.toString());
      if (binary) socket.close(4000, 'done');
    });
    JS;
const WEBSOCKETS_SERVER = <<<'PYTHON'
    import asyncio, websockets
    async def echo(peer):
        async for message in peer: await peer.send(message)
    async def main():
        async with websockets.serve(echo, "127.0.0.1", 0) as server:
            print(server.sockets[0].getsockname()[1], flush=True)
            await asyncio.Future()
    asyncio.run(main())
    PYTHON;
const WEBSOCKETS_CLIENT = <<<'PYTHON'
    import asyncio, sys, websockets
    async def main():
        async with websockets.connect(sys.argv[1]) as peer:
            await peer.send("Grüße")
            await peer.send(bytes([0, 255]))
            print(await peer.recv())
            print((await peer.recv()).hex())
            await peer.close(4000, "done")
    asyncio.run(main())
    PYTHON;

function theirServer(string ...$command): void
{
    $program = new Program(...$command);
    $ws = Client::connect('ws://127.0.0.1:' . $program->line() . '/', ['deflate' => 'shared']);
    same(true, str_contains($ws->extensions(), 'permessage-deflate'));
    foreach (["Grüße\0", '', str_repeat('long ', 100000)] as $text) {
        $ws->send($text);
        same($text, $ws->receive(20, $isBinary));
        same(false, $isBinary);
    }
    $ws->sendBinary("\0\xff");
    same("\0\xff", $ws->receive(20, $isBinary));
    same(true, $isBinary);
    $ws->close(1000, 'done');
    $program->signal(SIGTERM);
    $program->end();
}

function theirClient(string ...$command): void
{
    $served = new Served(function (Server $server, callable $tell) {
        echoing($server);
        $server->on('close', fn ($ws, $code, $reason) => $tell("$code $reason"));
    }, ['deflate' => 'shared']);
    $program = new Program(...[...$command, $served->url]);
    same("Grüße\n00ff\n", $program->end());
    same('4000 done', $served->told());
    $served->stop();
}

$peers = getenv('HAWSER_PEERS');
$python = "$peers/python/bin/python";
putenv("NODE_PATH=$peers/node/node_modules");
$tests = [];
if (is_dir("$peers/node/node_modules/ws") && shell_exec('command -v node')) {
    // ws offers deflate only if it is told to, and answers to none of ours
    $tests["the package ws's client"] = fn () => theirClient('node', '-e', WS_CLIENT);
    $server = str_replace('port: 0', 'port: 0, perMessageDeflate: true', WS_SERVER);
    $tests["the package ws's server"] = fn () => theirServer('node', '-e', $server);
}
if (is_executable($python)) {
    $tests["websockets' client"] = fn () => theirClient($python, '-c', WEBSOCKETS_CLIENT);
    $tests["websockets' server"] = fn () => theirServer($python, '-c', WEBSOCKETS_SERVER);
}
if (!$tests) {
    echo "skipped: bindings/php/peers: neither ws nor websockets is here (scripts/test --all installs them)\n";
    define('PASSED', true);
    exit(77);
}
run($tests);
