<?php

declare(strict_types=1);

namespace Hawser;

/** A server's connection. It may be given properties of your own. */
#[\AllowDynamicProperties]
final class Connection extends WebSocket
{
    private bool $hasEnded = false;

    /** @internal */
    public function __construct(Manager $manager, int $id)
    {
        parent::__construct($manager, $id);
        $this->isOpen = true;
    }

    /** @internal */
    public function end(): void
    {
        $this->isOpen = false;
        $this->hasEnded = true;
    }

    /**
     * Sends text, which has to be UTF-8. false: it was not accepted, because the connection has ended or is ending, or because
     * "max_send_queue" bytes are queued: then 'drain' tells when there is room.
     */
    public function send(string $text): bool
    {
        return $this->trySend(TEXT, $text) === OK;
    }

    /** Sends bytes, likewise. */
    public function sendBinary(string $bytes): bool
    {
        return $this->trySend(BINARY, $bytes) === OK;
    }

    /** Bytes that are accepted and not yet given to the kernel. */
    public function queued(): int
    {
        return $this->hasEnded ? 0 : $this->manager->queued($this->id);
    }

    /** Starts to close: 'close' follows, 'message' no more. Does nothing if it has ended. */
    public function close(int $code = 1000, ?string $reason = null): void
    {
        $this->beginClose($code, $reason);
    }
}
