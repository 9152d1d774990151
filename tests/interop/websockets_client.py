"""Python's websockets as the client of `hawser serve`."""

import asyncio

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from program import Serve, check, check_equal, run_tests
from websockets_echo import echo_everything, echo_many_at_once, expect_closed, ping_pong

PLAIN = {"compression": None, "max_size": None, "ping_interval": None, "proxy": None, "open_timeout": 60}


def with_serve(*arguments):
    """Runs a coroutine function against a server of its own."""
    def decorate(test):
        def run():
            with Serve(*arguments) as serve:
                asyncio.run(test(serve))
                if serve.process.poll() is None:
                    serve.stop()
        return run
    return decorate


@with_serve("--echo")
async def echo(serve):
    async with connect(serve.url, **PLAIN) as connection:
        await ping_pong(connection)
        await echo_many_at_once(connection)
        await echo_everything(connection)


@with_serve("--echo")
async def compression_is_declined(serve):
    async with connect(serve.url, **{**PLAIN, "compression": "deflate"}) as connection:
        check_equal(connection.protocol.extensions, [], "extensions")
        await echo_many_at_once(connection)
        await echo_everything(connection)


@with_serve("--echo")
async def close_code_comes_back(serve):
    for code in (1000, 1001, 1011, 3000, 4999):
        connection = await connect(serve.url, **PLAIN)
        await connection.close(code, "moor ⚓")
        await expect_closed(connection, code)


@with_serve("--echo")
async def hawser_closes(serve):
    connections = [await connect(serve.url, **PLAIN) for _ in range(3)]
    serve.process.terminate()
    for connection in connections:
        await expect_closed(connection, 1001)
    serve.expect_status(0, "SIGTERM")


@with_serve("--echo", "--max-message-size", "1000")
async def too_large(serve):
    connection = await connect(serve.url, **PLAIN)
    await connection.send(b"x" * 1000)
    check_equal(len(await connection.recv()), 1000, "size of the echo")
    await connection.send([b"x" * 500, b"x" * 501])
    await expect_closed(connection, 1009)


@with_serve("--echo", "--subprotocol", "chat,superchat")
async def subprotocols(serve):
    for offer, agreed in ((["superchat"], "superchat"), (["other", "chat"], "chat"), (None, None)):
        async with connect(serve.url, subprotocols=offer, **PLAIN) as connection:
            check_equal(connection.subprotocol, agreed, f"subprotocol for {offer}")
    async with connect(serve.url, subprotocols=["other"], **PLAIN) as connection:
        check_equal(connection.subprotocol, None, "subprotocol that the server does not speak")


@with_serve("--echo", "--origins", "https://good.example, https://better.example")
async def origins(serve):
    for origin in ("https://good.example", "https://better.example"):
        async with connect(serve.url, origin=origin, **PLAIN):
            pass
    for origin in ("https://evil.example", "https://good.example.evil.example", "null"):
        try:
            async with connect(serve.url, origin=origin, **PLAIN):
                check(False, f"the origin {origin} was accepted")
        except InvalidStatus as refusal:
            check_equal(refusal.response.status_code, 403, f"status for {origin}")


run_tests({
    "echo": echo,
    "permessage-deflate is offered and declined": compression_is_declined,
    "our close code comes back": close_code_comes_back,
    "hawser closes with 1001 when it ends": hawser_closes,
    "a message over the limit": too_large,
    "subprotocols": subprotocols,
    "origins": origins,
})
