"""What both roles of Python's websockets send through an open connection whose other end echoes, compared byte for byte."""

import asyncio

from program import PATIENCE, check, check_equal, fragment_count, fragments_of, payloads


async def expect_echo(connection, data, binary, words):
    echo = await asyncio.wait_for(connection.recv(), PATIENCE)
    check_equal(isinstance(echo, bytes), binary, f"{words}: binary")
    received = echo if binary else echo.encode()
    check_equal(len(received), len(data), f"{words}: size of the echo")
    check(received == data, f"{words}: the echo differs")


async def echo_whole(connection, data, binary):
    await connection.send(data, text=not binary)
    await expect_echo(connection, data, binary, f"whole, {len(data)} bytes, binary {binary}")


async def echo_in_fragments(connection, data, binary):
    """With a ping in the middle of the message, whose pong comes before the message is complete."""
    count = fragment_count(len(data))

    async def fragments():
        # websockets ends a fragmented message with an empty frame of its own: so one fewer from here.
        for i, fragment in enumerate(fragments_of(data, count - 1)):
            if i == count // 2:
                pong = await connection.ping(f"in the middle of {len(data)}")
                await asyncio.wait_for(pong, PATIENCE)
            yield fragment

    await connection.send(fragments(), text=not binary)
    await expect_echo(connection, data, binary, f"{count} fragments, {len(data)} bytes, binary {binary}")


async def echo_everything(connection):
    for data, binary in payloads():
        await echo_whole(connection, data, binary)
        await echo_in_fragments(connection, data, binary)


async def echo_many_at_once(connection):
    messages = [f"{i} ⚓" * (i % 97) for i in range(1000)]

    async def send_all():
        for message in messages:
            await connection.send(message)

    sending = asyncio.create_task(send_all())
    for message in messages:
        await expect_echo(connection, message.encode(), False, "many at once")
    await sending


async def ping_pong(connection):
    for size in (0, 1, 124, 125):
        pong = await connection.ping(b"p" * size)
        await asyncio.wait_for(pong, PATIENCE)


async def expect_closed(connection, code, reason=None):
    """Waits until the connection is closed and compares the code of the peer's Close; None: a Close without a code."""
    await asyncio.wait_for(connection.wait_closed(), PATIENCE)
    received = connection.protocol.close_rcvd
    check(received is not None, "no Close frame came")
    check_equal(received.code, code, "close code")
    if reason is not None:
        check_equal(received.reason, reason, "close reason")
