package Hawser::Loop;
use 5.014;
use warnings;

use Hawser::Raw;
use Hawser::Server;
use Hawser::WebSocket;
use Scalar::Util 'weaken';
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

# A signal that comes just before the wait does not end it: its handler in %SIG runs after so many milliseconds at the latest.
my $SIGNAL_LATENCY = 1000;

# Who is told of which event.
my %METHODS = (Hawser::EVENT_OPEN, '_on_open', Hawser::EVENT_MESSAGE, '_on_message', Hawser::EVENT_DRAIN, '_on_drain',
               Hawser::EVENT_PONG, '_on_pong', Hawser::EVENT_CLOSE, '_on_close');

sub CLONE_SKIP { 1 }    # a loop belongs to one thread

# owners: who is told what happens to which id.
sub new {
    my ($class, %options) = @_;
    my $manager = Hawser::Manager->new(_options(%options));
    return bless {manager => $manager, owners => {}, events => [], is_busy => 0, is_outer => 0}, $class;
}

sub manager { $_[0]{manager} }

sub connect {
    my ($self, $url, %options) = @_;
    my $id = $self->{manager}->connect($url, _options(%options));
    return $self->{owners}{$id} = Hawser::WebSocket->_new($self, $id);
}

sub serve {
    my ($self, $url, %options) = @_;
    my $on_connection = delete $options{on_connection};
    # Of a peer that does not read its answers, no more is read.
    my $id = $self->{manager}->listen($url, _options(pause_above => 1 << 20, %options));
    return $self->{owners}{$id} = Hawser::Server->_new($self, $id, $url, $on_connection);
}

sub run {
    my ($self) = @_;
    local $self->{is_stopped} = 0;
    $self->_step(-1) while %{$self->{owners}} && !$self->{is_stopped};
    $self->{manager}->flush;
}

sub stop { $_[0]{is_stopped} = 1 }

sub fd {
    my ($self) = @_;
    $self->{is_outer} = 1;
    return $self->{manager}->fd;
}

sub dispatch {
    my ($self) = @_;
    my $count = $self->_step(0);
    $self->{manager}->flush;
    return $count;
}

sub DESTROY {
    my ($self) = @_;
    $_->_forget for grep { defined } values %{$self->{owners}};
    $self->{manager}->free if $self->{manager};
}

# ---- for the other classes

sub _belong_to {
    my ($self, $owner) = @_;
    weaken $self->{owners}{$owner->id};
    $owner->{loop} = $self;
    return $owner;
}

# Of what may have outlived its loop.
sub _of {
    my ($owner) = @_;
    return $owner->{loop} // Hawser::Error->throw(Hawser::ERR_ARGUMENT, 'the loop that this belonged to is gone');
}

sub _may_wait { !$_[0]{is_busy} && !$_[0]{is_outer} }

# What was said leaves at once; where nothing may wait, the loop sends it when it does.
sub _flush { $_[0]{manager}->flush if $_[0]->_may_wait }

