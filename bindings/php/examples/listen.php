<?php
// Prints what comes from the server at the URL in the first argument, to the end: listen.php [ws://127.0.0.1:9001/]

require 'vendor/autoload.php';

try {
    $ws = Hawser\Client::connect($argv[1] ?? 'ws://127.0.0.1:9001/', [
        'subprotocols' => ['chat'],
        'headers' => ['Authorization' => 'Bearer ...'],
        'deflate' => 'shared',
    ]);
    $ws->send('hello');
    foreach ($ws as $message) {
        echo $message, "\n";
    }
} catch (Hawser\ConnectionClosedException $end) {
    echo $end->closeCode, ' ', $end->getName(), ': ', $end->getMessage(), "\n";
}
