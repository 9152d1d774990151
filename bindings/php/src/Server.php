<?php

declare(strict_types=1);

namespace Hawser;

/**
 * A server. Its handlers:
 *
 *     open     (Connection $ws)
 *     message  (Connection $ws, string $data, bool $isBinary)
 *     drain    (Connection $ws)   there is room again after a send that was not accepted
 *     close    (Connection $ws, int $code, string $reason, string $words)   the peer's code and reason; what happened, in words
 *     error    (Connection $ws, \Throwable $error)   what another handler has thrown; else it goes to error_log
 *
 * A connection whose handler throws is closed with 1011; the server goes on.
 */
final class Server
{
    use Pollable;

    private const EVENTS = ['open', 'message', 'drain', 'close', 'error'];

    private Manager $manager;
    private int $listener;
    /** @var \SplQueue<Event> */
    private \SplQueue $events;
    /** @var array<int, Connection> by their ids */
    private array $connections = [];
    /** @var array<string, callable[]> */
    private array $handlers = [];
    private bool $isStopping = false;
    private bool $isListening = true;
    private bool $isOver = false;

    /**
     * Listens at a ws:// or wss:// URL; port 0 takes a free one.
     *
     * @param array<string, mixed> $options those of docs/reference/options.md, `headers` (name => value or values) and `certificates`.
     *     pause_above is 1 MiB by default: a peer that sends and does not read is read no further.
     * @throws HawserException
     */
    public function __construct(private string $url, array $options = [])
    {
        $this->events = new \SplQueue();
        $this->manager = new Manager(Settings::toOptions($options + ['pause_above' => 1 << 20]));
        $this->listener = $this->manager->listen($url);
        $this->url = strstr($url, ':', true) . '://' . $this->manager->localAddress($this->listener) . '/';
    }

    /** Where it listens, with the real port. */
    public function url(): string
    {
        return $this->url;
    }

    /** Adds a handler. */
    public function on(string $event, callable $handler): static
    {
        if (!in_array($event, self::EVENTS, true)) {
            throw new \ValueError("there is no event '$event', but " . implode(', ', self::EVENTS));
        }
        $this->handlers[$event][] = $handler;
        return $this;
    }

    /** Serves until it is stopped, and all connections have ended. */
    public function run(): void
    {
        while ($this->dispatch(null)) {
        }
    }

    /**
     * Waits for so many seconds at most (null: for ever), and has the handlers hear what has happened. For loops of your own, when
     * fd() or stream() is readable. false: it was stopped, and all has ended.
     */
    public function dispatch(?float $timeout = 0): bool
    {
        if (!$this->isOver && $this->events->isEmpty()) {
            foreach ($this->manager->poll(self::milliseconds($timeout)) as $event) {
                $this->events->enqueue($event);
            }
        }
        while (!$this->events->isEmpty()) { // what an error handler throws loses none of the others
            $this->handle($this->events->dequeue());
        }
        return $this->goOn();
    }

    /**
     * Stops listening and closes all connections with 1001; run() returns when they have ended. May be called by handlers, and by
     * those of signals.
     */
    public function stop(): void
    {
        if (!$this->isStopping) {
            $this->isStopping = true;
            $this->manager->drain(-1);
        }
    }

    /** @return array<int, Connection> those that are open or closing, by their ids */
    public function connections(): array
    {
        return $this->connections;
    }

    /**
     * Sends text to all connections but one, framed once. Returns how many took it; those whose queue is full are closed with
     * 1013, or skipped (option slow_reader).
     */
    public function broadcast(string $text, ?Connection $except = null): int
    {
        return $this->broadcastAs(TEXT, $text, $except);
    }

    /** Sends bytes, likewise. */
    public function broadcastBinary(string $bytes, ?Connection $except = null): int
    {
        return $this->broadcastAs(BINARY, $bytes, $except);
    }

    private function broadcastAs(int $opcode, string $data, ?Connection $except): int
    {
        return $this->isStopping ? 0 : $this->manager->broadcast($this->listener, $except->id ?? 0, $opcode, $data);
    }

    private function goOn(): bool
    {
        if ($this->isOver) {
            return false;
        }
        if ($this->isListening || $this->connections) {
            $this->manager->flush();
            return true;
        }
        $this->manager->free(); // with handshakes that are half done
        $this->isOver = true;
        return false;
    }

    private function handle(Event $event): void
    {
        if ($event->kind === EVENT_OPEN) {
            $this->connections[$event->connection] = new Connection($this->manager, $event->connection);
        }
        $ws = $this->connections[$event->connection] ?? null;
        if ($ws === null) {
            $this->isListening = $this->isListening && $event->connection !== $this->listener;
        } elseif ($event->kind === EVENT_OPEN) {
            $this->emit('open', $ws);
        } elseif ($event->kind === EVENT_MESSAGE && $ws->isOpen()) {
            $this->emit('message', $ws, $event->data, $event->opcode === BINARY);
        } elseif ($event->kind === EVENT_DRAIN) {
            $this->emit('drain', $ws);
        } elseif ($event->kind === EVENT_CLOSE) {
            unset($this->connections[$ws->id]);
            $ws->end();
            $this->emit('close', $ws, $event->code, $event->data, $event->text);
        }
    }

    private function emit(string $event, Connection $ws, mixed ...$arguments): void
    {
        foreach ($this->handlers[$event] ?? [] as $handler) {
            try {
                $handler($ws, ...$arguments);
            } catch (\Throwable $error) {
                $ws->close(1011);
                $this->report($ws, $error);
            }
        }
    }

    private function report(Connection $ws, \Throwable $error): void
    {
        foreach ($this->handlers['error'] ?? [] as $handler) {
            $handler($ws, $error);
        }
        if (empty($this->handlers['error'])) {
            error_log((string)$error);
        }
    }
}
