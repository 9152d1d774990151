# Managers in ithreads: each thread's copy is the same manager.
use 5.014;
use warnings;

use Config;
BEGIN {
    if (!$Config{useithreads}) { print "1..0 # SKIP this perl has no threads\n"; exit }
}
use threads;
use Hawser qw(:constants);
use Test::More;

sub pair {
    my $manager = Hawser::Manager->new;
    my $listener = $manager->listen('ws://127.0.0.1:0/');
    my $client = $manager->connect('ws://' . $manager->local_address($listener) . '/');
    events($manager, EVENT_OPEN, 2);
    return ($manager, $client);
}

sub events {
    my ($manager, $kind, $count) = @_;
    my @found;
    push @found, grep { $_->kind == $kind } $manager->poll(-1) while @found < $count;
    return @found;
}

subtest 'sends of many threads arrive in the order of each' => sub {
    my ($manager, $client) = pair();
    my ($threads, $count) = (4, 100);
    my $send = sub { my ($name) = @_; $manager->send($client, BINARY, "$name $_") for 1 .. $count };
    my @threads = map { threads->create($send, $_) } 1 .. $threads;
    my @got = map { $_->data } events($manager, EVENT_MESSAGE, $threads * $count);
    $_->join for @threads;
    for my $name (1 .. $threads) {
        is_deeply [grep { /^$name / } @got], [map { "$name $_" } 1 .. $count], "those of thread $name";
    }
};

subtest 'a thread that ends takes nothing along' => sub {
    my ($manager, $client) = pair();
    threads->create(sub { $manager->wake; undef $manager })->join;
    $manager->send($client, TEXT, 'still here');
    is((events($manager, EVENT_MESSAGE, 1))[0]->data, 'still here', 'the manager goes on');
    undef $manager;

    my $kept = Hawser::Manager->new;
    my $thread = threads->create(sub { scalar $kept->poll(50) });
    undef $kept;
    is $thread->join, 0, 'the last that has it frees it';
};

# Waits, also if another thread is at it just now.
sub wait_for_wake {
    my ($manager) = @_;
    1 until eval { $manager->poll(-1); 1 } || $@->code != ERR_BUSY;
}

subtest 'one polls at a time' => sub {
    my $manager = Hawser::Manager->new;
    my $thread = threads->create(sub { wait_for_wake($manager); 'woken' });
    threads->yield while eval { $manager->flush; 1 };
    is $@->code, ERR_BUSY, 'what is not of any thread is refused meanwhile';
    $manager->wake;
    is $thread->join, 'woken', 'but wake is';
};

subtest 'free ends the wait of another thread' => sub {
    my $manager = Hawser::Manager->new;
    my $thread = threads->create(sub { do { wait_for_wake($manager) } until $@; $@->code });
    threads->yield while eval { $manager->flush; 1 };
    $manager->free;
    is $thread->join, ERR_ARGUMENT, 'who then learns that it was freed';
};

subtest 'a child of fork frees what another thread is inside' => sub {
    my $manager = Hawser::Manager->new;
    my $thread = threads->create(sub { wait_for_wake($manager); 'woken' });
    threads->yield while eval { $manager->flush; 1 };
    my $child = fork // die;
    if (!$child) { alarm 5; $manager->free; exec 'true' }
    waitpid $child, 0;
    is $?, 0, 'and does not wait for it';
    $manager->wake;
    is $thread->join, 'woken', 'who goes on';
};

subtest 'what belongs to one thread does not go along' => sub {
    my $options = Hawser::Options->new;
    my $loop = Hawser::Loop->new;
    my $server = $loop->serve('ws://127.0.0.1:0/');
    my $seen = threads->create(sub { join ' ', map { ref } $options, $loop, $server })->join;
    is $seen, 'SCALAR SCALAR SCALAR', 'options, loops and what they have';
    $options->set_int(max_message_size => 10);
    $server->close;
    pass 'and is as it was in its own';
};

done_testing;
