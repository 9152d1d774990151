# The driver of bindings/conformance in Perl, on the raw layer.
use 5.014;
use warnings;

use Config;
use Compress::Zlib 'crc32';
use Hawser qw(:constants);
use if $Config{useithreads}, 'threads';

my $SHOWN = 64;
my %NAMES = (EVENT_OPEN, 'OPEN', EVENT_MESSAGE, 'MESSAGE', EVENT_DRAIN, 'DRAIN', EVENT_CLOSE, 'CLOSE', EVENT_REQUEST, 'REQUEST',
             EVENT_PONG, 'PONG');
my %KINDS = (text => TEXT, binary => BINARY);

my ($file, $role, $url, @settings) = @ARGV;
my ($manager, $options, $later);
my (%ids, %names, @batch);    # ids by name, names by id

# ---- words

sub id_of { my ($word) = @_; $ids{$word} // $word }

sub give_name { my ($name, $id) = @_; $ids{$name} = $id; $names{$id} = $name }

sub name_of {
    my ($id) = @_;
    return $names{$id} // give_name('c' . (1 + grep { $_ ne 'l' } keys %ids), $id);
}

sub kind_of { my ($word) = @_; $KINDS{$word} // $word }

# Bytes; so is what is read from the scenario.
sub payload_of {
    my ($word) = @_;
    return payload_of($2) x $1 if $word =~ /^(\d+)\*(.*)$/s;
    return '' if $word eq '-';
    return $word =~ /^hex:(.*)/ ? pack('H*', $1) : $word;
}

sub characters { my ($text) = @_; utf8::decode($text); $text }
sub bytes      { my ($text) = @_; utf8::encode($text); $text }

# ---- what is printed

sub say_bytes { print bytes(join ' ', @_), "\n" }

sub is_text {
    my ($event) = @_;
    my $whole = FIRST | FINAL;
    return $event->kind == EVENT_CLOSE || ($event->opcode == TEXT && ($event->flags & $whole) == $whole);
}

sub bytes_of { my ($event) = @_; is_text($event) ? bytes($event->data) : $event->data }

sub shown {
    my ($event) = @_;
    my $bytes = bytes_of($event);
    return '-' if $bytes eq '';
    return sprintf 'crc32:%08x', crc32($bytes) if length $bytes > $SHOWN;
    return is_text($event) && $bytes !~ /[\0-\x1f]/ ? $event->data : 'hex:' . unpack 'H*', $bytes;
}

sub line_of {
    my ($event) = @_;
    my ($kind, $flags) = ($event->kind, $event->flags);
    my @words = (name_of($event->connection), $NAMES{$kind});
    push @words, 'l' if $kind == EVENT_REQUEST || ($kind == EVENT_OPEN && $event->listener);
    push @words, $flags & UPGRADE ? 'upgrade' : 'http' if $kind == EVENT_REQUEST;
    if ($kind == EVENT_MESSAGE) {
        push @words, $event->opcode == TEXT ? 'text' : 'binary';
        push @words, 'first' if $flags & FIRST;
        push @words, 'final' if $flags & FINAL;
    }
    push @words, length bytes_of($event), shown($event) if $kind == EVENT_MESSAGE || $kind == EVENT_PONG;
    if ($kind == EVENT_CLOSE) {
        push @words, $event->code, Hawser::error_name($event->error), $event->system;
        push @words, 'by-peer' if $flags & BY_PEER;
        push @words, 'clean' if $flags & CLEAN;
        push @words, shown($event);
    }
    push @words, 'tag', $event->tag if $event->tag;
    return @words;
}

# ---- events

sub take {
    @batch = $manager->poll(-1) until @batch;
    return shift @batch;
}

sub take_and_print {
    my $event = take();
    say_bytes(line_of($event));
    return $event;
}

sub echo {
    my ($left) = @_;
    while ($left > 0) {
        my $event = take_and_print();
        next unless $event->kind == EVENT_MESSAGE;
        $left--;
        call('send', sub { $manager->send($event->connection, $event->opcode, $event->data) });
    }
}

sub skip {
    my $payload = payload_of(@_);
    my $event;
    do { $event = take() } until $event->kind == EVENT_MESSAGE && bytes_of($event) eq $payload;
    say_bytes(line_of($event));
}

sub events {
    my ($name, $count) = @_;
    for (my $left = $count; $left > 0;) {
        my $event = take();
        name_of($event->connection);
        $left-- if $NAMES{$event->kind} eq $name;
    }
    say_bytes($name, $count);
}

# ---- calls

my %READERS = map { $_ => 1 } qw(path status subprotocol extensions header);

# The line that a call prints.
sub outcome {
    my ($command, $call) = @_;
    my $value = eval { $call->() };
    if (my $error = $@) {
        die $error unless ref $error;
        return "$command: " . $error->name . ' ' . $error->code;
    }
    return "$command: " . ($value // ($READERS{$command} ? 'none' : 'ok'));
}

sub call { say_bytes(outcome(@_)) }

sub given_options { $options //= Hawser::Options->new }
sub take_options  { my $given = $options; undef $options; $given }

sub set_option {
    my ($name, $value) = @_;
    return $value =~ /^-?\d+$/ ? given_options()->set_int($name, $value) : given_options()->set_text($name, $value);
}

# A whole text is characters: bytes that are not UTF-8 can only be said as a part, which is the message's only one.
sub send_whole {
    my ($id, $kind, $word) = @_;
    my $bytes = payload_of($word);
    my $text = $bytes;
    return $manager->send(id_of($id), kind_of($kind), $bytes) unless $kind eq 'text';
    return $manager->send(id_of($id), TEXT, $text) if utf8::decode($text);
    return $manager->send_part(id_of($id), TEXT, $bytes, 1);
}

sub listen_here {
    my $id = $manager->listen("$url/", take_options());
    give_name('l', $id);
    return $manager->local_address($id);
}

sub connect_there {
    my ($path, $count) = @_;
    my ($given, $name) = (take_options());
    $name = name_of($manager->connect($path =~ m{://} ? $path : $url . $path, $given)) for 1 .. $count // 1;
    return $name;
}

sub fill {
    my @words = @_;
    my $line;
    do { $line = outcome('fill', sub { send_whole(@words) }) } while $line eq 'fill: ok';
    say_bytes($line);
}

my %CALLS = (
    send      => \&send_whole,
    part      => sub { $manager->send_part(id_of($_[0]), kind_of($_[1]), payload_of($_[2]), $_[3] eq 'final') },
    ping      => sub { $manager->ping(id_of($_[0]), payload_of($_[1])) },
    close     => sub { $manager->close(id_of($_[0]), $_[1], defined $_[2] ? characters(payload_of($_[2])) : ()) },
    broadcast => sub { $manager->broadcast($ids{l} // 0, id_of($_[0]), kind_of($_[1]), payload_of($_[2])) },
    respond   => sub { $manager->respond(id_of($_[0]), $_[1], take_options(), payload_of($_[2])) },
    accept    => sub { $manager->accept(id_of($_[0]), $_[1], take_options()) },
    tag       => sub { $manager->set_tag(id_of($_[0]), $_[1]) },
    header    => sub { $manager->header(id_of($_[0]), $_[1]) },
    stat      => sub { $manager->stat($_[0]) },
    drain     => sub { $manager->drain($_[0]) },
    flush     => sub { $manager->flush },
    wake      => sub { $manager->wake },
    connect   => \&connect_there,
    add_header => sub { given_options()->add_header(@_) },
    option    => \&set_option,
    map({ my $method = $_; $method => sub { $manager->$method(id_of($_[0])) } }
        qw(abort pause resume queued path status subprotocol extensions)),
);

my %COMMANDS = (
    listen => sub { my $line = outcome('listen', \&listen_here); say_bytes($line =~ /HWS_ERR/ ? $line : $line =~ s/:/ing/r) },
    event  => \&take_and_print,
    events => \&events,
    echo   => \&echo,
    skip   => \&skip,
    poll   => sub { @batch = $manager->poll($_[0]); say_bytes('poll:', scalar @batch) },
    fill   => \&fill,
    later  => sub {
        my ($command, @words) = @_;
        my $call = sub { $CALLS{$command}->(@words) };
        $later = threads->create(sub { select undef, undef, undef, 0.05; outcome($command, $call) });
    },
);

sub run_line {
    my ($command, @words) = @_;
    $manager //= Hawser::Manager->new(take_options()) unless $command =~ /^(?:option|add_header)$/;
    if (my $do = $COMMANDS{$command}) {
        $do->(@words);
    } else {
        my $do_call = $CALLS{$command} or die "driver: unknown command: $command\n";
        call($command, sub { $do_call->(@words) });
    }
    return if $command eq 'later' || !$later;
    say_bytes($later->join);
    undef $later;
}

$| = 1;
set_option(split /=/, $_, 2) for @settings;
open my $lines, '<', $file or die "driver: $file: $!\n";
my $section = '';
while (my $line = <$lines>) {
    chomp $line;
    next if $line eq '' || $line =~ /^[#>]/;
    if ($line =~ /^(?:client|server)$/) { $section = $line }
    elsif ($section eq $role) { run_line(split / /, $line, $line =~ /^(?:option|add_header) / ? 3 : -1) }
}
$manager->free if $manager;
