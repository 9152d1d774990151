package Hawser::Raw;
use 5.014;
use warnings;

use Hawser::Error;
use XSLoader;

our $VERSION = '0.1.0';
XSLoader::load('Hawser', $VERSION);

# SWIG makes functions: Manager_send is the method send of a Hawser::Manager.
for my $name (keys %Hawser::) {
    next unless $name =~ /^(Manager|Options)_(\w+)$/;
    no strict 'refs';
    *{"Hawser::$1::$2"} = \&{"Hawser::$name"};
}

package Hawser::Manager;
sub new { my $class = shift; bless Hawser::new_Manager(@_), $class }

package Hawser::Options;
sub new { my $class = shift; bless Hawser::new_Options(@_), $class }
sub CLONE_SKIP { 1 }    # they belong to one thread

package Hawser::Event;
for my $field (qw(kind opcode connection listener tag data code error system flags text)) {
    no strict 'refs';
    *$field = sub { $_[0]{$field} };
}

1;

__END__

=encoding utf8

=head1 NAME

Hawser::Raw - Hawser::Manager, Hawser::Options and Hawser::Event: hawser.h in Perl

=head1 SYNOPSIS

    use Hawser qw(:constants);

    my $manager = Hawser::Manager->new;
    my $listener = $manager->listen('ws://127.0.0.1:9001/');
    while (1) {
        for my $event ($manager->poll(-1)) {
            next unless $event->kind == EVENT_MESSAGE;
            $manager->send($event->connection, $event->opcode, $event->data);
        }
    }

=head1 DESCRIPTION

The functions of hawser.h as methods, with its names and its arguments; its comments are the manual. What fails dies
of a L<Hawser::Error>; readers answer undef where there is nothing to tell. Arguments at the end that may be NULL may
be left out, and undef is NULL.

Ids are integers. A number that is not an integer, or does not fit, is refused. Texts (URLs, options, close reasons)
are characters, and those with a NUL are refused.

=head2 Payloads

C<< $manager->send($id, TEXT, $string) >> and C<broadcast> take characters for TEXT. All else is bytes: BINARY, pings,
bodies, and C<send_part>, also of a text, which may be cut inside a character. A string with a character above 255 is
no bytes, and refused.

=head2 Events

C<< $manager->poll($timeout_ms) >> returns the list of events, in scalar context how many they were. They are the
program's own: hashes with the methods C<kind>, C<opcode>, C<connection>, C<listener>, C<tag>, C<data>, C<code>,
C<error>, C<system>, C<flags> and C<text>. C<data> is characters in a whole text message and in CLOSE, else bytes;
C<text>, of CLOSE alone, is our words. What a peer wrote into its head and is not UTF-8 stays as it is, each byte a
character.

=head2 Life

A manager is freed with its last reference, or by C<< $manager->free >>, which ends everything at once; from then on
calls die with ERR_ARGUMENT.

=head2 Threads

A new ithread gets a reference to the same manager. C<send>, C<close> and C<wake> may be called from any of them at
any time; what else is called while another one is at it, or inside C<poll>, dies with ERR_BUSY. C<free> ends the wait
of another. Options belong to one thread; in others they are a reference to undef.

=head2 Signals

A signal ends C<poll>, which runs its handler in %SIG and returns no events. One that comes just before C<poll> waits
does not end it: where that matters, wait with a limit. L<Hawser::Loop> does.

=cut
