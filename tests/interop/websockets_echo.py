"""What both roles of Python's websockets send through an open connection whose other end echoes, compared byte for byte."""

import asyncio

from layers import DEFLATE, TLS
from program import PATIENCE, bytes_of, check, check_equal, fragment_count, fragments_of, payloads, text_of


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


async def echo_samples(connection):
    """What a window is too small for, and what it is not: what repeats itself, and what does not."""
    for text in (b"", b"moor", text_of(70_000), text_of(300) + b"\n".join(b"%d" % (i * i) for i in range(9000))):
        await echo_whole(connection, text, False)
        await echo_whole(connection, text, False)  # the same again, in the context of the first
    await echo_in_fragments(connection, bytes_of(1000) * 3, True)
    await echo_whole(connection, bytes_of(70_000), True)
    await ping_pong(connection)


async def ping_pong(connection):
    for size in (0, 1, 124, 125):
        pong = await connection.ping(b"p" * size)
        await asyncio.wait_for(pong, PATIENCE)


def count_received(connection):
    """A list with the bytes that come from now on, as TLS gives them: [0] and growing."""
    count, receive_data = [0], connection.protocol.receive_data

    def counting(data):
        count[0] += len(data)
        receive_data(data)

    connection.protocol.receive_data = counting
    return count


async def check_layers(connection):
    """Fails unless the connection has the layers of this run, which the bytes that come show as well."""
    secured = connection.transport.get_extra_info("ssl_object")
    check_equal(secured.version() if secured else None, "TLSv1.3" if TLS else None, "TLS")
    names = [extension.name for extension in connection.protocol.extensions]
    check_equal(names, ["permessage-deflate"] if DEFLATE else [], "extensions")
    text = text_of(1024 * 1024)  # deflate makes 1,000 : 1 of it
    received = count_received(connection)
    await echo_whole(connection, text, False)
    check(received[0] < len(text) / 100 if DEFLATE else received[0] > len(text), f"{received[0]} bytes for {len(text)}")


async def expect_closed(connection, code, reason=None):
    """Waits until the connection is closed and compares the code of the peer's Close; None: a Close without a code."""
    await asyncio.wait_for(connection.wait_closed(), PATIENCE)
    received = connection.protocol.close_rcvd
    check(received is not None, "no Close frame came")
    check_equal(received.code, code, "close code")
    if reason is not None:
        check_equal(received.reason, reason, "close reason")
