<?php

declare(strict_types=1);

namespace Hawser;

/**
 * The connection has ended, or was never opened. getCode(): what ended it, ERR_CLOSED after closing handshakes.
 */
final class ConnectionClosedException extends HawserException
{
    /**
     * @param int $closeCode the peer's (RFC 6455 7.4); 1005 where it gave none, 1006 where no Close frame came
     * @param string $reason the peer's words
     * @param bool $isClean both Close frames were exchanged
     * @param int $status the HTTP status of a server that refused the handshake, else 0
     */
    public function __construct(
        int $code,
        string $words,
        public readonly int $closeCode,
        public readonly string $reason,
        public readonly bool $isClean,
        public readonly int $status,
    ) {
        parent::__construct($words . ' (' . error_name($code) . ')', $code);
    }

    /** @internal */
    public static function of(Event $event): self
    {
        return new self($event->error ?: ERR_CLOSED, (string)$event->text, $event->code, $event->data,
            (bool)($event->flags & CLEAN), $event->error === ERR_HTTP ? $event->system : 0);
    }
}
