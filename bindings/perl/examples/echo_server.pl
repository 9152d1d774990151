# Sends every message back: echo_server.pl [ws://127.0.0.1:9001/]
use strict;
use warnings;
use Hawser;

sub echo {
    my ($ws, $data, $is_binary) = @_;
    $is_binary ? $ws->send_binary($data) : $ws->send($data);
}

my $server = Hawser->serve(shift // 'ws://127.0.0.1:9001/', on_connection => sub { $_[0]->on(message => \&echo) });
$SIG{INT} = $SIG{TERM} = sub { $server->close };
$| = 1;
print 'listening on ', $server->url, "\n";
$server->run;
