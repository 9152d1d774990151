package Hawser::WebSocket;
use 5.014;
use warnings;

use Hawser::Error;
use Scalar::Util qw(blessed weaken);

# What a program may leave unread before its peer is read no further.
my ($MOST_MESSAGES, $MOST_BYTES) = (64, 1 << 20);

my %IS_QUIET = map { $_ => 1 } 1000, 1001, 1005;    # RFC 6455 7.4.1: nothing went wrong; 1005: a Close without a code
my %IS_EVENT = map { $_ => 1 } qw(open message drain pong close error);

sub CLONE_SKIP { 1 }

sub _new {
    my ($class, $loop, $id) = @_;
    my $self = bless {loop => $loop, id => $id, on => {}, messages => [], unread => 0, drains => 0}, $class;
    weaken $self->{loop};
    return $self;
}

sub id           { $_[0]{id} }
sub loop         { $_[0]{loop} }
sub path         { $_[0]{path} }
sub subprotocol  { $_[0]{subprotocol} }
sub extensions   { $_[0]{extensions} }
sub peer_address { $_[0]{peer_address} }
sub is_binary    { $_[0]{is_binary} }
sub is_open      { my ($self) = @_; $self->{is_open} && !$self->{is_closing} && !$self->{end} }
sub close_code   { my ($self) = @_; $self->{end} && $self->{end}->close_code }
sub close_reason { my ($self) = @_; $self->{end} && $self->{end}->reason }

sub header { my ($self, $name) = @_; Hawser::Loop::_of($self)->manager->header($self->{id}, $name) }

sub on {
    my ($self, $event, $handler) = @_;
    Hawser::Error->throw(Hawser::ERR_ARGUMENT, "there is no event $event") unless $IS_EVENT{$event};
    $self->{on}{$event} = $handler;
    while ($event eq 'message' && $self->{on}{message} && @{$self->{messages}}) { $self->_emit(message => $self->_take_message) }
    return $self;
}

sub opened {
    my ($self) = @_;
    Hawser::Loop::_of($self)->_wait_for(sub { $self->{is_open} || $self->{end} });
    die $self->_why unless $self->{is_open};
    return $self;
}

