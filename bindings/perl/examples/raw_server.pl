# An echo server on the raw layer: raw_server.pl [ws://127.0.0.1:9001/]
use strict;
use warnings;
use Hawser qw(:constants);

my $options = Hawser::Options->new;
$options->set_int(pause_above => 1 << 20);
my $manager = Hawser::Manager->new($options);
my $listener = $manager->listen(shift // 'ws://127.0.0.1:9001/');
$| = 1;
print 'listening on ws://', $manager->local_address($listener), "/\n";

while (1) {
    for my $event ($manager->poll(-1)) {
        next unless $event->kind == EVENT_MESSAGE;
        eval { $manager->send($event->connection, $event->opcode, $event->data); 1 }
            or warn $@->name, ' ', $@->message;
    }
}
