<?php
// Client and Server.

require __DIR__ . '/support.php';

use Hawser\{Client, Connection, ConnectionClosedException, HawserException, Server};

/** All that comes until the connection ends, and its end. */
function received(Client $ws): array
{
    $messages = [];
    $end = thrown(ConnectionClosedException::class, function () use ($ws, &$messages) {
        while (true) {
            $messages[] = $ws->receive();
        }
    });
    return [$messages, $end];
}

/** A plain TCP connection to a server, which has sent this. */
function plain(string $url, string $sent)
{
    $stream = stream_socket_client('tcp://' . parse_url($url, PHP_URL_HOST) . ':' . parse_url($url, PHP_URL_PORT));
    fwrite($stream, $sent);
    return $stream;
}

run([
    'messages come back as what they are' => function () {
        $served = new Served(echoing(...));
        $ws = Client::connect($served->url);
        foreach (['', "text ⚓\0", str_repeat('long ', 200000)] as $text) {
            $ws->send($text);
            same($text, $ws->receive(null, $isBinary));
            same(false, $isBinary);
        }
        foreach (['', "\0\xff", random_bytes(1 << 20)] as $bytes) {
            $ws->sendBinary($bytes);
            same(true, $ws->receive(null, $isBinary) === $bytes);
            same(true, $isBinary);
        }
        $ws->close();
        $served->stop();
    },
    'what was agreed on' => function () {
        $served = new Served(function (Server $server, callable $tell) {
            $server->on('open', fn ($ws) => $tell("{$ws->path()} {$ws->subprotocol()} {$ws->extensions()} {$ws->header('x-ship')}"));
        }, ['subprotocols' => ['b', 'a'], 'deflate' => 'shared', 'headers' => ['X-Berth' => '7', 'X-Crew' => ['one', 'two']]]);
        $options = ['subprotocols' => 'a, b', 'deflate' => 'shared', 'headers' => ['X-Ship' => 'Ever Given']];
        $ws = Client::connect("{$served->url}harbour?x=1", $options);
        same(['7', 'one', 'b', true], [$ws->header('x-berth'), $ws->header('x-crew'), $ws->subprotocol(), $ws->isOpen()]);
        same(true, str_contains($ws->extensions(), 'permessage-deflate'));
        same(parse_url($served->url, PHP_URL_HOST) . ':' . parse_url($served->url, PHP_URL_PORT), $ws->peerAddress());
        same("/harbour?x=1 b {$ws->extensions()} Ever Given", $served->told());
        unset($ws);
        $served->stop();
    },
    'iteration ends quietly or throws' => function () {
        $served = new Served(fn (Server $server) => $server->on('open', function (Connection $ws) {
            $ws->send('last');
            $code = (int)substr($ws->path(), 1);
            $ws->close($code, $code ? 'Grüße' : null);
        }));
        foreach ([1000, 1001, 0] as $code) {
            same(['last'], iterator_to_array(Client::connect("$served->url$code")));
        }
        foreach ([1002, 3000] as $code) {
            $end = thrown(ConnectionClosedException::class, fn () => iterator_to_array(Client::connect("$served->url$code")));
            same([$code, 'Grüße', true, Hawser\ERR_CLOSED], [$end->closeCode, $end->reason, $end->isClean, $end->getCode()]);
        }
        $served->stop();
    },
    'receive waits no longer than it is told to' => function () {
        $served = new Served(echoing(...));
        $ws = Client::connect($served->url);
        same([null, null], [$ws->receive(0), $ws->receive(0.01)]);
        $ws->send('x');
        same('x', $ws->receive(20));
        unset($ws);
        $served->stop();
    },
    'an end is told each time, and ends nothing else' => function () {
        $served = new Served(fn (Server $server) => $server->on('message', fn ($ws) => $ws->close(4001, 'go')));
        $ws = Client::connect($served->url);
        $ws->send('x');
        same([], received($ws)[0]);
        foreach ([fn () => $ws->send('x'), fn () => $ws->sendBinary('x'), fn () => $ws->receive(0)] as $call) {
            same(4001, thrown(ConnectionClosedException::class, $call)->closeCode);
        }
        same(false, $ws->isOpen());
        $ws->close();
        $ws->abort();
        $served->stop();
    },
    'a send between the two Closes' => function () {
        $served = new Served(fn (Server $server) => $server->on('open', fn ($ws) => $ws->close(4001)));
        $ws = Client::connect($served->url);
        same(4001, thrown(ConnectionClosedException::class, function () use ($ws) {
            while (true) { // accepted until the Close has come
                $ws->send('x');
                $ws->receive(0.01);
            }
        })->closeCode);
        unset($ws);
        $served->stop();
    },
    'close tells code and reason, and drops what was not received' => function () {
        $served = new Served(function (Server $server, callable $tell) {
            echoing($server);
            $server->on('close', function ($ws, $code, $reason, $words) use ($tell) {
                $tell("$code $reason, $words, " . json_encode([$ws->isOpen(), $ws->send('x')]));
            });
        });
        $ws = Client::connect($served->url);
        $ws->send('x');
        thrown(HawserException::class, fn () => $ws->close(999));
        thrown(ValueError::class, fn () => $ws->close(1000, "a\0"));
        $ws->close(4002, 'Grüße');
        same('4002 Grüße, closed by the peer with 4002: Grüße, [false,false]', $served->told());
        thrown(ConnectionClosedException::class, fn () => $ws->receive());
        Client::connect($served->url)->abort();
        same('1006 ,', substr($served->told(), 0, 6));
        unset($ws);
        $served->stop();
    },
    'what cannot be opened' => function () {
        $served = new Served(echoing(...));
        $elsewhere = ['origin' => 'http://elsewhere.example'];
        $refused = thrown(ConnectionClosedException::class, fn () => Client::connect($served->url, $elsewhere));
        same([Hawser\ERR_HTTP, 'HWS_ERR_HTTP', 403], [$refused->getCode(), $refused->getName(), $refused->status]);
        $served->stop();
        same(Hawser\ERR_CONNECT, thrown(ConnectionClosedException::class, fn () => Client::connect($served->url))->getCode());
        same(Hawser\ERR_URL, thrown(HawserException::class, fn () => Client::connect('http://127.0.0.1/'))->getCode());
        same(Hawser\ERR_LISTEN, thrown(HawserException::class, fn () => new Server('ws://192.0.2.1:1/'))->getCode());
    },
    'options' => function () {
        foreach (['parts', 'requests', 'none'] as $name) {
            $error = thrown(HawserException::class, fn () => new Server('ws://127.0.0.1:0/', [$name => true]));
            same(Hawser\ERR_OPTION, $error->getCode());
        }
        $error = thrown(HawserException::class, fn () => Client::connect('ws://127.0.0.1:1/', ['max_message_size' => 0]));
        same([Hawser\ERR_RANGE, true], [$error->getCode(), str_contains($error->getMessage(), 'max_message_size')]);
        foreach ([['max_message_size' => 1.5], ['origin' => null], ['headers' => 'a: b'], ['certificates' => 'file']] as $options) {
            thrown(TypeError::class, fn () => new Server('ws://127.0.0.1:0/', $options));
        }
        thrown(ValueError::class, fn () => (new Server('ws://127.0.0.1:0/'))->on('mesage', fn () => null));
    },
    'over TLS' => function () {
        $folder = getenv('HAWSER_CERTIFICATES');
        $served = new Served(echoing(...), ['certificates' => [['', "$folder/server.pem", "$folder/server.key"]]], 'wss');
        same(Hawser\ERR_TLS, thrown(ConnectionClosedException::class, fn () => Client::connect($served->url))->getCode());
        $ws = Client::connect($served->url, ['tls_ca_file' => "$folder/root.pem"]);
        $ws->send('x');
        same('x', $ws->receive());
        $ws->close();
        $served->stop();
        $nowhere = ['certificates' => [['', '/nowhere', '']]];
        same(Hawser\ERR_TLS, thrown(HawserException::class, fn () => new Server('wss://127.0.0.1:0/', $nowhere))->getCode());
    },
    'a handler that throws closes with 1011, and the server goes on' => function () {
        $served = new Served(function (Server $server, callable $tell) {
            $server->on('message', fn ($ws, $data) => $data === 'fail' ? throw new DomainException('mine') : $ws->send($data));
            $server->on('error', fn ($ws, $error) => $tell($error::class . ' ' . $error->getMessage()));
        });
        $other = Client::connect($served->url);
        $ws = Client::connect($served->url);
        $ws->send('fail');
        $ws->send('heard by nobody');
        [$messages, $end] = received($ws);
        same([[], 1011], [$messages, $end->closeCode]);
        same('DomainException mine', $served->told());
        $other->send('x');
        same('x', $other->receive());
        unset($ws, $other);
        $served->stop();
    },
    'without an error handler it goes to the log' => function () {
        $log = tempnam(sys_get_temp_dir(), 'hawser');
        $served = new Served(function (Server $server) use ($log) {
            ini_set('error_log', $log);
            $server->on('open', fn () => throw new DomainException('mine'));
        });
        same(1011, received(Client::connect($served->url))[1]->closeCode);
        $served->stop();
        same(true, str_contains(file_get_contents($log), 'DomainException: mine'));
        unlink($log);
    },
    'what an error handler throws comes out, and loses no event' => function () {
        $served = new Served(function (Server $server, callable $tell) {
            $server->on('open', fn () => throw new DomainException('mine'));
            $server->on('error', fn ($ws, $error) => throw $error);
            $server->on('close', fn ($ws, $code) => $tell("closed $code"));
            $tell($server->url());
            for ($caught = 0; $caught < 3;) {
                try {
                    $server->dispatch(null);
                } catch (DomainException) {
                    $caught++;
                }
            }
            $tell('three');
        });
        $manager = new Hawser\Manager(); // so that they come in one batch, or nearly
        for ($i = 0; $i < 3; $i++) {
            $manager->connect($served->url);
        }
        $told = [];
        for ($ends = 0; $ends < 3;) {
            $ends += count(array_filter($manager->poll(-1), fn ($event) => $event->code === 1011));
        }
        for ($i = 0; $i < 5; $i++) { // "three", three ends, and the URL, which Served tells once more
            $told[] = $served->told();
        }
        same([3, true], [count(array_keys($told, 'closed 1011')), in_array('three', $told)]);
        $served->stop();
    },
    'broadcast' => function () {
        $served = new Served(fn (Server $server) => $server->on('message', function ($ws, $data, $isBinary) use ($server) {
            $count = $isBinary ? $server->broadcastBinary($data) : $server->broadcast($data, except: $ws);
            $ws->send("to $count of " . count($server->connections()));
        }));
        $all = [];
        for ($i = 0; $i < 3; $i++) {
            $all[] = $ws = Client::connect($served->url);
            $ws->send('');
            while (!str_starts_with($ws->receive(), "to $i of")) {
            }
        }
        $all[2]->sendBinary('to all');
        same(['to all', 'to 3 of 3'], [$all[2]->receive(), $all[2]->receive()]);
        foreach ([0, 1] as $i) {
            while (($data = $all[$i]->receive()) === '') {
            }
            same('to all', $data);
        }
        unset($ws, $all);
        $served->stop();
    },
    'connections are kept by their ids, with what they were given' => function () {
        $served = new Served(function (Server $server, callable $tell) {
            $server->on('open', function (Connection $ws) {
                $ws->count = 0;
            });
            $server->on('message', function (Connection $ws) use ($server) {
                same($ws, $server->connections()[$ws->id]);
                $ws->send((string)++$ws->count);
            });
            $server->on('close', fn () => $tell((string)count($server->connections())));
        });
        [$a, $b] = [Client::connect($served->url), Client::connect($served->url)];
        foreach ([[$a, '1'], [$a, '2'], [$b, '1']] as [$ws, $answer]) {
            $ws->send('');
            same($answer, $ws->receive());
        }
        $a->close();
        same('1', $served->told());
        $b->close();
        same('0', $served->told());
        $served->stop();
    },
    'stop ends clients with 1001, refuses others, and tells no more' => function () {
        $served = new Served(function (Server $server, callable $tell) {
            $server->on('message', function ($ws) use ($server, $tell) {
                $server->stop();
                $server->stop();
                $ws->send('late');
                $tell(json_encode([$server->broadcast('x'), $server->dispatch()]));
            });
        });
        $ws = [Client::connect($served->url), Client::connect($served->url)];
        $ws[0]->send('stop');
        foreach ($ws as $client) {
            [$messages, $end] = received($client);
            same([[], 1001], [$messages, $end->closeCode]);
        }
        same('[0,true]', $served->told());
        same('it has ended', $served->told());
        same(Hawser\ERR_CONNECT, thrown(ConnectionClosedException::class, fn () => Client::connect($served->url))->getCode());
    },
    'a server that was stopped before it ran' => function () {
        $server = new Server('ws://127.0.0.1:0/');
        $server->stop();
        $server->run();
        $server->run();
        same(false, $server->dispatch(null));
        same(0, $server->broadcast('x'));
    },
    'handshakes that are half done' => function () {
        $served = new Served(echoing(...));
        $half = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        $key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        $gone = plain($served->url, $half);
        fclose($gone);
        $abrupt = plain($served->url, "$half$key\x81\x85\0\0\0\0hello"); // a message, and the end with it
        fclose($abrupt);
        $waiting = plain($served->url, $half);
        $ws = Client::connect($served->url);
        $ws->send('x');
        same('x', $ws->receive());
        unset($ws);
        $served->stop();
        same('', stream_get_contents($waiting));
    },
    'a client that sends and does not receive waits, and loses nothing' => function () {
        $served = new Served(echoing(...));
        $ws = Client::connect($served->url, ['max_send_queue' => 1 << 16]);
        for ($i = 0; $i < 100; $i++) {
            $ws->sendBinary(str_repeat(chr($i), 1 << 18));
        }
        for ($i = 0; $i < 100; $i++) {
            same(true, $ws->receive() === str_repeat(chr($i), 1 << 18));
        }
        unset($ws);
        $served->stop();
    },
    'a server tells when a queue is full, and when there is room' => function () {
        $served = new Served(function (Server $server, callable $tell) {
            $server->on('message', function (Connection $ws) use ($tell) {
                for ($count = 0; $ws->send(str_repeat('x', 1 << 16)); $count++) {
                }
                $tell("$count " . json_encode([$ws->isOpen(), $ws->queued() >= 1 << 20]));
            });
            $server->on('drain', fn ($ws) => $ws->send('room'));
        }, ['max_send_queue' => 1 << 20]);
        $ws = Client::connect($served->url);
        $ws->send('fill');
        [$count, $is] = explode(' ', $served->told());
        same('[true,true]', $is);
        for ($i = 0; $i < (int)$count; $i++) {
            same(1 << 16, strlen($ws->receive()));
        }
        same('room', $ws->receive());
        unset($ws);
        $served->stop();
    },
    'what a signal throws comes out of receive' => function () {
        $served = new Served(echoing(...));
        $ws = Client::connect($served->url);
        pcntl_signal(SIGUSR1, fn () => null);
        $kill = Program::signals(SIGUSR1);
        thrown(DomainException::class, function () use ($ws) {
            throwOnce(SIGUSR1, new DomainException('mine'));
            $ws->receive();
        });
        $kill->stop();
        $ws->send('x');
        same('x', $ws->receive());
        unset($ws);
        $served->stop();
    },
    'a client that only sends hears of the end' => function () {
        $served = new Served(fn (Server $server) => $server->on('message', fn ($ws) => $ws->close(4001)));
        $ws = Client::connect($served->url);
        same(4001, thrown(ConnectionClosedException::class, function () use ($ws) {
            for ($end = hrtime(true) + 5e9; hrtime(true) < $end; usleep(1000)) {
                $ws->send('x');
            }
        })->closeCode);
        unset($ws);
        $served->stop();
    },
    'what is queued is told after close as well' => function () {
        $served = new Served(function (Server $server, callable $tell) {
            $server->on('message', function (Connection $ws) use ($tell) {
                while ($ws->send(str_repeat('x', 1 << 16))) {
                }
                $ws->close();
                $tell(json_encode($ws->queued() >= 1 << 20));
            });
            $server->on('close', fn ($ws) => $tell((string)$ws->queued()));
        }, ['max_send_queue' => 1 << 20]);
        $ws = Client::connect($served->url);
        $ws->send('fill');
        same('true', $served->told());
        $ws->abort();
        unset($ws);
        same('0', $served->told());
        $served->stop();
    },
    'after close no message is told, and what has ended takes none' => function () {
        $served = new Served(function (Server $server, callable $tell) {
            $ended = null;
            $server->on('message', function (Connection $ws, string $data) use ($tell, &$ended) {
                $tell("{$ws->path()} $data " . json_encode($ended?->send('x')));
                $ws->close(4001);
            });
            $server->on('close', function (Connection $ws) use (&$ended) {
                $ended = $ws;
            });
        });
        foreach (['one' => 'null', 'two' => 'false'] as $name => $sent) {
            $ws = Client::connect($served->url . $name);
            $ws->send('first');
            $ws->send('second');
            same(4001, received($ws)[1]->closeCode);
            same("/$name first $sent", $served->told());
        }
        $served->stop();
    },
    'a server leaves strtok alone' => function () {
        strtok('a b', ' ');
        new Server('ws://127.0.0.1:0/');
        same('b', strtok(' '));
    },
    'a client in a loop of stream_select' => function () {
        $served = new Served(echoing(...));
        $ws = Client::connect($served->url);
        same($ws->stream(), $ws->stream());
        $ws->send('x');
        do {
            [$readable, $writable, $exceptional] = [[$ws->stream()], null, null];
            same(1, stream_select($readable, $writable, $exceptional, 20));
        } while (($data = $ws->receive(0)) === null);
        same('x', $data);
        unset($ws);
        $served->stop();
    },
]);
