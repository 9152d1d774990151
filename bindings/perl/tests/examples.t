# The examples, as a program of its own each, and the manual's form.
use 5.014;
use warnings;

use FindBin;
use Pod::Checker;
use Test::More;

my $examples = "$FindBin::Bin/../examples";

sub output_of {
    my ($name, @arguments) = @_;
    open my $pipe, '-|', $^X, '-w', "$examples/$name.pl", @arguments or die "$name: $!";
    my $output = join '', <$pipe>;
    close $pipe;
    is $?, 0, "$name ends well";
    return $output;
}

# Calls with the URL of a server that is an example.
sub with_server {
    my ($name, $call) = @_;
    my $pid = open my $server, '-|', $^X, '-w', "$examples/$name.pl", 'ws://127.0.0.1:0/' or die "$name: $!";
    my ($url) = (<$server> // '') =~ /^listening on (.*)/ or die "$name does not listen";
    $call->($url);
    kill TERM => $pid;
    close $server;
    return $?;
}

for my $name (qw(echo_server select_server raw_server anyevent_server)) {
    SKIP: {
        skip 'AnyEvent is not here', 3 if $name eq 'anyevent_server' && !eval { require AnyEvent };
        my $status = with_server($name, sub { is output_of('echo_client', @_), "one\ntwo\nthree\n", "what $name sends back" });
        is $status, 0, "$name ends when it is told to" unless $name eq 'raw_server';
    }
}

with_server('echo_server', sub {
    my @lines = split /\n/, output_of('client', @_);
    is_deeply [@lines[0 .. 3]], ["Gr\xc3\xbc\xc3\x9fe", '00ff', 'bye', 'it has ended with 1000'], 'client';
    is_deeply [sort @lines[4 .. 5]], ['a: a', 'b: b'], 'and many at once';
});
is output_of('chat'), "chat: ahoy\n", 'chat';

for my $module (glob "$FindBin::Bin/../lib/Hawser.pm $FindBin::Bin/../lib/Hawser/*.pm") {
    my $words = '';
    open my $out, '>', \$words;
    my $checker = Pod::Checker->new(-warnings => 1);
    $checker->parse_from_file($module, $out);
    cmp_ok $checker->num_errors, '==', 0, "the manual in $module" or diag $words;
    is $checker->num_warnings, 0, 'has no warnings' or diag $words;
}

done_testing;
