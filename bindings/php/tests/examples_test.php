<?php
// The examples, and that the code of docs/languages/php.md is theirs.

require __DIR__ . '/support.php';

use Hawser\Client;

/** The URL of an example's server. */
function urlOf(Program $server): string
{
    $line = $server->line();
    same(true, str_starts_with($line, 'listening on ws://127.0.0.1:'));
    return substr($line, strlen('listening on '));
}

run([
    'echo_client, with echo_server and raw' => function () {
        foreach (['echo_server', 'raw'] as $name) {
            $server = Program::example($name, 'ws://127.0.0.1:0/');
            same("one\ntwo\nthree\n", Program::example('echo_client', urlOf($server))->end());
            $server->signal(SIGTERM);
            $server->end();
        }
    },
    'streams_server' => function () {
        $server = Program::example('streams_server', 'ws://127.0.0.1:0/');
        $ws = Client::connect(urlOf($server));
        $ws->send('echoed');
        same('echoed', $ws->receive());
        $server->write("typed\n");
        same("typed\n", $ws->receive());
        $other = Program::example('listen', $url = "ws://{$ws->peerAddress()}/");
        same('hello', $other->line());
        unset($ws);
        same('', $server->end());
        same('', $other->end()); // 1001
    },
    'chat_server and listen' => function () {
        $server = Program::example('chat_server', 'ws://127.0.0.1:0/');
        $ws = Client::connect(($url = urlOf($server)) . 'ada');
        $other = Program::example('listen', "{$url}bob");
        same(['bob joined', 'bob: hello'], [$ws->receive(), $ws->receive()]);
        $ws->send('hi');
        same('ada: hi', $other->line());
        $ws->close(4001);
        same('ada left (4001)', $other->line());
        $server->signal(SIGINT);
        same('', $other->end());
        same('', $server->end());
    },
    'listen where nobody is' => function () {
        $printed = Program::example('listen', 'ws://127.0.0.1:1/')->end();
        same('1006 HWS_ERR_CONNECT: ', substr($printed, 0, 22));
    },
    'all code of docs/languages/php.md is in the examples' => function () {
        $examples = array_map('file_get_contents', glob(__DIR__ . '/../examples/*.php'));
        preg_match_all('/^```php\n(.*?)^```$/ms', file_get_contents(__DIR__ . '/../../../docs/languages/php.md'), $found);
        same(true, count($found[1]) >= 4);
        foreach ($found[1] as $block) {
            same([], str_contains(implode("\n", $examples), $block) ? [] : [$block]);
        }
        foreach (['echo_client', 'echo_server'] as $whole) {
            same(true, in_array(file_get_contents(__DIR__ . "/../examples/$whole.php"), $found[1], true));
        }
    },
]);
