# An echo server in AnyEvent's loop: anyevent_server.pl [ws://127.0.0.1:9001/]
use strict;
use warnings;
use AnyEvent;
use Hawser;

sub echo {
    my ($ws, $data, $is_binary) = @_;
    $is_binary ? $ws->send_binary($data) : $ws->send($data);
}

my $loop = Hawser::Loop->new;
my $server = $loop->serve(shift // 'ws://127.0.0.1:9001/', on_connection => sub { $_[0]->on(message => \&echo) });
$| = 1;
print 'listening on ', $server->url, "\n";

my $over = AnyEvent->condvar;
my $io = AnyEvent->io(fh => $loop->fd, poll => 'r', cb => sub { $loop->dispatch });
my $term = AnyEvent->signal(signal => 'TERM', cb => sub { $over->send });
$over->recv;
