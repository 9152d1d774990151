<?php
// The driver of bindings/conformance in PHP, on the raw layer.
declare(strict_types=1);

use Hawser\{Event, HawserException, Manager, Options};

const SHOWN = 64;
const NAMES = [Hawser\EVENT_OPEN => 'OPEN', Hawser\EVENT_MESSAGE => 'MESSAGE', Hawser\EVENT_DRAIN => 'DRAIN',
    Hawser\EVENT_CLOSE => 'CLOSE', Hawser\EVENT_REQUEST => 'REQUEST', Hawser\EVENT_PONG => 'PONG'];
const KINDS = ['text' => Hawser\TEXT, 'binary' => Hawser\BINARY];
const READERS = ['path', 'status', 'subprotocol', 'extensions', 'header'];

function payloadOf(string $word): string
{
    if (preg_match('/^(\d+)\*(.*)$/s', $word, $found)) {
        return str_repeat(payloadOf($found[2]), (int)$found[1]);
    }
    if ($word === '-') {
        return '';
    }
    return str_starts_with($word, 'hex:') ? hex2bin(substr($word, 4)) : $word;
}

function kindOf(string $word): int
{
    return KINDS[$word] ?? (int)$word;
}

function isText(Event $event): bool
{
    $whole = Hawser\FIRST | Hawser\FINAL;
    return $event->kind === Hawser\EVENT_CLOSE
        || $event->opcode === Hawser\TEXT && ($event->flags & $whole) === $whole;
}

function shown(Event $event): string
{
    $data = $event->data;
    if ($data === '') {
        return '-';
    }
    if (strlen($data) > SHOWN) {
        return 'crc32:' . hash('crc32b', $data);
    }
    return isText($event) && !preg_match('/[\x00-\x1f]/', $data) ? $data : 'hex:' . bin2hex($data);
}

function say(string $line): void
{
    fwrite(STDOUT, "$line\n");
}

/** The line that a call prints. */
function outcome(string $command, callable $call): string
{
    try {
        $value = $call();
    } catch (HawserException $error) {
        return "$command: {$error->getName()} {$error->getCode()}";
    }
    return "$command: " . ($value ?? (in_array($command, READERS) ? 'none' : 'ok'));
}

final class Driver
{
    private ?Options $options = null;
    private ?Manager $manager = null;
    /** @var array<string, int> */
    private array $ids = [];
    /** @var array<int, string> */
    private array $names = [];
    /** @var Event[] */
    private array $batch = [];
    private ?string $laterLine = null;

    public function __construct(private string $url)
    {
        pcntl_async_signals(true);
    }

    // ---- words

    private function idOf(string $word): int
    {
        return $this->ids[$word] ?? (int)$word;
    }

    private function nameOf(int $id): string
    {
        if (!isset($this->names[$id])) {
            $this->giveName('c' . count(array_diff_key($this->ids, ['l' => 0])) + 1, $id);
        }
        return $this->names[$id];
    }

    private function giveName(string $name, int $id): void
    {
        $this->ids[$name] = $id;
        $this->names[$id] = $name;
    }

    // ---- options

    public function setOption(string $name, string $value): void
    {
        $this->options ??= new Options();
        if (preg_match('/^-?\d+$/', $value)) {
            $this->options->setInt($name, (int)$value);
        } else {
            $this->options->setText($name, $value);
        }
    }

    private function addHeader(string $name, string $value): void
    {
        $this->options ??= new Options();
        $this->options->addHeader($name, $value);
    }

    private function takeOptions(): ?Options
    {
        [$options, $this->options] = [$this->options, null];
        return $options;
    }

    // ---- events

    private function take(): Event
    {
        while (!$this->batch) {
            $this->batch = $this->manager->poll(-1);
        }
        return array_shift($this->batch);
    }

    private function lineOf(Event $event): string
    {
        $words = [$this->nameOf($event->connection), NAMES[$event->kind]];
        $flag = fn (int $bit, string $word) => $event->flags & $bit ? [$word] : [];
        array_push($words, ...match ($event->kind) {
            Hawser\EVENT_OPEN => $event->listener ? ['l'] : [],
            Hawser\EVENT_REQUEST => ['l', $event->flags & Hawser\UPGRADE ? 'upgrade' : 'http'],
            Hawser\EVENT_MESSAGE => [array_search($event->opcode, KINDS), ...$flag(Hawser\FIRST, 'first'),
                ...$flag(Hawser\FINAL, 'final'), strlen($event->data), shown($event)],
            Hawser\EVENT_PONG => [strlen($event->data), shown($event)],
            Hawser\EVENT_CLOSE => [$event->code, Hawser\error_name($event->error), $event->system,
                ...$flag(Hawser\BY_PEER, 'by-peer'), ...$flag(Hawser\CLEAN, 'clean'), shown($event)],
            default => [],
        });
        return implode(' ', $words) . ($event->tag ? " tag $event->tag" : '');
    }

    private function takeAndPrint(): Event
    {
        $event = $this->take();
        say($this->lineOf($event));
        return $event;
    }

    private function takeMany(string $name, int $count): void
    {
        for ($seen = 0; $seen < $count;) {
            $event = $this->take();
            $this->nameOf($event->connection);
            $seen += (int)(NAMES[$event->kind] === $name);
        }
        say("$name $count");
    }

