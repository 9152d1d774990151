package Hawser::Server;
use 5.014;
use warnings;

use Scalar::Util 'weaken';

sub CLONE_SKIP { 1 }

sub _new {
    my ($class, $loop, $id, $url, $on_connection) = @_;
    my $self = bless {loop => $loop, id => $id, on_connection => $on_connection, connections => {}}, $class;
    weaken $self->{loop};
    $self->{address} = $loop->manager->local_address($id);
    ($self->{url}) = $url =~ m{^(\w+://)};
    $self->{url} .= "$self->{address}/";
    return $self;
}

sub id          { $_[0]{id} }
sub loop        { $_[0]{loop} }
sub address     { $_[0]{address} }
sub url         { $_[0]{url} }
sub connections { values %{$_[0]{connections}} }

sub run { Hawser::Loop::_of($_[0])->run }

sub broadcast        { my $self = shift; $self->_broadcast(Hawser::TEXT,   @_) }
sub broadcast_binary { my $self = shift; $self->_broadcast(Hawser::BINARY, @_) }

sub _broadcast {
    my ($self, $opcode, $data, %more) = @_;
    my $loop = Hawser::Loop::_of($self);
    my $count = $loop->manager->broadcast($self->{id}, $more{except} ? $more{except}->id : 0, $opcode, $data);
    $loop->_flush;
    return $count;
}

sub close {
    my ($self, $code, $reason) = @_;
    my $loop = $self->{loop} or return;
    $self->{is_closing} = 1;
    $loop->_act(abort => $self->{id});
    $_->_begin_close($code // 1001, $reason) for $self->connections;
    $loop->_wait_for(sub { $self->{has_ended} && !%{$self->{connections}} }) if $loop->_may_wait;
}

# ---- events

sub _on_connection {
    my ($self, $websocket) = @_;
    weaken($websocket->{server} = $self);
    $self->{connections}{$websocket->id} = $websocket;
    $websocket->_call($self->{on_connection}, $self);
}

sub _on_close { my ($self) = @_; $self->{has_ended} = 1; $self->_forget }

# A handler may refer to the server that has it.
sub _forget { delete $_[0]{on_connection} }

1;

__END__

=encoding utf8

=head1 NAME

Hawser::Server - a listener and its connections

=head1 SYNOPSIS

    my $server = Hawser->serve('ws://127.0.0.1:0/', on_connection => sub { my ($ws, $server) = @_; ... });
    $SIG{INT} = sub { $server->close };
    print $server->url, "\n";
    $server->run;

=head1 METHODS

=over

=item $server->run

C<run> of its loop: returns when the server was closed and all have ended, or at C<< $server->loop->stop >>.

=item $server->broadcast($text, except => $ws), $server->broadcast_binary($bytes, except => $ws)

Sends a message to all connections, but perhaps one; it is framed once. Returns how many took it. Those whose queue is
full are closed with 1013, or skipped (option C<slow_reader>).

=item $server->close($code, $reason)

Stops listening, and closes all connections, with 1001 if nothing else is said. Waits until they have ended, except in
a handler.

=item $server->connections

The list of those that are open.

=item $server->url, $server->address, $server->id, $server->loop

The URL with the real port; C<"127.0.0.1:9001">; the id in the raw layer; the L<Hawser::Loop>.

=back

=cut
