<?php
// Sends every message back: echo_server.php [ws://127.0.0.1:9001/]

require 'vendor/autoload.php';

$server = new Hawser\Server($argv[1] ?? 'ws://127.0.0.1:9001/');
$server->on('message', function (Hawser\Connection $ws, string $data, bool $isBinary) {
    $isBinary ? $ws->sendBinary($data) : $ws->send($data);
});
echo 'listening on ', $server->url(), "\n";
$server->run();