# Whether it came true within so many seconds (undef: no limit).
sub _wait_for {
    my ($self, $condition, $seconds) = @_;
    my $deadline = clock_gettime(CLOCK_MONOTONIC) + ($seconds // 9**9**9);
    until ($condition->()) {
        $self->_may_wait
            or Hawser::Error->throw(Hawser::ERR_STATE, 'nothing waits in a handler, or in a loop whose fd was asked for');
        my $left = 1000 * ($deadline - clock_gettime(CLOCK_MONOTONIC));
        $self->_step($left > 0 ? 1 + int $left : 0);
        return $condition->() if $left <= 0;
    }
    return 1;
}

# An event is taken before its handler is called: what dies here (a handler of %SIG) loses none of the others.
sub _step {
    my ($self, $timeout) = @_;
    Hawser::Error->throw(Hawser::ERR_STATE, 'a handler of this loop is at work') if $self->{is_busy};
    local $self->{is_busy} = 1;
    my $events = $self->{events};
    $timeout = $SIGNAL_LATENCY unless $timeout >= 0 && $timeout <= $SIGNAL_LATENCY;
    push @$events, $self->{manager}->poll($timeout) unless @$events;
    my $count = @$events;
    while (my $event = shift @$events) { $self->_handle($event) }
    return $count;
}

sub _handle {
    my ($self, $event) = @_;
    my $kind = $event->kind;
    return $self->_accept($event) if $kind == Hawser::EVENT_OPEN && $event->listener;
    my $owner = $self->{owners}{$event->connection} or return;    # accepted when its server was closed: see _accept
    my $method = $METHODS{$kind} or return;
    delete $self->{owners}{$event->connection} if $kind == Hawser::EVENT_CLOSE;
    $owner->$method($event);
}

sub _accept {
    my ($self, $event) = @_;
    my ($id, $server) = ($event->connection, $self->{owners}{$event->listener});
    return $self->_act(close => $id, 1001) if !$server || $server->{is_closing};
    my $websocket = $self->{owners}{$id} = Hawser::WebSocket->_new($self, $id);
    $websocket->_on_open;
    $server->_on_connection($websocket);
}

# Calls a method of the manager. That an id has ended is no error of whoever wants an end.
sub _act {
    my ($self, $method, @arguments) = @_;
    my $error = Hawser::Error::_caught(sub { $self->{manager}->$method(@arguments) });
    die $error if defined $error && !Hawser::Error::_is_end($error);
}

# ---- options

# An options handle: those of docs/reference/options.md, and headers and certificates.
sub _options {
    my (%settings) = @_;
    my $options = Hawser::Options->new;
    my $headers = delete $settings{headers} // [];
    my $certificates = delete $settings{certificates} // [];
    my @headers = ref $headers eq 'HASH' ? %$headers : @$headers;
    while (my ($name, $value) = splice @headers, 0, 2) { $options->add_header($name, $value) }
    $options->add_certificate(@$_) for @$certificates;
    # What `on(pong)` waits for, and what `header` reads.
    my %all = (%settings, pongs => 1, keep_handshake => 1);
    _set($options, $_, $all{$_}) for sort keys %all;
    return $options;
}

sub _set {
    my ($options, $name, $value) = @_;
    state $kinds = {map { Hawser::option_name($_) => Hawser::option_kind($_) } 0 .. Hawser::option_count() - 1};
    my $kind = $name =~ /^(?:requests|parts)$/ ? undef : $kinds->{$name};
    Hawser::Error->throw(Hawser::ERR_OPTION, "there is no option $name here") unless $kind;
    my $set = $kind == Hawser::OPTION_TEXT ? 'set_text' : 'set_int';
    my $error = Hawser::Error::_caught(sub { $options->$set($name, $value) }) // return;
    my $code = Hawser::Error::_code_of($error) or die $error;    # a handler of %SIG
    Hawser::Error->throw($code, "$name => " . ($value // 'undef') . ': ' . $error->message);
}

1;

__END__

=encoding utf8

=head1 NAME

Hawser::Loop - connections and listeners that wait together

=head1 SYNOPSIS

    my $loop = Hawser::Loop->new;
    my $server = $loop->serve('ws://127.0.0.1:9001/', on_connection => sub { ... });
    my $ws = $loop->connect('ws://127.0.0.1:9002/');
    $loop->run;

=head1 DESCRIPTION

The loop keeps what it has connected or accepted until it has ended, and ends it when it goes itself, without Closes.
Handlers are called while it waits: in C<run>, in C<dispatch>, and in whatever else waits (C<receive>, C<close>, a
C<send> to a peer that does not read).

Nothing waits in a handler, nor in a loop whose C<fd> was asked for: there C<close> only begins, C<receive> dies with
ERR_STATE, and a C<send> to a full queue with ERR_WOULD_BLOCK; a C<drain> event follows.

=head1 METHODS

=over

=item Hawser::Loop->new(%options)

The options are those of L<Hawser>, and the defaults of all that is in the loop.

=item $loop->connect($url, %options)

Begins to connect, and returns a L<Hawser::WebSocket> at once. Its event C<open> or C<close> follows, or wait with
C<opened>. The options are those of L<Hawser>.

=item $loop->serve($url, %options)

Listens, as C<< Hawser->serve >>.

=item $loop->run

Waits and calls handlers until C<stop>, or until nothing is left that could happen.

=item $loop->stop

Ends C<run> when the handler returns.

=item $loop->fd

The number of a descriptor for another module's loop. It is readable while there is something to do: call C<dispatch>
then. It stays the loop's: do not close it.

=item $loop->dispatch

Does what is to be done, without waiting, and returns the number of events that there were. Loops that are
edge-triggered call it until that is 0.

=item $loop->manager

The L<Hawser::Manager|Hawser::Raw>, whose readers may be called. Polling it would take the loop's events away.

=back

=cut
