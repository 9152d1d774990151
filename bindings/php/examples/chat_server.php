<?php
// Sends every message to all others: chat_server.php [ws://127.0.0.1:9001/]. Ctrl-C stops it.

require 'vendor/autoload.php';

$server = new Hawser\Server($argv[1] ?? 'ws://127.0.0.1:9001/', ['max_message_size' => 1000, 'subprotocols' => ['chat']]);
$server->on('open', function (Hawser\Connection $ws) use ($server) {
    $ws->name = ltrim($ws->path(), '/') ?: $ws->peerAddress();
    $server->broadcast("$ws->name joined", except: $ws);
});
$server->on('message', function (Hawser\Connection $ws, string $data) use ($server) {
    $server->broadcast("$ws->name: $data", except: $ws);
});
$server->on('close', function (Hawser\Connection $ws, int $code) use ($server) {
    $server->broadcast("$ws->name left ($code)");
});
$server->on('error', function (Hawser\Connection $ws, Throwable $error) {
    fwrite(STDERR, "$ws->name: $error\n");
});

pcntl_async_signals(true);
pcntl_signal(SIGINT, fn () => $server->stop());
echo 'listening on ', $server->url(), "\n";
$server->run();
