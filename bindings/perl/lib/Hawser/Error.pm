package Hawser::Error;
use 5.014;
use warnings;

use Scalar::Util 'blessed';
use overload '""' => \&as_string, bool => sub { 1 }, fallback => 1;

# The place that it names is where the program called hawser.
sub new {
    my ($class, $code, $message, %more) = @_;
    my ($depth, $package, $file, $line) = (0);
    do { ($package, $file, $line) = caller $depth++ } while defined $package && $package =~ /^Hawser(?:::|$)/;
    return bless {%more, code => $code, message => $message, file => $file // $0, line => $line // 0}, $class;
}

sub throw { my $class = shift; die $class->new(@_) }

sub code    { $_[0]{code} }
sub name    { Hawser::error_name($_[0]{code}) }
sub message { $_[0]{message} }
sub file    { $_[0]{file} }
sub line    { $_[0]{line} }

sub as_string {
    my ($self) = @_;
    return sprintf "%s (%s) at %s line %d.\n", $self->message, $self->name, $self->file, $self->line;
}

# What a call died of; undef: it did not. The program's $SIG{__DIE__} hears nothing of it.
sub _caught {
    my ($call) = @_;
    local ($@, $SIG{__DIE__});
    return eval { $call->(); 1 } ? undef : $@;
}

# Of whatever a call died of.
sub _code_of {
    my ($error) = @_;
    return blessed $error && $error->isa('Hawser::Error') ? $error->code : 0;
}

# The library knows of an end, whose CLOSE may be still to come.
sub _is_end {
    my $code = _code_of(@_);
    return $code == Hawser::ERR_CLOSED() || $code == Hawser::ERR_STALE();
}

package Hawser::ConnectionClosed;
our @ISA = ('Hawser::Error');

sub connection { $_[0]{connection} }
sub close_code { $_[0]{close_code} }
sub reason     { $_[0]{reason} }
sub is_clean   { $_[0]{is_clean} }
sub status     { $_[0]{status} }

1;

__END__

=encoding utf8

=head1 NAME

Hawser::Error, Hawser::ConnectionClosed - what calls of hawser die of

=head1 SYNOPSIS

    if (!eval { $ws->send($text); 1 }) {
        my $error = $@;
        die $error unless ref $error && $error->isa('Hawser::ConnectionClosed');
        warn "it ended with ", $error->close_code, ": ", $error->message;
    }

=head1 DESCRIPTION

Every call of hawser that fails dies of a C<Hawser::Error>. As a string it is its message, its name, and the line of
the program that called.

=over

=item code

A negative number: C<Hawser::ERR_URL> and so on.

=item name

C<"HWS_ERR_URL">; stable.

=item message

Why, in English.

=item file, line

Where the program called hawser.

=back

A C<Hawser::ConnectionClosed> is a C<Hawser::Error>: the connection has ended, is ending, or could not be opened.

=over

=item connection

Its id.

=item close_code, reason

The peer's (RFC 6455 7.4): 1005 where it gave none, 1006 where no Close frame came; undef while it is still ending.

=item is_clean

Whether both Close frames were exchanged.

=item status

The HTTP status of a server that refused the handshake, else 0.

=back

=cut