sub send        { my ($self, $text)  = @_; $self->_say(send => Hawser::TEXT,   $text) }
sub send_binary { my ($self, $bytes) = @_; $self->_say(send => Hawser::BINARY, $bytes) }
sub ping        { my ($self, $bytes) = @_; $self->_say(ping => $bytes // '') }

sub receive {
    my ($self, %more) = @_;
    if (!@{$self->{messages}} && !$self->{end}) {
        Hawser::Loop::_of($self)->_wait_for(sub { @{$self->{messages}} || $self->{end} }, $more{timeout})
            or Hawser::Error->throw(Hawser::ERR_TIMEOUT, "nothing came in $more{timeout} seconds");
    }
    if (@{$self->{messages}}) {
        (my $data, $self->{is_binary}) = $self->_take_message;
        return $data;
    }
    return undef if $IS_QUIET{$self->close_code};
    die $self->_why;
}

sub close {
    my ($self, $code, $reason) = @_;
    return if $self->{end} || !$self->{loop};
    $self->_begin_close($code // 1000, $reason);
    $self->_wait_closed;
}

sub abort {
    my ($self) = @_;
    return if $self->{end} || !$self->{loop};
    $self->{loop}->_act(abort => $self->{id});
    $self->{is_closing} = 1;
    $self->_wait_closed;
}

sub DESTROY {
    my ($self) = @_;
    delete $self->{loop}{owners}{$self->{id}} if $self->{loop};
}

# ---- for itself and the server

# Sends or pings; waits while the queue is full, where something may wait.
sub _say {
    my ($self, $method, @arguments) = @_;
    my $loop = Hawser::Loop::_of($self);
    while (defined(my $error = Hawser::Error::_caught(sub { $loop->manager->$method($self->{id}, @arguments) }))) {
        die $self->_why if Hawser::Error::_is_end($error);
        die $error unless Hawser::Error::_code_of($error) == Hawser::ERR_WOULD_BLOCK && $loop->_may_wait;
        my $drains = $self->{drains};
        $loop->_wait_for(sub { $self->{drains} != $drains || $self->{end} });
    }
    $loop->_flush;
}

# A new one each time: it tells the line that has called.
sub _why {
    my ($self) = @_;
    $self->_wait_closed;
    my %end = $self->{end} ? %{$self->{end}} : (code => Hawser::ERR_CLOSED, message => 'the connection is ending');
    return Hawser::ConnectionClosed->new(delete @end{qw(code message)}, %end, connection => $self->{id});
}

sub _wait_closed {
    my ($self) = @_;
    $self->{loop}->_wait_for(sub { $self->{end} }) if $self->{loop} && $self->{loop}->_may_wait;
}

# Whoever has closed reads no more, and waits for the peer's Close.
sub _begin_close {
    my ($self, $code, $reason) = @_;
    return if $self->{is_closing};
    $self->{loop}->_act(close => $self->{id}, $code, $reason);
    $self->{is_closing} = 1;
    $self->{messages} = [];
    $self->{unread} = 0;
    $self->_resume;
}

sub _take_message {
    my ($self) = @_;
    my $message = shift @{$self->{messages}};
    $self->{unread} -= length $message->[0];
    $self->_resume if $self->{unread} <= $MOST_BYTES / 4 && @{$self->{messages}} <= $MOST_MESSAGES / 4;
    return @$message;
}

sub _resume {
    my ($self) = @_;
    return unless delete $self->{is_paused};
    $self->{loop}->_act(resume => $self->{id}) if $self->{loop};
}

# ---- handlers

sub _emit {
    my ($self, $event, @arguments) = @_;
    $self->_call($self->{on}{$event}, @arguments);
}

sub _call {
    my ($self, $handler, @arguments) = @_;
    return unless $handler;
    local $@;
    my $loop = Hawser::Loop::_of($self);
    local $loop->{is_busy} = 1;
    $self->_on_error($@) unless eval { $handler->($self, @arguments); 1 };
}

# A handler has failed: RFC 6455 7.4.1 has a code for that. It is told of no end that is this connection's.
sub _on_error {
    my ($self, $error) = @_;
    return if blessed $error && $error->isa('Hawser::ConnectionClosed') && $error->connection == $self->{id};
    $self->_begin_close(1011) unless $self->{end};
    my $handler = $self->{on}{error};
    return if $handler && eval { $handler->($self, $error); 1 };
    warn $handler ? $@ : $error;
}

# ---- events

# What was agreed on can be read in the batch of OPEN.
sub _on_open {
    my ($self) = @_;
    $self->{is_open} = 1;
    $self->{$_} = $self->{loop}->manager->$_($self->{id}) for qw(path subprotocol extensions peer_address);
    $self->_emit('open');
}

sub _on_message {
    my ($self, $event) = @_;
    return if $self->{is_closing};
    my ($data, $is_binary) = ($event->data, $event->opcode == Hawser::BINARY);
    return $self->_emit(message => $data, $is_binary) if $self->{on}{message};
    push @{$self->{messages}}, [$data, $is_binary];
    $self->{unread} += length $data;
    return if $self->{is_paused} || ($self->{unread} <= $MOST_BYTES && @{$self->{messages}} < $MOST_MESSAGES);
    $self->{is_paused} = 1;
    $self->{loop}->_act(pause => $self->{id});
}

sub _on_drain { my ($self) = @_; $self->{drains}++; $self->_emit('drain') }
sub _on_pong  { my ($self, $event) = @_; $self->_emit(pong => $event->data) }

sub _on_close {
    my ($self, $event) = @_;
    $self->{end} = Hawser::ConnectionClosed->new(
        $event->error || Hawser::ERR_CLOSED, $event->text,
        connection => $self->{id},
        close_code => $event->code,
        reason     => $event->data,
        is_clean   => !!($event->flags & Hawser::CLEAN),
        status     => $event->error == Hawser::ERR_HTTP ? $event->system : 0,
    );
    delete $self->{server}{connections}{$self->{id}} if $self->{server};
    $self->_emit(close => $event->code, $event->data, $self->{end});
    $self->_forget;
}

# Handlers may refer to the connection that has them.
sub _forget { $_[0]{on} = {} }

1;

__END__

=encoding utf8

=head1 NAME

Hawser::WebSocket - a connection

=head1 METHODS

=over

=item $ws->send($text)

Sends characters, as a text message. Waits while the queue is full (option C<max_send_queue>), which it is when the
peer does not read. In a handler nothing waits, see L<Hawser::Loop>: there it dies with ERR_WOULD_BLOCK. Dies of a
L<Hawser::ConnectionClosed|Hawser::Error> if the connection has ended or is ending.

=item $ws->send_binary($bytes)

Likewise a binary message. A character above 255 is refused, with ERR_ARGUMENT.

=item $ws->receive(timeout => $seconds)

The next message: characters if it is a text, else bytes, see C<is_binary>. Waits for it; with a timeout for so many
seconds, then dies with ERR_TIMEOUT. undef when none is left and the connection was closed with 1000, 1001 or no code; dies of
a L<Hawser::ConnectionClosed|Hawser::Error> when it has ended in any other way.

A peer whose messages nobody takes is read no further: 64 messages or 1 MiB wait, and what was under way.

=item $ws->is_binary

Whether the message that C<receive> has returned last is binary.

=item $ws->on($event => $handler)

Sets the handler of an event, instead of an earlier one; returns the connection. undef takes it away.

    open     ($ws)                          it is open: of Hawser::Loop's connect
    message  ($ws, $data, $is_binary)       instead of receive
    drain    ($ws)                          the queue is down to a quarter, after ERR_WOULD_BLOCK
    pong     ($ws, $bytes)                  the answer to a ping of ours
    close    ($ws, $code, $reason, $why)    it has ended, or could not be opened; $why is a Hawser::ConnectionClosed
    error    ($ws, $error)                  a handler died of this; without this one it is warned of

A handler that dies closes the connection, with 1011.

=item $ws->opened

Waits until it is open, and returns it; dies of a L<Hawser::ConnectionClosed|Hawser::Error> if it can't be opened.

=item $ws->close($code, $reason)

Closes, with 1000 if nothing else is said, and waits for the end, "close_timeout" at most; in a handler it only
begins. Messages that were not read are dropped. Does nothing if it has ended.

=item $ws->abort

Ends the TCP connection at once, unsent bytes and all.

=item $ws->ping($bytes)

Sends a ping with up to 125 bytes. C<pong> follows. Pings that keep the connection alive are the library's own.

=item $ws->header($name)

A header field of the peer's handshake.

=item $ws->path, $ws->subprotocol, $ws->extensions, $ws->peer_address

What was agreed on, once it is open; undef for nothing.

=item $ws->is_open, $ws->close_code, $ws->close_reason

The peer's close code and reason, undef before the end; 1005 where it gave none, 1006 where no Close came.

=item $ws->id, $ws->loop

The id in the raw layer; the L<Hawser::Loop>.

=back

=cut
