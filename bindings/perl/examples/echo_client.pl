# Sends three messages to an echo server and prints what comes back: echo_client.pl [ws://127.0.0.1:9001/]
use strict;
use warnings;
use Hawser;

my $ws = Hawser->connect(shift // 'ws://127.0.0.1:9001/');
for my $text (qw(one two three)) {
    $ws->send($text);
    print $ws->receive, "\n";
}
$ws->close(1000, 'bye');
