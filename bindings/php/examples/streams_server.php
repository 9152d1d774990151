<?php
// An echo server in a loop of stream_select: what is typed goes to all connections, its end stops the server.

require 'vendor/autoload.php';

$server = new Hawser\Server($argv[1] ?? 'ws://127.0.0.1:9001/');
$server->on('message', fn (Hawser\Connection $ws, string $data) => $ws->send($data));
echo 'listening on ', $server->url(), "\n";

$streams = [$server->stream(), STDIN];
do {
    $readable = $streams;
    $writable = $exceptional = null;
    if (stream_select($readable, $writable, $exceptional, null) && in_array(STDIN, $readable, true)) {
        $line = fgets(STDIN);
        if ($line === false) {
            $server->stop();
            $streams = [$server->stream()];
        } else {
            $server->broadcast($line);
        }
    }
} while ($server->dispatch());
