# An echo server in a loop of IO::Select, with other descriptors next to it: select_server.pl [ws://127.0.0.1:9001/]
use strict;
use warnings;
use Hawser;
use IO::Select;

sub echo {
    my ($ws, $data, $is_binary) = @_;
    $is_binary ? $ws->send_binary($data) : $ws->send($data);
}

my $loop = Hawser::Loop->new;
my $server = $loop->serve(shift // 'ws://127.0.0.1:9001/', on_connection => sub { $_[0]->on(message => \&echo) });
my $is_over = 0;
$SIG{INT} = $SIG{TERM} = sub { $is_over = 1 };
$| = 1;
print 'listening on ', $server->url, "\n";

my $fd = $loop->fd;
my $select = IO::Select->new($fd, \*STDIN);
until ($is_over) {
    for my $ready ($select->can_read) {
        if ($ready eq $fd) { $loop->dispatch }
        elsif (sysread STDIN, my $bytes, 4096) { $server->broadcast_binary($bytes) }
        else { $select->remove($ready) }
    }
}
