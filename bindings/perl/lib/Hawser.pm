package Hawser;
use 5.014;
use warnings;

use Exporter 'import';
use Hawser::Raw;
use Hawser::Loop;

our $VERSION   = $Hawser::Raw::VERSION;
our @EXPORT_OK = grep { /^[A-Z]+(?:_[A-Z0-9]+)*$/ && defined &$_ } keys %Hawser::;
our %EXPORT_TAGS = (constants => \@EXPORT_OK);

# Here the object that is returned keeps its loop, and not the other way round: both go with it.
sub connect {
    my ($class, $url, %options) = @_;
    my $loop = Hawser::Loop->new;
    return $loop->_belong_to($loop->connect($url, %options))->opened;
}

sub serve {
    my ($class, $url, %options) = @_;
    my $loop = Hawser::Loop->new;
    return $loop->_belong_to($loop->serve($url, %options));
}

1;

__END__

=encoding utf8

=head1 NAME

Hawser - WebSocket client and server (RFC 6455, RFC 7692) on libhawser

=head1 SYNOPSIS

    use Hawser;

    my $ws = Hawser->connect('ws://127.0.0.1:9001/', max_message_size => 1 << 20);
    $ws->send('text');
    $ws->send_binary("\x00\xff");
    while (defined(my $message = $ws->receive)) { print "$message\n" }

    Hawser->serve('ws://127.0.0.1:9001/', on_connection => sub {
        my ($ws, $server) = @_;
        $ws->on(message => sub { my ($ws, $data, $is_binary) = @_; $ws->send("you said $data") });
    })->run;

=head1 DESCRIPTION

A connection is a L<Hawser::WebSocket>, a listener a L<Hawser::Server>, and both belong to a L<Hawser::Loop>, which
waits, or lives in the loop of another module. Beneath them is the raw layer, L<Hawser::Raw>: Manager, Options and
events, as in hawser.h.

Texts are strings of characters, binary messages are strings of bytes. Perl's inner flag for UTF-8 changes nothing:
only what the characters of a string are counts. A string with a character above 255 is no bytes: it is refused, and
not encoded.

=head1 METHODS

=over

=item Hawser->connect($url, %options)

Connects, waits until the connection is open, and returns it, a L<Hawser::WebSocket> with a loop of its own. Dies of a
L<Hawser::ConnectionClosed|Hawser::Error> if it can't be opened. Whoever drops the object ends the connection, without
a Close.

=item Hawser->serve($url, %options)

Listens, and returns a L<Hawser::Server> with a loop of its own. Port 0 takes a free one, see its C<url>. The option
C<on_connection> is called with each connection and the server. C<pause_above> is 1 MiB here, if nothing else is said:
a peer that does not read its answers is read no further.

=back

The options are those of docs/reference/options.md, but C<parts> and C<requests>, which are for the raw layer; and

=over

=item headers

of the request or of the answer, as a reference to a hash or to an array of names and values;

=item certificates

of a C<wss://> server, beside C<tls_certificate> and C<tls_key>: a reference to an array of C<[$host, $chain, $key]>.

=back

=head1 CONSTANTS AND FUNCTIONS

    use Hawser qw(:constants);    # TEXT, BINARY, EVENT_OPEN, ERR_URL, CLEAN ...

The constants of hawser.h, without C<HWS_>, and C<Hawser::version()>, C<Hawser::error_name($code)>,
C<Hawser::error_text($code)>, and those that tell of all options (C<Hawser::option_count()>, C<option_name>,
C<option_kind>, C<option_default>, C<option_min>, C<option_max>, C<option_text>) and counters
(C<Hawser::stat_count()>, C<stat_name>, C<stat_text>).

=head1 ERRORS

Whatever fails dies of a L<Hawser::Error>.

=head1 SIGNALS, FORK AND THREADS

A signal ends a wait: its handler in %SIG runs, and may die out of it. One that comes just before the wait begins runs
within a second. A handler that has ended a wait may call C<stop>, C<close> and C<abort>, which begin an end and do not
wait there. If a connection's handler is at work when one dies, it is that handler which dies, and its connection is
closed with 1011. Handlers that POSIX::sigaction sets without C<safe> must not die: they would leave the library in the
middle of a call.

After C<fork> the child must not use what the parent has made. It may drop it, which disturbs nobody, and make its
own.

A L<Hawser::Manager|Hawser::Raw> may be used by all ithreads. What is built on it belongs to the thread that has made
it; in others it is a reference to undef.

=head1 SEE ALSO

L<Hawser::WebSocket>, L<Hawser::Server>, L<Hawser::Loop>, L<Hawser::Raw>, L<Hawser::Error>

=cut
