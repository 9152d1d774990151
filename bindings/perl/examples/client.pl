# What a client can do, against an echo server: client.pl [ws://127.0.0.1:9001/]
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use Hawser;

my $url = shift // 'ws://127.0.0.1:9001/';

my $ws = Hawser->connect($url, max_message_size => 1 << 20, headers => {'X-Ship' => 'Ever Given'});
$ws->send('Grüße');                       # characters: a text message
$ws->send_binary("\x00\xff");             # bytes: a binary one
$ws->send('bye');
while (defined(my $message = $ws->receive(timeout => 5))) {
    print $ws->is_binary ? unpack('H*', $message) : $message, "\n";
    $ws->close(1000, 'bye') if $message eq 'bye';
}

if (!eval { $ws->send('too late'); 1 }) {
    my $error = $@;
    die $error unless ref $error && $error->isa('Hawser::ConnectionClosed');
    print 'it has ended with ', $error->close_code, "\n";
}

my $loop = Hawser::Loop->new;             # many at once, by callbacks
for my $name (qw(a b)) {
    my $ws = $loop->connect($url);
    $ws->on(open => sub { $ws->send($name) });
    $ws->on(message => sub { my ($ws, $data, $is_binary) = @_; print "$name: $data\n"; $ws->close });
    $ws->on(close => sub { my ($ws, $code, $reason, $why) = @_; warn $why if $code != 1000 });
}
$loop->run;
