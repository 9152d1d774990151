<?php

declare(strict_types=1);

namespace Hawser;

/**
 * A client's connection, whose calls wait: for messages, room to send, the end. It reads, and answers pings, only inside them.
 *
 * `foreach ($ws as $message)` ends when the connection is closed with 1000, 1001 or no code, and throws ConnectionClosedException when it
 * ends in any other way. An object that goes without close() ends its TCP connection at once.
 *
 * @implements \IteratorAggregate<int, string>
 */
final class Client extends WebSocket implements \IteratorAggregate
{
    use Pollable;

    private const QUIET_ENDS = [1000, 1001, 1005]; // RFC 6455 7.4.1: nothing went wrong; 1005: a Close without a code

    /** @var \SplQueue<Event> */
    private \SplQueue $messages;
    private bool $isClosing = false;
    private bool $hasRoom = false;
    private ?Event $end = null;

    protected function __construct(Manager $manager, int $id)
    {
        parent::__construct($manager, $id);
        $this->messages = new \SplQueue();
    }

    /**
     * Connects to a ws:// or wss:// URL and waits until it is open ("handshake_timeout").
     *
     * @param array<string, mixed> $options those of docs/reference/options.md, `headers` (name => value or values) and `certificates`
     * @throws ConnectionClosedException it can't be opened
     * @throws HawserException it can't be tried
     */
    public static function connect(string $url, array $options = []): self
    {
        $manager = new Manager(Settings::toOptions($options));
        $client = new self($manager, $manager->connect($url));
        $client->wait(fn () => $client->isOpen);
        return $client;
    }

    /**
     * Sends text, which has to be UTF-8. Waits while "max_send_queue" bytes are queued; messages that come meanwhile are kept.
     *
     * @throws ConnectionClosedException it has ended or is ending
     */
    public function send(string $text): void
    {
        $this->sendAs(TEXT, $text);
    }

    /** Sends bytes, likewise. */
    public function sendBinary(string $bytes): void
    {
        $this->sendAs(BINARY, $bytes);
    }

    /**
     * The next message; null when none has come in so many seconds.
     *
     * @throws ConnectionClosedException there is none left
     */
    public function receive(?float $timeout = null, ?bool &$isBinary = null): ?string
    {
        if (!$this->wait(fn () => !$this->messages->isEmpty(), $timeout)) {
            return null;
        }
        $message = $this->messages->dequeue();
        $isBinary = $message->opcode === BINARY;
        return $message->data;
    }

    public function getIterator(): \Generator
    {
        try {
            while (true) {
                yield $this->receive();
            }
        } catch (ConnectionClosedException $end) {
            if (!in_array($end->closeCode, self::QUIET_ENDS, true)) {
                throw $end;
            }
        }
    }

    /** Closes, and waits for the end ("close_timeout"). Messages that were not received are dropped. */
    public function close(int $code = 1000, ?string $reason = null): void
    {
        $this->beginClose($code, $reason);
        $this->isClosing = true;
        $this->messages = new \SplQueue();
        while (!$this->end) {
            $this->poll(-1);
        }
    }

    private function sendAs(int $opcode, string $data): void
    {
        while (($code = $this->trySend($opcode, $data)) !== OK) {
            $this->hasRoom = false;
            $this->wait(fn () => $code === ERR_WOULD_BLOCK && $this->hasRoom);
        }
        $this->messages->isEmpty() ? $this->poll(0) : $this->manager->flush(); // who only sends answers pings, and hears of the end
    }

    /** Polls until it is done (true) or so many seconds have passed (false); throws if it ends before. */
    private function wait(callable $isDone, ?float $timeout = null): bool
    {
        $deadline = $timeout === null ? null : hrtime(true) / 1e9 + $timeout;
        while (!$isDone()) {
            if ($this->end) {
                throw ConnectionClosedException::of($this->end);
            }
            $left = self::milliseconds($deadline === null ? null : $deadline - hrtime(true) / 1e9);
            if ($this->poll($left) === 0 && $left === 0) {
                return false;
            }
        }
        return true;
    }

    private function poll(int $timeout): int
    {
        $events = $this->manager->poll($timeout);
        foreach ($events as $event) {
            match ($event->kind) {
                EVENT_OPEN => $this->isOpen = true,
                EVENT_MESSAGE => $this->isClosing || $this->messages->enqueue($event),
                EVENT_DRAIN => $this->hasRoom = true,
                EVENT_CLOSE => [$this->isOpen, $this->end] = [false, $event],
                default => null,
            };
        }
        return count($events);
    }
}
