<?php

declare(strict_types=1);

namespace Hawser;

/** What the connections of clients and servers have in common. */
abstract class WebSocket
{
    // The library knows of an end, whose CLOSE may be still to come; or the manager was freed with its server.
    private const ENDED = [ERR_CLOSED, ERR_STALE, ERR_ARGUMENT];

    protected bool $isOpen = false;

    protected function __construct(protected readonly Manager $manager, public readonly int $id)
    {
    }

    /** Whether it was opened, and neither side has begun to close it as far as is known. */
    public function isOpen(): bool
    {
        return $this->isOpen;
    }

    /** Path and query that the client asks for: "/chat?room=1". This and those below may be null once the connection has ended. */
    public function path(): ?string
    {
        return $this->manager->path($this->id);
    }

    /** A header field of the peer's handshake, its name in any case. */
    public function header(string $name): ?string
    {
        return $this->manager->header($this->id, $name);
    }

    /** The subprotocol agreed on. */
    public function subprotocol(): ?string
    {
        return $this->manager->subprotocol($this->id);
    }

    /** The extensions agreed on: "permessage-deflate". */
    public function extensions(): ?string
    {
        return $this->manager->extensions($this->id);
    }

    /** "192.0.2.1:50000" */
    public function peerAddress(): ?string
    {
        return $this->manager->peerAddress($this->id);
    }

    /** Ends the TCP connection at once, unsent bytes and all. */
    public function abort(): void
    {
        $this->isOpen = false;
        $this->attempt(fn () => $this->manager->abort($this->id));
    }

    /** OK, ERR_WOULD_BLOCK or, if it has ended, ERR_CLOSED. */
    protected function trySend(int $opcode, string $data): int
    {
        return $this->attempt(fn () => $this->manager->send($this->id, $opcode, $data), ERR_WOULD_BLOCK);
    }

    protected function beginClose(int $code, ?string $reason): void
    {
        $this->attempt(fn () => $this->manager->close($this->id, $code, $reason));
        $this->isOpen = false;
    }

    private function attempt(callable $call, int $expected = OK): int
    {
        try {
            $call();
            return OK;
        } catch (HawserException $error) {
            return match (true) {
                in_array($error->getCode(), self::ENDED, true) => ERR_CLOSED,
                $error->getCode() === $expected => $expected,
                default => throw $error,
            };
        }
    }
}
