<?php
// Sends three texts to the server at the URL in the first argument, and prints what comes back.

require 'vendor/autoload.php';

$ws = Hawser\Client::connect($argv[1] ?? 'ws://127.0.0.1:9001/');
foreach (['one', 'two', 'three'] as $text) {
    $ws->send($text);
    echo $ws->receive(), "\n";
}
$ws->close();
