# The raw layer: what the scenarios of bindings/conformance do not see.
use 5.014;
use warnings;
use utf8;

use Hawser qw(:constants);
use Test::More;
use Tie::Scalar;
use Time::HiRes 'alarm';

# A manager with both ends of a connection.
sub pair {
    my %options = @_;
    my $options = Hawser::Options->new;
    $options->set_int($_ => $options{$_}) for keys %options;
    my $manager = Hawser::Manager->new($options);
    my $listener = $manager->listen('ws://127.0.0.1:0/');
    my $client = $manager->connect('ws://' . $manager->local_address($listener) . '/');
    my ($server) = grep { $_ != $client } map { $_->connection } events($manager, EVENT_OPEN, 2);
    return ($manager, $client, $server);
}

sub events {
    my ($manager, $kind, $count) = @_;
    my @found;
    push @found, grep { $_->kind == $kind } $manager->poll(-1) while @found < ($count // 1);
    return @found;
}

# What arrives of a message.
sub delivered {
    my ($manager, $client) = pair();
    $manager->send($client, $_[0], $_[1]);    # the caller's own, no copy
    return (events($manager, EVENT_MESSAGE))[0]->data;
}

# The error that a call dies of.
sub error_of {
    my ($call) = @_;
    return eval { $call->(); 1 } ? undef : $@;
}

sub refused {
    my ($name, @calls) = @_;
    my @errors = map { error_of($_) } @calls;
    my @others = grep { !ref $_ || !$_->isa('Hawser::Error') || $_->code != ERR_ARGUMENT } @errors;
    ok(!@others && @errors, $name) or diag map { $_ // 'no error' } @others;
}

subtest 'payloads' => sub {
    my $every = join '', map { chr } 0 .. 255;
    is delivered(BINARY, $every), $every, 'every byte';
    my $large = $every x 65536;
    ok delivered(BINARY, $large) eq $large, '16 MiB';
    my $text = "a\0b Grüße ⚓ \x{1F600}";
    is delivered(TEXT, $text), $text, 'text is characters';
    is delivered(TEXT, ''), '', 'an empty text';
    is delivered(BINARY, 42), '42', 'a number';
    is delivered(TEXT | UNCOMPRESSED, 'é'), 'é', 'a text that is not to be compressed';
};

subtest 'the flag of a string does not change what it means' => sub {
    my ($down, $up) = ("\xe9\xff", "\xe9\xff");
    utf8::downgrade($down);
    utf8::upgrade($up);
    for my $string ($down, $up) {
        my $was = utf8::is_utf8($string);
        is delivered(TEXT, $string), 'éÿ', 'as text';
        is delivered(BINARY, $string), "\xe9\xff", 'as bytes';
        is utf8::is_utf8($string), $was, 'and it stays as it was';
    }
    my ($manager, $client, $server) = pair();
    my $before = "caf\xe9";
    $manager->close($client, 4000, $before);
    is((events($manager, EVENT_CLOSE))[0]->data, 'café', 'a close reason is characters');
    refused('a wide character is no byte', map({ my $opcode = $_; sub { $manager->send($server, $opcode, '⚓') } } BINARY, 7),
        sub { $manager->ping($server, '⚓') }, sub { $manager->send_part($server, TEXT, '⚓', 1) },
        sub { $manager->respond($server, 404, undef, '⚓') });
};

subtest 'parts are bytes' => sub {
    my ($manager, $client) = pair(parts => 1);
    $manager->send_part($client, TEXT, "\xe2\x9a", 0);
    $manager->send_part($client, TEXT, "\x93", 1);
    my @parts = events($manager, EVENT_MESSAGE, 2);
    is_deeply [map { $_->data } @parts], ["\xe2\x9a", "\x93"], 'as they were cut';
    is_deeply [map { $_->flags & (FIRST | FINAL) } @parts], [FIRST, FINAL], 'with their flags';
};

package Counted { our @ISA = 'Tie::StdScalar'; our $reads = 0; sub FETCH { $reads++; ${$_[0]} } }
package Worded { use overload '""' => sub { $_[0][0] }, fallback => 1 }
package Changing { use overload bool => sub { substr(${$_[0][0]}, 0, 1) = 'y'; 1 } }
package Freeing { our @ISA = 'Tie::StdScalar'; our $manager; sub FETCH { $manager->free; undef $manager; 'x' } }

subtest 'tied variables and objects' => sub {
    my ($manager, $client) = pair();
    tie my $tied, 'Counted';
    $tied = 'ü';
    for my $send (sub { $manager->send($client, TEXT, $tied) }, sub { $manager->send_part($client, BINARY, $tied, 1) }) {
        $Counted::reads = 0;
        $send->();
        is $Counted::reads, 1, 'a tied payload is read once';
    }
    tie my $id, 'Counted', $client;
    $Counted::reads = 0;
    $manager->ping($id, '');
    is $Counted::reads, 1, 'and so is a tied number';
    tie my $options, 'Counted', Hawser::Options->new;
    is error_of(sub { Hawser::Options::set_int($options, max_message_size => 10) }), undef, 'and tied options are options';
    $manager->send($client, TEXT, bless ['⚓'], 'Worded');
    is_deeply [map { $_->data } events($manager, EVENT_MESSAGE, 3)], ['ü', "\xfc", '⚓'], 'objects that have a string';
    my $payload = 'x' x 1000;
    $manager->send_part($client, BINARY, $payload, bless [\$payload], 'Changing');
    is((events($manager, EVENT_MESSAGE))[0]->data, 'x' x 1000, 'a later argument that changes an earlier one');

    $Freeing::manager = $manager;
    undef $manager;
    tie my $trap, 'Freeing';
    my $error = error_of(sub { $Freeing::manager->send($client, TEXT, $trap) });
    is $error && $error->code, ERR_ARGUMENT, 'one that frees the manager meanwhile';
};

subtest 'numbers' => sub {
    my ($manager, $client) = pair();
    $manager->set_tag($client, $_) for '12', ' 12 ', 12.0, '1e3', -1, '-9223372036854775808', '9223372036854775807', !!0, !!1;
    for my $tag ('9007199254740993', -9223372036854775807 - 1) {
        $manager->set_tag($client, $tag);
        $manager->ping($client, '');
        $manager->send($client, TEXT, '');
        events($manager, EVENT_MESSAGE);
        $manager->abort($client) if $tag < 0;
    }
    my ($close) = grep { $_->connection == $client } events($manager, EVENT_CLOSE, 2);
    is $close->tag, -9223372036854775807 - 1, 'all of 64 bits';
    refused('what is no integer', map { my $number = $_; sub { $manager->set_tag($client, $number) } }
        '', 'x', '12x', 1.5, '1.5', undef, [], {}, 2**63, '9223372036854775808', '-9223372036854775809', 18446744073709551615,
        9**9**9, -sin(9**9**9));
    refused('what does not fit into 32 bits', map { my $number = $_; sub { $manager->poll($number) } }
        1 << 31, -(1 << 31) - 1, 1 << 32);
    is error_of(sub { $manager->send(-5, TEXT, '') })->code, ERR_STALE, 'a negative id';
};

subtest 'arguments' => sub {
    my ($manager, $client) = pair();
    my $options = Hawser::Options->new;
    refused('a NUL in a text', sub { $manager->connect("ws://127.0.0.1/\0") }, sub { $options->set_text('origin', "a\0b") },
        sub { $manager->close($client, 1000, "\0") });
    refused('what is no text', sub { $manager->connect([]) }, sub { $manager->connect(undef) },
        sub { $options->set_text({}, 'x') });
    refused('what is no payload', map { my $payload = $_; sub { $manager->send($client, TEXT, $payload) } }
        undef, [], sub { }, \1);
    refused('too few and too many', sub { $manager->send }, sub { $manager->poll }, sub { $manager->poll(0, 0) },
        sub { Hawser::Manager->new(1, 2) });
    refused('what is no manager', map { my $thing = $_; sub { Hawser::Manager::poll($thing, 0) } }
        undef, 0, '', 'Hawser::Manager', {}, \42, \'x', \undef, \\1, sub { }, \*STDOUT, qr/x/, bless({}, 'Hawser::Manager'), bless(\(my $address = 4096), 'Hawser::Manager'),
        $options);
    refused('what is no options',
        map { my $thing = $_; (sub { Hawser::Manager->new($thing) }, sub { $manager->connect('ws://127.0.0.1/', $thing) }) }
        0, 'x', {}, \42, $manager, bless([], 'Hawser::Options'));
    ok !ref error_of(sub { Hawser::Event->new }), 'events are made by poll alone';
    my $error = error_of(sub { $manager->connect('http://127.0.0.1/') }); my $line = __LINE__;
    is $error->name, 'HWS_ERR_URL', 'an error has a name';
    is $error->code, ERR_URL, 'and a code';
    like "$error", qr/ws:\/\/.* \(HWS_ERR_URL\) at \Q$0\E line $line\.$/, 'and says where';
    is(Hawser::ERR_URL, ERR_URL, 'constants are functions');
};

# Each of these throws out of a call that has taken some of its arguments.
subtest 'nothing leaks where a call fails' => sub {
    plan skip_all => 'a sanitizer keeps what was freed' if $ENV{ASAN_OPTIONS};
    my $resident = sub { open my $file, '<', '/proc/self/status' or return 0; (join '', <$file>) =~ /VmRSS:\s+(\d+)/ ? $1 : 0 };
    plan skip_all => 'no /proc' unless $resident->();
    my ($manager, $client) = pair();
    my $wide = '⚓' x 4000;
    my $high = "\xff" x 4000;
    my $fail = sub {
        eval { $manager->send($client, BINARY, $wide) };
        eval { $manager->send(1, TEXT, $high) };
        eval { $manager->send_part($client, BINARY, $high) };
        eval { $manager->connect($high, 5) };
        eval { Hawser::Options->new->set_text("$high\0", $high) };
        eval { $manager->poll('x') };
        eval { $manager->free(1) };
    };
    $fail->() for 1 .. 300;
    my $before = $resident->();
    $fail->() for 1 .. 3000;
    cmp_ok $resident->() - $before, '<', 4000, 'KiB more after 3000 times';
};

sub descriptors { opendir my $folder, '/proc/self/fd' or return 0; scalar(() = readdir $folder) }

subtest 'life' => sub {
    my ($manager, $client, $server) = pair();
    my @events;
    for my $number (1 .. 50) {
        $manager->send($client, BINARY, chr($number) x 1000);
        push @events, events($manager, EVENT_MESSAGE);
    }
    $manager->free;
    $manager->free;
    refused('a freed manager', sub { $manager->poll(0) }, sub { $manager->send($client, TEXT, '') }, sub { $manager->wake },
        sub { $manager->path($client) });
    undef $manager;
    is_deeply [map { $_->data } @events], [map { chr($_) x 1000 } 1 .. 50], 'events outlive their manager';

    my %seen = ($client => 'client', $server => 'server');
    is $seen{$events[0]->connection}, 'server', 'ids are keys';

    my $options = Hawser::Options->new;
    $options->set_int(max_message_size => 10);
    $manager = Hawser::Manager->new($options);
    undef $options;
    is_deeply [$manager->poll(0)], [], 'options may go at once';
    is scalar($manager->poll(0)), 0, 'a scalar is a count';

    undef $manager;
    my $before = descriptors();
    pair() for 1 .. 20;
    (pair())[0]->free for 1 .. 20;
    is descriptors(), $before, 'no descriptor is left';

    package Heir { our @ISA = 'Hawser::Manager' }
    isa_ok my $heir = Heir->new, 'Heir';
    is_deeply [$heir->poll(0)], [], 'a subclass';
};

subtest 'signals' => sub {
    my $manager = Hawser::Manager->new;
    local $SIG{ALRM} = sub { die "alarm\n" };
    alarm 0.1;
    is error_of(sub { $manager->poll(-1) while 1 }), "alarm\n", 'a handler may die out of a wait';

    my $parent = $$;
    my $hits = 0;
    local $SIG{USR1} = sub { $hits++; $manager->wake };
    my $child = fork // die;
    if (!$child) { kill USR1 => $parent while select(undef, undef, undef, 0.02) == 0 && getppid == $parent; exec 'true' }
    my @events = $manager->poll(-1) until $hits;
    kill TERM => $child;
    waitpid $child, 0;
    ok $hits, 'and may return, and use the manager';

    local $SIG{ALRM} = sub { undef $manager };
    alarm 0.1;
    my $error;
    $error = error_of(sub { $manager->poll(-1) }) while $manager;
    ok !$manager, 'and may drop it';
};

subtest 'a child of fork frees, and disturbs nobody' => sub {
    my ($manager, $client) = pair();
    my $child = fork // die;
    if (!$child) { $manager->free; undef $manager; exec 'true' }
    waitpid $child, 0;
    $manager->send($client, TEXT, 'still here');
    is((events($manager, EVENT_MESSAGE))[0]->data, 'still here', 'the connection of the parent');
};

done_testing;
