# The idiomatic layer.
use 5.014;
use warnings;
use utf8;

use Hawser qw(:constants);
use IO::Select;
use IO::Socket::INET;
use Scalar::Util 'weaken';
use Test::More;
use Time::HiRes 'alarm';

my $URL = 'ws://127.0.0.1:0/';

# A loop with a server whose connections get these handlers.
sub served {
    my ($handlers, %options) = @_;
    my $loop = Hawser::Loop->new;
    my $server = $loop->serve($URL, on_connection => sub {
        my ($ws) = @_;
        $ws->on($_ => $handlers->{$_}) for keys %$handlers;
    }, %options);
    return ($loop, $server);
}

my %echo = (message => sub { my ($ws, $data, $is_binary) = @_; $is_binary ? $ws->send_binary($data) : $ws->send($data) });

sub error_of {
    my ($call) = @_;
    return eval { $call->(); 1 } ? undef : $@;
}

sub descriptors { opendir my $folder, '/proc/self/fd' or return 0; scalar(() = readdir $folder) }

# What is warned of meanwhile.
sub warned {
    my ($call) = @_;
    my @words;
    local $SIG{__WARN__} = sub { push @words, @_ };
    $call->();
    return @words;
}

subtest 'messages come back as what they are' => sub {
    my ($loop, $server) = served(\%echo);
    my $ws = $loop->connect($server->url)->opened;
    for my $text ('', "text ⚓\0", "\xe9") {
        $ws->send($text);
        is $ws->receive, $text, 'a text';
        ok !$ws->is_binary, 'which is one';
    }
    for my $bytes ('', "\0\xff", "\xe2\x9a\x93" x 400_000) {
        $ws->send_binary($bytes);
        ok $ws->receive eq $bytes, 'bytes';
        ok $ws->is_binary, 'which are binary';
    }
    is error_of(sub { $ws->send_binary('⚓') })->code, ERR_ARGUMENT, 'a wide character is no byte';
    $ws->send('leaves at once');
    is $loop->manager->queued($ws->id), 0, 'what was sent is on its way';
    is $ws->header('upgrade'), 'websocket', 'the handshake is kept';
};

subtest 'what was agreed on' => sub {
    my @seen;
    my $loop = Hawser::Loop->new;
    my $server = $loop->serve($URL, subprotocols => 'b, a', deflate => 'shared', headers => {'X-Berth' => 7},
        on_connection => sub {
            my ($ws) = @_;
            @seen = ($ws->path, $ws->subprotocol, $ws->header('x-ship'), $ws->extensions);
            $ws->close;
        });
    my $ws = $loop->connect($server->url . 'harbour?x=1', subprotocols => 'a, b', deflate => 'shared',
        headers => ['X-Ship' => 'Ever Given']);
    is $ws->receive, undef, 'the end';
    is_deeply \@seen, ['/harbour?x=1', 'b', 'Ever Given', $ws->extensions], 'at the server';
    like $ws->extensions, qr/permessage-deflate/, 'compression';
    is $ws->peer_address, $server->address, 'the address';
};

subtest 'blocking, against a server of another process' => sub {
    pipe my $in, my $out or die;
    my $child = fork // die;
    if (!$child) {
        my $server = Hawser->serve($URL, on_connection => sub { $_[0]->on(message => $echo{message}) });
        $SIG{TERM} = sub { $server->close };
        syswrite $out, $server->url . "\n";
        $server->run;
        exec 'true';
    }
    chomp(my $url = <$in>);
    my $before = descriptors();
    Hawser->connect($url)->send('and away');
    is descriptors(), $before, 'one that is dropped is gone';
    my $ws = Hawser->connect($url, max_message_size => 1000);
    ok $ws->is_open, 'it is open';
    my @got;
    $ws->send($_) for qw(one two three);
    while (defined(my $message = $ws->receive)) {
        push @got, $message;
        kill TERM => $child if @got == 3;
    }
    is_deeply \@got, [qw(one two three)], 'the messages';
    is $ws->close_code, 1001, 'until the server goes away';
    waitpid $child, 0;
    is $?, 0, 'which its run tells by its end';
    is error_of(sub { Hawser->connect($url) })->name, 'HWS_ERR_CONNECT', 'then nobody is there';
};

