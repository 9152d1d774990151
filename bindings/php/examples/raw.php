<?php
// An echo server on the raw layer, which needs nothing but the extension: raw.php [ws://127.0.0.1:9001/]

use Hawser\{HawserException, Manager, Options};

$options = new Options();
$options->setInt('pause_above', 1 << 20); // a peer that does not read is read no further
$manager = new Manager($options);
$listener = $manager->listen($argv[1] ?? 'ws://127.0.0.1:9001/');
echo 'listening on ws://', $manager->localAddress($listener), "/\n";
while (true) {
    foreach ($manager->poll(-1) as $event) {
        if ($event->kind === Hawser\EVENT_MESSAGE) {
            try {
                $manager->send($event->connection, $event->opcode, $event->data);
            } catch (HawserException $error) { // it has ended: its CLOSE is in this batch
                echo $error->getName(), "\n";
            }
        }
    }
}