    private function echo(int $count): void
    {
        while ($count > 0) {
            $event = $this->takeAndPrint();
            if ($event->kind === Hawser\EVENT_MESSAGE) {
                say(outcome('send', fn () => $this->manager->send($event->connection, $event->opcode, $event->data)));
                $count--;
            }
        }
    }

    private function skip(string $payload): void
    {
        do {
            $event = $this->take();
        } while ($event->kind !== Hawser\EVENT_MESSAGE || $event->data !== $payload);
        say($this->lineOf($event));
    }

    private function poll(int $timeout): void
    {
        $this->batch = $this->manager->poll($timeout);
        say('poll: ' . count($this->batch));
    }

    // ---- calls

    private function listen(): void
    {
        $line = outcome('listen', function () {
            $this->giveName('l', $this->manager->listen("$this->url/", $this->takeOptions()));
            return $this->manager->localAddress($this->ids['l']);
        });
        say(str_contains($line, 'HWS_ERR') ? $line : str_replace('listen:', 'listening', $line));
    }

    private function connect(string $path, int $count): string
    {
        $options = $this->takeOptions();
        $url = str_contains($path, '://') ? $path : $this->url . $path;
        for ($i = 0; $i < $count; $i++) {
            $name = $this->nameOf($this->manager->connect($url, $options));
        }
        return $name;
    }

    private function fill(string ...$words): void
    {
        do {
            $line = outcome('fill', fn () => $this->call('send', $words));
        } while ($line === 'fill: ok');
        say($line);
    }

    private function call(string $command, array $words): mixed
    {
        $manager = $this->manager;
        $id = $this->idOf($words[0] ?? '');
        return match ($command) {
            'wake', 'flush' => $manager->$command(),
            'abort', 'pause', 'resume', 'queued', 'path', 'status', 'subprotocol', 'extensions' => $manager->$command($id),
            'send' => $manager->send($id, kindOf($words[1]), payloadOf($words[2])),
            'part' => $manager->sendPart($id, kindOf($words[1]), payloadOf($words[2]), $words[3] === 'final'),
            'ping' => $manager->ping($id, payloadOf($words[1])),
            'close' => $manager->close($id, (int)$words[1], isset($words[2]) ? payloadOf($words[2]) : null),
            'tag' => $manager->setTag($id, (int)$words[1]),
            'header' => $manager->header($id, $words[1]),
            'stat' => $manager->stat($words[0]),
            'drain' => $manager->drain((int)$words[0]),
            'broadcast' => $manager->broadcast($this->ids['l'] ?? 0, $id, kindOf($words[1]), payloadOf($words[2])),
            'accept' => $manager->accept($id, $words[1] ?? null, $this->takeOptions()),
            'respond' => $manager->respond($id, (int)$words[1], $this->takeOptions(), payloadOf($words[2])),
            'connect' => $this->connect($words[0], (int)($words[1] ?? 1)),
            'option' => $this->setOption(...$words),
            'add_header' => $this->addHeader(...$words),
        };
    }

    // ---- `later`: PHP has no threads. What comes while another call waits is a signal, which interrupts it.

    private function later(string $command, string ...$words): void
    {
        pcntl_signal(SIGUSR1, fn () => $this->laterLine = outcome($command, fn () => $this->call($command, $words)));
        $this->laterLine = '';
        if (pcntl_fork() === 0) {
            usleep(50000);
            posix_kill(posix_getppid(), SIGUSR1);
            posix_kill(getmypid(), SIGKILL); // nothing of the parent's is to be torn down here
        }
    }

    private function endLater(): void
    {
        if ($this->laterLine === null) {
            return;
        }
        pcntl_wait($status);
        while ($this->laterLine === '') {
            pcntl_signal_dispatch();
        }
        say($this->laterLine);
        $this->laterLine = null;
    }

    public function runLine(string $line): void
    {
        $command = strtok($line, ' ');
        $isSetting = in_array($command, ['option', 'add_header']);
        $words = array_slice(explode(' ', $line, $isSetting ? 3 : PHP_INT_MAX), 1);
        if (!$isSetting) {
            $this->manager ??= new Manager($this->takeOptions());
        }
        match ($command) {
            'listen' => $this->listen(),
            'event' => $this->takeAndPrint(),
            'events' => $this->takeMany($words[0], (int)$words[1]),
            'echo' => $this->echo((int)$words[0]),
            'skip' => $this->skip(payloadOf($words[0])),
            'poll' => $this->poll((int)$words[0]),
            'fill' => $this->fill(...$words),
            'later' => $this->later(...$words),
            default => say(outcome($command, fn () => $this->call($command, $words))),
        };
        if ($command !== 'later') {
            $this->endLater();
        }
    }
}

[, $file, $role, $url] = $argv;
$driver = new Driver($url);
foreach (array_slice($argv, 4) as $option) {
    $driver->setOption(...explode('=', $option, 2));
}
$section = null;
foreach (file($file, FILE_IGNORE_NEW_LINES) as $line) {
    if ($line === 'client' || $line === 'server') {
        $section = $line;
    } elseif ($section === $role && $line !== '' && !str_contains('#>', $line[0])) {
        try {
            $driver->runLine($line);
        } catch (UnhandledMatchError) {
            fwrite(STDERR, "driver: unknown command: $line\n");
            exit(2);
        }
    }
}