subtest 'receive has a time limit, and can be interrupted' => sub {
    my ($loop, $server) = served({});
    my $ws = $loop->connect($server->url)->opened;
    is error_of(sub { $ws->receive(timeout => $_) })->code, ERR_TIMEOUT, "$_ seconds" for 0, 0.01;
    local $SIG{ALRM} = sub { die "alarm\n" };
    alarm 0.1;
    is error_of(sub { $ws->receive }), "alarm\n", 'a handler of %SIG that dies';
    my @inside;
    local $SIG{ALRM} = sub { push @inside, error_of(sub { $ws->receive }); $ws->close(4000) };
    alarm 0.1;
    is error_of(sub { $ws->receive })->close_code, 4000, 'and one that closes';
    is_deeply [map { $_->code } @inside], [ERR_STATE], 'and waits for nothing';
};

subtest 'ends' => sub {
    my ($loop, $server) = served({message => sub { my ($ws, $code) = @_; $ws->send('last'); $ws->close($code, $code ? 'Grüße' : undef) }});
    for my $code (1000, 1001, 0, 1003, 4001) {
        my $ws = $loop->connect($server->url)->opened;
        $ws->send($code);
        is $ws->receive, 'last', "before $code";
        my ($end, $line);
        $line = __LINE__; my $error = error_of(sub { $end = $ws->receive });
        is $end, undef, 'nothing comes any more';
        next if $code < 1002 && ok !$error, 'it ends quietly';
        isa_ok $error, 'Hawser::ConnectionClosed';
        is_deeply [$error->close_code, $error->reason, $error->is_clean, $error->name, $error->line],
            [$code, 'Grüße', 1, 'HWS_ERR_CLOSED', $line], 'why';
        isa_ok error_of(sub { $ws->send('late') }), 'Hawser::ConnectionClosed', 'a send after it';
        isa_ok error_of(sub { $ws->ping }), 'Hawser::ConnectionClosed', 'a ping after it';
        $ws->close;
        $ws->abort;
    }
    my $ws = $loop->connect($server->url)->opened;
    $ws->send(4002);
    my $error;
    until ($error = error_of(sub { $ws->send('more' x 100_000) })) { }
    is $error->close_code, 4002, 'a send while it ends tells the end';
    $ws = $loop->connect($server->url)->opened;
    $ws->abort;
    is $ws->close_code, 1006, 'abort';
};

subtest 'what can not be had' => sub {
    my ($loop, $server) = served({});
    my $ws = $loop->connect($server->url, origin => 'http://elsewhere.example');
    my $error = error_of(sub { $ws->opened });
    is_deeply [$error->status, $error->name], [403, 'HWS_ERR_HTTP'], 'a refusal tells its status';
    is error_of(sub { Hawser->connect('http://127.0.0.1/') })->code, ERR_URL, 'no WebSocket';
    is error_of(sub { Hawser->serve('ws://192.0.2.1:1/') })->code, ERR_LISTEN, 'no address of ours';
    for (['requests', 1, ERR_OPTION], ['parts', 1, ERR_OPTION], ['no_such_option', 1, ERR_OPTION], ['max_message_size', 0, ERR_RANGE],
         ['slow_reader', 'sometimes', ERR_RANGE], ['max_message_size', '10 MB', ERR_ARGUMENT], ['deflate', [], ERR_ARGUMENT]) {
        my ($name, $value, $code) = @$_;
        my $error = error_of(sub { Hawser->serve($URL, $name => $value) });
        is $error->code, $code, "the option $name => $value";
        like "$error", qr/\Q$name\E.* at \Q$0\E/, 'is named';
    }
    is error_of(sub { $loop->serve($URL, on_connect => sub { }) })->code, ERR_OPTION, 'what is no option, whatever it has';
    is error_of(sub { $ws->on(massage => sub { }) })->code, ERR_ARGUMENT, 'no such event';
    my $stray = Hawser::Loop->new->serve($URL);
    is error_of($_)->code, ERR_ARGUMENT, 'a server whose loop is gone' for sub { $stray->run }, sub { $stray->broadcast('x') };
};

