"""Stays connected and prints what comes: reconnecting_client.py URL [FIRST_DELAY [LONGEST_DELAY [SILENCE]]], in ms"""

import asyncio
import random
import sys

import hawser
from hawser import raw


def is_worth_retrying(end, was_open):
    """Whether waiting can help. What only a person can repair must be told to a person."""
    if end.status:  # the server has refused the handshake
        return end.status in (408, 429) or end.status >= 500
    if end.code == raw.ERR_CLOSED:  # it has closed
        return end.close_code == 1001 or 1011 <= end.close_code <= 1014
    if end.code == raw.ERR_TLS:  # a certificate that is no good stays so, but a connection may be cut at any time
        return was_open
    return end.code not in (raw.ERR_HANDSHAKE, raw.ERR_PROTOCOL, raw.ERR_DEFLATE, raw.ERR_LIMIT)


async def main(url, first_delay=1000, longest_delay=30000, silence=15000):
    failures = 0  # since the server has said something
    while True:
        was_open = False
        try:
            async with hawser.connect(url, ping_interval=silence, ping_timeout=silence) as ws:
                was_open = True
                await ws.send("subscribe: numbers")
                while True:
                    print(await ws.recv(), flush=True)
                    failures = 0
        except hawser.ConnectionClosed as end:
            if not is_worth_retrying(end, was_open):
                sys.exit(str(end))
            delay = random.randint(0, min(longest_delay, first_delay * 2 ** failures))
            print(f"{end}; the next attempt is in {delay} ms", file=sys.stderr, flush=True)
            failures += 1
            await asyncio.sleep(delay / 1000)


asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
