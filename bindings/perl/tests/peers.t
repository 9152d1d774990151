# Against the Python package websockets, in both roles: the programs are below.
use 5.014;
use warnings;

use Hawser;
use Test::More;

my $python = ($ENV{HAWSER_PEERS} // '') . '/python/bin/python';
if (system("'$python' -c 'import websockets' 2>/dev/null") != 0) {
    print "1..0 # SKIP the package websockets is not here\n";
    exit 77;
}

my $every = join '', map { chr } 0 .. 255;
my @MESSAGES = (["text \x{2693}", 0], ['', 0], ["\0\xff", 1], [$every x 4096, 1], ["caf\xe9", 0]);

my $program = do { local $/; <DATA> };

subtest 'as a client of websockets' => sub {
    my $pid = open my $peer, '-|', $python, '-c', $program, 'serve' or die "$python: $!";
    chomp(my $port = <$peer>);
    my $ws = Hawser->connect("ws://127.0.0.1:$port/", deflate => 'shared');
    like $ws->extensions, qr/permessage-deflate/, 'compressed';
    for (@MESSAGES) {
        my ($data, $is_binary) = @$_;
        $is_binary ? $ws->send_binary($data) : $ws->send($data);
        ok $ws->receive eq $data, 'what comes back';
        is !!$ws->is_binary, !!$is_binary, 'is of its kind';
    }
    $ws->close(1000, 'bye');
    is $ws->close_code, 1000, 'closed';
    kill TERM => $pid;
    close $peer;
};

subtest 'as a server of websockets' => sub {
    my $server = Hawser->serve('ws://127.0.0.1:0/', deflate => 'dedicated', on_connection => sub {
        my ($ws, $server) = @_;
        $ws->on(message => sub { my ($ws, $data, $is_binary) = @_; $is_binary ? $ws->send_binary($data) : $ws->send($data) });
        $ws->on(close => sub { is $_[1], 4001, 'the code of its close'; is $_[2], "caf\xe9", 'and its reason'; $server->close });
    });
    my $pid = open my $peer, '-|', $python, '-c', $program, $server->url or die "$python: $!";
    $server->run;
    is join('', <$peer>), "all came back\n", 'what websockets says';
    close $peer;
};

done_testing;

__DATA__
import asyncio
import sys
import websockets.asyncio.client
import websockets.asyncio.server


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def serve():
    async with websockets.asyncio.server.serve(echo, "127.0.0.1", 0, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


async def ask(url):
    async with websockets.asyncio.client.connect(url, max_size=None, proxy=None) as connection:
        for message in ("text \u2693", "", b"\x00\xff", bytes(range(256)) * 4096):
            await connection.send(message)
            assert await connection.recv() == message
        await connection.close(4001, "caf\u00e9")
    print("all came back", flush=True)


asyncio.run(serve() if sys.argv[1] == "serve" else ask(sys.argv[1]))