subtest 'what is no failure of the program is not told to its $SIG{__DIE__}' => sub {
    my ($loop, $server) = served({message => sub { }});
    my $ws = $loop->connect($server->url, max_send_queue => 1000)->opened;
    my $told = 0;
    local $SIG{__DIE__} = sub { $told++ };
    $ws->send('x' x 1_000_000) for 1 .. 20;
    ok $ws->{drains}, 'a send that waits';
    is $told, 0, 'dies inside alone';
    error_of(sub { $ws->send_binary('⚓') });
    cmp_ok $told, '>', 0, 'but what fails is told';
};

subtest 'wss' => sub {
    my $folder = $ENV{HAWSER_CERTIFICATES} or plan skip_all => 'there are no certificates';
    my $loop = Hawser::Loop->new(tls_ca_file => "$folder/root.pem");
    my $server = $loop->serve('wss://127.0.0.1:0/', certificates => [['', "$folder/server.pem", "$folder/server.key"]],
        on_connection => sub { $_[0]->on(%echo) });
    my ($port) = $server->url =~ m{^wss://127\.0\.0\.1:(\d+)/$};
    my $ws = $loop->connect("wss://localhost:$port/")->opened;
    $ws->send('ü');
    is $ws->receive, 'ü', 'a message';
    $ws = $loop->connect("wss://localhost:$port/", tls_ca_file => "$folder/other_root.pem");
    is error_of(sub { $ws->opened })->name, 'HWS_ERR_TLS', 'a certificate of somebody else';
};

subtest 'a handler that fails' => sub {
    for my $handler (sub { die "mine\n" }, sub { die {code => 1} }, sub { $_[0]->send_binary('⚓') }) {
        my ($loop, $server) = served({message => $handler});
        my @clients = map { $loop->connect($server->url)->opened } 1 .. 2;
        my @words = warned(sub {
            $_->send('go') for @clients;
            is error_of(sub { $_->receive })->close_code, 1011, 'closes its connection alone' for @clients;
        });
        is @words, 2, 'and is warned of';
    }
    my @told;
    my ($loop, $server) = served({message => sub { die "mine\n" }, error => sub { push @told, $_[1] }});
    my $ws = $loop->connect($server->url)->opened;
    $ws->send('go');
    is_deeply [warned(sub { error_of(sub { $ws->receive }) })], [], 'not where somebody wants to know';
    is_deeply \@told, ["mine\n"], 'who is told';

    $server = $loop->serve($URL, on_connection => sub { die "at once\n" });
    $ws = $loop->connect($server->url);
    is_deeply [warned(sub { is error_of(sub { $ws->receive })->close_code, 1011, 'on_connection' })], ["at once\n"],
        'is a handler, too';

    ($loop, $server) = served({message => sub { my ($ws) = @_; $ws->close(4001); $ws->send('too late') }});
    $ws = $loop->connect($server->url)->opened;
    $ws->send('go');
    is_deeply [warned(sub { is error_of(sub { $ws->receive })->close_code, 4001, 'that the connection has ended' })], [],
        'is no failure';
    eval { die "before\n" };
    $loop->_step(0);
    is $@, "before\n", 'the program keeps its $@';
};

subtest 'nothing waits in a handler' => sub {
    my @errors;
    my ($loop, $server) = served({message => sub {
        my ($ws) = @_;
        push @errors, error_of(sub { $ws->receive }), error_of(sub { $ws->loop->dispatch });
        push @errors, error_of(sub { $ws->send('x' x 100_000) while 1 });
        $ws->on(drain => sub { $_[0]->close(4003) });
    }}, max_send_queue => 1 << 20);
    my $ws = $loop->connect($server->url)->opened;
    $ws->send('go');
    my $count = 0;
    $ws->on(message => sub { $count++ })->on(close => sub { is $_[1], 4003, 'a drain follows' });
    $loop->_wait_for(sub { defined $ws->close_code });
    is_deeply [map { $_->name } @errors], [qw(HWS_ERR_STATE HWS_ERR_STATE HWS_ERR_WOULD_BLOCK)], 'it is told so';
    cmp_ok $count, '>=', 10, 'and nothing is lost';
};

subtest 'who does not read is not read from' => sub {
    my ($count, $size, $got) = (200, 1 << 16, 0);
    my ($reader, $loop, $server);
    $loop = Hawser::Loop->new;
    $server = $loop->serve($URL, on_connection => sub { $reader = shift });
    my $ws = $loop->connect($server->url, max_send_queue => 1 << 20)->opened;
    for (1 .. $count) {
        local $SIG{ALRM} = sub { die "full\n" };
        my $is_sent;
        my $is_full = error_of(sub { alarm 2; $ws->send_binary('x' x $size); $is_sent = 1; alarm 0 });
        $got++ if $is_sent;
        last if $is_full;
    }
    cmp_ok $got, '<', $count, 'the sender waits';
    cmp_ok $reader->{unread}, '<', 4 << 20, 'what waits to be read is bounded';
    alarm 0;
    my $read = 0;
    $reader->on(message => sub { $read++ });
    $ws->send_binary('x') while $got++ < $count;
    $ws->close;
    is $read, $count, 'all arrive';
};

subtest 'a message that came before its handler' => sub {
    my ($loop, $server) = served(\%echo);
    my $ws = $loop->connect($server->url)->opened;
    $ws->send($_) for 1 .. 3;
    is $ws->receive, 1, 'the first';
    $ws->send('more');
    $loop->_wait_for(sub { @{$ws->{messages}} >= 1 });
    my @got;
    $ws->on(message => sub { push @got, $_[1]; $_[0]->close if @got == 3 });
    is $ws->receive, undef, 'the end';
    is_deeply \@got, [2, 3, 'more'], 'the others, in their order';
    $ws = $loop->connect($server->url)->opened;
    $ws->send('x');
    $loop->_wait_for(sub { @{$ws->{messages}} });
    $ws->on(message => sub { @got = error_of(sub { $ws->receive }) });
    is $got[0]->code, ERR_STATE, 'nothing waits in such a handler either';
};

subtest 'who closes reads no more' => sub {
    my ($loop, $server) = served({message => sub { my ($ws, $count) = @_; $ws->send($_) for 1 .. $count }});
    my ($ws, $other) = map { $loop->connect($server->url)->opened } 1 .. 2;
    $ws->send(200);
    $loop->_wait_for(sub { $ws->{is_paused} });
    $ws->close;
    is $ws->close_code, 1000, 'the peer answers, also where it was read no further';
    is $ws->receive, undef, 'what was not read is gone';
    my $count = 0;
    $other->on(message => sub { $count++; $_[0]->close });
    $other->send(10);
    is $other->receive, undef, 'the end';
    is $count, 1, 'nor is a handler called';
};

subtest 'run' => sub {
    my ($loop, $server) = served(\%echo);
    my $ws = $loop->connect($server->url)->opened;
    $ws->on(message => sub { $_[0]->send_binary('last'); $loop->stop });
    $ws->send('one');
    $loop->run;
    is $loop->manager->queued($ws->id), 0, 'sends what is left when it is told to stop';

    my $begun = 0;
    my $closing;
    $closing = $loop->serve($URL, on_connection => sub { $begun++; $closing->close });
    my @clients = map { $loop->connect($closing->url) } 1 .. 5;
    $loop->_wait_for(sub { 5 == grep { defined $_->close_code } @clients });
    is $begun, 1, 'a server that closes takes nobody in';
};

subtest 'broadcast, ping, and a server that goes away' => sub {
    my ($loop, $server) = served({});
    my @clients = map { $loop->connect($server->url)->opened } 1 .. 3;
    my $pong;
    $clients[0]->on(pong => sub { $pong = $_[1] });
    $clients[0]->ping("\0ping");
    $loop->_wait_for(sub { defined $pong && $server->connections == 3 });
    is $pong, "\0ping", 'the pong';
    is $server->broadcast('to all ⚓'), 3, 'three take it';
    is $_->receive, 'to all ⚓', 'it comes' for @clients;
    my ($left_out) = $server->connections;
    is $server->broadcast_binary("\xff", except => $left_out), 2, 'two take it';
    is $loop->manager->queued($_->id), 0, 'and it leaves at once' for $server->connections;
    $server->close;
    $server->close;
    is_deeply [map { 1 while defined $_->receive; $_->close_code } @clients], [(1001) x 3], 'they are told';
    is $server->connections, 0, 'none is left';
    ok error_of(sub { Hawser->connect($server->url) }), 'and nobody is there';
    $loop->run;
    pass 'run ends when nothing is left';
};

subtest 'a handshake that outlives its server' => sub {
    my ($loop, $server) = served(\%echo);
    my $other = $loop->serve($URL, on_connection => sub { $_[0]->on(%echo) });
    my $ws = $loop->connect($other->url)->opened;
    my $peer = IO::Socket::INET->new(PeerAddr => $server->address) or die "$!";
    $peer->syswrite("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    $loop->_wait_for(sub { $loop->manager->stat('handshakes') > 0 }, 0.2);
    $server->close;
    $peer->syswrite("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x85\0\0\0\0hello");
    for my $number (1 .. 20) {
        $ws->send($number);
        is $ws->receive, $number, 'it disturbs nobody';
    }
};

subtest 'a loop of the program' => sub {
    my ($loop, $server) = served(\%echo);
    my $select = IO::Select->new($loop->fd);
    my @got;
    my $ws = $loop->connect($server->url);
    is error_of(sub { $ws->receive })->code, ERR_STATE, 'nothing waits in it';
    $ws->on(open => sub { $_[0]->send('one') })->on(message => sub { push @got, $_[1] });
    while (@got < 2) {
        $loop->dispatch for $select->can_read;
        $ws->send('from outside') if @got == 1;
    }
    is_deeply [@got[0, 1]], ['one', 'from outside'], 'the messages';
    $ws->close;
    is $ws->close_code, undef, 'close does not wait either';
    while (!defined $ws->close_code) { $loop->dispatch for $select->can_read }
    is $ws->close_code, 1000, 'but it comes';
};

subtest 'what is dropped is gone' => sub {
    my ($loop, $server) = served(\%echo);
    my ($before, @kept) = descriptors();
    for (1 .. 10) {
        my ($other, $there) = served(\%echo);
        my $ws = $other->connect($there->url)->opened;
        $ws->on(message => sub { $ws->close });    # refers to itself
        weaken($kept[@kept] = $ws);
        my $lone = Hawser->serve($URL);
        $lone = Hawser->serve($URL, on_connection => sub { $lone->close });
        $lone->close;
    }
    is descriptors(), $before, 'loops and servers';
    is grep({ defined } @kept), 0, 'and connections';
    my $ws = $loop->connect($server->url)->opened;
    my $child = fork // die;
    if (!$child) { undef $_ for $ws, $server, $loop; exec 'true' }
    waitpid $child, 0;
    $ws->send('still here');
    is $ws->receive, 'still here', 'what a child of fork drops stays with its parent';
    my $kept = do { my $other = Hawser::Loop->new; $other->connect($server->url) };
    is error_of(sub { $kept->send('x') })->code, ERR_ARGUMENT, 'a connection outlives its loop as an error';
    $kept->close;
    $kept->abort;
    is error_of(sub { $kept->receive })->code, ERR_ARGUMENT, 'and nothing else';
};

done_testing;
