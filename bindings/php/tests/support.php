<?php
// A test is a closure that throws when something is not as it has to be.

declare(strict_types=1);

use Hawser\{Manager, Options, Server};

require __DIR__ . '/../autoload.php';

pcntl_async_signals(true);
pcntl_signal(SIGALRM, fn () => exit("it hangs\n"));
register_shutdown_function(fn () => defined('PASSED') || posix_kill(getmypid(), SIGABRT)); // whoever exits in between has failed

/** @param array<string, Closure> $tests of which those run whose names have the word in the first argument, if there is one */
function run(array $tests): never
{
    $failed = 0;
    $tests = array_filter($tests, fn ($name) => str_contains($name, $GLOBALS['argv'][1] ?? ''), ARRAY_FILTER_USE_KEY);
    foreach ($tests as $name => $test) {
        pcntl_alarm(100);
        try {
            $test();
            echo "ok: $name\n";
        } catch (Throwable $error) {
            $failed++;
            echo "FAILED: $name: $error\n";
        }
    }
    define('PASSED', $failed === 0);
    exit($failed === 0 ? 0 : 1);
}

function same(mixed $expected, mixed $actual): void
{
    if ($expected !== $actual) {
        throw new Exception(brief($actual) . ' is not ' . brief($expected));
    }
}

function brief(mixed $value): string
{
    return substr(var_export($value, true), 0, 1000);
}

/** What a call throws: exactly of this class. */
function thrown(string $class, callable $call): Throwable
{
    try {
        $call();
    } catch (Throwable $error) {
        if ($error::class === $class) {
            return $error;
        }
        throw $error;
    }
    throw new Exception("no $class was thrown");
}

/** A manager with both ends of a connection. */
final class Pair
{
    public Manager $manager;
    public int $listener;
    public int $client;
    public int $server;

    public function __construct(int ...$numbers)
    {
        $options = new Options();
        foreach ($numbers as $name => $value) {
            $options->setInt($name, $value);
        }
        $this->manager = new Manager($options);
        $this->listener = $this->manager->listen('ws://127.0.0.1:0/');
        $this->client = $this->manager->connect("ws://{$this->manager->localAddress($this->listener)}/");
        $opened = array_map(fn ($event) => $event->connection, $this->events(Hawser\EVENT_OPEN, 2));
        [$this->server] = array_values(array_diff($opened, [$this->client]));
    }

    /** @return Hawser\Event[] */
    public function events(int $kind, int $count = 1): array
    {
        $found = [];
        while (count($found) < $count) {
            array_push($found, ...array_filter($this->manager->poll(-1), fn ($event) => $event->kind === $kind));
        }
        return $found;
    }

    /** What arrives of a message. */
    public function deliver(int $opcode, string $data): string
    {
        $this->manager->send($this->client, $opcode, $data);
        return $this->events(Hawser\EVENT_MESSAGE)[0]->data;
    }
}

/** A server in a process of its own, which tells what it has seen, a line each. */
final class Served
{
    public string $url;
    private int $process;
    /** @var resource */
    private $pipe;

    /** @param callable(Server, callable(string): void): void $prepare is given the server, and how to tell */
    public function __construct(callable $prepare, array $options = [], string $scheme = 'ws')
    {
        [$this->pipe, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        $this->process = pcntl_fork();
        if ($this->process === 0) {
            fclose($this->pipe);
            $this->serve($prepare, $options, $scheme, fn (string $line) => fwrite($theirs, "$line\n"));
        }
        fclose($theirs);
        $this->url = $this->told();
    }

    private function serve(callable $prepare, array $options, string $scheme, callable $tell): never
    {
        define('PASSED', true);
        try {
            $server = new Server("$scheme://127.0.0.1:0/", $options);
            pcntl_signal(SIGTERM, fn () => $server->stop());
            $prepare($server, $tell);
            $tell($server->url());
            $server->run();
        } catch (Throwable $error) {
            $tell((string)$error);
            exit(1);
        }
        $tell('it has ended');
        exit(0);
    }

    public function told(): string
    {
        return rtrim((string)fgets($this->pipe), "\n");
    }

    /** Stops it, and looks at how it ends. */
    public function stop(): void
    {
        posix_kill($this->process, SIGTERM);
        same('it has ended', $this->told());
        pcntl_waitpid($this->process, $status);
        same(0, $status);
    }
}

/** An echo server's handler. */
function echoing(Server $server): void
{
    $server->on('message', fn ($ws, $data, $isBinary) => $isBinary ? $ws->sendBinary($data) : $ws->send($data));
}

/** A program whose output is read, a line each. */
final class Program
{
    /** @var resource */
    private $process;
    /** @var resource[] */
    private array $pipes = [];

    public function __construct(string ...$command)
    {
        $this->process = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], STDERR], $this->pipes);
    }

    /** One of the examples, run as this test is. */
    public static function example(string $name, string ...$arguments): self
    {
        return new self(PHP_BINARY, '-d', 'extension=' . ini('extension'), '-d', 'include_path=' . ini('include_path'),
            __DIR__ . "/../examples/$name.php", ...$arguments);
    }

    /** One that sends this process a signal again and again. */
    public static function signals(int $signal): self
    {
        return new self('sh', '-c', "while sleep 0.05; do kill -$signal " . getmypid() . '; done');
    }

    public function stop(): void
    {
        $this->signal(SIGTERM);
        $this->end();
    }

    public function line(): string
    {
        return rtrim((string)fgets($this->pipes[1]), "\n");
    }

    public function write(string $text): void
    {
        fwrite($this->pipes[0], $text);
    }

    public function signal(int $signal): void
    {
        proc_terminate($this->process, $signal);
    }

    /** The rest of its output, when its input has ended. */
    public function end(): string
    {
        fclose($this->pipes[0]);
        $rest = stream_get_contents($this->pipes[1]);
        proc_close($this->process);
        return $rest;
    }
}

/** The first signal from now on throws, those after it do nothing. */
function throwOnce(int $signal, Throwable $thrown): void
{
    $is_due = true;
    pcntl_signal($signal, function () use (&$is_due, $thrown) {
        if ($is_due) {
            $is_due = false;
            throw $thrown;
        }
    });
}

/** What was given to this process by -d. */
function ini(string $name): string
{
    return $name === 'extension' ? getenv('HAWSER_EXTENSION') : ini_get($name);
}
