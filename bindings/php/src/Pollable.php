<?php

declare(strict_types=1);

namespace Hawser;

/**
 * A place in a loop of somebody else.
 *
 * @internal
 */
trait Pollable
{
    /** @var resource|null */
    private $stream;

    /** A descriptor that is readable while there is anything to do. It stays ours. */
    public function fd(): int
    {
        return $this->manager->fd();
    }

    /**
     * The same as a stream, for stream_select and loops on top of it. It is only to be waited for. Command line only.
     *
     * @return resource
     * @throws HawserException
     */
    public function stream()
    {
        return $this->stream ??= @fopen("php://fd/{$this->fd()}", 'r')
            ?: throw new HawserException('php://fd is for the command line alone', ERR_UNSUPPORTED);
    }

    /** Milliseconds for poll, whole ones rounded up. null: for ever. */
    private static function milliseconds(?float $seconds): int
    {
        return $seconds === null ? -1 : (int)min(max(ceil($seconds * 1000), 0), 0x7fffffff);
    }
}
