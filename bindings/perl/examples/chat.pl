# A chat room, with two who talk in it: chat.pl
use strict;
use warnings;
use Hawser;

my $loop = Hawser::Loop->new;
my $server = $loop->serve('ws://127.0.0.1:0/', subprotocols => 'chat', deflate => 'shared', on_connection => sub {
    my ($ws, $server) = @_;
    $ws->on(message => sub {
        my ($ws, $text) = @_;
        $server->broadcast($text, except => $ws);
    });
    $ws->on(error => sub { my ($ws, $error) = @_; warn 'a handler of ', $ws->peer_address, " failed: $error" });
});
$SIG{INT} = $SIG{TERM} = sub { $server->close };

my $listener = $loop->connect($server->url, subprotocols => 'chat')->opened;
my $talker = $loop->connect($server->url, subprotocols => 'chat')->opened;
$talker->send('ahoy');
print $listener->subprotocol, ': ', $listener->receive, "\n";
$server->close;
$loop->run;
